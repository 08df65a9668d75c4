# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both databases have in common: one kind of transaction that reads, one that writes, and how values are kept.

- What reads sees one consistent view; what writes is the only writer, or waits for that, a bounded time.
- No connection outlives its transaction's use, and none crosses a fork.
- What differs between SQLite and PostgreSQL is behind `Backend`: `sqlite.SqliteFile` and `postgresql.Server`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import migrations
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import sa
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.steps import ALL, NEWEST, Migration

Clock = Callable[[], datetime]
"""Answers the present time as an aware datetime."""

BUSY_S = 15
MAX_TEXT = 4000
MAX_DOC_BYTES = 256 * 1024
_SEEN: dict[str, tuple[int, int]] = {}
"""Of each store that was found up to date: a number that any change of tables raises, and that of the last migration.
Workers know what the process that forked them has seen."""


class Backend(Protocol):
    """Where a store is kept, and all that is particular about it."""

    name: str
    """For people: a path, or a URL without its password."""
    folder: str
    """Where this controller keeps what lies beside the store: tokens, files of changes, what was noted without it."""

    def engine(self) -> sa.Engine:
        """An engine that holds no connection."""

    def begin(self, connection: sa.Connection, write: bool) -> None:
        """Begin a transaction that has the only right to write, or one that sees one state of everything."""

    def shape(self, connection: sa.Connection) -> int | None:
        """A number that any change of tables raises; None where there is none."""

    def refusing(self) -> AbstractContextManager[None]:
        """Turn what the database says into refusals."""

    def prepare_migration(self, connection: sa.Connection, seen: int, newest: int) -> None:
        """See that this user may migrate, in the transaction that does."""

    def protect(self, connection: sa.Connection) -> list[str]:
        """Let every role do what it is for, in the transaction that migrated; answers the roles that there are."""

    def statement(self, text: str) -> str:
        """A statement of a migration, in this database's words."""


class Database:
    """A store's place, its clock and its two kinds of transactions; `store.Store.open` makes one.

    Args:
        backend: where it is kept.
        clock: the present time, handed in by the door.
        name: what it is called for people, where that is not its place.
    """

    kept_in = ""
    """Where what is noted is kept instead, while the store is away."""

    def __init__(self, backend: Backend, clock: Clock, name: str = "") -> None:
        self.name = name or backend.name
        self.folder = backend.folder
        self._backend = backend
        self._clock = clock
        self._pid = os.getpid()
        self._engine = backend.engine()
        self._connection: Any = None

    def migrate(self, steps: tuple[Migration, ...] = ALL) -> None:
        """Bring the schema up to date; all that is missing, or nothing.

        Raises:
            Refusal: STORE_SCHEMA, newer code has written it, or only its owner may migrate it; STORE, it is not ours or
                cannot be used.
        """
        newest = steps[-1].number
        with self.reading() as connection:
            shape = self._backend.shape(connection)
            if shape is not None and _SEEN.get(self._backend.name) == (shape, newest):
                return
            seen = migrations.version(connection, self.name)
        if seen == newest:
            if shape is not None:
                _SEEN[self._backend.name] = (shape, seen)
            return
        with self.writing() as connection:
            seen = migrations.version(connection, self.name)
            if seen < newest:
                self._backend.prepare_migration(connection, seen, newest)
            if migrations.migrate(connection, self.name, stamp(self.now()), steps, self._backend.statement):
                self._backend.protect(connection)

    def schema(self) -> int:
        """The number of the last migration that the store has seen; 0 for an empty one."""
        with self.reading() as connection:
            return migrations.version(connection, self.name)

    def protect(self) -> list[str]:
        """Grant every role what it needs and no more, once more: roles may be younger than the tables.

        Returns:
            The roles that there are.

        Raises:
            Refusal: STORE_SCHEMA, only the owner may.
        """
        with self.writing() as connection:
            self._backend.prepare_migration(connection, NEWEST, NEWEST)
            return self._backend.protect(connection)

    def require_there(self) -> None:
        """See that this is the store itself, before anything begins.

        Raises:
            Refusal: STORE_AWAY, it is what a run keeps beside it meanwhile.
        """

    def close(self) -> None:
        """Let go of the connection. Closing twice does no harm."""
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
        with self._backend.refusing():
            if self._connection is None:
                self._connection = self._engine.connect()
            with self._begun(write):
                yield self._connection

    @contextmanager
    def _begun(self, write: bool) -> Iterator[None]:
        """A transaction that ends with the block; a connection that was lost in it is not used again."""
        try:
            with self._connection.begin():
                self._backend.begin(self._connection, write)
                yield
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                self.close()
            raise


def next_number(connection: sa.Connection, table: Any, which: Any) -> int:
    """The number that follows the last one of some rows of a table; 1 where there are none."""
    last = sa.select(sa.func.coalesce(sa.func.max(table.c.number), 0)).where(which)
    return int(connection.execute(last).scalar_one()) + 1


def stamp(moment: datetime) -> str:
    """A moment as text of one width, which sorts as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def text_in(value: str | None) -> str | None:
    """Text as both databases take it: valid UTF-8 without NUL, at most `MAX_TEXT` characters."""
    if value is None:
        return None
    text = str(value).encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
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
