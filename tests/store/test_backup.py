# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of docs/how-to/store.md: a backup taken while somebody writes is whole, and what is restored from it goes on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from store.server import programs

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.processes import FORK

PAGE = (Path(__file__).parents[2] / "docs/how-to/store.md").read_text(encoding="utf-8")


def follow(program: str, folder: Path, **environment: str) -> None:
    """Run the one command of the page that begins with a program, as it stands there."""
    (command,) = re.findall(rf"^    ({program} .*)$", PAGE, re.MULTILINE)
    path = f"{Path(sys.executable).parent}:{programs()}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def plan(store):
    return store.new_change("web", "production", "c" * 64, b"{}", "x")[0]


def planned(address, clock):
    """A store with five changes."""
    with Store.open(address, clock) as store:
        for _number in range(5):
            plan(store)


def write_on(address, clock, wrote, stop):
    with Store.open(address, clock) as store:
        while not stop.is_set():
            plan(store)
            wrote.set()


@pytest.fixture
def busy(clock):
    """Somebody who writes, from when it is called until the end of the test."""
    stop, workers = FORK.Event(), []

    def begin(address):
        wrote = FORK.Event()
        workers.append(FORK.Process(target=write_on, args=(address, clock, wrote, stop)))
        workers[-1].start()
        assert wrote.wait(60)

    yield begin
    stop.set()
    for worker in workers:
        worker.join(60)


def assert_goes_on(address, clock):
    """What was restored has no gap, its ledger is one chain, and change and lease get the next numbers."""
    with Store.open(address, clock) as store:
        there = len(store.changes(limit=1_000_000))
        assert there > 5
        assert [entry.index for entry in store.entries()] == list(range(store.log_size()))
        assert plan(store) == f"CHG-2026-{there + 1:04d}"
        assert store.take_lease("api", "production", "later", {}, 60, bool) >= int(clock().timestamp())


def test_a_file(tmp_path, clock, busy):
    """Copied while it is in use, and put back in place of one that was lost."""
    place = str(tmp_path / ".tidegate" / "store.db")
    planned(place, clock)
    busy(place)
    follow("python3", tmp_path)

    restored = tmp_path / "restored"
    (restored / ".tidegate").mkdir(parents=True)
    (restored / ".tidegate" / "store.db-wal").write_bytes(b"of the store that was lost")
    shutil.copy(tmp_path / "store.backup", restored)
    follow("rm", restored)
    assert_goes_on(str(restored / ".tidegate" / "store.db"), clock)


def test_a_server(server, path, clock, busy, tmp_path):
    """Dumped while it is in use, and restored into an empty database."""
    planned(path, clock)
    busy(path)
    follow("pg_dump", tmp_path, STORE=path)

    restored = server.database()
    follow("pg_restore", tmp_path, STORE=restored)
    assert_goes_on(restored, clock)
