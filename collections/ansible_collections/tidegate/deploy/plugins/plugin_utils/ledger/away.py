# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store on a server goes away while a run is under way: what was begun is finished, and recorded later, once.

- `Remote` is the store. From when a run takes its lease it keeps beside it, on this controller, what the run's steps ask for.
- `Kept` is that, when the store is away. It says no to everything that begins something, and what it takes instead it
  also writes to the process's `Spool`.
- Whoever opens the store next on this controller records what the spools hold, in order. Every note has an id, which the
  store remembers in the transaction of the note: one that was recorded just before the connection broke is not recorded again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import is_server
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.copying import copy_run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import BUSY_S, Clock, stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.postgresql import Away, Server
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.reserve import Local
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import LIVE, ChangeRow, Move, RunRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import NOTED, RUNS, sa
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.spool import FOLDER, Event, Spool, spools
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.sqlite import SqliteFile, make_folder, prepare_file
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

Decide = Callable[[ChangeRow], Move]


def open_store(address: str, clock: Clock, folder: str, process: str, busy_s: float = BUSY_S) -> Store:
    """A store for the steps of a run; one on a server first gets what this controller noted while it was away.

    Args:
        address: as `Store.open` takes it.
        clock: answers the present time, aware.
        folder: what lies beside a store on a server.
        process: the ansible-playbook process (`holder.run_id`).
        busy_s: how long a transaction waits for another process.

    Raises:
        Refusal: as `Store.open`; `Away` when the store is, and `open_kept` may help.
    """
    if not is_server(address):
        return Local.open(address, clock, busy_s=busy_s)
    store = Remote(Server(address, folder, busy_s), clock, process)
    try:
        store.migrate()
        for spool in spools(folder):
            record(store, spool)
    except BaseException:
        store.close()
        raise
    return store


def open_to_end(address: str, clock: Clock, folder: str, process: str, busy_s: float = BUSY_S) -> Store:
    """The store, or while it is away what a process keeps beside it: for what ends something.

    Args:
        address: as `open_store`.
        clock: answers the present time, aware.
        folder: what lies beside a store on a server.
        process: the ansible-playbook process.
        busy_s: how long a transaction waits for another process.

    Raises:
        Refusal: as `open_store`; `Away`, this process has begun nothing.
    """
    try:
        return open_store(address, clock, folder, process, busy_s)
    except Away as why:
        kept = open_kept(folder, clock, process, why)
        if kept is None:
            raise
        return kept


def open_kept(folder: str, clock: Clock, process: str, why: Away) -> Kept | None:
    """What a process keeps for its steps while the store is away; None when it has begun nothing."""
    path = _path(folder, process)
    return Kept(SqliteFile(path), clock, Spool(folder, process), why) if os.path.exists(path) else None


def leave(address: str, folder: str, process: str, noted: Iterable[tuple[str, Sequence[Any]]]) -> bool:
    """Keep what a process could not record before it ended, for whoever opens the store next on this controller.

    Args:
        address: as `open_store`.
        folder: what lies beside a store on a server.
        process: the ansible-playbook process.
        noted: in order, each one of `spool.RECORDS` with its arguments.

    Returns:
        Whether it is kept: nobody waits for a file that cannot be used.

    Raises:
        Refusal: STORE, it cannot be written.
    """
    if not is_server(address):
        return False
    spool = Spool(folder, process)
    for kind, said in noted:
        spool.append({"id": secrets.token_hex(8), "kind": kind, "said": list(said), "more": {}})
    return True


class Noting(Store):
    """A store to which all that ends something (`spool.KINDS`) goes one way: through `_noted`."""

    def note(self, *said: Any, **more: Any) -> None:
        self._noted("note", said, more, super().note)

    def halt(self, *said: Any, **more: Any) -> bool:
        return bool(self._noted("halt", said, more, super().halt))

    def close_wave(self, *said: Any, **more: Any) -> bool:
        return bool(self._noted("close_wave", said, more, super().close_wave))

    def end_run(self, *said: Any, **more: Any) -> bool:
        return bool(self._noted("end_run", said, more, super().end_run))

    def interrupt(self, *said: Any, **more: Any) -> list[str]:
        return list(self._noted("interrupt", said, more, super().interrupt))

    def move_change(self, *said: Any, **more: Any) -> ChangeRow:
        found: ChangeRow = self._noted("move_change", said, more, super().move_change)
        return found

    def _noted(self, kind: str, said: Sequence[Any], more: Mapping[str, Any], do: Callable[..., Any]) -> Any:
        """Do what is noted, and keep it where it has to be kept.

        Args:
            kind: the method of the store.
            said: what it was called with.
            more: the same, by name.
            do: does it in this store.
        """
        raise NotImplementedError


class Kept(Noting):
    """The runs of a process as they stood when the store went away, and what their steps came to since.

    Args:
        backend: the file beside the store.
        clock: answers the present time, aware.
        spool: keeps what is to be recorded.
        why: the store is away.
    """

    def __init__(self, backend: SqliteFile, clock: Clock, spool: Spool, why: Away) -> None:
        super().__init__(backend, clock)
        self.folder = os.path.dirname(self.folder)
        self.kept_in = spool.path
        self.ident = ""
        self._spool = spool
        self._why = why
        self._takes = False

    def require_there(self) -> None:
        raise self._why

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Only for what ends something.

        Raises:
            Away: for anything else.
        """
        if not self._takes:
            raise self._why
        with super().writing() as connection:
            yield connection

    def note(self, *said: Any, **more: Any) -> None:
        more.setdefault("at", stamp(self.now()))
        super().note(*said, **more)

    def move_change(self, change_id: str, decide: Decide, *said: Any, **more: Any) -> ChangeRow:
        row = self.change(change_id)
        if row is None:
            raise self._why
        move = decide(row)
        moved = partial(Store.move_change, self, change_id, lambda _row: move)
        decided = {"change": change_id, "before": row.state, "move": asdict(move)}
        found: ChangeRow = self._noted("move_change", said, more, moved, decided)
        return found

    def _noted(
        self,
        kind: str,
        said: Sequence[Any],
        more: Mapping[str, Any],
        do: Callable[..., Any],
        decided: Mapping[str, Any] | None = None,
    ) -> Any:
        """Spool what is noted, and bring this file to where it leads."""
        event = {"id": self.ident or secrets.token_hex(8), "kind": kind, "said": list(said), "more": dict(more)}
        self._spool.append(event | ({"decided": dict(decided)} if decided else {}))
        self._takes, self.ident = True, ""
        try:
            return do(*said, **more)
        finally:
            self._takes = False


class Remote(Noting):
    """A store on a server, which may go away while a run is under way.

    Args:
        backend: the server.
        clock: answers the present time, aware.
        process: the ansible-playbook process, by which its workers find what is kept.
    """

    def __init__(self, backend: Server, clock: Clock, process: str) -> None:
        super().__init__(backend, clock)
        self._process = process
        self._noting: tuple[str, str] | None = None

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The only writer; the id of what is noted is remembered with it."""
        with super().writing() as connection:
            if self._noting is not None:
                process, ident = self._noting
                connection.execute(NOTED.insert().values(process=process, id=ident))
            yield connection

    @contextmanager
    def noting(self, process: str, ident: str) -> Iterator[None]:
        """Remember the id of a process's event in the transaction of the block."""
        self._noting = (process, ident)
        try:
            yield
        finally:
            self._noting = None

    def knows(self, process: str, ident: str) -> bool:
        """Whether an event of a process was recorded."""
        which = (NOTED.c.process == process) & (NOTED.c.id == ident)
        with self.reading() as connection:
            return connection.execute(sa.select(NOTED.c.id).where(which)).first() is not None

    def forget(self, process: str) -> None:
        """Let go of what is kept for a process that has recorded everything, and works on nothing."""
        with self.writing() as connection:
            connection.execute(NOTED.delete().where(NOTED.c.process == process))
        for ending in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(_path(self.folder, process) + ending)

    def works(self, process: str) -> bool:
        """Whether a run of a process is live; its first run has the name of the process."""
        holder = sa.select(RUNS.c.holder).where(RUNS.c.id == process).scalar_subquery()
        live = sa.select(RUNS.c.id).where(RUNS.c.holder == holder, RUNS.c.state.in_(LIVE))
        with self.reading() as connection:
            return connection.execute(live).first() is not None

    def begin_run(self, *said: Any, **more: Any) -> RunRow:
        """Begin, and let go of what is kept for processes that have ended."""
        begun = super().begin_run(*said, **more)
        for path in Path(self.folder, FOLDER).glob("*.db"):
            waits = path.with_suffix(".jsonl").exists()
            if path.stem != self._process and not waits and not self.works(path.stem):
                self.forget(path.stem)
        return begun

    # -- what a run needs to be finished without the store ---------------------------------------------------------

    def take_lease(self, service: str, environment: str, run_id: str, *said: Any) -> int:
        number = super().take_lease(service, environment, run_id, *said)
        self._keep_beside(run_id)
        return number

    def open_wave(self, run_id: str, *said: Any, **more: Any) -> bool:
        opened = super().open_wave(run_id, *said, **more)
        self._keep_beside(run_id)
        return opened

    def _keep_beside(self, run_id: str) -> None:
        make_folder(self.folder)
        path = prepare_file(_path(self.folder, self._process), self._clock, create=True)
        with Store(SqliteFile(path), self._clock) as beside:
            copy_run(self, beside, run_id)

    # -- what is noted, in any case --------------------------------------------------------------------------------

    def _noted(self, kind: str, said: Sequence[Any], more: Mapping[str, Any], do: Callable[..., Any]) -> Any:
        """Note it in the store and in what is kept beside it; without the store in what is kept, and spool it."""
        if self._noting is not None:  # from a spool: what is kept beside has it
            return do(*said, **more)
        ident = secrets.token_hex(8)
        try:
            with self.noting(self._process, ident):
                answer = do(*said, **more)
        except Away as why:
            kept = open_kept(self.folder, self._clock, self._process, why)
            if kept is None:
                raise
            with closing(kept):
                kept.ident = ident
                return getattr(kept, kind)(*said, **more)
        self._note_beside(kind, said, more)
        return answer

    def _note_beside(self, kind: str, said: Sequence[Any], more: Mapping[str, Any]) -> None:
        """Bring what is kept beside to the same point; of changes and runs that hold no lease nothing is kept there."""
        path = _path(self.folder, self._process)
        if os.path.exists(path):
            with Store(SqliteFile(path), self._clock) as beside, suppress(Refusal, ValueError):
                getattr(beside, kind)(*said, **more)


def record(store: Remote, spool: Spool) -> None:
    """Record what a process noted while the store was away, each event once, in order.

    An event that no longer fits is left out, and the ledger says so: somebody else has decided meanwhile.

    Raises:
        Refusal: STORE, the file holds something else; `Away`, the store went away again: the file stays.
    """
    with spool.taken() as events:
        new = [event for event in events if not store.knows(spool.process, event["id"])]
        left_out = [code for event in new if (code := _recorded(store, spool.process, event))]
        if new:
            store.append("notes.recorded", actor(), {"process": spool.process, "notes": len(new), "left_out": left_out})
    if events and not store.works(spool.process):
        store.forget(spool.process)


def _recorded(store: Remote, process: str, event: Event) -> str:
    """Why an event could not be recorded; empty if it was."""
    said = list(event["said"])
    if "decided" in event:
        decided = event["decided"]
        said = [decided["change"], _unless_moved(decided["before"], Move(**decided["move"])), *said]
    try:
        with store.noting(process, event["id"]):
            getattr(store, event["kind"])(*said, **event["more"])
    except Away:
        raise
    except Refusal as refusal:
        return refusal.code
    except ValueError:
        return "DATA"
    return ""


def _unless_moved(before: str, move: Move) -> Decide:
    """The move that was decided while the store was away, if the change still is where it was then."""

    def decide(row: ChangeRow) -> Move:
        if row.state != before:
            raise Refusal("NOT_OPEN", f"change {row.id} is {row.state}, and was {before}", change=row.id)
        return move

    return decide


def _path(folder: str, process: str) -> str:
    return os.path.join(folder, FOLDER, f"{process}.db")
