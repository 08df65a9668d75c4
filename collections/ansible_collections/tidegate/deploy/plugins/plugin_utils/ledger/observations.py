# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks of the site's own did: what the gate said to them, and the results that were recorded of them.

What the gate says has its entry in the ledger in the same transaction; results have one entry for each batch, with the
digest of the batch's document. All of it is names, numbers and words of ours: the callers pick from allow-lists.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import (
    Database,
    doc_in,
    doc_out,
    next_number,
    stamp,
    text_in,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    GATED,
    RECORDED_BATCHES,
    RECORDED_RUNS,
    sa,
)

STATUSES = ("ok", "changed", "failed", "unreachable", "skipped")
"""What a result came to."""

MOST_HOSTS = 50
"""So many names of hosts are in an entry; the row has all."""


@dataclass(frozen=True)
class Said:
    """What the gate said to a run.

    Attributes:
        run_id: of the process.
        playbook: the name of its file.
        change: the change that was named, or None.
        mode: whether it refused or only observed.
        allowed: whether the run may touch these hosts.
        code: why it may not; empty where it may.
        reason: the same for people.
        hosts: the protected hosts that it is about.
    """

    run_id: str
    playbook: str
    change: str | None
    mode: str
    allowed: bool
    code: str
    reason: str
    hosts: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind of its entry."""
        if self.mode == "observe":
            return "gate.observed"
        return "gate.passed" if self.allowed else "gate.refused"


@dataclass(frozen=True)
class GatedRow:
    """What the gate said, as it is kept."""

    run_id: str
    number: int
    at: str
    actor: str
    playbook: str
    change_id: str | None
    mode: str
    allowed: int
    code: str
    reason: str | None
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class RecordedRun:
    """A recorded run of a playbook of the site's own, with what it came to on each host."""

    run_id: str
    change_id: str | None
    actor: str
    playbook: str
    started_at: str
    ended_at: str | None
    lost: int
    hosts: Mapping[str, Mapping[str, int]]


class Observations(Database):
    """The part of the store that keeps what playbooks of the site's own did."""

    def gated(self, said: Said, actor: str) -> None:
        """Record what the gate says, before it says it; what it has said to the same run before is there already.

        Args:
            said: of which run and hosts, and what.
            actor: who runs the playbook.

        Raises:
            Refusal: STORE, it cannot be recorded.
        """
        now = self.now()
        body = {
            "run": said.run_id,
            "playbook": said.playbook,
            "mode": said.mode,
            "allowed": said.allowed,
            "code": said.code,
            "hosts": list(said.hosts[:MOST_HOSTS]),
            "hosts_in_all": len(said.hosts),
        }
        with self.writing() as connection:
            same = (GATED.c.run_id == said.run_id) & (GATED.c.mode == said.mode) & (GATED.c.code == said.code)
            hosts = doc_in(list(said.hosts))
            if connection.execute(sa.select(GATED.c.number).where(same, GATED.c.hosts == hosts)).first() is not None:
                return
            row = {
                "run_id": said.run_id,
                "number": next_number(connection, GATED, GATED.c.run_id == said.run_id),
                "at": stamp(now),
                "actor": actor,
                "playbook": said.playbook,
                "change_id": said.change,
                "mode": said.mode,
                "allowed": int(said.allowed),
                "code": said.code,
                "reason": text_in(said.reason),
                "hosts": hosts,
            }
            connection.execute(GATED.insert().values(row))
            log.append(connection, now, said.kind, actor, body, said.change)

    def gated_rows(self, since: str = "") -> list[GatedRow]:
        """What the gate said since a moment, oldest first."""
        query = sa.select(GATED).where(GATED.c.at >= since).order_by(GATED.c.at, GATED.c.run_id, GATED.c.number)
        with self.reading() as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
        return [GatedRow(**{**row, "hosts": tuple(doc_out(row["hosts"]))}) for row in found]

    def begin_record(
        self, run_id: str, change: str | None, actor: str, playbook: str, began_at: str | None = None
    ) -> None:
        """Record that a playbook begins; the same again changes nothing.

        Args:
            run_id: of the process.
            change: that was named, or None.
            actor: who runs it.
            playbook: the name of its file.
            began_at: when it began, where that is recorded later; None: now.
        """
        values = {
            "run_id": run_id,
            "change_id": change,
            "actor": actor,
            "playbook": playbook,
            "started_at": began_at or stamp(self.now()),
            "lost": 0,
        }
        with self.writing() as connection:
            known = sa.select(RECORDED_RUNS.c.run_id).where(RECORDED_RUNS.c.run_id == run_id)
            if connection.execute(known).first() is None:
                connection.execute(RECORDED_RUNS.insert().values(values))

    def add_batch(
        self,
        run_id: str,
        results: Sequence[Mapping[str, Any]],
        lost: int = 0,
        ended: bool = False,
        ended_at: str | None = None,
    ) -> None:
        """Record results of a run in one transaction, with one entry.

        Args:
            run_id: begun before.
            results: each with ``host`` and ``status`` of `STATUSES`, and what else the caller picked.
            lost: how many the caller could not keep since the last batch.
            ended: whether the run has ended with them.
            ended_at: when it has, where that is recorded later; None: now.

        Raises:
            ValueError: no such run.
        """
        now = self.now()
        document = canonical.dumps(list(results))
        digest = hashlib.sha256(document).hexdigest()
        which = RECORDED_RUNS.c.run_id == run_id
        with self.writing() as connection:
            run = connection.execute(sa.select(RECORDED_RUNS).where(which)).first()
            if run is None:
                raise ValueError(f"the store has no record of run {run_id}")
            number = next_number(connection, RECORDED_BATCHES, RECORDED_BATCHES.c.run_id == run_id)
            row = {
                "run_id": run_id,
                "number": number,
                "at": stamp(now),
                "digest": digest,
                "document": document.decode(),
            }
            connection.execute(RECORDED_BATCHES.insert().values(row))
            values = {"lost": run.lost + lost} | ({"ended_at": ended_at or stamp(now)} if ended else {})
            connection.execute(RECORDED_RUNS.update().where(which).values(values))
            body = {
                "run": run_id,
                "batch": number,
                "results": len(results),
                "lost": lost,
                "ended": ended,
                "digest": digest,
            }
            log.append(connection, now, "record.batch", run.actor, body, run.change_id)

    def recorded_runs(self, change: str | None = None, most: int | None = 100) -> list[RecordedRun]:
        """The recorded runs that began last, newest first, or all of them; those of one change if that is named."""
        query = sa.select(RECORDED_RUNS).order_by(RECORDED_RUNS.c.started_at.desc(), RECORDED_RUNS.c.run_id).limit(most)
        if change is not None:
            query = query.where(RECORDED_RUNS.c.change_id == change)
        with self.reading() as connection:
            runs = [dict(row._mapping) for row in connection.execute(query)]
            return [RecordedRun(**run, hosts=_hosts_of(connection, run["run_id"])) for run in runs]

    def recorded_results(self, run_id: str) -> list[dict[str, Any]]:
        """Every recorded result of a run, in order."""
        with self.reading() as connection:
            return list(_results_of(connection, run_id))


def _hosts_of(connection: sa.Connection, run_id: str) -> dict[str, dict[str, int]]:
    """What the results of a run come to, by host."""
    counts: dict[str, Counter[str]] = {}
    for result in _results_of(connection, run_id):
        counts.setdefault(result["host"], Counter())[result["status"]] += 1
    return {host: {status: count[status] for status in STATUSES} for host, count in sorted(counts.items())}


def _results_of(connection: sa.Connection, run_id: str) -> Iterator[dict[str, Any]]:
    query = sa.select(RECORDED_BATCHES.c.document).where(RECORDED_BATCHES.c.run_id == run_id)
    for document in connection.execute(query.order_by(RECORDED_BATCHES.c.number)).scalars().all():
        yield from doc_out(document)
