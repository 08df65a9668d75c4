# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a store is brought up to date: each step is applied once, all missing ones in one transaction."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import MIGRATIONS, sa
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.steps import ALL, NEWEST, Migration

_NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('tidegate') AND relkind = 'r'",
}
"""What tells the names of all tables, by the kind of database."""


def version(connection: sa.Connection, store: str) -> int:
    """The number of the last migration that this database has seen; 0 for an empty one.

    Args:
        store: what it is called, for people.

    Raises:
        Refusal: STORE, the database holds tables, but none of ours.
    """
    tables = connection.exec_driver_sql(_NAMES[connection.dialect.name]).scalars().all()
    if MIGRATIONS.name in tables:
        return connection.execute(sa.select(sa.func.max(MIGRATIONS.c.number))).scalar() or 0
    if tables:
        raise Refusal(
            "STORE",
            f"{store} is not a store of Tidegate: it holds the table {tables[0]!r}. Name another one in TIDEGATE_STORE",
        )
    return 0


def require(seen: int, store: str) -> None:
    """See that a store that is only read has the schema of this code.

    Raises:
        Refusal: STORE_SCHEMA.
    """
    refuse_newer(seen, NEWEST, store)
    if seen < NEWEST:
        raise Refusal(
            "STORE_SCHEMA",
            f"the store {store} has schema {seen}, this Tidegate needs {NEWEST}, and nothing is migrated by reading. "
            "Let its owner run: ansible-playbook tidegate.deploy.store",
            found=seen,
            expected=NEWEST,
        )


def refuse_newer(seen: int, newest: int, store: str) -> None:
    """See that the code that runs knows what the database holds.

    Raises:
        Refusal: STORE_SCHEMA.
    """
    if seen > newest:
        raise Refusal(
            "STORE_SCHEMA",
            f"the store {store} has schema {seen}, this Tidegate knows up to {newest}. "
            "Run the Tidegate that wrote it, or a newer one",
            found=seen,
            expected=newest,
        )


def migrate(
    connection: sa.Connection,
    store: str,
    now: str,
    steps: tuple[Migration, ...] = ALL,
    worded: Callable[[str], str] = lambda statement: statement,
) -> bool:
    """Apply what is missing, within the caller's transaction, and answer whether anything was.

    Args:
        store: what it is called, for people.
        now: the time, as the store keeps it.
        steps: all that there are.
        worded: a statement in the words of this kind of database.

    Raises:
        Refusal: STORE_SCHEMA, the database is newer than this code.
    """
    seen, newest = version(connection, store), steps[-1].number
    refuse_newer(seen, newest, store)
    if seen == 0:
        connection.exec_driver_sql(
            worded(
                f"CREATE TABLE {MIGRATIONS.name} (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
                "applied_at TEXT NOT NULL)"
            )
        )
    for step in steps:
        if step.number > seen:
            for statement in (*step.statements, *step.guards.get(connection.dialect.name, ())):
                connection.exec_driver_sql(worded(statement))
            connection.execute(MIGRATIONS.insert().values(number=step.number, name=step.name, applied_at=now))
    return seen < newest
