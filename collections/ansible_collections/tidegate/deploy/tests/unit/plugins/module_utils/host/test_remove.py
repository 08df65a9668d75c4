# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing of Tidegate stays on a host, and nothing of a service goes; never while anything is under way."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import install, remove
from ansible_collections.tidegate.deploy.plugins.module_utils.host.clock import Clock
from ansible_collections.tidegate.deploy.plugins.module_utils.host.locks import Lock
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench, PowerCut


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A host with two releases and an installed program."""
    bench = Bench(tmp_path)
    bench.deploy("1.0")
    bench.deploy("2.0")
    Path(bench.host.paths.lib, "digest").mkdir(parents=True)
    bench.units.definitions = dict.fromkeys(install.UNITS, "text")
    return bench


def take_away(bench: Bench, check: bool = False) -> dict[str, Any]:
    return remove.step(bench.host, {"check": check})


def service_files(bench: Bench) -> dict[str, int]:
    """What belongs to the service, by inode."""
    paths = [path for path in Path(bench.root).rglob("*") if not path.name.startswith((".back-", ".next-"))]
    return {str(path): path.lstat().st_ino for path in paths}


def test_everything_goes_but_the_service(bench: Bench) -> None:
    """It is told what went and what stays, with the change that can no longer be taken back."""
    before, calls, current = service_files(bench), list(bench.units.calls), bench.current
    told = take_away(bench)
    assert told["changed"]
    assert {bench.host.paths.state, bench.host.paths.lib} < set(told["removed"])
    assert [(one["service"], one["current"], one["releases"], one["change"]) for one in told["left"]] == [
        ("web", current, 2, "CHG-2026-0002")
    ]
    assert sorted(os.listdir(bench.top)) == ["opt"]
    assert sorted(os.listdir(bench.root)) == ["current", "releases"]
    assert (service_files(bench), bench.units.calls, bench.units.definitions) == (before, calls, {})


def test_again_there_is_nothing_to_do(bench: Bench) -> None:
    """And no lock or folder is made only to find that out."""
    take_away(bench)
    assert take_away(bench) == {"changed": False, "removed": [], "left": []}
    assert sorted(os.listdir(bench.top)) == ["opt"]


def test_check_mode_tells_the_same_and_removes_nothing(bench: Bench) -> None:
    """Every file is still there."""
    before = sorted(bench.top.rglob("*"))
    told = take_away(bench, check=True)
    assert (told["changed"], sorted(bench.top.rglob("*"))) == (True, before)
    assert take_away(bench) == told


@pytest.mark.parametrize("state", ["pending", "ready", "reverting"])
def test_what_is_under_way_is_named(bench: Bench, state: str) -> None:
    """Nothing is removed then, from a service that is steady neither."""
    change = bench.new_change()
    bench.begin(change, bench.release("3.0"))
    if state == "ready":
        bench.run_effects()
    if state == "reverting":
        bench.back(change)
    before = sorted(bench.top.rglob("*"))
    with pytest.raises(Refusal, match=rf"STATE: web: found {state} \(change {change}\)"):
        take_away(bench)
    assert sorted(bench.top.rglob("*")) == before
    assert bench.units.definitions


def test_a_power_cut_is_made_good_by_asking_again(tmp_path: Path) -> None:
    """Before each durable operation."""
    for cut in range(1, 5):
        top = tmp_path / str(cut)
        top.mkdir()
        bench = Bench(top)
        bench.deploy("1.0")
        Path(bench.host.paths.lib, "digest").mkdir(parents=True)
        bench.disk.count, bench.disk.cut_at = 0, cut
        try:
            take_away(bench)
        except PowerCut:
            bench.disk.cut_at = None
            take_away(bench)
        assert sorted(os.listdir(top)) == ["opt"]


def test_after_that_a_rollout_begins_anew(bench: Bench) -> None:
    """The release that runs is the previous one, without anything that proves it."""
    take_away(bench)
    current = bench.current
    change = bench.deploy("3.0")
    assert (bench.stands["old"], bench.stands["change"]) == (current, change)


def test_whoever_waited_for_a_lock_that_was_removed_takes_the_new_one(tmp_path: Path) -> None:
    """Two holders of two files of one name would not keep each other out."""
    path = tmp_path / "lock"
    order: list[str] = []

    def wait() -> None:
        with Lock(str(path), Clock()):
            order.append("waited")

    first = Lock(str(path), Clock())
    with first:
        waiting = threading.Thread(target=wait)
        waiting.start()
        path.unlink()
        second = Lock(str(path), Clock())
        second.__enter__()
    order.append("second lets go")
    waiting.join(0.2)
    assert order == ["second lets go"]
    second.__exit__(None, None, None)
    waiting.join()
    assert order == ["second lets go", "waited"]


def test_whoever_waited_while_all_state_went_is_told(tmp_path: Path) -> None:
    """It does not make the state anew, of which nothing is left."""
    with pytest.raises(Refusal, match=r"BUSY: .*was removed with all state of this host; run again"):
        Lock(str(tmp_path / "gone/lock"), Clock()).__enter__()
