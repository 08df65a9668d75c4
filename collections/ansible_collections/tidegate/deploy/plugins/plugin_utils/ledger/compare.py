# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the rows of the store are what the entries of the log say about them.

The log is proved by itself and by checkpoints; here the plans, notes and outcomes that it holds digests of are held
against it, in the order of the log. What happened before the log began has no entries, and is not asked.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.audit import Finding
from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import MAX_ACTOR, Entry, digest_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import batches
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import Database
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    APPROVALS,
    CHANGES,
    MOVES,
    REVISIONS,
    RUN_HOSTS,
    RUNS,
    sa,
)

MAX_FINDINGS = 20


class Comparison:
    """Sees every entry of a log, and says which rows differ.

    Args:
        store: whose rows they are.
    """

    def __init__(self, store: Database) -> None:
        self._store = store
        self._begun = ""
        self._planned: set[tuple[str, int]] = set()
        self._runs: set[str] = set()
        self._decisions: set[tuple[str, ...]] = set()
        self._moves: Counter[str] = Counter()
        self._states: dict[str, tuple[int, str]] = {}
        self._ask: dict[str, Callable[[sa.Connection, Entry], str | None]] = {
            "change.planned": self._plan,
            "change.moved": self._moved,
            "run.begun": self._run,
            "hosts.recorded": self._notes,
            "run.ended": self._end,
            "request.given": self._decision,
            "approval.given": self._decision,
            "approval.vetoed": self._decision,
            "approval.withdrawn": self._decision,
        }
        self.findings: list[Finding] = []

    def see(self, entry: Entry) -> None:
        """Hold the rows of an entry against it."""
        if entry.index == 0:
            self._begun = entry.at
        ask = self._ask.get(entry.kind)
        if ask is None or len(self.findings) >= MAX_FINDINGS:
            return
        with self._store.reading() as connection:
            wrong = ask(connection, entry)
        if wrong is not None:
            self._found(wrong, entry.index)

    def finish(self) -> list[Finding]:
        """What was found, with the rows that have no entry, and changes that are in another state."""
        with self._store.reading() as connection:
            for wrong in self._without_entry(connection):
                self._found(wrong, None)
            for change, (index, state) in self._states.items():
                found = connection.execute(sa.select(CHANGES.c.state).where(CHANGES.c.id == change)).scalar()
                if found != state:
                    self._found(f"{change} is {found}, and entry {index} says {state}", index)
        return self.findings[:MAX_FINDINGS]

    def _found(self, wrong: str, index: int | None) -> None:
        self.findings.append(Finding("rows", wrong, index, index))

    def _plan(self, connection: sa.Connection, entry: Entry) -> str | None:
        change, revision = str(entry.change), entry.body.get("revision")
        self._planned.add((change, int(revision or 0)))
        key = (REVISIONS.c.change_id == change) & (REVISIONS.c.revision == revision)
        plan = connection.execute(sa.select(REVISIONS.c.plan).where(key)).scalar()
        if plan is None:
            return f"the plan of {change}, revision {revision}, is gone; entry {entry.index} names it"
        if hashlib.sha256(plan.encode("utf-8")).hexdigest() != entry.body.get("plan"):
            return f"the plan of {change}, revision {revision}, is not the one of entry {entry.index}"
        return None

    def _moved(self, connection: sa.Connection, entry: Entry) -> str | None:
        change, body = str(entry.change), entry.body
        self._states[change] = (entry.index, str(body.get("after")))
        self._moves[change] += 1
        number = self._moves[change]
        key = (MOVES.c.change_id == change) & (MOVES.c.number == number)
        found = connection.execute(sa.select(MOVES).where(key)).first()
        if found is None:
            return f"move {number} of {change} is gone; entry {entry.index} names it"
        told = (entry.at, entry.actor, *(body.get(name) for name in ("event", "before", "after", "revision", "reason")))
        kept = (found.at, _actor(found.actor), found.event, found.before, found.after, found.revision)
        if told != (*kept, digest_of(found.reason)):
            return f"move {number} of {change} is not the one of entry {entry.index}"
        return None

    def _run(self, connection: sa.Connection, entry: Entry) -> str | None:
        run = str(entry.body.get("run"))
        self._runs.add(run)
        hosts = sa.select(RUN_HOSTS.c.wave, RUN_HOSTS.c.host).where(RUN_HOSTS.c.run_id == run)
        waves: list[list[str]] = []
        for wave, host in connection.execute(hosts.order_by(RUN_HOSTS.c.wave, RUN_HOSTS.c.position)):
            waves.extend([] for _wave in range(len(waves), wave + 1))
            waves[wave].append(host)
        if canonical.digest(waves) != entry.body.get("waves"):
            return f"the hosts of run {run} are not those of entry {entry.index}"
        return None

    def _notes(self, connection: sa.Connection, entry: Entry) -> str | None:
        run, first, last = (entry.body.get(name) for name in ("run", "first", "last"))
        rows = batches.rows_of(connection, str(run), int(first or 0), int(last or 0))
        if batches.digest(rows) != entry.body.get("digest"):
            return f"the notes {first} to {last} of run {run} are not those of entry {entry.index}"
        return None

    def _end(self, connection: sa.Connection, entry: Entry) -> str | None:
        run = str(entry.body.get("run"))
        found = connection.execute(sa.select(RUNS.c.state, RUNS.c.code, RUNS.c.outcome).where(RUNS.c.id == run)).first()
        if found is None:
            return f"run {run} is gone; entry {entry.index} says how it ended"
        ended = (found.state, found.code, digest_of(found.outcome))
        if ended != tuple(entry.body.get(name) for name in ("state", "code", "outcome")):
            return f"run {run} did not end as entry {entry.index} says"
        return None

    def _decision(self, connection: sa.Connection, entry: Entry) -> str | None:
        body = entry.body
        key = (str(body.get("statement")), entry.actor, str(body.get("decision")), str(body.get("strength")))
        self._decisions.add(key)
        columns = (APPROVALS.c.statement, APPROVALS.c.person, APPROVALS.c.decision, APPROVALS.c.strength)
        which = sa.and_(*(column == value for column, value in zip(columns, key, strict=True)))
        found = connection.execute(sa.select(APPROVALS).where(which)).first()
        if found is None:
            return f"the {key[2]} of {entry.actor} is gone; entry {entry.index} names it"
        told = (body.get("revision"), body.get("key"), body.get("signature"), entry.at, entry.change, key[0])
        kept = (found.revision, found.key, digest_of(found.signature), found.at, found.change_id)
        # entries of before that time have no digest of the evidence
        same_evidence = body.get("evidence", digest_of(found.evidence)) == digest_of(found.evidence)
        if told != (*kept, digest_of(found.document)) or not same_evidence:
            return f"the {key[2]} of {entry.actor} is not the one of entry {entry.index}"
        return None

    def _without_entry(self, connection: sa.Connection) -> Iterator[str]:
        since: Any = REVISIONS.c.created_at >= self._begun
        for change, revision in connection.execute(sa.select(REVISIONS.c.change_id, REVISIONS.c.revision).where(since)):
            if (change, revision) not in self._planned:
                yield f"the plan of {change}, revision {revision}, has no entry"
        for run in connection.execute(sa.select(RUNS.c.id).where(RUNS.c.started_at >= self._begun)).scalars():
            if run not in self._runs:
                yield f"run {run} has no entry"
        given = (APPROVALS.c.statement, APPROVALS.c.person, APPROVALS.c.decision, APPROVALS.c.strength)
        for key in connection.execute(sa.select(*given)):
            if tuple(key) not in self._decisions:
                yield f"the {key.decision} of {key.person} has no entry"
        for change, number in connection.execute(sa.select(MOVES.c.change_id, MOVES.c.number)):
            if number > self._moves[change]:
                yield f"move {number} of {change} has no entry"


def _actor(kept: str) -> str:
    """The actor of a row as entries say it."""
    return unicodedata.normalize("NFC", kept[:MAX_ACTOR])
