# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, writer and reader: the server itself refuses what a role is not for."""

from __future__ import annotations

import psycopg
import pytest
from store.server import database_of

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import roles
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.inspect import inspect
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import APPENDED, TABLES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.steps import ALL, Migration
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

NEXT = ALL[-1].number + 1
ONE_MORE = (*ALL, Migration(NEXT, "one more", ("CREATE TABLE one_more (a TEXT)",)))
USERS = {"ann": roles.OWNER, "awx": roles.WRITER, "eve": roles.READER}


@pytest.fixture
def users(server, path):
    """Somebody who logs in for each role, as a database administrator makes them."""
    name = database_of(path)
    server.client("psql", "-v", "ON_ERROR_STOP=1", "-d", path, text=roles.script())
    server.client("psql", "-v", "ON_ERROR_STOP=1", "-d", path, text=roles.script())
    for user, role in USERS.items():
        server.execute(name, f"CREATE ROLE {user}_{name} LOGIN IN ROLE {role}")
    yield {user: server.url(name, f"{user}_{name}") for user in USERS}
    server.execute(name, f"DROP OWNED BY {', '.join(USERS.values())}")
    server.execute(name, "DROP ROLE " + ", ".join([*(f"{user}_{name}" for user in USERS), *USERS.values()]))


def work(store):
    """Something of all that a controller does."""
    change, revision = store.new_change("web", "production", "c" * 64, b"{}", "x")
    store.begin_run("run", change, revision, "rollout", {"user": "awx"}, [["web1"]], True)
    store.take_lease("web", "production", "run", {"user": "awx"}, 60, bool)
    store.open_wave("run", 0)
    store.note("run", "web1", "confirm", "ok", touched=True)
    store.close_wave("run", 0)
    store.end_run("run", "completed", {})
    store.append("denied", "ada", {})


def attempt(url, statement):
    """The SQLSTATE with which the server refuses a statement; None if it does not."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=tidegate") as connection:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            return error.sqlstate
    return None


def test_a_writer_does_what_a_controller_does(users, clock):
    """Once the owner has made the tables, also through another member of its role."""
    Store.open(users["ann"], clock).close()
    with Store.open(users["awx"], clock) as store:
        work(store)
        assert store.log_size() > 1


@pytest.mark.parametrize("table", [table.name for table in APPENDED])
def test_a_writer_can_only_add_to_the_ledger(users, clock, table):
    """Neither change, nor delete, nor empty, nor replace; nor take the guard away."""
    Store.open(users["ann"], clock).close()
    with Store.open(users["awx"], clock) as store:
        work(store)
    column = {one.name: one for one in APPENDED}[table].c.keys()[0]
    for statement in (
        f"UPDATE {table} SET {column} = {column}",  # noqa: S608
        f"DELETE FROM {table}",  # noqa: S608
        f"TRUNCATE {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        "INSERT INTO entries SELECT * FROM entries ON CONFLICT (number) DO UPDATE SET number = 7",
    ):
        assert (statement, attempt(users["awx"], statement)) == (statement, "42501")
    assert attempt(users["awx"], f"TABLE {table}") is None


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET number = 7", "DELETE FROM entries", "TRUNCATE entries CASCADE"]
)
def test_not_even_the_owner_changes_the_ledger_by_accident(users, clock, statement):
    """A trigger refuses it, in as many words."""
    with Store.open(users["ann"], clock) as store:
        work(store)
    with (
        psycopg.connect(users["ann"], autocommit=True, options="-c search_path=tidegate") as connection,
        pytest.raises(psycopg.Error, match="the ledger is only added to"),
    ):
        connection.execute(statement)


def test_a_reader_reads(users, clock):
    """Every table, and changes none."""
    with Store.open(users["ann"], clock) as store:
        work(store)
    with Store.open(users["eve"], clock) as store:
        assert len(store.changes()) == 1
        with pytest.raises(Refusal, match=r"does not let this user do that .* see that you are in tidegate_writer"):
            work(store)
    assert {attempt(users["eve"], f"TABLE {table.name}") for table in TABLES} == {None}
    assert {attempt(users["eve"], f"TRUNCATE {table.name}") for table in TABLES} == {"42501"}


def test_a_writer_cannot_migrate_and_says_who_can(users, path, clock):
    """Before the first time and after an upgrade, with the command; nothing is changed, and doctor says it, too."""
    with pytest.raises(Refusal) as caught:
        Store.open(users["awx"], clock)
    assert caught.value.code == "STORE_SCHEMA"
    assert "Let tidegate_owner run: ansible-playbook tidegate.deploy.store" in caught.value.message
    assert any("may not migrate it" in one["found"] for one in inspect(users["awx"]))

    Store.open(users["ann"], clock).close()
    assert not any("may not" in one["found"] for one in inspect(users["awx"]))
    with Store.open(users["awx"], clock) as store, pytest.raises(Refusal, match=f"this Tidegate needs {NEXT}"):
        store.migrate(ONE_MORE)


def test_the_next_table_is_granted_with_its_migration(users, clock):
    """Roles need nothing by hand after an upgrade: the tables belong to the owner's role, not to who migrated."""
    with Store.open(users["ann"], clock) as store:
        store.migrate(ONE_MORE)
    assert attempt(users["eve"], "SELECT * FROM one_more") is None
    owner = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'tidegate'"
    with psycopg.connect(users["ann"]) as connection:
        assert connection.execute(owner).fetchall() == [(roles.OWNER,)]


def test_roles_may_come_later(server, path, clock):
    """One user began alone; when roles are made, the owner of the tables grants with the same verb."""
    Store.open(path, clock).close()
    name = database_of(path)
    server.client("psql", "-v", "ON_ERROR_STOP=1", "-d", path, text=roles.script())
    server.execute(name, f"CREATE ROLE awx_{name} LOGIN IN ROLE {roles.WRITER}")
    url = server.url(name, f"awx_{name}")
    try:
        with pytest.raises(Refusal, match="permission denied"):
            Store.open(url, clock)
        with Store.open(path, clock) as store:
            assert store.protect() == [roles.READER, roles.WRITER]
        with Store.open(url, clock) as store:
            work(store)
            with pytest.raises(Refusal, match="may neither migrate nor grant"):
                store.protect()
    finally:
        server.execute(name, f"DROP OWNED BY {', '.join(USERS.values())}")
        server.execute(name, f"DROP ROLE awx_{name}, {', '.join(USERS.values())}")
