# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes, the revisions of their plans, and the states that a change may be in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import digest_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder, log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import (
    Database,
    doc_in,
    doc_out,
    moment,
    next_number,
    stamp,
    text_in,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow, Move, MoveRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import CHANGES, MOVES, REVISIONS, sa

DRAFT = "draft"
"""The state in which a change begins; every other comes by a move that the caller's table allows."""

ID_PATTERN = r"CHG-[0-9]{4}-[0-9]{4,9}"


class Changes(Database):
    """The part of the store that keeps changes."""

    def new_change(
        self,
        service: str,
        environment: str,
        content_digest: str,
        plan_bytes: bytes,
        source: str,
        id: str | None = None,  # noqa: A002 - the word of the change file
        year: int | None = None,
        beyond: Iterable[str] = (),
    ) -> tuple[str, int]:
        """Record a plan as a new change, or as a new revision of the open change that is pinned.

        Args:
            service: whom the plan is for, with `environment`.
            content_digest: digest of what the plan says, apart from what hosts ran when it was made.
            plan_bytes: the canonical plan.
            source: where it came from, for people: the change file.
            id: the pinned id; None for the next free one.
            year: of the next free id; None for the clock's.
            beyond: ids that are taken although this store does not know them: a lost store's, as hosts remember them.

        Returns:
            The change's id and revision.

        Raises:
            Refusal: DATA, an id of another form or of another service; NOT_OPEN, the pinned change is no draft any more.
        """
        if id is not None and not re.fullmatch(ID_PATTERN, id):
            raise Refusal("DATA", f"id {id!r} is not of the form CHG-2026-0007")
        now = self.now()
        with self.writing() as connection:
            change_id = id or _next_id(connection, year or now.year, beyond)
            existing = _change(connection, change_id)
            if existing is not None:
                _require_same(existing, service, environment)
                _require_draft(existing)
                return change_id, _add_revision(connection, existing, content_digest, plan_bytes, now)
            connection.execute(
                CHANGES.insert().values(
                    id=change_id,
                    service=service,
                    environment=environment,
                    state=DRAFT,
                    source=source,
                    created_at=stamp(now),
                    revision=1,
                )
            )
            _insert_revision(connection, change_id, 1, content_digest, plan_bytes, now)
            return change_id, 1

    def add_revision(
        self, change_id: str, content_digest: str, plan_bytes: bytes, decide: Callable[[ChangeRow], Move]
    ) -> int:
        """Record a new plan for a change, with what that makes of its state, and answer its revision.

        Args:
            decide: what the caller's table says of the change, or its refusal.

        Raises:
            Refusal: NO_CHANGE; whatever `decide` refuses with. Nothing changed.
        """
        now = self.now()
        with self.writing() as connection:
            existing = _require(connection, change_id)
            move = decide(existing)
            revision = _add_revision(connection, existing, content_digest, plan_bytes, now)
            anew = {"requested_by": None} if move.state == DRAFT else {}
            _moved(connection, replace(existing, revision=revision), move, now, holder.actor(), "", **anew)
            return revision

    def change(self, change_id: str) -> ChangeRow | None:
        """A change with its newest plan."""
        with self.reading() as connection:
            return _change(connection, change_id)

    def plan_bytes(self, change_id: str, revision: int) -> bytes | None:
        """The plan of one revision, also of one that is no longer the newest."""
        key = (REVISIONS.c.change_id == change_id) & (REVISIONS.c.revision == revision)
        with self.reading() as connection:
            text = connection.execute(sa.select(REVISIONS.c.plan).where(key)).scalar()
        return None if text is None else text.encode("utf-8")

    def open_changes(self, service: str, environment: str) -> list[ChangeRow]:
        """The changes of a service that have no outcome yet, oldest first."""
        query = _select().where(_of(service, environment), CHANGES.c.closed_at.is_(None))
        with self.reading() as connection:
            return [_row(found) for found in connection.execute(query.order_by(CHANGES.c.created_at, CHANGES.c.id))]

    def latest_change(self, service: str, environment: str, state: str | None = None) -> ChangeRow | None:
        """The change of a service that was planned last, of one state if that is given."""
        query = _select().where(_of(service, environment))
        if state is not None:
            query = query.where(CHANGES.c.state == state)
        with self.reading() as connection:
            found = connection.execute(_newest_first(query).limit(1)).first()
        return None if found is None else _row(found)

    def changes(self, limit: int | None = 20, state: str | None = None) -> list[ChangeRow]:
        """The changes that were planned last, newest first, or all of them; of one state if that is given."""
        query = _select() if state is None else _select().where(CHANGES.c.state == state)
        with self.reading() as connection:
            return [_row(found) for found in connection.execute(_newest_first(query).limit(limit))]

    def closed_for_s(self, change: ChangeRow) -> float:
        """For how many seconds a change has been closed.

        Raises:
            ValueError: it is open.
        """
        if change.closed_at is None:
            raise ValueError(f"{change.id} is {change.state}, not closed")
        with self.reading() as connection:
            return (log.time_of(connection, self.now()) - moment(change.closed_at)).total_seconds()

    def moves(self, change_id: str) -> list[MoveRow]:
        """What happened to a change, oldest first."""
        query = sa.select(MOVES).where(MOVES.c.change_id == change_id).order_by(MOVES.c.number)
        with self.reading() as connection:
            return [MoveRow(**found._mapping) for found in connection.execute(query)]

    def moment_in(self, seconds: int) -> str:
        """The moment that is so many seconds ahead, as the store keeps it."""
        return stamp(self.now() + timedelta(seconds=seconds))

    def overdue_reviews(self, service: str, environment: str) -> list[str]:
        """The changes of a service that somebody had to review by now, and nobody has."""
        with self.reading() as connection:
            now = stamp(log.time_of(connection, self.now()))
            due = (CHANGES.c.review_due_at < now) & CHANGES.c.reviewed_at.is_(None)
            query = sa.select(CHANGES.c.id).where(_of(service, environment), due).order_by(CHANGES.c.id)
            return list(connection.execute(query).scalars())

    def move_change(
        self,
        change_id: str,
        decide: Callable[[ChangeRow], Move],
        outcome_doc: Any = None,
        actor: str | None = None,
        reason: str = "",
        noted: Mapping[str, str | None] | None = None,
    ) -> ChangeRow:
        """Let an event happen to a change: its new state, its outcome and the entry about both, in one transaction.

        It is closed from then on, if the move ends it. When it closed is kept while the state stays.

        Args:
            change_id: of the change.
            decide: what the caller's table says of the change as it is now, or its refusal.
            outcome_doc: what became of it, if anything did.
            actor: the person; None for the user of this process.
            reason: in that person's words.
            noted: other columns of the change that this event fills in.

        Raises:
            Refusal: NO_CHANGE; whatever `decide` refuses with. Nothing changed.
        """
        now = self.now()
        values = dict(noted or {}) | ({} if outcome_doc is None else {"outcome": doc_in(outcome_doc)})
        with self.writing() as connection:
            found = _require(connection, change_id)
            _moved(connection, found, decide(found), now, actor or holder.actor(), reason, **values)
            return _require(connection, change_id)


def _moved(
    connection: sa.Connection, found: ChangeRow, move: Move, now: datetime, actor: str, reason: str, **values: Any
) -> None:
    """Write a move: the row of the change, the line of its history, and the entry."""
    now, kept = log.time_of(connection, now), text_in(reason or None)
    if found.state != move.state:
        values |= {
            "state": move.state,
            "before": found.state if move.begins else None,
            "closed_at": stamp(now) if move.ended else None,
        }
    if values:
        connection.execute(CHANGES.update().where(CHANGES.c.id == found.id).values(values))
    line = {"event": move.event, "before": found.state, "after": move.state, "revision": found.revision}
    connection.execute(
        MOVES.insert().values(
            {
                **line,
                "change_id": found.id,
                "number": next_number(connection, MOVES, MOVES.c.change_id == found.id),
                "at": stamp(now),
                "actor": actor,
                "reason": kept,
            }
        )
    )
    told = {} if kept is None else {"reason": digest_of(kept)}
    log.append(connection, now, "change.moved", actor, {**line, **told}, found.id)


def _select() -> sa.Select[Any]:
    newest = (REVISIONS.c.change_id == CHANGES.c.id) & (REVISIONS.c.revision == CHANGES.c.revision)
    return sa.select(*CHANGES.c, REVISIONS.c.content_digest, REVISIONS.c.plan_digest, REVISIONS.c.plan).select_from(
        sa.join(CHANGES, REVISIONS, newest)
    )


def _of(service: str, environment: str) -> sa.ColumnElement[bool]:
    return (CHANGES.c.service == service) & (CHANGES.c.environment == environment)


def _newest_first(query: sa.Select[Any]) -> sa.Select[Any]:
    return query.order_by(CHANGES.c.created_at.desc(), CHANGES.c.id.desc())


def _row(found: Any) -> ChangeRow:
    values = dict(found._mapping)
    values["outcome"] = doc_out(values["outcome"])
    values["plan_bytes"] = values.pop("plan").encode("utf-8")
    return ChangeRow(**values)


def _change(connection: sa.Connection, change_id: str) -> ChangeRow | None:
    found = connection.execute(_select().where(CHANGES.c.id == change_id)).first()
    return None if found is None else _row(found)


def _require(connection: sa.Connection, change_id: str) -> ChangeRow:
    found = _change(connection, change_id)
    if found is None:
        raise Refusal("NO_CHANGE", f"the store knows no change {change_id}", change=change_id)
    return found


def _require_same(existing: ChangeRow, service: str, environment: str) -> None:
    if (existing.service, existing.environment) != (service, environment):
        raise Refusal(
            "DATA",
            f"id {existing.id} is a change of {existing.service} in {existing.environment}, "
            f"not of {service} in {environment}: choose another id, or leave it out",
            change=existing.id,
        )


def _next_id(connection: sa.Connection, year: int, beyond: Iterable[str]) -> str:
    prefix = f"CHG-{year:04d}-"
    ids = connection.execute(sa.select(CHANGES.c.id).where(CHANGES.c.id.like(f"{prefix}%"))).scalars()
    taken = [*ids, *(found for found in beyond if found.startswith(prefix))]
    return f"{prefix}{max((int(found[len(prefix) :]) for found in taken), default=0) + 1:04d}"


def _require_draft(existing: ChangeRow) -> None:
    if existing.state != DRAFT:
        when = (
            f"was closed at {existing.closed_at} ({existing.state})" if existing.closed_at else f"is {existing.state}"
        )
        raise Refusal(
            "NOT_OPEN",
            f"change {existing.id} {when}: plan it under another id, or without one",
            change=existing.id,
            state=existing.state,
        )


def _add_revision(
    connection: sa.Connection, existing: ChangeRow, content_digest: str, plan_bytes: bytes, now: datetime
) -> int:
    revision = existing.revision + 1
    _insert_revision(connection, existing.id, revision, content_digest, plan_bytes, now)
    connection.execute(CHANGES.update().where(CHANGES.c.id == existing.id).values(revision=revision))
    return revision


def _insert_revision(
    connection: sa.Connection, change_id: str, revision: int, content_digest: str, plan_bytes: bytes, now: datetime
) -> None:
    plan_digest = hashlib.sha256(plan_bytes).hexdigest()
    connection.execute(
        REVISIONS.insert().values(
            change_id=change_id,
            revision=revision,
            content_digest=content_digest,
            plan_digest=plan_digest,
            plan=plan_bytes.decode("utf-8"),
            created_at=stamp(now),
        )
    )
    body = {"revision": revision, "plan": plan_digest, "content": content_digest}
    log.append(connection, now, "change.planned", holder.actor(), body, change_id)
