# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk under a store in a file fills up: what has begun is recorded to its end, once and in order; nothing begins."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import away
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.reserve import LOW_BYTES, SIZE_BYTES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import Move
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.conftest import TurnedClock

HOSTS = [f"web{number}" for number in range(300)]
HOLDER = {"user": "ann", "host": "one", "pid": 7}


class Disk:
    """A file system of its own with a store, which can be filled to the last byte."""

    def __init__(self, folder: Path, clock: TurnedClock) -> None:
        self.folder = folder
        self.path = str(folder / "store.db")
        self.clock = clock

    def open(self) -> Store:
        return away.open_store(self.path, self.clock, str(self.folder), "the-process")

    def fill(self) -> None:
        with open(self.folder / "filler", "ab", buffering=0) as file:
            for block in (1024 * 1024, 4096, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"x" * block)
        assert os.statvfs(self.folder).f_bavail == 0

    def make_room(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path, clock: TurnedClock) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "store", folder], check=True)
    try:
        yield Disk(folder, clock)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def begun(store: Store) -> str:
    """A run with an open wave, and another wave to come."""
    change, revision = store.new_change("web", "production", "c" * 64, b"{}", "x")
    store.begin_run("r", None, None, "rollout", HOLDER, [HOSTS, ["db1"]], lease=True)
    store.bind_run("r", change, revision)
    store.take_lease("web", "production", "r", HOLDER, 600, lambda _holder: False)
    store.require_there()
    store.open_wave("r", 0)
    return change


def test_what_has_begun_is_recorded_to_its_end_on_a_full_disk(disk: Disk) -> None:
    """Of three hundred hosts, by other processes' connections too; after it has ended, there is still no wave to begin."""
    with disk.open() as store:
        change = begun(store)
        disk.fill()
        for host in HOSTS:
            store.note("r", host, "confirm", "ok", None, "confirmed", {"state": "steady"}, touched=True)
        with disk.open() as another:
            assert another.halt("r", "STORE", "the disk is full") is True
            another.close_wave("r", 0)
            another.move_change(change, lambda _row: Move("done", "partial", ended=True), {"verdict": "kept"})
            assert another.end_run("r", "kept", {"verdict": "kept"}) is True
        with pytest.raises(
            Refusal, match=r"the disk under the store .* is full: nothing begins before 9 MiB are free"
        ) as caught:
            store.require_there()
        assert caught.value.code == "STORE"
        assert [event.host for event in store.events("r")] == HOSTS
        ended = [entry.kind for entry in store.entries(change)][-5:]
        assert ended == ["run.halted", "hosts.recorded", "wave.closed", "change.moved", "run.ended"]
        disk.make_room()
        store.require_there()


def test_on_a_disk_that_is_nearly_full_nothing_begins(disk: Disk) -> None:
    """Neither where there is no room to keep, nor where only that is left; and nothing half made stays."""
    with disk.open() as store:
        filler = disk.folder / "filler"
        filler.write_bytes(b"x" * (16 * 1024 * 1024))
        with pytest.raises(Refusal, match="is full"):
            store.require_there()
        assert [path.name for path in disk.folder.glob("reserve*")] == []
        disk.make_room()
        store.require_there()
        assert (disk.folder / "reserve").stat().st_blocks * 512 == SIZE_BYTES
        filler.write_bytes(b"x" * (os.statvfs(disk.folder).f_bavail * 4096 - LOW_BYTES // 2))
        with pytest.raises(Refusal, match="is full"):
            store.require_there()


def test_a_disk_without_room_to_the_last_byte_refuses_and_stays_whole(disk: Disk) -> None:
    """Where nothing was kept the store says that it is full, and what it held is there when there is room again."""
    with disk.open() as store:
        store.append("denied", "ann", {})
        disk.fill()
        with pytest.raises(Refusal, match="is full: make room and run again"):
            any(store.append("denied", "ann", {"x": "x" * 4000}) is None for _number in range(200))
        size = store.log_size()
        disk.make_room()
        assert store.append("denied", "ann", {}) == size
