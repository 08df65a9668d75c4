# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emergencies: hosts give challenges, people sign them instead of what the store would grant, and a review falls due.

All of it works the same with a store that was made a minute ago: hosts ask for nothing that only another one has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import (
    EMERGENCY,
    LONGEST_EMERGENCY,
    Statement,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import of_change
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.times import utc_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enforcing import review_command
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enrolling import look
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Done, Said, call, told
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import next_identity
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each

CLOCKS_DIFFER = timedelta(minutes=5)
"""The window begins that much before now, for hosts whose clock is behind."""


def ask(door: Door, store: Store, change: ChangeRow, now: datetime) -> Statement | None:
    """Have the hosts of a change mint challenges, and keep the statement that people sign now; in check mode none is made.

    Args:
        door: the action that asks.
        store: keeps the statement, as a run of the change that has no other effect.
        change: the store's row of it.
        now: the moment.

    Raises:
        Refusal: DATA, the change is no emergency; NOT_ENROLLED, one of its hosts; NOT_OPEN; REVIEW_DUE; what a host refuses
            with, or that it cannot be asked: a statement names all hosts of its plan.
    """
    plan = plans.recorded(change.plan_bytes)
    _require_emergency(change, plan)
    states.decide(change, "approve", moving.facts_of(store, change))
    _require_reviewed(store, plan, _good(change, look(door, plan.host_names)))
    request = {"services": [plan.service], "emergency": True}
    minted = _good(change, each(door, plan.host_names, door.check, lambda _name, one: call(one, "challenge", request)))
    if door.check:
        return None
    challenges = {name: str(said["challenges"][plan.service]) for name, said in minted.items()}
    statement = of_change(change).as_emergency(challenges, plan.reason, window_at(now))
    run = next_identity(store)
    doc = {"statement": statement.data.decode("utf-8")}
    waves = [list(plan.host_names)]
    store.begin_run(run, change.id, change.revision, EMERGENCY, current_run_holder(), waves, lease=False, doc=doc)
    store.end_run(run, "completed")
    return statement


def window_at(now: datetime) -> dict[str, str]:
    """From when until when an emergency may be used that is asked for now."""
    begins = now - CLOCKS_DIFFER
    ends = begins + LONGEST_EMERGENCY
    return {"not_before": utc_text(begins), "not_after": utc_text(ends)}


def _require_emergency(change: ChangeRow, plan: Plan) -> None:
    if plan.type != EMERGENCY:
        raise Refusal(
            "DATA",
            f"{change.id} is {plan.type}, expected {EMERGENCY}: write type: {EMERGENCY} and reason: into {change.source}, and plan "
            "it again",
            change=change.id,
        )
    others = [name for name in plan.host_names if name not in plan.enrolled]
    if others:
        raise Refusal(
            "NOT_ENROLLED",
            f"{', '.join(others)}: not enrolled, and so asks for no permit; plan the enrolled hosts of {change.id} apart "
            "with hosts:",
            change=change.id,
        )


def _good(change: ChangeRow, said: Mapping[str, Said]) -> Mapping[str, Said]:
    done = Done(said)
    if done.bad:
        code = next(iter(done.bad.values())).code
        raise Refusal(
            code,
            f"an emergency names every host of its change, and these gave no challenge; mend them, or plan {change.id} without "
            f"them with hosts: {told(done.bad)}",
            change=change.id,
        )
    return said


def _require_reviewed(store: Store, plan: Plan, said: Mapping[str, Said]) -> None:
    """See that none of the hosts would refuse the emergency once people have signed it."""
    due = {
        name: review
        for name, one in said.items()
        for review in (one["enrolled"] or {}).get("reviews_due") or ()
        if review["service"] == plan.service
    }
    if due:
        commands = sorted({review_command(store, review) for review in due.values()})
        raise Refusal(
            "REVIEW_DUE",
            f"{', '.join(due)} {'waits' if len(due) == 1 else 'wait'} for the review of the emergency before; record it first: "
            f"{'; '.join(commands)}",
            next=commands,
        )
