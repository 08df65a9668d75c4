# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a change stands for those who wait for it: its state, who has approved, what is missing, and what to type next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import requests
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import requester_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import PLAYBOOK, Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import consent
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import (
    close_command,
    command,
    run_command,
    ways_on,
)


@dataclass(frozen=True)
class Outlook:
    """Where a change stands.

    Attributes:
        change: its id.
        state: one of `states.STATES`.
        revision: of its newest plan.
        asked: whether policy asks anybody's approval.
        wanted_by: who wants it, with how sure that is; empty while nobody does, and once it has ended.
        approved_by: who counts, with the strength of each approval.
        missing: who is still asked, and what is wrong with what was given; empty where nothing is.
        vetoed_by: who has vetoed.
        review_due_at: until when an emergency has to be reviewed; empty where it has not.
        next: the commands of which one may be typed.
    """

    change: str
    state: str
    revision: int
    asked: bool
    wanted_by: str
    approved_by: tuple[str, ...]
    missing: tuple[str, ...]
    vetoed_by: tuple[str, ...]
    review_due_at: str
    next: tuple[str, ...]

    def doc(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "change": self.change,
            "state": self.state,
            "revision": self.revision,
            "asked": self.asked,
            "wanted_by": self.wanted_by,
            "approved_by": list(self.approved_by),
            "missing": list(self.missing),
            "vetoed_by": list(self.vetoed_by),
            "review_due_at": self.review_due_at,
            "next": list(self.next),
        }


def outlook_of(store: Store, change: ChangeRow, by: Governed, now: datetime) -> Outlook:
    """Where a change stands now.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        by: what governs it.
        now: the moment.
    """
    plan = plans.recorded(change.plan_bytes)
    is_open = change.state in (*states.OPEN, states.PARTIAL)
    approved: tuple[str, ...] = ()
    vetoed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    try:
        found = consent.standing(store, change, by, now) if is_open else None
        consent.require_rules(change, plan, consent.rules_of(plan, by.policy))
        consent.require_no_downgrade(change, plan, by.policy)
    except Refusal as refusal:
        found, missing = None, (f"{refusal.code}: {refusal.message}",)
    if found is not None:
        approved = found.approved_by
        unwanted = consent.why_unwanted(store, change, by, now) if change.state != states.DRAFT else None
        missing = (*map(str, found.why), *([f"{unwanted.code}: {unwanted.message}"] if unwanted else []))
        vetoed = found.vetoed_by
    due = change.review_due_at if change.review_due_at and not change.reviewed_at else ""
    return Outlook(
        change.id,
        change.state,
        change.revision,
        plan.rules is not None,
        _wanted_by(store, change, by, now) if is_open else "",
        approved,
        missing,
        vetoed,
        due,
        (*_next(change, plan), *([states.review_command(change.id)] if due else [])),
    )


def _wanted_by(store: Store, change: ChangeRow, by: Governed, now: datetime) -> str:
    name = requester_of(plans.recorded(change.plan_bytes), change)
    return f"{name} ({requests.strength_of(store, change, by.people, now)})" if name else ""


def _next(change: ChangeRow, plan: Plan) -> tuple[str, ...]:
    """What leads on from a state."""
    if change.state == states.PAUSED:
        return (close_command(change.id),) if plan.payload == PLAYBOOK else tuple(ways_on(change.id))
    run, resume = run_command(plan, change.id), command("resume", change.id)
    ways = {
        states.DRAFT: run if plan.rules is None else command("submit", change.id),
        states.SUBMITTED: command("approve", change.id),
        states.APPROVED: run,
        states.IMPLEMENTING: resume if states.resting(change) == states.PAUSED else run,
        states.PARTIAL: resume,
    }
    return (ways[change.state],) if change.state in ways else ()
