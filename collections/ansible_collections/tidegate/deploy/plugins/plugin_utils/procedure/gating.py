# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a playbook that is not Tidegate's may touch hosts now: the gate of callback and action alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.release import CHANGE_ID
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import PLAYBOOK, Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import PAUSED, TERMINAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import everybody
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import EMERGENCY
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.windows import Answer
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed, operator_of, why_not
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.gated import Decision, listed, no_change
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.timing import window_of


def decide(
    store: Store,
    change_id: str | None,
    hosts: Iterable[str],
    now: datetime,
    policy: Policy,
    people: Mapping[str, Any],
    playbook: str | None = None,
) -> Decision:
    """Whether the hosts may be touched now, for a change. An emergency that is let through is marked for review before.

    Args:
        store: that knows the change.
        change_id: as it was named, unread; None where none was.
        hosts: that would be touched.
        now: the moment.
        policy: of the site.
        people: the values of the variables `bridges.WHO`.
        playbook: SHA-256 of the playbook that would run, where there is one.

    Raises:
        Refusal: STORE and the like, when nothing can be decided or written.
    """
    names = list(hosts)
    change = store.change(change_id) if change_id and CHANGE_ID.fullmatch(change_id) else None
    if change is None:
        return no_change(change_id)
    plan = plans.recorded(change.plan_bytes)
    facts = {"change": change.id, "service": change.service, "environment": change.environment}
    answer = window_of(plan, policy, now)
    for refusal in (
        _clock(store),
        _consent(store, change, plan, policy, people, now),
        _window(change, answer),
        _hosts(change, plan, names),
        _playbook(change, plan, playbook),
    ):
        if refusal is not None:
            return Decision(False, refusal.code, refusal.message, {**facts, **refusal.facts})
    if plan.type == EMERGENCY and change.review_due_at is None:
        moving.move(store, change.id, "let_through")
    return Decision(True, facts={**facts, "until": answer.until and answer.until.isoformat()})


def _clock(store: Store) -> Refusal | None:
    """Why the clock of this controller is none to decide by; None if it is."""
    try:
        store.require_clock()
    except Refusal as refusal:
        if refusal.code == "CLOCK":
            return refusal
        raise
    return None


def _consent(
    store: Store, change: ChangeRow, plan: Plan, policy: Policy, people: Mapping[str, Any], now: datetime
) -> Refusal | None:
    """Why nobody lets the change go forward; None if somebody does, or policy asks nobody."""
    if change.state in TERMINAL:
        return Refusal(
            "NOT_OPEN", f"{change.id} is {change.state}, and lets nothing through any more; {_again(change)}"
        )
    if change.state == PAUSED:
        ways = (
            f"close it, and {_again(change)}"
            if plan.payload == PLAYBOOK
            else "resume it, take it back, or close it first"
        )
        return Refusal("PAUSED", f"{change.id} is paused: {ways}")
    known = everybody(people, f"beside {policy.place}")
    return why_not(store, change, Governed(policy, known, operator_of(known)), now)


def _window(change: ChangeRow, answer: Answer) -> Refusal | None:
    return None if answer.open else Refusal("WINDOW", f"{change.id} may not run now: {answer.text}")


def _hosts(change: ChangeRow, plan: Plan, names: list[str]) -> Refusal | None:
    others = [name for name in names if name not in plan.host_names]
    if not others:
        return None
    message = f"{listed(others)}: not of {change.id}, which is for {listed(plan.host_names)}; run the play on its hosts"
    return Refusal("HOSTS", message, others=others)


def _playbook(change: ChangeRow, plan: Plan, found: str | None) -> Refusal | None:
    """Why another playbook than the one that was planned would run; of other changes any may."""
    if plan.payload != PLAYBOOK or found in [file["sha256"] for file in plan.files.values()]:
        return None
    planned = ", ".join(path.rpartition("/")[2] for path in plan.files)
    return Refusal(
        "DRIFT",
        f"{change.id} is for {planned} as it was when it was planned, and another file would run; {_again(change)}",
    )


def _again(change: ChangeRow) -> str:
    return f"plan it again with -e tidegate_change_file={change.source}"
