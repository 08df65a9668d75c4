# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in an SQLite file, with transactions that many processes may ask for at once.

- WAL and ``synchronous=FULL``: what was committed survives a power cut.
- A write begins with ``BEGIN IMMEDIATE``, so it either has the only right to write or waits for it, a bounded time.
- A new file appears under its name only when it is complete, so that processes that open it at once cannot collide.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import BUSY_S, Clock, Database
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.filesystems import mounts_of_kernel, refuse_network
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    COMPILED,
    DIALECT,
    require_sqlalchemy,
    sa,
)

_FOLDER_NOTE = "# written by Tidegate: a store is not for git\n*\n"


class SqliteFile:
    """The file of a store.

    Args:
        path: the absolute path of a file that exists.
        busy_s: how long to wait for another process's write.
    """

    def __init__(self, path: str, busy_s: float = BUSY_S) -> None:
        require_sqlalchemy()
        self.name = path
        self.folder = os.path.dirname(path)
        self._busy_s = busy_s

    def engine(self) -> sa.Engine:
        """An engine that holds no connection; unlike those of ``create_engine`` it shares what was compiled."""
        path, busy_s = self.name, self._busy_s

        def connect() -> Any:
            return sqlite3.connect(path, timeout=busy_s, isolation_level=None)

        pool = sa.pool.NullPool(connect, dialect=DIALECT)
        url = sa.URL.create("sqlite+pysqlite", database=path)
        engine = sa.Engine(pool, DIALECT, url, execution_options={"compiled_cache": COMPILED})
        sa.event.listen(engine, "connect", _prepare)
        return engine

    def begin(self, connection: sa.Connection, write: bool) -> None:
        """Begin a transaction."""
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    def shape(self, connection: sa.Connection) -> int | None:
        """SQLite's own number, which any change of tables raises."""
        number: int = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
        return number

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn what SQLite and the operating system say into refusals."""
        with refusing(self.name, self._busy_s):
            yield

    def prepare_migration(self, connection: sa.Connection, seen: int, newest: int) -> None:
        """Whoever may write the file may bring it up to date."""

    def protect(self, connection: sa.Connection) -> list[str]:
        """A file has one kind of user, and no roles."""
        return []

    def statement(self, text: str) -> str:
        """The statement of a migration, as it stands."""
        return text


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
        make_folder(os.path.dirname(where))
        _create(where, clock)
    return where


@contextmanager
def refusing(path: str, busy_s: float = BUSY_S) -> Iterator[None]:
    """Turn what SQLite and the operating system say about a file into refusals."""
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


def copy_file(source: str, target: str) -> None:
    """Write a consistent copy of a store to a new file, for its user only."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(_reader(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def make_folder(folder: str) -> None:
    """Make the store's own folder, for its user only, and keep it out of git."""
    if os.path.isdir(folder):
        return
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return
    Path(folder, ".gitignore").write_text(_FOLDER_NOTE, encoding="utf-8")


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
    connection.execute("PRAGMA recursive_triggers = ON")  # REPLACE deletes: what guards the ledger sees that only so


def _nearest_folder(path: str) -> str:
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _create(path: str, clock: Clock) -> None:
    """Build a store aside and link it to its name; if another process was first, its store stays."""
    aside = f"{path}.new-{secrets.token_hex(8)}"
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        database = Database(SqliteFile(aside), clock)
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


def _reader(path: str) -> sqlite3.Connection:
    """A connection that leaves nothing behind: without a log nobody writes, and SQLite need not make one to read."""
    quiet = "" if os.path.exists(f"{path}-wal") else "&immutable=1"
    return sqlite3.connect(f"file:{quote(path)}?mode=ro{quiet}", uri=True, timeout=BUSY_S)
