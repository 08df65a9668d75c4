# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a store: where it may lie, who may read it, and what happens to one that is strange or damaged."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import schema
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

from .processes import in_one

NFS = "36 35 0:32 / / rw shared:1 - nfs4 server:/export rw\n"


def plan(store):
    return store.new_change("web", "production", "c" * 64, b"{}", "x")[0]


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_the_first_use_makes_a_store_for_its_user_only(store, path):
    """Folder 0700, files 0600, kept out of git, durable settings on, nothing else left behind."""
    plan(store)
    folder = Path(path).parent
    assert mode_of(folder) == 0o700
    assert {name.name: mode_of(name) for name in folder.glob("store*")} == {
        "store.db": 0o600,
        "store.db-shm": 0o600,
        "store.db-wal": 0o600,
    }
    assert (folder / ".gitignore").read_text().endswith("*\n")
    with store.reading() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert settings == ["wal", 2, 1]
    store.close()
    assert sorted(os.listdir(folder)) == [".gitignore", "store.db"]


def test_what_was_written_is_there_for_the_next_process(path, clock):
    """A store is opened by path or by URL, as often as one likes."""
    with Store.open(path, clock) as store:
        plan(store)
    with Store.open(f"sqlite:///{path}", clock, create=False) as store:
        assert plan(store) == "CHG-2026-0002"


def test_a_store_that_is_not_there_is_not_made_unasked(path, clock):
    """Reading verbs make nothing."""
    with pytest.raises(Refusal, match=r"there is no store at .*: nothing was planned or rolled out from here yet"):
        Store.open(path, clock, create=False)
    assert not Path(path).parent.exists()


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("exists", [True, False])
def test_a_network_file_system_is_refused_at_open(path, clock, create, exists):
    """The refusal names the mount, and nothing is written there."""
    if exists:
        Store.open(path, clock).close()
    elif not create:
        return
    with pytest.raises(Refusal, match="lies on /, a nfs4 file system") as caught:
        Store.open(path, clock, create=create, mounts=lambda: NFS)
    assert (caught.value.code, caught.value.facts["mount"]) == ("STORE", "/")
    assert Path(path).parent.exists() == exists


def test_another_kind_of_database_is_refused(clock):
    """The message says which kinds there are."""
    with pytest.raises(
        Refusal, match="found a store in mysql, expected a file, sqlite:///<path> or postgresql://"
    ) as caught:
        Store.open("mysql://db/tidegate", clock)
    assert caught.value.code == "UNSUPPORTED"


def test_a_path_that_cannot_be_made_is_refused(tmp_path, clock):
    """The refusal says which path and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="another path in TIDEGATE_STORE") as caught:
        Store.open(str(tmp_path / "file/.tidegate/store.db"), clock)
    assert caught.value.code == "STORE"


def test_a_damaged_file_is_refused_and_left_alone(path, clock):
    """Nothing is repaired or replaced."""
    content = b"not a database, but text " * 100
    Path(path).parent.mkdir()
    Path(path).write_bytes(content)
    with pytest.raises(Refusal, match=r"is damaged .*: restore it from a copy") as caught:
        Store.open(path, clock)
    assert caught.value.code == "STORE"
    assert Path(path).read_bytes() == content


def test_a_database_of_somebody_else_is_refused(path, clock):
    """Our tables are not put among others."""
    Path(path).parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")
    with pytest.raises(Refusal, match=f"{path} is not a store of Tidegate: it holds the table 'theirs'"):
        Store.open(path, clock)


def test_a_locked_store_is_waited_for_a_bounded_time(path, clock):
    """A writer that does not end costs the waiting time and one clear refusal; nothing is half written."""
    with Store.open(path, clock, busy_s=0.3) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(Refusal, match=r"was locked by another process for 0\.3 s: run again") as caught:
            plan(store)
        assert time.monotonic() - began > 0.2
        assert caught.value.code == "STORE"
        assert store.changes() == []
        other.execute("COMMIT")
        assert plan(store) == "CHG-2026-0001"


def test_a_full_disk_is_refused_and_undone(store):
    """What does not fit is not there in part, and the store goes on with what does."""
    with store.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(Refusal, match=r"the disk under the store .* is full"):
        store.new_change("web", "production", "c" * 64, b"x" * 100_000, "x")
    assert store.changes() == []
    assert plan(store) == "CHG-2026-0001"


def test_a_store_does_not_cross_a_fork(store):
    """A forked worker that uses its parent's store finds the bug at once."""

    def work():
        with pytest.raises(RuntimeError, match="other side of a fork"):
            store.changes()

    assert in_one(work) == 0


def test_a_killed_process_loses_nothing_that_it_committed(path, clock):
    """What the log holds is there after the next open."""
    Store.open(path, clock).close()
    assert in_one(lambda: _plan_and_die(path, clock)) == -signal.SIGKILL
    assert Path(f"{path}-wal").stat().st_size > 0
    with Store.open(path, clock) as store:
        assert [change.id for change in store.changes()] == ["CHG-2026-0001"]


def test_a_deleted_log_leaves_an_older_store_that_works(path, clock):
    """Without the log the last commits are gone, but the store is whole, and lease numbers do not fall behind."""
    Store.open(path, clock).close()
    assert in_one(lambda: _plan_and_die(path, clock)) == -signal.SIGKILL
    os.unlink(f"{path}-wal")
    with Store.open(path, clock) as store:
        assert store.changes() == []
        assert plan(store) == "CHG-2026-0001"
        assert store.take_lease("web", "production", "run", {}, 60, bool) == int(clock().timestamp())


def _plan_and_die(path, clock):
    store = Store.open(path, clock)
    plan(store)
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_error_in_the_middle_undoes_all(store):
    """A transaction is whole or not at all."""

    def half():
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM tidegate_migrations")
            connection.exec_driver_sql("DELETE FROM theirs")

    with pytest.raises(Refusal, match="no such table: theirs"):
        half()
    store.migrate()
    assert plan(store) == "CHG-2026-0001"


def test_a_copy_is_complete_and_apart(store, tmp_path, clock):
    """A copy has what the store has; what is done to it stays in it."""
    plan(store)
    store.copy_to(str(tmp_path / "copy.db"))
    assert mode_of(tmp_path / "copy.db") == 0o600
    with Store.open(str(tmp_path / "copy.db"), clock) as copy:
        assert plan(copy) == "CHG-2026-0002"
    assert len(store.changes()) == 1
    with pytest.raises(Refusal, match="File exists"):
        store.copy_to(str(tmp_path / "copy.db"))


def test_check_mode_works_on_a_scratch_copy(path, tmp_path, clock):
    """A copy, or a new store where there is none, kept for the run; the store's own folder is not touched."""
    with Store.scratch(path, str(tmp_path / "first"), clock) as scratch:
        plan(scratch)
        assert scratch.name == path
    assert not Path(path).parent.exists()
    with Store.open(path, clock) as store:
        plan(store)
    before = {name.name: name.read_bytes() for name in Path(path).parent.iterdir()}
    for expected in ("CHG-2026-0002", "CHG-2026-0003"):
        with Store.scratch(path, str(tmp_path / "second"), clock) as scratch:
            assert plan(scratch) == expected
    assert {name.name: name.read_bytes() for name in Path(path).parent.iterdir()} == before
    assert mode_of(tmp_path / "second") == 0o700


@pytest.mark.parametrize("planted", ["open to others", "link", "file"])
def test_a_scratch_folder_that_somebody_planted_is_refused(path, tmp_path, clock, planted):
    """Its name can be guessed, so it is used only if it is this user's alone."""
    folder = tmp_path / "scratch"
    if planted == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to("elsewhere")
    elif planted == "file":
        folder.write_text("")
    else:
        folder.mkdir()
        folder.chmod(0o755)
    with pytest.raises(Refusal, match="was not made by this user for itself alone") as caught:
        Store.scratch(path, str(folder), clock)
    assert caught.value.code == "STORE"
    assert not (tmp_path / "elsewhere/store.db").exists()


def test_a_clock_without_a_zone_is_a_bug(path):
    """Local time would be kept as UTC."""
    with pytest.raises(ValueError, match="must answer an aware datetime"):
        Store.open(path, lambda: datetime(2026, 1, 1))  # noqa: DTZ001 - that is the bug


def test_a_missing_sqlalchemy_is_one_message(tmp_path):
    """Everything can be imported without it; opening says what is missing, with the pip line for the very Python that runs."""
    script = f"""
import sys
sys.path[:] = {sys.path}
sys.modules["sqlalchemy"] = None
from {Refusal.__module__} import Refusal
from {Store.__module__} import Store
try:
    Store.open({str(tmp_path / "store.db")!r}, lambda: None)
except Refusal as refusal:
    print(refusal)
"""
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(
        r"DEPENDENCY: the store needs SQLAlchemy 2, found: .*sqlalchemy.*\. Install it .*: (.*)\n", said
    )
    assert said.endswith(f"{sys.executable} -m pip install 'SQLAlchemy>=2,<3'\n")


def test_an_older_sqlalchemy_is_refused(path, clock, monkeypatch):
    """1.4 is not enough, and the message says what was found."""
    monkeypatch.setattr(schema, "MISSING", "SQLAlchemy 1.4.54")
    with pytest.raises(Refusal, match=r"needs SQLAlchemy 2, found: SQLAlchemy 1\.4\.54") as caught:
        Store.open(path, clock)
    assert caught.value.code == "DEPENDENCY"
