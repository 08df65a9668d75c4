# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals that were given in another system become approvals of a change: recorded, as strong as an entry there, or
countersigned where a bridge vouches for having read it.
"""

from __future__ import annotations

from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import COUNTERSIGNED, RECORDED, Voice
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere import countersigning, given
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.approving import (
    APPROVE,
    DECISIONS,
    Asked,
    Decided,
    moved,
    require_counts,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed


def take(store: Store, asked: Asked, name: str, by: Governed, now: datetime) -> Decided:
    """Record who approved a change in another system, and let the change move where that follows.

    Args:
        store: where it is recorded.
        asked: what is approved.
        name: system and reference, such as ``servicenow:CHG0030001``.
        by: what governs the change.
        now: the moment.

    Raises:
        Refusal: DATA; ELSEWHERE, WINDOW, it does not count; SELF, STRENGTH, QUORUM …, it counts for nobody who may approve.
    """
    if asked.verb != APPROVE:
        raise Refusal(
            "DATA", f"tidegate_evidence: found {asked.verb}, expected approve: only approvals come from elsewhere"
        )
    found = given.counted(store, asked.change, name, by.policy, by.people, now)
    rows, why_not = [], []
    for person, evidence in found.items():
        row = _row(asked, person, evidence, by.people, now)
        try:
            require_counts(store, asked, _voice(row, now), by.people, now)
            rows.append(row)
        except Refusal as refusal:
            why_not.append(_with_way_on(refusal, asked, row))
    if not rows:
        raise why_not[0]
    new = [store.add_approval(row) for row in rows]
    return moved(store, asked, ", ".join(row.person for row in rows), any(new), by, now)


def _row(asked: Asked, person: str, evidence: dict[str, object], people: People, now: datetime) -> ApprovalRow:
    """What is recorded of one approval, with the countersignature of a bridge where this process has its key."""
    signature = countersigning.countersign(asked.statement.id, person, evidence, people, now)
    return ApprovalRow(
        statement=asked.statement.id,
        change_id=asked.change.id,
        revision=asked.change.revision,
        person=person,
        decision=DECISIONS[APPROVE],
        strength=RECORDED if signature is None else COUNTERSIGNED,
        key=None if signature is None else signature.key.fingerprint,
        document=asked.statement.data.decode("utf-8"),
        evidence=evidence,
        signature=None if signature is None else signature.armored,
    )


def _voice(row: ApprovalRow, now: datetime) -> Voice:
    return Voice(
        row.person, row.decision, now, row.strength, system=str(row.evidence["system"]), bridge_key=row.key or ""
    )


def _with_way_on(refusal: Refusal, asked: Asked, row: ApprovalRow) -> Refusal:
    """A refusal, with what to do where only a bridge is missing."""
    wanted = any(rule["strength"] == COUNTERSIGNED for rule in asked.rules.docs)
    if refusal.code != "STRENGTH" or row.strength != RECORDED or not wanted:
        return refusal
    told = (
        f"{refusal.message}; run this where {countersigning.VARIABLE} names the key of a bridge that may vouch for "
        f"{row.evidence['system']}"
    )
    return Refusal(refusal.code, told, **refusal.facts)
