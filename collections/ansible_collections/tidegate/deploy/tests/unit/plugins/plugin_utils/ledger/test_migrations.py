# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema: brought up to date in one transaction, and refused when it is newer."""

from __future__ import annotations

import os
import re
import signal

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import migrations, schema
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import is_server
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.migrations import version
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.postgresql import Server
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import TABLES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.sqlite import SqliteFile
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.steps import ALL, Migration
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

from .processes import at_once, in_one

NEXT = ALL[-1].number + 1
TWO_TABLES = (*ALL, Migration(NEXT, "two more", ("CREATE TABLE one_more (a TEXT)", "CREATE TABLE two_more (a TEXT)")))


def tables_of(store):
    with store.reading() as connection:
        return set(schema.sa.inspect(connection).get_table_names())


def version_of(store):
    with store.reading() as connection:
        return version(connection, "x")


def test_the_tables_are_what_queries_expect(store):
    """Every column that a query names is there, and no other."""
    with store.reading() as connection:
        inspector = schema.sa.inspect(connection)
        found = {table.name: [column["name"] for column in inspector.get_columns(table.name)] for table in TABLES}
    assert {name: sorted(columns) for name, columns in found.items()} == {
        table.name: sorted(column.name for column in table.c) for table in TABLES
    }
    assert tables_of(store) == {table.name for table in TABLES} | {"tidegate_migrations"}


def test_migrations_are_numbered_without_gaps():
    """A number is never used twice or left out."""
    assert [step.number for step in ALL] == list(range(1, len(ALL) + 1))


def test_an_older_store_is_brought_up_to_date(store):
    """What was in it stays."""
    change = store.new_change("web", "production", "c" * 64, b"{}", "x")[0]
    store.migrate(TWO_TABLES)
    store.migrate(TWO_TABLES)
    assert {"one_more", "two_more"} <= tables_of(store)
    assert version_of(store) == NEXT
    assert store.change(change).id == change


def test_a_newer_store_is_refused(store, path, clock):
    """Older code says what it found and what it knows, and changes nothing."""
    store.migrate(TWO_TABLES)
    with pytest.raises(
        Refusal, match=rf"the store {re.escape(store.name)} has schema {NEXT}, this Tidegate knows up to {NEXT - 1}"
    ) as caught:
        Store.open(path, clock)
    assert caught.value.code == "STORE_SCHEMA"
    assert version_of(store) == NEXT


def test_a_migration_that_fails_leaves_the_old_schema(store):
    """All of what is missing, or nothing."""
    broken = (*TWO_TABLES, Migration(NEXT + 1, "broken", ("CREATE TABLE three_more (a TEXT)", "CREATE NONSENSE")))
    with pytest.raises(Refusal, match="syntax error"):
        store.migrate(broken)
    assert version_of(store) == NEXT - 1
    assert tables_of(store).isdisjoint({"one_more", "three_more"})


def test_a_migration_killed_half_way_leaves_the_old_schema(path, clock):
    """SIGKILL between two statements: the store opens as it was, and the migration can be done again."""

    def statements():
        yield "CREATE TABLE one_more (a TEXT)"
        os.kill(os.getpid(), signal.SIGKILL)

    Store.open(path, clock).close()
    killed = (*ALL, Migration(NEXT, "killed", statements()))
    assert in_one(lambda: Store.open(path, clock).migrate(killed)) == -signal.SIGKILL
    with Store.open(path, clock) as store:
        assert version_of(store) == NEXT - 1
        assert "one_more" not in tables_of(store)
        store.migrate(TWO_TABLES)
        assert version_of(store) == NEXT


def test_processes_that_migrate_at_once_do_it_once(path, clock):
    """The second finds that there is nothing left to do."""
    Store.open(path, clock).close()

    def work(_number):
        with Store(Server(path, "") if is_server(path) else SqliteFile(path), clock) as store:
            store.migrate(TWO_TABLES)
            return version_of(store)

    assert at_once(work, 6) == [NEXT] * 6


def test_a_store_that_was_seen_is_not_looked_into_again(store, path, clock, monkeypatch):
    """Unless its tables changed meanwhile, as by newer code."""
    asked = []

    monkeypatch.setattr(migrations, "version", lambda *about: asked.append(1) or version(*about))
    Store.open(path, clock).close()
    assert len(asked) <= 1
    asked.clear()
    Store.open(path, clock).close()
    assert asked == []
    with store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE newer (a INTEGER)")
    Store.open(path, clock).close()
    assert asked == [1]
