# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store on a server: who may write when, what is bounded, what is refused, and what no message shows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import psycopg
import pytest
from store.server import PASSWORD, PASSWORD_IN_URL, Server, database_of

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import shown
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.inspect import inspect
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.postgresql import LOCK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.processes import at_once, in_one

SECRETS = (PASSWORD, PASSWORD_IN_URL, "p@ss", "p%40ss")


def plan(store):
    return store.new_change("web", "production", "c" * 64, b"{}", "x")[0]


def refused(address, clock):
    """The refusal of a store that cannot be opened, and all that a traceback of it would show."""
    with pytest.raises(Refusal) as caught:
        Store.open(address, clock)
    return caught.value, "".join(traceback.format_exception(caught.value))


def test_processes_that_open_it_first_at_once_share_one_store(path, clock):
    """Several controllers begin together: one makes the tables, and everyone gets an id of their own."""

    def work(_number):
        with Store.open(path, clock) as store:
            return plan(store)

    assert sorted(at_once(work, 12)) == [f"CHG-2026-{number:04d}" for number in range(1, 13)]


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_every_way_to_write_the_url(path, clock, scheme):
    """The driver may be named, and need not."""
    with Store.open(path.replace("postgresql", scheme, 1), clock) as store:
        assert plan(store) == "CHG-2026-0001"


def test_what_was_written_is_what_is_read(store):
    """Texts that only one of the databases would take are the same in both; numbers are as large as in a file."""
    plan(store)
    number = store.take_lease("web", "production", "run", {"user": "ann\u2028;--"}, 2**33, bool)
    store.begin_run("run", "CHG-2026-0001", 1, "rollout", {"user": "'; DROP TABLE runs; --"}, [["web1"]], True)
    store.note("run", "web1", "step", "failed", "PROBE", "a\0b \udc80 %s :x", {"a": 2**53 - 1})
    (event,) = store.events("run")
    assert (event.message, event.doc) == ("a?b ? %s :x", {"a": 2**53 - 1})
    assert store.lease("web", "production").ttl_s == 2**33
    assert number == store.lease("web", "production").number


def test_the_one_writer_is_waited_for_a_bounded_time(server, path, clock):
    """A writer that does not end costs the waiting time and one clear refusal; nothing is half written."""
    with Store.open(path, clock, busy_s=0.3) as store, psycopg.connect(path) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        began = time.monotonic()
        with pytest.raises(Refusal, match=r"was locked by another process for 0\.3 s: run again") as caught:
            plan(store)
        assert time.monotonic() - began > 0.25
        assert caught.value.code == "STORE_AWAY"
        assert store.changes() == []
        other.rollback()
        assert plan(store) == "CHG-2026-0001"


def test_a_reader_sees_one_state_of_everything(store, path, clock):
    """What others write meanwhile is not seen before the next look."""
    from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import CHANGES, sa

    query = sa.select(sa.func.count()).select_from(CHANGES)
    with store.reading() as connection, Store.open(path, clock) as other:
        assert connection.execute(query).scalar() == 0
        plan(other)
        assert connection.execute(query).scalar() == 0
    assert len(store.changes()) == 1


def test_a_reader_cannot_write(store):
    """The server itself refuses it."""

    def write():
        with store.reading() as connection:
            connection.exec_driver_sql("DELETE FROM changes")

    with pytest.raises(Refusal, match="read-only transaction"):
        write()


def test_a_store_does_not_cross_a_fork(store, path, clock):
    """A worker that uses its parent's store finds the bug at once; one that opens its own is served."""

    def work():
        with pytest.raises(RuntimeError, match="other side of a fork"):
            store.changes()
        with Store.open(path, clock) as own:
            plan(own)

    assert in_one(work) == 0
    assert len(store.changes()) == 1


def test_a_writer_that_is_killed_leaves_nothing_and_no_lock(path, clock):
    """SIGKILL in the middle of a transaction: the next writer goes on at once, on what was committed before."""
    Store.open(path, clock).close()

    def work():
        store = Store.open(path, clock)
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM tidegate_migrations")
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_one(work) == -signal.SIGKILL
    with Store.open(path, clock) as store:
        assert plan(store) == "CHG-2026-0001"


def test_a_schema_of_somebody_else_is_refused(server, path, clock):
    """Our tables are not put among others."""
    server.execute(database_of(path), "CREATE SCHEMA tidegate; CREATE TABLE tidegate.theirs (a int)")
    refusal, _shown = refused(path, clock)
    assert f"{shown(path)} is not a store of Tidegate: it holds the table 'theirs'" in refusal.message


def test_tables_of_others_in_the_database_do_not_matter(server, path, clock):
    """The store has a schema of its own, and a table of the same name in another one is not taken for ours."""
    server.execute(database_of(path), "CREATE TABLE changes (a int)")
    with Store.open(path, clock) as store:
        assert plan(store) == "CHG-2026-0001"


@pytest.mark.parametrize("wrong", ["password", "port", "host", "database", "syntax"])
def test_no_message_shows_the_password(server, path, clock, wrong):
    """Whatever is wrong with the URL, neither the refusal nor a traceback of it shows what is secret in it."""
    name = database_of(path)
    server.execute(name, f"CREATE ROLE of_{name} LOGIN PASSWORD 'another'")
    url = server.url_with_password(name, f"of_{name}")
    wrongs = {
        "password": url,
        "port": url.replace(f":{server.port}/", ":1/"),
        "host": url.replace("127.0.0.1", "nowhere.invalid"),
        "database": url.replace(f"/{name}", "/nowhere"),
        "syntax": url.replace(f":{server.port}/", ":none/"),
    }

    refusal, shown = refused(wrongs[wrong], clock)

    assert refusal.code == "STORE_AWAY" if wrong != "syntax" else "STORE"
    assert f"the store postgresql://of_{name}@" in refusal.message
    assert not [secret for secret in SECRETS if secret in shown or secret in str(refusal.facts)]
    assert not [one for one in inspect(wrongs[wrong]) if any(secret in str(one) for secret in SECRETS)]


@pytest.mark.parametrize("where", ["URL", "PGPASSFILE", "service"])
def test_a_password_comes_from_where_libpq_takes_it(server, path, clock, where, tmp_path, monkeypatch):
    """From the URL, and better from a file that only this user can read; doctor warns of the first."""
    name = database_of(path)
    server.execute(name, f"CREATE ROLE by_{name} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    url = server.url_with_password(name, f"by_{name}")
    if where == "PGPASSFILE":
        escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
        _private(tmp_path / "pass", f"*:*:*:*:{escaped}\n")
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pass"))
        url = url.replace(f":{PASSWORD_IN_URL}@", "@")
    elif where == "service":
        lines = {"host": "127.0.0.1", "port": server.port, "user": f"by_{name}", "dbname": name, "password": PASSWORD}
        _private(tmp_path / "services", "[site]\n" + "".join(f"{key}={value}\n" for key, value in lines.items()))
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        url = "postgresql:///?service=site"
    with Store.open(url, clock) as store:
        assert plan(store) == "CHG-2026-0001"
        assert not [secret for secret in SECRETS if secret in store.name]
    warned = [one["found"] for one in inspect(url) if "password" in one["found"]]
    assert bool(warned) == (where == "URL")


def _private(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_a_missing_psycopg_is_one_message():
    """Everything can be imported without it; opening says what is missing, with the pip line for the Python that runs."""
    script = f"""
import sys
sys.path[:] = {sys.path}
sys.modules["psycopg"] = None
from {Refusal.__module__} import Refusal
from {Store.__module__} import Store
try:
    Store.open("postgresql://db/tidegate", lambda: None)
except Refusal as refusal:
    print(refusal)
"""
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert said.startswith("DEPENDENCY: a store in PostgreSQL needs psycopg 3, found: ")
    assert said.endswith(f"{sys.executable} -m pip install 'psycopg[binary]>=3.1,<4'\n")


def test_check_mode_works_on_a_scratch_copy(path, store, tmp_path, clock):
    """A file with all that the store has, kept for the run; the store stays as it is."""
    plan(store)
    store.append("denied", "ada", {"why": "for the copy"})
    for expected in ("CHG-2026-0002", "CHG-2026-0003"):
        with Store.scratch(path, str(tmp_path / "scratch"), clock) as scratch:
            assert plan(scratch) == expected
            assert scratch.entries()[-1].index >= store.entries()[-1].index
    assert len(store.changes()) == 1


def test_check_mode_makes_nothing_where_nothing_is(server, path, tmp_path, clock):
    """An empty database stays empty."""
    with Store.scratch(path, str(tmp_path / "scratch"), clock) as scratch:
        assert plan(scratch) == "CHG-2026-0001"
    assert server.execute(database_of(path), "SELECT to_regnamespace('tidegate')") == [(None,)]


def test_the_doctor_finds_nothing_wrong_with_a_good_one(store, path, tmp_path):
    """Nor with one that is not there yet; a server without fsync, as this one is, may lose what it committed."""
    beside = str(Path.home() / ".tidegate")
    found = [one["found"] for one in inspect(path, beside=beside)]
    assert found == ["the server forgets what it just committed when it crashes (fsync or synchronous_commit is off)"]


def test_the_doctor_names_what_would_hinder_a_run(server, store, path):
    """A newer schema, and a server that is gone."""
    server.execute(database_of(path), "INSERT INTO tidegate.tidegate_migrations VALUES (4711, 'later', '')")
    assert any("has schema 4711, this Tidegate knows up to" in one["found"] for one in inspect(path))
    (gone,) = [one for one in inspect(path.replace(f"port={server.port}", "port=1")) if one["level"] == "refuse"]
    assert "cannot be reached" in gone["found"]


def test_a_server_that_comes_back_is_used_again(stoppable: Server, clock):
    """The connection that broke is let go; no process has to be started again."""
    address = stoppable.database()
    with Store.open(address, clock) as store:
        plan(store)
        stoppable.stop()
        for _attempt in range(2):
            with pytest.raises(Refusal, match="cannot be reached") as caught:
                store.changes()
            assert caught.value.code == "STORE_AWAY"
        stoppable.start()
        assert [change.id for change in store.changes()] == ["CHG-2026-0001"]


def test_a_clock_that_jumps_back(store, clock):
    """Nothing is given again: events, entries and lease numbers go on from where they were, and a held lease stays held."""
    change = plan(store)
    store.begin_run("run", change, 1, "rollout", {"user": "ann"}, [["web1"]], True)
    number = store.take_lease("web", "production", "run", {"user": "ann"}, 600, lambda _holder: False)
    store.note("run", "web1", "stage", "ok")
    clock.turn(-7200)

    store.note("run", "web1", "activate", "ok")
    assert [(event.number, event.step) for event in store.events("run")] == [(1, "stage"), (2, "activate")]
    assert [entry.index for entry in store.entries()] == list(range(store.log_size()))
    store.begin_run("other", change, 1, "rollout", {"user": "eve"}, [["web1"]], True)
    with pytest.raises(Refusal, match="is being rolled out by ann"):
        store.take_lease("web", "production", "other", {"user": "eve"}, 600, lambda _holder: False)
    store.end_run("run", "done")
    assert store.take_lease("web", "production", "other", {"user": "eve"}, 600, lambda _holder: False) > number
