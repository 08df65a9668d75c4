# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people decide about a change without any host: hand it in, give it up, stop it, look back at an emergency."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.nearest import hint
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import requester_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import AUTHOR, REQUESTER
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import require_satisfiable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import consent, moving
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed

SUBMIT, CANCEL, PAUSE, REVIEW = DECISIONS = ("submit", "cancel", "pause", "review")

_REASONS = {
    CANCEL: ("why it is given up", "the customer withdrew"),
    PAUSE: ("why it stops", "the load is too high"),
    REVIEW: ("what was found", "it was needed, and the alarm now comes earlier"),
}
"""What the reason of a decision tells, with an example."""


def decide(store: Store, change: ChangeRow, verb: str, reason: str | None, by: Governed, now: datetime) -> str:
    """Record a decision about a change, and answer it in one sentence.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        verb: one of `DECISIONS`.
        reason: why, in the words of whoever decides.
        by: what governs the change, and who decides.
        now: the moment.

    Raises:
        Refusal: DATA, without a reason where one is asked; NOT_OPEN; whatever keeps the change from it.
    """
    return _DECISIONS[verb](store, change, reason_of(verb, reason), by, now)


def reason_of(verb: str, reason: str | None) -> str:
    """Why somebody decides something, on one line.

    Raises:
        Refusal: DATA, nobody says why, where that is asked.
    """
    words = " ".join((reason or "").split())
    if verb in _REASONS and not words:
        told, example = _REASONS[verb]
        raise Refusal(
            "DATA", f"tidegate_reason: found nothing, expected {told}, for example -e \"tidegate_reason='{example}'\""
        )
    return words


def wanted_by(store: Store, change: ChangeRow, by: Governed, now: datetime) -> str:
    """Who wants a change that is handed in: whom its file names, or whom its first request named, else who hands it in.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        by: what governs it, and who hands it in.
        now: the moment.

    Raises:
        Refusal: whatever keeps it from being handed in.
    """
    plan = plans.recorded(change.plan_bytes)
    rules = consent.rules_of(plan, by.policy)
    consent.require_rules(change, plan, rules)
    states.decide(change, SUBMIT, moving.facts_of(store, change))
    _require_known(change, by, REQUESTER, plan.requester)
    _require_known(change, by, AUTHOR, plan.author)
    name = requester_of(plan, change) or by.operator or ""
    for rule in rules.docs:
        barred = {name, *([plan.author] if plan.author and AUTHOR in rule["separation"] else [])}
        require_satisfiable(rule, partial(by.people.members, now), by.policy.place, barred)
    return name


def _require_known(change: ChangeRow, by: Governed, duty: str, name: str | None) -> None:
    """See that whoever a change file names is somebody: a name that was mistyped would keep nobody from approving."""
    if name and name not in by.people.by_name:
        raise Refusal(
            "DATA",
            f"{change.source}: {duty}: found {name!r}, who is nobody in {by.people.place} ({hint(name, by.people.by_name)}); "
            "name somebody who is there, or enter them there, and plan it again",
            change=change.id,
        )


def _submit(store: Store, change: ChangeRow, reason: str, by: Governed, now: datetime) -> str:
    """Somebody wants the change: from here on its approvers are asked."""
    name = wanted_by(store, change, by, now)
    moved = moving.move(store, change.id, SUBMIT, actor=by.operator, reason=reason, requested_by=name)
    return f"{change.id} is {moved.state}, and wanted by {name}"


def _cancel(store: Store, change: ChangeRow, reason: str, by: Governed, _now: datetime) -> str:
    moving.move(store, change.id, CANCEL, actor=by.operator, reason=reason)
    return f"{change.id} is cancelled"


def _pause(store: Store, change: ChangeRow, reason: str, by: Governed, _now: datetime) -> str:
    moving.move(store, change.id, PAUSE, actor=by.operator, reason=reason)
    running = any(run.live for run in store.runs(change.id))
    return f"{change.id} {'holds before its next wave' if running else 'is paused'}"


def _review(store: Store, change: ChangeRow, reason: str, by: Governed, _now: datetime) -> str:
    wanted_by = requester_of(plans.recorded(change.plan_bytes), change)
    if by.operator is not None and by.operator == wanted_by:
        raise Refusal(
            "SELF", f"{change.id} was wanted by {wanted_by}, who may not review it; let somebody else", change=change.id
        )
    moving.move(store, change.id, REVIEW, actor=by.operator, reason=reason)
    return f"the review of {change.id} is recorded"


_DECISIONS: Mapping[str, Callable[[Store, ChangeRow, str, Governed, datetime], str]] = {
    SUBMIT: _submit,
    CANCEL: _cancel,
    PAUSE: _pause,
    REVIEW: _review,
}
