# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a place as the store is found by looking, and looking leaves nothing behind."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import inspect as inspecting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.inspect import inspect
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now

DISK = "22 1 254:0 / / rw - ext4 /dev/vda rw\n"


@pytest.fixture(autouse=True)
def _no_folder_is_temporary(monkeypatch):
    """The folders of tests are, so what the machine calls temporary is somewhere else."""
    monkeypatch.setattr(inspecting, "temporary_folders", set)


def told(path, mounts=DISK):
    return [f"{one['level']}: {one['found']}" for one in inspect(str(path), lambda: mounts)]


def listing(folder):
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_a_store_that_will_do(tmp_path):
    """One that is used, and one that is not there yet; neither is written, and no file appears beside them."""
    Store.open(str(tmp_path / ".tidegate/store.db"), now).close()
    before = listing(tmp_path)

    assert [] == told(tmp_path / ".tidegate/store.db")
    assert [] == told(tmp_path / "new/folder/store.db")
    assert before == listing(tmp_path)


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        ("{folder} rw - nfs4 server:/x", "refuse: {folder} lies on {folder}, a nfs4 file system, where"),
        (
            "{folder} rw - tmpfs tmpfs",
            "warn: {folder}/store.db lies in memory ({folder} is tmpfs), which is thrown away",
        ),
        (
            "{folder} rw - overlay overlay",
            "warn: {folder}/store.db lies in the layers of a container ({folder} is overlay)",
        ),
    ],
)
def test_what_it_lies_on(tmp_path, mount, expected):
    """A share is refused as a run would refuse it; memory and the layers of a container are thrown away."""
    found = told(tmp_path / "store.db", DISK + f"30 22 0:40 / {mount.format(folder=tmp_path)} rw\n")

    assert 1 == len(found)
    assert found[0].startswith(expected.format(folder=tmp_path))


@pytest.mark.parametrize("folder", ["jobs", "jobs/one"])
def test_a_folder_for_temporary_files(tmp_path, monkeypatch, folder):
    """Whatever the system cleans up by itself takes leases and numbers of changes with it."""
    monkeypatch.setattr(inspecting, "temporary_folders", lambda: {str(tmp_path / "jobs")})
    (tmp_path / folder).mkdir(parents=True)

    found = told(tmp_path / folder / "store.db")

    assert 1 == len(found)
    assert "is in a folder for temporary files, which is thrown away" in found[0]


def test_the_folder_of_one_job(tmp_path, monkeypatch):
    """AWX and ansible-runner unpack a project for one job."""
    monkeypatch.setattr(inspecting, "JOB_FOLDERS", (str(tmp_path / "runner"),))
    (tmp_path / "runner/project").mkdir(parents=True)

    assert "is in the folder of one job" in told(tmp_path / "runner/project/.tidegate/store.db")[0]


def test_a_place_that_cannot_be_written(tmp_path, monkeypatch):
    """A store that is not there and cannot be made, and one that is there and may only be read."""
    path = tmp_path / "store.db"
    monkeypatch.setattr(inspecting.os, "access", lambda *_args: False)
    assert [f"refuse: cannot make the store {path} in {tmp_path}: this user may not write there"] == told(path)

    Store.open(str(path), now).close()
    monkeypatch.setattr(inspecting.os, "access", lambda where, _mode: str(where) != str(path))
    assert [f"refuse: the store {path} cannot be written by this user"] == told(path)


def test_others_who_could_change_it(tmp_path):
    """Whoever can write the file can change the record."""
    path = tmp_path / "store.db"
    Store.open(str(path), now).close()
    path.chmod(0o666)

    assert [f"warn: the store {path} can be changed by other users"] == told(path)


def test_what_is_in_it(tmp_path):
    """A newer schema, a database of somebody else, and no database at all."""
    newer, other, none = (tmp_path / name for name in ("newer.db", "other.db", "none.db"))
    Store.open(str(newer), now).close()
    with closing(sqlite3.connect(newer)) as store:
        store.execute("INSERT INTO tidegate_migrations VALUES (4711, 'later', '')")
        store.commit()
    with closing(sqlite3.connect(other)) as store:
        store.execute("CREATE TABLE things (id)")
        store.commit()
    none.write_bytes(b"no database at all " * 100)
    for path in (newer, other, none):
        path.chmod(0o600)

    assert told(newer)[0].startswith(f"refuse: the store {newer} has schema 4711, this Tidegate knows up to ")
    assert [f"refuse: {other} is a database, but no store of Tidegate"] == told(other)
    assert [f"refuse: the store {none} cannot be read: file is not a database"] == told(none)


def test_a_url_of_another_database():
    """What a run would refuse is refused here."""
    assert told("mysql://db/tidegate")[0].startswith("refuse: found a store in mysql, expected a file")


def test_a_store_in_use(tmp_path):
    """Another process's open log is no reason to call it broken."""
    path = tmp_path / "store.db"
    store = Store.open(str(path), now)
    with store.writing():
        assert [] == told(path)
    store.close()
    assert os.path.exists(path)
