# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a change may go forward now: asked before a run begins, and again before each of its waves.

Everything is decided anew from what holds at that moment: the rules of the policy, the people and their keys, the
approvals and vetoes in the store. A way back asks none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import Standing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import requests
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere import given
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.quorum import standing_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import downgrade, states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import EMERGENCY, REFUSE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Kind, Rules, rules_for
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving, timing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import command
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import HOLDS

LOGIN = "login"
"""What accounts of people on controllers are called."""

GOING = (states.IMPLEMENTING, states.PARTIAL)
"""The states in which a wave may open."""


@dataclass(frozen=True)
class Governed:
    """What governs a change.

    Args:
        policy: of the site.
        people: of the site.
        operator: who rolls out; None where nobody does yet.
    """

    policy: Policy
    people: People
    operator: str | None = None


def operator_of(people: People) -> str:
    """Who runs this: the person whose account the user of this process is, else that user."""
    user = str(current_run_holder()["user"])
    return people.of_account(LOGIN, user) or user


def rules_of(plan: Plan, policy: Policy) -> Rules:
    """The rules that hold for a plan now.

    Raises:
        Refusal: DATA, an emergency without a rule of its own where others have one.
    """
    return rules_for(policy, Kind(plan.service, plan.environment, plan.type, plan.risk))


def standing(store: Store, change: ChangeRow, by: Governed, now: datetime) -> Standing | None:
    """Who has approved a change and what is missing; None where nobody's approval is asked."""
    rules = rules_of(plans.recorded(change.plan_bytes), by.policy)
    return standing_of(store, change, rules, by.people, now, by.operator) if rules.asked else None


def why_not(store: Store, change: ChangeRow, by: Governed, now: datetime) -> Refusal | None:
    """Why nobody lets a change go forward now; None if it may, windows apart.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        by: what governs it.
        now: the moment.
    """
    plan = plans.recorded(change.plan_bytes)
    try:
        require_rules(change, plan, rules_of(plan, by.policy))
        require_no_downgrade(change, plan, by.policy)
        found = standing(store, change, by, now)
        if change.state == states.SUBMITTED and found is not None and not found.granted:
            return _missing(change, found)  # says more than that it has been handed in
        states.decide(change, "begin", moving.facts_of(store, change))
    except Refusal as refusal:
        return refusal
    if found is None:
        return None
    return why_unwanted(store, change, by, now) if found.granted else _missing(change, found)


def why_unwanted(store: Store, change: ChangeRow, by: Governed, now: datetime) -> Refusal | None:
    """Why the enrolled hosts of a change would not believe who wants it; None where they would, or there are none.

    Args:
        store: where it is recorded.
        change: the store's row of it, which was handed in.
        by: what governs it.
        now: the moment.
    """
    if not plans.recorded(change.plan_bytes).enrolled:
        return None
    try:
        requests.require(store, change, by.people, now)
    except Refusal as refusal:
        way = command("submit", change.id) if change.state in (states.PAUSED, states.PARTIAL) else ""
        hint = f"let them sign it: {way}" if way else f"cancel {change.id}, plan it again, and let them sign that"
        return Refusal(refusal.code, f"{refusal.message}; {hint}", change=change.id, next=[way] if way else [])
    return None


def require(store: Store, change: ChangeRow, by: Governed, now: datetime) -> None:
    """See that a change may begin, go on, or open its next wave now.

    Raises:
        Refusal: one of `run.HOLDS`, NOT_OPEN, REVIEW or DATA, with what to do next; STORE, it could not be recorded to its end.
    """
    store.require_there()
    store.require_clock()
    refusal = why_not(store, change, by, now)
    if refusal is not None:
        raise refusal
    try:
        given.refresh(store, change, by.policy, by.people, now)
    except Refusal as gone:
        _fall_back(store, change, by, now, gone.message)
        raise
    timing.require_window(plans.recorded(change.plan_bytes), by.policy, now, change.id)


def require_wave(store: Store, change: ChangeRow, by: Governed, now: datetime, began: datetime) -> None:
    """See that a rollout that is under way may open its next wave now.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        by: what governs it.
        now: the moment.
        began: when the run began.

    Raises:
        Refusal: PAUSED when somebody has stopped it; RUNTIME when it takes too long; as `require`.
    """
    limit_s = plans.recorded(change.plan_bytes).max_runtime_s
    if change.state not in GOING:
        raise Refusal("PAUSED", f"{change.id} is {change.state}: no further wave opens", change=change.id)
    if limit_s is not None and (now - began).total_seconds() > limit_s:
        raise Refusal(
            "RUNTIME",
            f"{change.id} has run for longer than its max_runtime of {limit_s} s: no further wave opens",
            change=change.id,
        )
    require(store, change, by, now)


def require_rules(change: ChangeRow, plan: Plan, rules: Rules) -> None:
    """See that a change was planned under the rules that hold now.

    Raises:
        Refusal: RULES.
    """
    if rules.digest != plan.rules:
        raise Refusal(
            "RULES",
            f"{change.id} was planned under other rules for approval than the policy has now; plan it again with "
            f"-e tidegate_change_file={change.source}, and have that approved",
            change=change.id,
            planned=plan.rules,
            found=rules.digest,
        )


def _fall_back(store: Store, change: ChangeRow, by: Governed, now: datetime, reason: str) -> None:
    """Let a change of which an approval was found taken back wait for approval again, as `withdraw` does here."""
    found = standing(store, change, by, now) if change.state in (states.APPROVED, states.IMPLEMENTING) else None
    if found is not None and not found.granted:
        moving.move(store, change.id, "withdraw", reason=reason)


def require_no_downgrade(change: ChangeRow, plan: Plan, policy: Policy) -> None:
    """See that a change does not bring hosts to an older release than they run, where policy refuses that.

    An emergency may: it is approved by rules of its own, and reviewed. A way back never asks.

    Raises:
        Refusal: DOWNGRADE, naming the hosts and what they run.
    """
    found = downgrade.told(plan) if policy.refuses_downgrades and plan.type != EMERGENCY else ""
    if found:
        raise Refusal(
            "DOWNGRADE",
            f"{change.id} is {found}, and policy refuses that (downgrade: {REFUSE}); take the newer change back with rollback, "
            f"build a newer release, or plan it with type: {EMERGENCY}",
            change=change.id,
        )


def _missing(change: ChangeRow, found: Standing) -> Refusal:
    if found.vetoed_by:
        return Refusal("VETO", f"{change.id} was rejected by {', '.join(found.vetoed_by)}", change=change.id)
    code = next((finding.code for finding in found.why if finding.code in HOLDS), "QUORUM")
    return Refusal(
        code,
        f"{change.id} is not approved: {found.missing or found.why[0].message}; {command('approve', change.id)}",
        change=change.id,
        why=list(map(str, found.why)),
        next=[command("approve", change.id)],
    )
