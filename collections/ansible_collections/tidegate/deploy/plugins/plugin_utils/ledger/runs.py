# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs, their waves, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import digest_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.permit import GRANT, MOST_HOSTS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import batches, holder, leases, log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import (
    doc_in,
    doc_out,
    stamp,
    text_in,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.hosts import Hosts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import (
    HALTED,
    INTERRUPTED,
    LIVE,
    RUNNING,
    RunRow,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    APPROVALS,
    CHANGES,
    RUN_HOSTS,
    RUNS,
    WAVES,
    sa,
)


class Runs(Hosts):
    """The part of the store that keeps runs."""

    def begin_run(
        self,
        run_id: str,
        change_id: str | None,
        revision: int | None,
        verb: str,
        holder_doc: dict[str, Any],
        waves: Sequence[Sequence[str]],
        lease: bool,
        doc: Any = None,
    ) -> RunRow:
        """Record that a process begins to work on a change. Asked again by the same run, it answers what stands.

        Args:
            run_id: of the process and change (`holder.run_id`).
                None while its plan is being made; `bind_run` names it then.
            revision: the revision of the plan that is worked on.
            verb: what the run does: rollout, rollback.
            holder_doc: the process (`holder.current_run_holder`).
            waves: names of hosts in the order in which they are worked on.
            lease: whether its waves may open only while it holds the service's lease.
            doc: what the processes of the run leave for each other.

        Raises:
            ValueError: a host appears twice, or the run id serves another change, revision or verb.
        """
        hosts = [
            {"run_id": run_id, "host": host, "wave": wave, "position": position, "touched": 0}
            for wave, names in enumerate(waves)
            for position, host in enumerate(names)
        ]
        if len({row["host"] for row in hosts}) != len(hosts):
            raise ValueError("a host appears twice in the waves of a run")
        now = self.now()
        with self.writing() as connection:
            existing = _run(connection, run_id)
            if existing is not None:
                if (existing.change_id, existing.revision, existing.verb) != (change_id, revision, verb):
                    raise ValueError(f"run {run_id} is already a {existing.verb} of {existing.change_id}")
                return existing
            row = {
                "change_id": change_id,
                "revision": revision,
                "verb": verb,
                "leased": int(lease),
                "waves": len(waves),
            }
            connection.execute(RUNS.insert().values({**row, **_new(run_id, holder_doc, doc, stamp(now))}))
            if hosts:
                connection.execute(RUN_HOSTS.insert(), hosts)
            begun = _require(connection, run_id)
            body = {"verb": verb, "revision": revision, "waves": canonical.digest(waves), "hosts": len(hosts)}
            _append(connection, now, "run.begun", begun, body)
            return begun

    def bind_run(self, run_id: str, change_id: str, revision: int) -> None:
        """Name the revision that a run works on, once its plan is made. The same again changes nothing.

        Raises:
            ValueError: no such run, or it works on another one.
        """
        with self.writing() as connection:
            run = _require(connection, run_id)
            if run.change_id is not None and (run.change_id, run.revision) != (change_id, revision):
                raise ValueError(f"run {run_id} is already a {run.verb} of {run.change_id}")
            if run.change_id is None:
                values = {"change_id": change_id, "revision": revision}
                connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(values))
                _append(connection, self.now(), "run.bound", _require(connection, run_id), {"revision": revision})

    def run(self, run_id: str) -> RunRow | None:
        """A run."""
        with self.reading() as connection:
            return _run(connection, run_id)

    def run_state(self, run_id: str) -> str | None:
        """The state of a run: running, halted, or what it ended with."""
        with self.reading() as connection:
            return connection.execute(sa.select(RUNS.c.state).where(RUNS.c.id == run_id)).scalar()

    def runs(self, change_id: str) -> list[RunRow]:
        """The runs of a change, oldest first."""
        query = sa.select(RUNS).where(RUNS.c.change_id == change_id).order_by(RUNS.c.started_at, RUNS.c.id)
        with self.reading() as connection:
            return [_run_row(found) for found in connection.execute(query)]

    def halt(self, run_id: str, code: str, message: str) -> bool:
        """Let no further wave of a run open, and keep the first cause. Answers whether this was the first."""
        running = (RUNS.c.id == run_id) & (RUNS.c.state == RUNNING)
        values = {"state": HALTED, "code": code, "message": text_in(message)}
        with self.writing() as connection:
            first = connection.execute(RUNS.update().where(running).values(values)).rowcount == 1
            if first:
                body = {"code": code, "message": digest_of(text_in(message))}
                _append(connection, self.now(), "run.halted", _require(connection, run_id), body)
            return first

    def end_run(self, run_id: str, state: str, outcome_doc: Any = None) -> bool:
        """End a run and give its lease back. The first end stays: answers whether it was this one.

        Raises:
            ValueError: the state is one of a run that has not ended.
        """
        if state in LIVE:
            raise ValueError(f"a run cannot end {state}")
        with self.writing() as connection:
            return _end(connection, RUNS.c.id == run_id, state, self.now(), doc_in(outcome_doc)) == [run_id]

    def interrupt(self, holder_doc: dict[str, Any], code: str, message: str) -> list[str]:
        """End every live run of a process as interrupted, keep a cause that it had, and answer their ids."""
        with self.writing() as connection:
            mine = RUNS.c.holder == canonical.dumps(holder_doc).decode("utf-8")
            connection.execute(
                RUNS.update()
                .where(mine, RUNS.c.state.in_(LIVE), RUNS.c.code.is_(None))
                .values(code=code, message=text_in(message))
            )
            return _end(connection, mine, INTERRUPTED, self.now(), None)

    def bury(self, is_dead: Callable[[dict[str, Any]], bool]) -> list[str]:
        """End the live runs of processes that are known to be gone: one that died early has no lease to be taken from it."""
        live = sa.select(RUNS.c.holder).where(RUNS.c.state.in_(LIVE)).distinct()
        with self.reading() as connection:
            holders = [doc_out(text) for text in connection.execute(live).scalars()]
        dead = [holder for holder in holders if is_dead(holder)]
        return [run for holder in dead for run in self.interrupt(holder, "INTERRUPTED", "its process is gone")]

    def open_wave(self, run_id: str, index: int, doc: Any = None, going: Collection[str] = ()) -> bool:
        """Open exactly the next wave, counted from 0. The open one, asked for again, answers false.

        Args:
            run_id: of the run.
            index: of the wave.
            doc: details that the caller picked from an allow-list.
            going: the states in which the change of the run has to be; any where none is named.

        Raises:
            Refusal: PAUSED, the change is in another state: somebody has stopped it meanwhile;
                WAVE, it is not the next one, the one before is not closed, or the run does not go on;
                LEASE_LOST, the run needs the lease and does not hold it.
        """
        now = self.now()
        with self.writing() as connection:
            run = _require(connection, run_id)
            _require_running(run)
            if run.leased:
                leases.require(connection, run_id, now)
            _require_going(connection, run, going)
            if run.opened == index + 1 and run.closed == index:
                return False
            if run.opened != index or run.closed != index or index >= run.waves:
                raise Refusal("WAVE", f"wave {index + 1} is not the next one: {_progress(run)}", run=run_id)
            connection.execute(
                WAVES.insert().values(run_id=run_id, number=index, opened_at=stamp(now), doc=doc_in(doc))
            )
            connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(opened=index + 1))
            _append(connection, now, "wave.opened", run, {"wave": index + 1})
            return True

    def grant(
        self, run_id: str, index: int, statement: str, service: str, hosts: Mapping[str, str], going: Collection[str]
    ) -> dict[str, int]:
        """Let the enrolled hosts of the open wave activate the release, in as many entries as that takes.

        What stops a wave is asked once more, in the transaction that grants.

        Args:
            run_id: of the run.
            index: of the wave.
            statement: the id of the statement that people signed.
            service: that is rolled out.
            hosts: the challenge of each host, by its uid.
            going: the states in which the change of the run has to be.

        Returns:
            The index of the entry that is shown to each host, by its uid.

        Raises:
            Refusal: PAUSED, VETO, WAVE or LEASE_LOST, as `open_wave`; CLOCK.
        """
        now, uids = self.now(), sorted(hosts)
        granted: dict[str, int] = {}
        with self.writing() as connection:
            run = _require(connection, run_id)
            _require_running(run)
            leases.require(connection, run_id, now)
            _require_going(connection, run, going)
            _require_no_veto(connection, run)
            if (run.opened, run.closed) != (index + 1, index):
                raise Refusal("WAVE", f"wave {index + 1} is not open: {_progress(run)}", run=run_id)
            until = f"{leases.ends_at(connection, run_id)[:19]}Z"
            told = {"statement": statement, "service": service, "wave": index + 1, "lease_until": until}
            for first in range(0, len(uids), MOST_HOSTS):
                some = {uid: hosts[uid] for uid in uids[first : first + MOST_HOSTS]}
                body: dict[str, Any] = {**told, "hosts": some}
                granted |= dict.fromkeys(some, log.append(connection, now, GRANT, _actor(run), body, run.change_id))
        return granted

    def close_wave(self, run_id: str, index: int) -> bool:
        """Close the open wave. One that is closed already answers false.

        Raises:
            Refusal: WAVE, it is not open.
        """
        with self.writing() as connection:
            run = _require(connection, run_id)
            if index < run.closed:
                return False
            if (run.opened, run.closed) != (index + 1, index):
                raise Refusal("WAVE", f"wave {index + 1} is not open: {_progress(run)}", run=run_id)
            now = self.now()
            wave = (WAVES.c.run_id == run_id) & (WAVES.c.number == index)
            connection.execute(WAVES.update().where(wave).values(closed_at=stamp(now)))
            connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(closed=index + 1))
            batches.record(connection, now, run_id, run.change_id, _actor(run))
            _append(connection, now, "wave.closed", run, {"wave": index + 1})
            return True

    def wave_state(self, run_id: str) -> tuple[int, int]:
        """How many waves of a run were opened, and how many closed.

        Raises:
            ValueError: no such run.
        """
        with self.reading() as connection:
            run = _require(connection, run_id)
            return run.opened, run.closed


def _end(
    connection: sa.Connection, which: sa.ColumnElement[bool], state: str, now: datetime, outcome: str | None
) -> list[str]:
    """End the live runs among those selected, give back their leases, and answer their ids."""
    live = which & RUNS.c.state.in_(LIVE)
    ids = list(connection.execute(sa.select(RUNS.c.id).where(live)).scalars())
    connection.execute(RUNS.update().where(live).values(state=state, ended_at=stamp(now), outcome=outcome))
    for run_id in ids:
        run = _require(connection, run_id)
        batches.record(connection, now, run_id, run.change_id, _actor(run))
        _append(connection, now, "run.ended", run, {"state": state, "code": run.code, "outcome": digest_of(outcome)})
        leases.give_back(connection, run_id)
    return ids


def _new(run_id: str, holder_doc: dict[str, Any], doc: Any, now: str) -> dict[str, Any]:
    """What the row of every run begins with."""
    return {
        "id": run_id,
        "holder": canonical.dumps(holder_doc).decode("utf-8"),
        "doc": None if doc is None else canonical.dumps(doc).decode("utf-8"),
        "opened": 0,
        "closed": 0,
        "state": RUNNING,
        "started_at": now,
    }


def _append(connection: sa.Connection, now: datetime, kind: str, run: RunRow, body: dict[str, Any]) -> None:
    log.append(connection, now, kind, _actor(run), {"run": run.id, **body}, run.change_id)


def _actor(run: RunRow) -> str:
    """Who a run is, as the ledger names it: the process that holds it."""
    return holder.actor_of(run.holder)


def _run(connection: sa.Connection, run_id: str) -> RunRow | None:
    found = connection.execute(sa.select(RUNS).where(RUNS.c.id == run_id)).first()
    return None if found is None else _run_row(found)


def _require(connection: sa.Connection, run_id: str) -> RunRow:
    found = _run(connection, run_id)
    if found is None:
        raise ValueError(f"the store knows no run {run_id}")
    return found


def _require_going(connection: sa.Connection, run: RunRow, going: Collection[str]) -> None:
    state = connection.execute(sa.select(CHANGES.c.state).where(CHANGES.c.id == run.change_id)).scalar()
    if going and state not in going:
        raise Refusal("PAUSED", f"{run.change_id} is {state}: no further wave opens", change=run.change_id, state=state)


def _require_no_veto(connection: sa.Connection, run: RunRow) -> None:
    of_plan = (APPROVALS.c.change_id == run.change_id) & (APPROVALS.c.revision == run.revision)
    said = connection.execute(sa.select(APPROVALS.c.person, APPROVALS.c.decision).where(of_plan)).all()
    vetoed = {person for person, decision in said if decision == "veto"}
    left = vetoed - {person for person, decision in said if decision == "withdraw"}
    if left:
        raise Refusal("VETO", f"{run.change_id} was rejected by {', '.join(sorted(left))}", change=run.change_id)


def _require_running(run: RunRow) -> None:
    if run.state != RUNNING:
        cause = f" ({run.code}: {run.message})" if run.code else ""
        raise Refusal("WAVE", f"the run is {run.state}{cause}: no further wave opens", run=run.id, state=run.state)


def _progress(run: RunRow) -> str:
    return f"of {run.waves} waves {run.opened} were opened and {run.closed} closed"


def _run_row(found: Any) -> RunRow:
    values = dict(found._mapping)
    values |= {
        "holder": doc_out(values["holder"]),
        "doc": doc_out(values["doc"]),
        "outcome": doc_out(values["outcome"]),
        "leased": bool(values["leased"]),
    }
    return RunRow(**values)
