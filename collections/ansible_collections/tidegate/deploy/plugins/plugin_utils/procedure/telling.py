# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ServiceNow is told of a change: that it was planned, while it runs, and how it ended.

Planning waits for the other side, because approval is asked there. Nothing else does: what could not be told becomes a
warning, within seconds, and changes no result.
"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.adapters import (
    servicenow_client,
    systems_of,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.given import created_number, names_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.servicenow import SYSTEM
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.servicenow_change import (
    SUCCESSFUL,
    UNSUCCESSFUL,
    WITH_ISSUES,
    ServiceNowChange,
    Wanted,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import System
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import recap
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import Outcome

NOTE_S = 5
"""Seconds that a rollout waits for one request of a note at most."""

_CODES = {
    recap.COMPLETED: SUCCESSFUL,
    recap.PARTIAL: WITH_ISSUES,
    recap.KEPT: WITH_ISSUES,
    recap.CLOSED: WITH_ISSUES,
    recap.ROLLED_BACK: UNSUCCESSFUL,
    recap.FAILED: UNSUCCESSFUL,
}
"""The close code by verdict; a change that is paused, or that nothing was begun of, stays open there, too."""


def ensure(change: ChangeRow, policy: Policy) -> str | None:
    """Have the ServiceNow change of a plan, where policy asks for one, and answer what to say about it.

    Raises:
        Refusal: ELSEWHERE, DATA.
    """
    system = systems_of(policy).get(SYSTEM)
    if system is None or system.create is None or not system.create.wanted(change.environment):
        return None
    plan = plans.recorded(change.plan_bytes)
    title = " ".join(part for part in (plan.service, plan.release_id, plan.doc["title"]) if part)
    text = f"{title}\n{len(plan.hosts)} hosts in {plan.environment}, {len(plan.waves)} waves"
    wanted = Wanted(change.id, change.plan_digest, title, text)
    number, written = ServiceNowChange(servicenow_client(system)).ensure(wanted, system.create)
    return f"{'written to' if written else 'is in'} ServiceNow as {number}"


def begun(store: Store, change: ChangeRow, policy: Policy, who: str) -> str | None:
    """Tell that a rollout begins.

    Returns:
        A warning, where it could not be told; None where all is well, or nobody is to be told.
    """
    text = f"{change.id} begins, by {who}; plan sha256 {change.plan_digest}"
    return _told(store, change, policy, lambda there, number: there.note(number, text, begins=True))


def noted(store: Store, change: ChangeRow, policy: Policy, text: str) -> str | None:
    """Tell how far a rollout is; as `begun`."""
    return _told(store, change, policy, lambda there, number: there.note(number, f"{change.id}: {text}"))


def ended(store: Store, change: ChangeRow, policy: Policy, outcome: Outcome) -> str | None:
    """Tell how a change ended, and close what stands for it there; as `begun`."""
    code = _CODES.get(outcome.verdict)
    text = _outcome_text(change, outcome)
    if code is None:
        return _told(store, change, policy, lambda there, number: there.note(number, text))
    return _told(store, change, policy, lambda there, number: there.close(number, code, text))


def _outcome_text(change: ChangeRow, outcome: Outcome) -> str:
    """The outcome in words, without what hosts or people wrote freely."""
    places = sorted({host.place for host in outcome.hosts})
    counts = ", ".join(f"{len(outcome.at(place))} {place}" for place in places)
    cause = outcome.cause.partition(":")[0]
    return f"{change.id} {outcome.verdict.replace('_', ' ')}{f' ({cause})' if cause else ''}{f'; hosts: {counts}' if counts else ''}"


def _told(
    store: Store, change: ChangeRow, policy: Policy, tell: Callable[[ServiceNowChange, str], object]
) -> str | None:
    """Tell every ServiceNow change that stands for a change; whatever goes wrong is a warning."""
    try:
        system = systems_of(policy).get(SYSTEM)
        if system is None:
            return None
        there = ServiceNowChange(servicenow_client(system, NOTE_S))
        for number in _numbers(store, change, policy, system):
            tell(there, number)
    except Refusal as refusal:
        return f"ServiceNow was not told: {refusal.message}"
    except Exception as broken:  # a note never changes what becomes of a rollout, whatever is wrong with it
        return f"ServiceNow was not told: {type(broken).__name__}"
    return None


def _numbers(store: Store, change: ChangeRow, policy: Policy, system: System) -> list[str]:
    created = None if system.create is None else created_number(change, policy, NOTE_S)
    return list(dict.fromkeys([*names_of(store, change, SYSTEM), *([created] if created else [])]))
