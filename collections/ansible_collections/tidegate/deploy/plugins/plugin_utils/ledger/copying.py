# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of one store in another: all of them, or those of one change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import Database
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    CHANGES,
    EVENTS,
    LEASES,
    MOVES,
    ONCE,
    REVISIONS,
    RUN_HOSTS,
    RUNS,
    TABLES,
    WAVES,
    sa,
)

_PAGE = 1000


def copy_all(source: Database, target: Database) -> None:
    """Put every row of a store into one that is empty."""
    with source.reading() as one, target.writing() as other:
        other.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for table in TABLES:
            _copy(one, other, table, [sa.true()])


def copy_run(source: Database, target: Database, run_id: str) -> None:
    """Put what the steps of a run ask for into a local store, as it is now: its change with all plans, runs and hosts.

    Args:
        source: the store.
        target: a file that only this process and its workers use.
        run_id: the run.
    """
    with source.reading() as one, target.writing() as other:
        other.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        change = one.execute(sa.select(RUNS.c.change_id).where(RUNS.c.id == run_id)).scalar()
        runs = (RUNS.c.id == run_id) if change is None else (RUNS.c.change_id == change)
        ids = list(one.execute(sa.select(RUNS.c.id).where(runs)).scalars())
        for table in (MOVES, REVISIONS, ONCE):
            _replace(one, other, table, table.c.change_id == change)
        _replace(one, other, CHANGES, CHANGES.c.id == change)
        for table in (WAVES, RUN_HOSTS, EVENTS, LEASES):
            _replace(one, other, table, table.c.run_id.in_(ids))
        _replace(one, other, RUNS, runs)


def _replace(one: sa.Connection, other: sa.Connection, table: Any, which: sa.ColumnElement[bool]) -> None:
    other.execute(table.delete().where(which))
    _copy(one, other, table, [which])


def _copy(one: sa.Connection, other: sa.Connection, table: Any, which: Iterable[sa.ColumnElement[bool]]) -> None:
    for rows in one.execute(sa.select(table).where(*which)).mappings().partitions(_PAGE):
        other.execute(table.insert(), [dict(row) for row in rows])
