# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of a change: what the table of states makes of them, with what is known at that moment, recorded at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import EMERGENCY
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow, Move
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import change_of


def facts_of(store: Store, change: ChangeRow) -> states.Facts:
    """What the table of states asks about a change, as it is now."""
    plan = plans.recorded(change.plan_bytes)
    emergency = plan.type == EMERGENCY
    return states.Facts(
        asked=plan.rules is not None,
        touched=bool(store.touched_hosts(change.id)),
        emergency=emergency,
        enrolled=bool(plan.enrolled),
        overdue=tuple(store.overdue_reviews(change.service, change.environment)) if emergency else (),
    )


def decider(store: Store, change: ChangeRow, event: str) -> Callable[[ChangeRow], Move]:
    """What the table of states says to an event, for the ledger to ask within its transaction."""
    facts = facts_of(store, change)
    return lambda found: states.decide(found, event, facts)


def move(
    store: Store,
    change_id: str,
    event: str,
    actor: str | None = None,
    reason: str = "",
    outcome: Any = None,
    requested_by: str | None = None,
) -> ChangeRow:
    """Let an event happen to a change.

    Args:
        store: where it is recorded.
        change_id: of the change.
        event: a key of `states.EVENTS`.
        actor: the person; None for the user of this process.
        reason: in that person's words.
        outcome: the document of what became of it, if anything did.
        requested_by: who wants it, when it is handed in.

    Raises:
        Refusal: NO_CHANGE; NOT_OPEN, it does not fit the state; or what a guard refuses with. Nothing changed.
    """
    change = change_of(store, change_id)
    noted = {**_noted(store, change, event), **({"requested_by": requested_by} if requested_by else {})}
    return store.move_change(change_id, decider(store, change, event), outcome, actor, reason, noted)


def _noted(store: Store, change: ChangeRow, event: str) -> dict[str, str | None]:
    """What else an event writes down about a change."""
    if event == "review":
        return {"reviewed_at": store.moment_in(0)}
    plan = plans.recorded(change.plan_bytes)
    if event in ("begin", "let_through") and plan.type == EMERGENCY and change.review_due_at is None:
        return {"review_due_at": store.moment_in(plan.review_within_s)}
    return {}
