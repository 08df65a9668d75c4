# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a change stands: each approval that the store keeps is verified again, and those that hold are counted.

Nothing of what was found earlier is believed: not that a signature was true, nor whose key it was, nor that it was about
the plan that the change has now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core import evidence, quorum
from ansible_collections.tidegate.deploy.plugins.module_utils.core import statement as statement_types
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import (
    APPROVE,
    COUNTERSIGNED,
    SIGNED,
    VETO,
    WITHDRAW,
    Finding,
    Standing,
    Voice,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen, statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Rules

TYPES = {
    APPROVE: statement_types.APPROVAL,
    VETO: statement_types.VETO,
    WITHDRAW: statement_types.WITHDRAWAL,
}
"""The type of the statement that says each decision."""


def standing_of(
    store: Store, change: ChangeRow, rules: Rules, people: People, now: datetime, operator: str | None = None
) -> Standing:
    """How the newest plan of a change stands: by its emergency while one is asked for, else by its approval.

    Args:
        store: where the approvals are.
        change: the store's row of it.
        rules: that hold for it.
        people: of the site, as they are now.
        now: the moment at which it is judged.
        operator: who rolls it out; None where nobody does yet.

    Raises:
        Refusal: STATEMENT, the store's plan was edited.
    """
    statement = statements.in_force(store, change, now)
    others = {one.id for one in (statements.of_change(change), *statements.emergencies_of(store, change))} - {
        statement.id
    }
    rows = [
        row
        for row in store.approvals(change.id, change.revision)
        if row.decision != APPROVE or row.statement not in others
    ]
    return standing(statement, rules, people, rows, now, duties_of(change, operator))


def standing(
    statement: Statement,
    rules: Rules,
    people: People,
    approvals: Sequence[ApprovalRow],
    now: datetime,
    duties: Mapping[str, str],
) -> Standing:
    """How a statement stands.

    Args:
        statement: an approval or emergency.
        rules: that hold for it.
        people: of the site.
        approvals: what was recorded about its change.
        now: the moment.
        duties: who is requester, author and operator.
    """
    voices, false = [], []
    for row in approvals:
        if row.decision not in TYPES:
            continue  # a request is nobody's approval
        try:
            voices.append(_voice(row, statement, people))
        except Refusal as refusal:
            false.append(Finding(refusal.code, f"{row.person}: {refusal.message}", row.person))
    found = quorum.standing(rules.docs, voices, people.by_name, duties, now, people.bridges)
    vetoes = sum(finding.code == "VETO" for finding in found.why)
    why = (*found.why[:vetoes], *false, *found.why[vetoes:])
    return Standing(found.granted, found.missing, found.vetoed_by, found.counted, why)


def duties_of(change: ChangeRow, operator: str | None) -> dict[str, str]:
    """Who is what in a change."""
    plan = plans.recorded(change.plan_bytes)
    duties = {"requester": statements.requester_of(plan, change), "author": plan.author, "operator": operator}
    return {duty: name for duty, name in duties.items() if name}


def _voice(row: ApprovalRow, statement: Statement, people: People) -> Voice:
    """A decision whose signature, if it has one, is true and about this statement.

    Raises:
        Refusal: what is wrong with it.
    """
    signed = Statement.parse(row.document.encode("utf-8"))
    expected = (
        statement if row.decision == APPROVE else statement.as_type(TYPES[row.decision], str(signed.doc["reason"]))
    )
    if row.decision == APPROVE and (signed.id != expected.id or signed.id != row.statement):
        raise Refusal("STATEMENT", "an approval of something else than this plan")
    until = None if row.expires_at is None else moment(row.expires_at)
    if row.strength != SIGNED:
        return Voice(
            row.person, row.decision, moment(row.at), row.strength, until=until, **_given_elsewhere(row, people)
        )
    signature = Signature.parse(row.signature or "")
    if row.decision != VETO:  # a veto that was recorded stays, also when its key has gone
        ssh_keygen.require_valid(signature, expected.namespace, signed.data)
    return Voice(row.person, row.decision, moment(row.at), row.strength, signature.key.fingerprint, until)


def _given_elsewhere(row: ApprovalRow, people: People) -> dict[str, str]:
    """The system that an approval comes from, and the key by which a bridge vouches that it does.

    Raises:
        Refusal: KEY, the account is not the person's any more; whatever keeps a countersignature from being of this
            approval, which was made by somebody who edited the store.
    """
    kept = row.evidence or {}
    system, account = str(kept.get("system")), str(kept.get("account"))
    if people.of_account(system, account) != row.person:
        raise Refusal("KEY", f"{account} of {system} is not an account of theirs now")
    if row.strength != COUNTERSIGNED:
        return {"system": system, "bridge_key": ""}
    signature = Signature.parse(row.signature or "")
    ssh_keygen.require_valid(
        signature, evidence.NAMESPACE, evidence.message(row.statement, row.person, kept), "the evidence"
    )
    return {"system": system, "bridge_key": signature.key.fingerprint}
