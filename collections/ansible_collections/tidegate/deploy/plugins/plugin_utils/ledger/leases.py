# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: who may roll a service out now, and the number by which hosts tell an old holder.

A service has one row, which stays when its lease is given back, so that numbers only rise. A number is also never
below the clock's seconds: a store that was made anew cannot fall behind what hosts have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import batches, holder, log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import Database, doc_out, stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import INTERRUPTED, LIVE, LeaseRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import CHANGES, LEASES, RUNS, sa


class Leases(Database):
    """The part of the store that keeps leases."""

    def take_lease(
        self,
        service: str,
        environment: str,
        run_id: str,
        holder_doc: dict[str, Any],
        ttl_s: int,
        is_dead: Callable[[dict[str, Any]], bool],
    ) -> int:
        """Become the one run that rolls a service out. A run that holds the lease keeps its number.

        Args:
            ttl_s: seconds without a note or renewal after which another run may take the lease over.
            is_dead: whether a holder is known to be gone (`holder.is_dead`); its lease is taken over at once.

        Returns:
            The lease's number, larger than any before.

        Raises:
            Refusal: LEASE, a live run holds it: names host, process, user, change and since when; LEASE_LOST, this
                run has ended.
        """
        now = self.now()
        with self.writing() as connection:
            _require_live_run(connection, run_id)
            found = _lease(connection, _of(service, environment), now)
            if found is not None and found.run_id == run_id:
                _renew(connection, run_id, ttl_s, now)
                return found.number
            if found is not None:
                if found.live and not is_dead(found.holder):
                    raise _held(found)
                _interrupt(connection, found, run_id, now)
            number = max(_last_number(connection, service, environment) + 1, int(now.timestamp()))
            connection.execute(LEASES.delete().where(_of(service, environment)))
            connection.execute(
                LEASES.insert().values(
                    service=service,
                    environment=environment,
                    number=number,
                    run_id=run_id,
                    holder=canonical.dumps(holder_doc).decode("utf-8"),
                    taken_at=stamp(now),
                    **_terms(ttl_s, now),
                )
            )
            body = {"service": service, "environment": environment, "number": number, "run": run_id}
            change = connection.execute(sa.select(RUNS.c.change_id).where(RUNS.c.id == run_id)).scalar()
            log.append(connection, now, "lease.taken", holder.actor_of(holder_doc), body, change)
            return number

    def renew_lease(self, run_id: str, ttl_s: int) -> None:
        """Let the lease of a run begin anew.

        Raises:
            Refusal: LEASE_LOST, another run has taken it over, or it was given back.
        """
        now = self.now()
        with self.writing() as connection:
            if not _renew(connection, run_id, ttl_s, now):
                raise _lost(connection, run_id, now)

    def release_lease(self, run_id: str) -> None:
        """Give back the lease of a run, if it has one."""
        with self.writing() as connection:
            give_back(connection, run_id)

    def require_free(self, service: str, environment: str, is_dead: Callable[[dict[str, Any]], bool]) -> None:
        """See that nobody rolls a service out now.

        Raises:
            Refusal: LEASE, as `take_lease`.
        """
        found = self.lease(service, environment)
        if found is not None and found.live and not is_dead(found.holder):
            raise _held(found)

    def lease(self, service: str, environment: str) -> LeaseRow | None:
        """The lease of a service, also one that has run out; None when it was given back or never taken."""
        with self.reading() as connection:
            return _lease(connection, _of(service, environment), self.now())


def extend(connection: sa.Connection, run_id: str, now: datetime) -> bool:
    """Let the lease of a run begin anew for as long as it was taken; answers whether the run has one."""
    ttl_s = connection.execute(sa.select(LEASES.c.ttl_s).where(LEASES.c.run_id == run_id)).scalar()
    return ttl_s is not None and _renew(connection, run_id, ttl_s, now)


def require(connection: sa.Connection, run_id: str, now: datetime) -> None:
    """Extend the lease of a run that must have one.

    Raises:
        Refusal: LEASE_LOST.
    """
    if not extend(connection, run_id, now):
        raise _lost(connection, run_id, now)


def ends_at(connection: sa.Connection, run_id: str) -> str:
    """When the lease of a run ends that has one."""
    return str(connection.execute(sa.select(LEASES.c.expires_at).where(LEASES.c.run_id == run_id)).scalar_one())


def give_back(connection: sa.Connection, run_id: str) -> None:
    """Free what a run holds; the number stays."""
    connection.execute(LEASES.update().where(LEASES.c.run_id == run_id).values(run_id=None, holder=None))


def _of(service: str, environment: str) -> sa.ColumnElement[bool]:
    return (LEASES.c.service == service) & (LEASES.c.environment == environment)


def _lease(connection: sa.Connection, which: sa.ColumnElement[bool], now: datetime) -> LeaseRow | None:
    joined = sa.outerjoin(LEASES, RUNS, RUNS.c.id == LEASES.c.run_id)
    query = sa.select(*LEASES.c, RUNS.c.change_id).select_from(joined).where(which, LEASES.c.run_id.is_not(None))
    found = connection.execute(query).first()
    if found is None:
        return None
    values = dict(found._mapping)
    return LeaseRow(**{**values, "holder": doc_out(values["holder"]), "live": values["expires_at"] > stamp(now)})


def _last_number(connection: sa.Connection, service: str, environment: str) -> int:
    return connection.execute(sa.select(LEASES.c.number).where(_of(service, environment))).scalar() or 0


def _terms(ttl_s: int, now: datetime) -> dict[str, Any]:
    return {"ttl_s": ttl_s, "renewed_at": stamp(now), "expires_at": stamp(now + timedelta(seconds=ttl_s))}


def _renew(connection: sa.Connection, run_id: str, ttl_s: int, now: datetime) -> bool:
    return connection.execute(LEASES.update().where(LEASES.c.run_id == run_id).values(_terms(ttl_s, now))).rowcount > 0


def _require_live_run(connection: sa.Connection, run_id: str) -> None:
    state = connection.execute(sa.select(RUNS.c.state).where(RUNS.c.id == run_id)).scalar()
    if state is not None and state not in LIVE:
        raise Refusal("LEASE_LOST", f"this run has ended ({state}): start it again", run=run_id, state=state)


def _interrupt(connection: sa.Connection, found: LeaseRow, by: str, now: datetime) -> None:
    """Mark the run that lost its lease, and keep a cause that it had."""
    actor = holder.actor_of(found.holder)
    lost = (RUNS.c.id == found.run_id) & RUNS.c.state.in_(LIVE)
    cause = {"code": "INTERRUPTED", "message": f"its lease was taken over by run {by}"}
    connection.execute(RUNS.update().where(lost, RUNS.c.code.is_(None)).values(cause))
    if connection.execute(RUNS.update().where(lost).values(state=INTERRUPTED, ended_at=stamp(now))).rowcount:
        batches.record(connection, now, found.run_id, found.change_id, actor)
        code = connection.execute(sa.select(RUNS.c.code).where(RUNS.c.id == found.run_id)).scalar()
        body = {"run": found.run_id, "state": INTERRUPTED, "code": code, "outcome": None}
        log.append(connection, now, "run.ended", actor, body, found.change_id)


def _held(found: LeaseRow) -> Refusal:
    by = found.holder
    who = f"{by.get('user')} on {by.get('host')}, process {by.get('pid')}"
    what = f" for {found.change_id}" if found.change_id else ""
    return Refusal(
        "LEASE",
        f"{found.service} in {found.environment} is being rolled out by {who}{what}, since {found.taken_at}. "
        f"Wait for it to end; if it is gone, run again after {found.expires_at}",
        **{name: by.get(name) for name in ("host", "pid", "user")},
        change=found.change_id,
        since=found.taken_at,
        expires_at=found.expires_at,
    )


def _lost(connection: sa.Connection, run_id: str, now: datetime) -> Refusal:
    service = sa.select(CHANGES.c.service, CHANGES.c.environment).select_from(
        sa.join(RUNS, CHANGES, RUNS.c.change_id == CHANGES.c.id)
    )
    mine = connection.execute(service.where(RUNS.c.id == run_id)).first()
    found = None if mine is None else _lease(connection, _of(*mine), now)
    why = "it was given back" if found is None else f"run {found.run_id} holds it since {found.taken_at}"
    return Refusal("LEASE_LOST", f"this run no longer holds the lease: {why}. Start it again", run=run_id)
