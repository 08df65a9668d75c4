# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the plan that the store keeps to the statement that people sign about it; every digest is computed anew."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.review import fields_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import (
    APPROVAL,
    EMERGENCY,
    VERSION,
    Statement,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

MAX_ATTEMPTS = 10
"""How often a rollout may begin by one statement: enough for every interruption, not for a machine that tries for ever."""


def of_change(change: ChangeRow, type: str = APPROVAL, reason: str = "") -> Statement:  # noqa: A002 - the field's name
    """The statement about the newest plan of a change.

    Args:
        change: the store's row of it.
        type: one of `statement.TYPES`.
        reason: of a veto or withdrawal, in the words of whoever gives it.

    Raises:
        Refusal: STATEMENT, what the store keeps is not the plan whose digest it names.
    """
    plan = plans.parse(canonical.loads(change.plan_bytes), f"the plan of {change.id}")
    if plan.digest != change.plan_digest:
        raise Refusal(
            "STATEMENT",
            f"the plan of {change.id} has the digest {plan.digest}, and was recorded as {change.plan_digest}: somebody has "
            "edited the store; run tidegate.deploy.audit",
            change=change.id,
        )
    return Statement.of(_document(plan, change, type, reason))


def emergencies_of(store: Store, change: ChangeRow) -> list[Statement]:
    """The emergencies that were asked for the newest plan of a change, oldest first.

    Raises:
        Refusal: STATEMENT, one is about something else: somebody has edited the store.
    """
    asked = [run for run in store.runs(change.id) if run.verb == EMERGENCY and run.revision == change.revision]
    found = [Statement.parse(str(run.doc["statement"]).encode("utf-8")) for run in asked]
    about = of_change(change).about if found else ""
    for emergency in found:
        if emergency.about != about:
            raise Refusal(
                "STATEMENT",
                f"the emergency {emergency.id} of {change.id} is not about its plan: somebody has edited the store; run "
                "tidegate.deploy.audit",
                change=change.id,
            )
    return found


def in_force(store: Store, change: ChangeRow, now: datetime) -> Statement:
    """What people sign so that a change goes forward: the emergency that was asked for last, while it lasts; else its approval.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        now: the moment.

    Raises:
        Refusal: STATEMENT.
    """
    asked = emergencies_of(store, change)
    ends = asked[-1].window()[1] if asked else None
    return asked[-1] if ends is not None and now <= ends else of_change(change)


def emergency_ids(store: Store, change_id: str) -> set[str]:
    """The ids of all emergencies that were ever asked for a change."""
    asked = [str(run.doc["statement"]) for run in store.runs(change_id) if run.verb == EMERGENCY]
    return {hashlib.sha256(document.encode("utf-8")).hexdigest() for document in asked}


def put_by(store: Store, change: ChangeRow) -> str:
    """The id of the statement by which a change went forward last; of its approval where none did yet."""
    used = [entry.body["statement"] for entry in store.entries(change.id) if entry.kind == "approval.used"]
    return str(used[-1]) if used else of_change(change).id


def requester_of(plan: Plan, change: ChangeRow) -> str:
    """Who wants a change; empty while nobody is known."""
    return plan.requester or change.requested_by or ""


def _document(plan: Plan, change: ChangeRow, type: str, reason: str) -> dict[str, Any]:  # noqa: A002
    return {
        **fields_of(plan.doc),
        "v": VERSION,
        "type": type,
        "change": change.id,
        "revision": change.revision,
        "max_attempts": MAX_ATTEMPTS,
        "requester": requester_of(plan, change),
        "reason": reason,
    }
