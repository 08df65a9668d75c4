# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in a PostgreSQL database, for several controllers.

- Its tables are in a schema of their own; a write begins with one advisory lock, so that there is one writer at a time,
  as with a file, and whoever comes second sees all that the first has committed.
- All waiting is bounded: for a connection, for the lock, for a server that no longer answers.
- psycopg is imported when a store is in PostgreSQL, and not before; it is an extra.
- A password is in no message: `Server.name` has none, and what libpq says is searched for it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import roles
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import scrubbed, shown
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import BUSY_S
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import COMPILED, require_sqlalchemy, sa

PACKAGE = "psycopg[binary]>=3.1,<4"
CONNECT_S = 5
LOCK = int.from_bytes(b"tidegate", "big")
"""The advisory lock of the one writer; such locks are of one database."""

_PATIENCE = {
    "application_name": "tidegate",
    "connect_timeout": str(CONNECT_S),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "20000",
}
_LOCKED, _FORBIDDEN = "55P03", "42501"
_AWAY = re.compile("08|53|57P0|25006")
"""What a server says that goes away, is full, or was made a standby: classes and codes of SQLSTATE."""

_WRITES = f"""BEGIN; SET LOCAL search_path = {roles.SCHEMA}, pg_temp; SET LOCAL lock_timeout = '%dms';
SELECT pg_advisory_xact_lock({LOCK})"""
_READS = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = {roles.SCHEMA}, pg_temp"


class Away(Refusal):
    """The store cannot be reached, or takes nothing now; what was begun without it may be finished."""

    def __init__(self, message: str) -> None:
        super().__init__("STORE_AWAY", message)


class Server:
    """The database of a store.

    Args:
        url: as the user wrote it; libpq reads all but the name of the driver.
        folder: what lies beside the store on this controller.
        busy_s: how long to wait for another writer.
    """

    def __init__(self, url: str, folder: str, busy_s: float = BUSY_S) -> None:
        self.name = shown(url)
        self.folder = folder
        self._url = url
        self._busy_s = busy_s

    def engine(self) -> sa.Engine:
        """An engine that holds no connection; all of a process share what was compiled."""
        driver = dialect().dbapi
        where = "postgresql://" + self._url.partition("://")[2]

        def connect() -> Any:
            named = driver.conninfo.conninfo_to_dict(where)
            return driver.connect(
                where, autocommit=True, **{key: _PATIENCE[key] for key in _PATIENCE if key not in named}
            )

        pool = sa.pool.NullPool(connect, dialect=dialect())
        url = sa.URL.create("postgresql+psycopg")
        return sa.Engine(pool, dialect(), url, execution_options={"compiled_cache": COMPILED})

    def begin(self, connection: sa.Connection, write: bool) -> None:
        """Begin a transaction, in one trip to the server."""
        driver: Any = connection.connection.driver_connection
        driver.execute(_WRITES % (self._busy_s * 1000) if write else _READS)

    def shape(self, connection: sa.Connection) -> None:
        """There is none."""

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn what libpq and the server say into refusals, without the error that they came with: it may name secrets."""
        said: Refusal | None = None
        try:
            yield
        except sa.exc.DBAPIError as error:
            said = self._refusal(error.orig)
        except dialect().dbapi.Error as error:
            said = self._refusal(error)
        if said is not None:
            raise said from None

    def _refusal(self, error: Any) -> Refusal:
        state = getattr(error, "sqlstate", None) or ""
        said = scrubbed(" ".join((error.diag.message_primary or str(error)).split()), self._url)
        lost = isinstance(error, dialect().dbapi.OperationalError) and not state
        if state == _LOCKED:
            return Away(f"the store {self.name} was locked by another process for {self._busy_s:g} s: run again")
        if lost or _AWAY.match(state):
            return Away(
                f"the store {self.name} cannot be reached, or takes nothing now: {said}. Nothing new starts without it; "
                "see that the server runs and that this controller may log in, then run again"
            )
        if state == _FORBIDDEN:
            hint = f"let its owner run: ansible-playbook tidegate.deploy.store, and see that you are in {roles.WRITER}"
            return Refusal("STORE", f"the store {self.name} does not let this user do that ({said}): {hint}")
        return Refusal("STORE", f"the store {self.name} cannot be used: {said}")

    def prepare_migration(self, connection: sa.Connection, seen: int, newest: int) -> None:
        """See that this user may migrate, and become the owner of the schema, to whom the tables will belong.

        Raises:
            Refusal: STORE_SCHEMA, only the owner may.
        """
        owner = connection.exec_driver_sql(roles.OWNER_OF_SCHEMA).scalar()
        if owner is None and connection.exec_driver_sql(roles.MAY_CREATE).scalar():
            connection.exec_driver_sql(f"CREATE SCHEMA {roles.SCHEMA}")
        elif owner is not None and connection.exec_driver_sql(roles.MAY_OWN).scalar():
            connection.exec_driver_sql(f"SET LOCAL ROLE {_quoted(owner)}")
        else:
            raise Refusal(
                "STORE_SCHEMA",
                f"the store {self.name} has schema {seen}, this Tidegate needs {newest}, and this user, who does not own it, "
                f"may neither migrate nor grant. Let {owner or 'who may make a schema there'} run: "
                "ansible-playbook tidegate.deploy.store",
                found=seen,
                expected=newest,
            )

    def protect(self, connection: sa.Connection) -> list[str]:
        """Give the store's roles, where there are some, what they need and no more."""
        there = list(connection.exec_driver_sql(roles.THERE).scalars())
        for statement in roles.grants(there):
            connection.exec_driver_sql(statement)
        return there

    def statement(self, text: str) -> str:
        """A statement of a migration: text sorts by its bytes and numbers have 64 bits, as in SQLite."""
        return re.sub(r"\bINTEGER\b", "BIGINT", re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', text))


@cache
def dialect() -> Any:
    """The one dialect of a process, for what was compiled goes with it.

    Raises:
        Refusal: DEPENDENCY, with the command that installs psycopg for the Python that runs Ansible.
    """
    require_sqlalchemy()
    kind: Any = sa.make_url("postgresql+psycopg://").get_dialect()
    try:
        driver = kind.import_dbapi()
    except ImportError as error:
        raise Refusal(
            "DEPENDENCY",
            f"a store in PostgreSQL needs psycopg 3, found: {error}. Install it for the Python that runs Ansible: "
            f"{sys.executable} -m pip install '{PACKAGE}'",
            python=sys.executable,
        ) from None
    found = kind(dbapi=driver)
    found.server_version_info = (
        15,
    )  # what it would ask each server for, on each first connection; no older one is used
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
