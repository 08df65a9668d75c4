# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SQLite file with transactions that many processes may ask for at once.

- WAL and ``synchronous=FULL``: what was committed survives a power cut.
- A write begins with ``BEGIN IMMEDIATE``, so it either has the only right to write or waits for it, a bounded time.
- No connection outlives its transaction's use, and none crosses a fork.
- A new file appears under its name only when it is complete, so that processes that open it at once cannot collide.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import migrations
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.filesystems import mounts_of_kernel, refuse_network
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    COMPILED,
    DIALECT,
    require_sqlalchemy,
    sa,
)

Clock = Callable[[], datetime]
"""Answers the present time as an aware datetime."""

BUSY_S = 15
MAX_TEXT = 4000
MAX_DOC_BYTES = 256 * 1024
SQLITE_URL = "sqlite:///"
_SEEN: dict[str, tuple[int, int]] = {}
"""Of each store that was found up to date: SQLite's own number, which any change of tables raises, and that of the last
migration. Workers know what the process that forked them has seen."""

_FOLDER_NOTE = "# written by Tidegate: a store is not for git\n*\n"


class Database:
    """The file, its clock and its two kinds of transactions; `open` makes one.

    Args:
        path: the absolute path of a file that exists.
        clock: the present time, handed in by the door.
        busy_s: how long to wait for another process's write.
    """

    def __init__(self, path: str, clock: Clock, busy_s: float = BUSY_S) -> None:
        require_sqlalchemy()
        self.path = path
        self._clock = clock
        self._busy_s = busy_s
        self._pid = os.getpid()
        self._engine = _engine(path, busy_s)
        self._connection: Any = None

    def migrate(self, steps: tuple[migrations.Migration, ...] = migrations.ALL) -> None:
        """Bring the schema up to date; all that is missing, or nothing.

        Raises:
            Refusal: STORE_SCHEMA, newer code has written it; STORE, it is not ours or cannot be used.
        """
        with self.reading() as connection:
            shape = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
            if _SEEN.get(self.path) == (shape, steps[-1].number):
                return
            seen = migrations.version(connection)
        if seen == steps[-1].number:
            _SEEN[self.path] = (shape, seen)
            return
        with self.writing() as connection:
            migrations.migrate(connection, stamp(self.now()), steps)

    def close(self) -> None:
        """Let go of the file. Closing twice does no harm."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def now(self) -> datetime:
        """The time of the clock, in UTC.

        Raises:
            ValueError: the clock answers a time without a zone.
        """
        now = self._clock()
        if now.tzinfo is None:
            raise ValueError("the store's clock must answer an aware datetime")
        return now.astimezone(UTC)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view of the store."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The only writer, from the first statement to the commit; any exception undoes all of it."""
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, write: bool) -> Iterator[sa.Connection]:
        if os.getpid() != self._pid:
            raise RuntimeError("a store may not be used on the other side of a fork: open it again")
        with refusing(self.path, self._busy_s):
            if self._connection is None:
                self._connection = self._engine.connect()
            self._connection.info["write"] = write
            with self._connection.begin():
                yield self._connection


def prepare_file(path: str, clock: Clock, create: bool, mounts: Callable[[], str] = mounts_of_kernel) -> str:
    """Make sure that a file is at a path where a store may lie, and answer its absolute path.

    Raises:
        Refusal: DEPENDENCY; STORE, not there and not to be created, on a network file system, or not usable.
    """
    require_sqlalchemy()
    where = os.path.abspath(path)
    if os.path.exists(where):
        refuse_network(os.path.dirname(where), mounts)
        return where
    if not create:
        raise Refusal("STORE", f"there is no store at {where}: nothing was planned or rolled out from here yet")
    refuse_network(_nearest_folder(where), mounts)
    with refusing(where):
        _make_folder(os.path.dirname(where))
        _create(where, clock)
    return where


def path_of(url_or_path: str) -> str:
    """The file that a path or an SQLite URL names.

    Raises:
        Refusal: UNSUPPORTED, a URL of another database.
    """
    if url_or_path.startswith(SQLITE_URL):
        return url_or_path[len(SQLITE_URL) :]
    if "://" in url_or_path:
        kind = url_or_path.split("://", 1)[0]
        raise Refusal("UNSUPPORTED", f"a store in {kind} is not supported yet: name a file, or {SQLITE_URL}<path>")
    return url_or_path


@contextmanager
def refusing(path: str, busy_s: float = BUSY_S) -> Iterator[None]:
    """Turn what SQLite and the operating system say into refusals."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _refusal(path, str(error.orig), busy_s) from error
    except sqlite3.Error as error:
        raise _refusal(path, str(error), busy_s) from error
    except OSError as error:
        raise Refusal(
            "STORE",
            f"the store {path} cannot be used: {error.strerror or error}. "
            "Make its folder writable for this user, or name another path in TIDEGATE_STORE",
        ) from error


def _refusal(path: str, said: str, busy_s: float) -> Refusal:
    if "locked" in said or "busy" in said:
        return Refusal(
            "STORE", f"the store {path} was locked by another process for {busy_s:g} s: run again", said=said
        )
    if "full" in said:
        return Refusal("STORE", f"the disk under the store {path} is full: make room and run again", said=said)
    if "malformed" in said or "not a database" in said:
        hint = "restore it from a copy, or move it away: the hosts keep what they run in their own journals"
        return Refusal("STORE", f"the store {path} is damaged ({said}): {hint}", said=said)
    return Refusal("STORE", f"the store {path} cannot be used: {said}", said=said)


def _engine(path: str, busy_s: float) -> sa.Engine:
    """An engine that holds no connection; unlike those of ``create_engine`` it shares what was compiled."""

    def connect() -> Any:
        return sqlite3.connect(path, timeout=busy_s, isolation_level=None)

    pool = sa.pool.NullPool(connect, dialect=DIALECT)
    url = sa.URL.create("sqlite+pysqlite", database=path)
    engine = sa.Engine(pool, DIALECT, url, execution_options={"compiled_cache": COMPILED})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode == "memory":  # `warm` needs no file
        return
    if mode != "wal":
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"its file system cannot hold a write-ahead log (journal mode {mode})")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")  # INSERT OR REPLACE deletes, and must be seen doing it


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("write") else "BEGIN")


def _nearest_folder(path: str) -> str:
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _make_folder(folder: str) -> None:
    """Make the store's own folder, for its user only, and keep it out of git."""
    if os.path.isdir(folder):
        return
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return
    Path(folder, ".gitignore").write_text(_FOLDER_NOTE, encoding="utf-8")


def _create(path: str, clock: Clock) -> None:
    """Build a store aside and link it to its name; if another process was first, its store stays."""
    aside = f"{path}.new-{secrets.token_hex(8)}"
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        database = Database(aside, clock)
        database.migrate()
        database.close()
        try:
            os.link(aside, path)
        except FileExistsError:
            return
        _sync_folder(os.path.dirname(path))
    finally:
        os.unlink(aside)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp(moment: datetime) -> str:
    """A moment as text of one width, which sorts as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def text_in(value: str | None) -> str | None:
    """Text as the store takes it: valid UTF-8, at most `MAX_TEXT` characters."""
    if value is None:
        return None
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def doc_in(value: Any) -> str | None:
    """A document as canonical text. One that is too large is replaced by its size and digest.

    Raises:
        ValueError: it holds what canonical JSON does not know.
    """
    if value is None:
        return None
    text = canonical.dumps(value)
    if len(text) > MAX_DOC_BYTES:
        text = canonical.dumps({"left_out_bytes": len(text), "left_out_digest": canonical.digest(value)})
    return text.decode("utf-8")


def doc_out(text: str | None) -> Any:
    """The value of a stored document."""
    return None if text is None else canonical.loads(text.encode("utf-8"))
