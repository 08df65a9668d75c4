# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests, approvals, vetoes and withdrawals, each with its entry; and how often a rollout has begun by them.

They are only ever added. What a person withdrew cannot be given again for the same plan: the same signature would do it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import digest_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import Database, doc_in, doc_out, stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import LIVE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    APPROVALS,
    ATTEMPTS,
    CHANGES,
    RUNS,
    sa,
)

_KINDS = {
    "request": "request.given",
    "approve": "approval.given",
    "veto": "approval.vetoed",
    "withdraw": "approval.withdrawn",
}


@dataclass(frozen=True)
class ApprovalRow:
    """What somebody decided about one revision of a change.

    Attributes:
        statement: the digest of what was decided about.
        change_id: the change.
        revision: of it.
        person: who.
        decision: request, approve, veto or withdraw.
        strength: recorded, countersigned or signed.
        key: the fingerprint of the key that signed; None where none did.
        at: when it was recorded; empty before it is.
        expires_at: when it ends by itself; None where only rules say so.
        document: the statement's exact text.
        evidence: what another system said, where it was given there.
        signature: armored; None where none was given.
    """

    statement: str
    change_id: str
    revision: int
    person: str
    decision: str
    strength: str
    key: str | None
    document: str
    evidence: Any = None
    signature: str | None = None
    expires_at: str | None = None
    at: str = ""


class Approvals(Database):
    """The part of the store that keeps what people decided."""

    def add_approval(self, row: ApprovalRow) -> bool:
        """Record a decision with its entry, in one transaction; answer whether it was not there already.

        Raises:
            Refusal: WITHDRAWN, the person has taken an approval of this plan back.
        """
        now = self.now()
        of_person = (
            (APPROVALS.c.change_id == row.change_id)
            & (APPROVALS.c.revision == row.revision)
            & (APPROVALS.c.person == row.person)
        )
        with self.writing() as connection:
            columns = (APPROVALS.c.decision, APPROVALS.c.strength, APPROVALS.c.statement)
            found = connection.execute(sa.select(*columns).where(of_person)).all()
            if row.decision == "approve" and any(known.decision == "withdraw" for known in found):
                raise Refusal(
                    "WITHDRAWN",
                    f"{row.person} has withdrawn from revision {row.revision} of {row.change_id}, and an approval of the same "
                    "plan does not count again; change the plan, and approve that",
                    change=row.change_id,
                )
            same = [known for known in found if known.decision != "approve" or known.statement == row.statement]
            if (row.decision, row.strength) in [(known.decision, known.strength) for known in same]:
                return False
            now = log.time_of(connection, now)
            values = {**asdict(row), "at": stamp(now), "evidence": doc_in(row.evidence)}
            connection.execute(APPROVALS.insert().values(values))
            log.append(connection, now, _KINDS[row.decision], row.person, _told(row), row.change_id)
            return True

    def approvals(self, change_id: str, revision: int | None = None) -> list[ApprovalRow]:
        """What people decided about a change, or one revision of it, oldest first."""
        which = APPROVALS.c.change_id == change_id
        if revision is not None:
            which &= APPROVALS.c.revision == revision
        order = (APPROVALS.c.at, APPROVALS.c.person, APPROVALS.c.decision, APPROVALS.c.strength)
        with self.reading() as connection:
            found = [
                dict(row._mapping) for row in connection.execute(sa.select(APPROVALS).where(which).order_by(*order))
            ]
        return [ApprovalRow(**{**row, "evidence": doc_out(row["evidence"])}) for row in found]

    def use_approvals(
        self, statement: str, change_id: str, run_id: str, max_attempts: int, ended: Collection[str]
    ) -> int:
        """Let a run begin by the approvals of a statement, and answer the how many-th that is; one run at a time.

        The same run asks again and gets the same answer.

        Args:
            ended: the states of a change in which nothing begins any more.

        Raises:
            Refusal: CLOSED, the change has ended, or as many runs as the statement allows have begun; LEASE, another run
                works by it now. Nothing changed.
        """
        now = self.now()
        with self.writing() as connection:
            used = connection.execute(
                sa.select(ATTEMPTS.c.number, ATTEMPTS.c.run_id, RUNS.c.state)
                .select_from(sa.outerjoin(ATTEMPTS, RUNS, RUNS.c.id == ATTEMPTS.c.run_id))
                .where(ATTEMPTS.c.statement == statement)
                .order_by(ATTEMPTS.c.number)
            ).all()
            mine = [number for number, run, _state in used if run == run_id]
            if mine:
                return int(mine[-1])
            _require_usable(connection, change_id, used, max_attempts, ended)
            number = len(used) + 1
            connection.execute(
                ATTEMPTS.insert().values(statement=statement, number=number, run_id=run_id, at=stamp(now))
            )
            body = {"statement": statement, "attempt": number, "run": run_id}
            log.append(connection, now, "approval.used", f"run {run_id}", body, change_id)
            return number


def _require_usable(
    connection: sa.Connection, change_id: str, used: Any, max_attempts: int, ended: Collection[str]
) -> None:
    state = connection.execute(sa.select(CHANGES.c.state).where(CHANGES.c.id == change_id)).scalar()
    if state in ended:
        raise Refusal("CLOSED", f"the approvals of {change_id} were used: it is {state}", change=change_id)
    if len(used) >= max_attempts:
        said = f"{len(used)} runs have begun by the approvals of {change_id}, which allow no more; plan it again"
        raise Refusal("CLOSED", said, change=change_id)
    live = [run for _number, run, state in used if state in LIVE]
    if live:
        raise Refusal("LEASE", f"run {live[-1]} works by the approvals of {change_id} now", change=change_id)


def _told(row: ApprovalRow) -> dict[str, Any]:
    """What the entry says of a decision: names and digests."""
    evidence = row.evidence or {}
    named = {key: str(evidence[key]) for key in ("system", "reference", "account") if key in evidence}
    return {
        "statement": row.statement,
        "revision": row.revision,
        "decision": row.decision,
        "strength": row.strength,
        "key": row.key,
        "signature": digest_of(row.signature),
        "evidence": digest_of(doc_in(row.evidence)),
        **named,
    }
