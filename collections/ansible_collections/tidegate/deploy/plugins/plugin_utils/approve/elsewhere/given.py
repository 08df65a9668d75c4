# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals given elsewhere: whose counts for a change, and whether what was recorded of them still holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import APPROVE, STRENGTHS, WITHDRAW
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import WITHDRAWAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.adapters import (
    adapter,
    parted,
    servicenow_client,
    systems_of,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.credit import Subject, credit, latest
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.evidence import PENDING, Evidence
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.servicenow import SYSTEM as SERVICENOW
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.servicenow_change import (
    ServiceNowChange,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import System
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store


def counted(
    store: Store, change: ChangeRow, name: str, policy: Policy, people: People, now: datetime
) -> dict[str, dict[str, object]]:
    """The people whose approval in another system counts for a change now, each with what is recorded of it.

    Args:
        store: that knows since when the change is planned; what was seen is entered there, whether it counts or not.
        change: the store's row of it.
        name: system and reference, such as ``servicenow:CHG0030001``.
        policy: of the site.
        people: of the site.
        now: the moment.

    Raises:
        Refusal: DATA; SELF, WINDOW, ELSEWHERE, it does not count.
    """
    system, evidence = _looked(store, change, name, policy)
    found = credit(evidence, _subject(store, change), system, people, now)
    return {one.person: evidence.doc(one.decision) for one in found}


def refresh(store: Store, change: ChangeRow, policy: Policy, people: People, now: datetime) -> None:
    """See that what was given elsewhere still holds: for everything that was recorded of it, and what policy creates there.

    Who has taken an approval back there has withdrawn it here, too, from the moment at which that is seen.

    Args:
        store: where the approvals are.
        change: the store's row of the change.
        policy: of the site.
        people: of the site.
        now: the moment.

    Raises:
        Refusal: as `counted`; an outage of the other side, too: it holds.
    """
    try:
        _refresh(store, change, policy, people, now)
    except Refusal as refusal:
        if refusal.code != "DATA":
            raise
        # a site that cannot ask any more, since a credential or system is gone, holds as an outage does
        raise Refusal("ELSEWHERE", f"{change.id}: {refusal.message}", change=change.id) from None


def _refresh(store: Store, change: ChangeRow, policy: Policy, people: People, now: datetime) -> None:
    wanted = _recorded(store, change)
    number = created_number(change, policy)
    if number is not None:
        wanted.setdefault(f"{SERVICENOW}:{number}", {})
    for name, relied_on in wanted.items():
        system, evidence = _looked(store, change, name, policy)
        for row in _taken_back(evidence, relied_on.values()):
            store.add_approval(_withdrawal(change, row, now))
        found = {one.person for one in credit(evidence, _subject(store, change), system, people, now)}
        lost = sorted(set(relied_on) - found)
        if lost:
            raise Refusal(
                "ELSEWHERE",
                f"{name} no longer shows the approval of {', '.join(lost)}, which {change.id} relies on; look there",
                change=change.id,
            )


def _looked(store: Store, change: ChangeRow, name: str, policy: Policy) -> tuple[System, Evidence]:
    """What another system says now; that it was seen is entered."""
    system, reference = parted(name, systems_of(policy))
    evidence = adapter(system).look(reference)
    store.append("evidence.seen", holder.actor(), evidence.seen(), change.id)
    return system, evidence


def _taken_back(evidence: Evidence, relied_on: Iterable[ApprovalRow]) -> list[ApprovalRow]:
    """The recorded approvals whose people do not approve there any more. What waits there may yet come back."""
    if evidence.state == PENDING:
        return []
    approving = {decision.account.casefold() for decision in latest(evidence.decisions)}
    return [row for row in relied_on if str(row.evidence["account"]).casefold() not in approving]


def _withdrawal(change: ChangeRow, given: ApprovalRow, now: datetime) -> ApprovalRow:
    """That an approval was taken back where it was given."""
    where = f"{given.evidence['system']}:{given.evidence['reference']}"
    statement = statements.of_change(change, WITHDRAWAL, f"no longer approved in {where}")
    return ApprovalRow(
        statement=statement.id,
        change_id=change.id,
        revision=change.revision,
        person=given.person,
        decision=WITHDRAW,
        strength=STRENGTHS[0],
        key=None,
        document=statement.data.decode("utf-8"),
        evidence={**given.evidence, "given_at": now.isoformat()},
    )


def created_number(change: ChangeRow, policy: Policy, within_s: int | None = None) -> str | None:
    """The number of the ServiceNow change that policy has made for a change; None where it asks for none.

    Args:
        change: the store's row of it.
        policy: of the site.
        within_s: how long a request may take, where the site allows more.

    Raises:
        Refusal: ELSEWHERE, there is none although it was asked for, or nobody can say.
    """
    system = systems_of(policy).get(SERVICENOW)
    if system is None or system.create is None or not system.create.wanted(change.environment):
        return None
    number = ServiceNowChange(servicenow_client(system, within_s)).number_of(change.id)
    if number is None:
        raise Refusal(
            "ELSEWHERE",
            f"servicenow: found no change with the correlation_id {change.id}, and tidegate_policy.elsewhere.servicenow asks "
            f"for one; plan it again with -e tidegate_change_file={change.source}",
            change=change.id,
        )
    return number


def names_of(store: Store, change: ChangeRow, system: str) -> tuple[str, ...]:
    """The references in a system that approvals of the newest plan of a change come from."""
    found = (name.partition(":") for name in _recorded(store, change))
    return tuple(reference for of, _colon, reference in found if of == system)


def _subject(store: Store, change: ChangeRow) -> Subject:
    """What is to be approved; the ledger knows since when."""
    planned = [entry.at for entry in store.entries(change.id) if entry.kind == "change.planned"]
    if not planned:
        raise Refusal(
            "ELSEWHERE",
            f"the ledger does not say since when {change.id} is planned; change the plan, and plan it again",
        )
    plan = plans.recorded(change.plan_bytes)
    return Subject(
        change.id,
        change.plan_digest,
        moment(planned[-1]),
        change.service,
        change.environment,
        statements.requester_of(plan, change) or None,
    )


def _recorded(store: Store, change: ChangeRow) -> dict[str, dict[str, ApprovalRow]]:
    """Where the approvals of the newest plan were given elsewhere, and by whom."""
    rows = store.approvals(change.id, change.revision)
    withdrawn = {row.person for row in rows if row.decision == WITHDRAW}
    found: dict[str, dict[str, ApprovalRow]] = {}
    for row in rows:
        if row.evidence and row.decision == APPROVE and row.person not in withdrawn:
            found.setdefault(f"{row.evidence['system']}:{row.evidence['reference']}", {})[row.person] = row
    return found
