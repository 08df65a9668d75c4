# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted about the hosts of a run: an event that stays, and where each host stands."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import leases
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import (
    Database,
    doc_in,
    doc_out,
    next_number,
    stamp,
    text_in,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import VERDICTS, EventRow, HostRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import CHANGES, EVENTS, RUN_HOSTS, RUNS, sa


class Hosts(Database):
    """The part of the store that keeps what is noted about hosts."""

    def note(
        self,
        run_id: str,
        host: str,
        step: str,
        verdict: str,
        code: str | None = None,
        message: str | None = None,
        doc: Any = None,
        touched: bool | None = None,
        at: str | None = None,
    ) -> None:
        """Record what a step came to on a host: an event that stays, and the row that says where the host stands.

        A lease that the run still holds begins anew. What happened is recorded also when the run has ended.

        Args:
            verdict: one of `rows.VERDICTS`.
            code: of a refusal.
            message: for people; cut at 4,000 characters.
            doc: details that the caller picked from an allow-list.
            touched: whether the change may have had an effect on the host; None leaves what is known.
            at: when that was, as the store keeps it; None for now.

        Raises:
            ValueError: another verdict, or a host that is not of this run.
        """
        if verdict not in VERDICTS:
            raise ValueError(f"verdict {verdict!r} is none of {', '.join(VERDICTS)}")
        with self.writing() as connection:
            values = {"step": step, "verdict": verdict, "code": code, "message": text_in(message), "doc": doc_in(doc)}
            _note(connection, run_id, host, values, touched, self.now(), at)

    def host_rows(self, run_id: str) -> list[HostRow]:
        """The hosts of a run in the order of its waves."""
        query = sa.select(RUN_HOSTS).where(RUN_HOSTS.c.run_id == run_id)
        with self.reading() as connection:
            return [
                _host_row(found) for found in connection.execute(query.order_by(RUN_HOSTS.c.wave, RUN_HOSTS.c.position))
            ]

    def host_row(self, run_id: str, host: str) -> HostRow | None:
        """One host of a run."""
        with self.reading() as connection:
            found = connection.execute(sa.select(RUN_HOSTS).where(_host(run_id, host))).first()
        return None if found is None else _host_row(found)

    def bad_hosts(self, run_id: str) -> set[str]:
        """The hosts of a run on which any step failed or could not be asked for, whatever came after."""
        query = sa.select(EVENTS.c.host).where(EVENTS.c.run_id == run_id, EVENTS.c.verdict.in_(("failed", "unknown")))
        with self.reading() as connection:
            return set(connection.execute(query.distinct()).scalars())

    def events(self, run_id: str) -> list[EventRow]:
        """Every note of a run, in order."""
        query = sa.select(EVENTS).where(EVENTS.c.run_id == run_id).order_by(EVENTS.c.number)
        with self.reading() as connection:
            return [EventRow(**_with_doc(found)) for found in connection.execute(query)]

    def notes_of(self, service: str, environment: str, ends: Collection[tuple[str, str]]) -> list[tuple[str, str, Any]]:
        """What some steps of any run came to on hosts of a service, oldest first.

        Args:
            ends: the steps that are asked for, each with its verdict.

        Returns:
            Of each the host, the change and the details.
        """
        joined = sa.join(EVENTS, RUNS, EVENTS.c.run_id == RUNS.c.id).join(CHANGES, RUNS.c.change_id == CHANGES.c.id)
        query = (
            sa.select(EVENTS.c.host, RUNS.c.change_id, EVENTS.c.doc)
            .select_from(joined)
            .where(CHANGES.c.service == service, CHANGES.c.environment == environment)
            .where(sa.tuple_(EVENTS.c.step, EVENTS.c.verdict).in_(ends))
            .order_by(EVENTS.c.at, EVENTS.c.number)
        )
        with self.reading() as connection:
            return [(host, change, doc_out(doc)) for host, change, doc in connection.execute(query)]

    def touched_hosts(self, change_id: str) -> set[str]:
        """The hosts on which any run of a change had an effect, or may have had."""
        of_change = sa.join(RUN_HOSTS, RUNS, RUN_HOSTS.c.run_id == RUNS.c.id)
        query = sa.select(RUN_HOSTS.c.host).select_from(of_change)
        with self.reading() as connection:
            return set(
                connection.execute(query.where(RUNS.c.change_id == change_id, RUN_HOSTS.c.touched == 1)).scalars()
            )


def _note(
    connection: sa.Connection,
    run_id: str,
    host: str,
    values: dict[str, Any],
    touched: bool | None,
    now: datetime,
    at: str | None,
) -> None:
    when = at or stamp(now)
    row = {**values, "updated_at": when} | ({} if touched is None else {"touched": int(touched)})
    updated = connection.execute(RUN_HOSTS.update().where(_host(run_id, host)).values(row)).rowcount
    if updated != 1:
        raise ValueError(f"host {host!r} is not of run {run_id}")
    number = next_number(connection, EVENTS, EVENTS.c.run_id == run_id)
    event = {**values, "run_id": run_id, "number": number, "at": when, "host": host}
    connection.execute(EVENTS.insert().values(event))
    leases.extend(connection, run_id, now)


def _host(run_id: str, host: str) -> sa.ColumnElement[bool]:
    return (RUN_HOSTS.c.run_id == run_id) & (RUN_HOSTS.c.host == host)


def _host_row(found: Any) -> HostRow:
    values = _with_doc(found)
    return HostRow(**{**values, "touched": bool(values["touched"])})


def _with_doc(found: Any) -> dict[str, Any]:
    values = dict(found._mapping)
    return {**values, "doc": doc_out(values["doc"])}
