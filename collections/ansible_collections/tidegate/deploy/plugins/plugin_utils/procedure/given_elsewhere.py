# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals that were given in another system become approvals of a change, as strong as an entry in it: recorded."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import STRENGTHS, Voice
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere import given
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

RECORDED = STRENGTHS[0]


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
    able, why_not = [], []
    for person in found:
        try:
            require_counts(store, asked, Voice(person, DECISIONS[APPROVE], now, RECORDED), by.people, now)
            able.append(person)
        except Refusal as refusal:
            why_not.append(refusal)
    if not able:
        raise why_not[0]
    new = [store.add_approval(_row(asked, person, found[person])) for person in able]
    return moved(store, asked, ", ".join(able), any(new), by, now)


def _row(asked: Asked, person: str, evidence: dict[str, object]) -> ApprovalRow:
    return ApprovalRow(
        statement=asked.statement.id,
        change_id=asked.change.id,
        revision=asked.change.revision,
        person=person,
        decision=DECISIONS[APPROVE],
        strength=RECORDED,
        key=None,
        document=asked.statement.data.decode("utf-8"),
        evidence=evidence,
    )
