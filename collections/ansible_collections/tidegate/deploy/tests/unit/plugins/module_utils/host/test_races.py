# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirm, renew, back and the reaper at the same moment: exactly one moves, and the others say so.

On real files and with the real lock: each round is played by two threads that have the processor taken away from them
between any two lines. TIDEGATE_RACES says how many rounds, 10000 for all that the promises ask for.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host.turn import turn_if_due
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench, StillClock

ROUNDS = int(os.environ.get("TIDEGATE_RACES", "200"))
CHANGE = "CHG-2026-0002"
LATE = ("DEADLINE", "STATE")


class TickingClock(StillClock):
    """Time that passes a little whenever anybody looks, so that a deadline falls between any two lines of code."""

    def __init__(self, deadline_ms: int, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._mutex = threading.Lock()
        self.ms = deadline_ms - self._random.randrange(1, 12)

    def now_ms(self) -> int:
        with self._mutex:
            self.ms += self._random.randrange(2)
            return self.ms

    def sleep(self, seconds: float) -> None:
        time.sleep(0)  # the lock's other holder goes on


class Arena:
    """A host whose second release is ready, put back to that for each round.

    Args:
        top: an empty folder.
    """

    def __init__(self, top: Path) -> None:
        self.bench = Bench(top)
        self.bench.deploy("1.0")
        self.bench.begin(CHANGE, self.bench.release("2.0"))
        self.bench.run_effects()
        (self.deadline_ms,) = self.bench.units.armed
        self._top = top
        self._runs = self.bench.units.runs
        paths = [path for path in top.rglob("*") if "releases" not in path.parts]
        self._links = {path: os.readlink(path) for path in paths if path.is_symlink()}
        self._files = {path: path.read_bytes() for path in paths if path.is_file() and not path.is_symlink()}

    def make_ready(self, seed: int) -> None:
        """Let the host be ready, with a clock that stands just before its deadline."""
        for path in [path for path in self._top.rglob("*") if "releases" not in path.parts]:
            if not path.is_dir() and path not in self._files and path not in self._links:
                path.unlink()
        for path, data in self._files.items():
            path.write_bytes(data)
        for path, target in self._links.items():
            if not path.is_symlink() or os.readlink(path) != target:
                path.unlink(missing_ok=True)
                path.symlink_to(target)
        units = self.bench.units
        units.runs, units.armed, units.wants_revert, units.effects = self._runs, {self.deadline_ms}, False, None
        self.bench.host.clock = TickingClock(self.deadline_ms, seed)


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """A host for all rounds, and threads that change places as often as they can; nobody waits for the disk."""
    monkeypatch.setattr(os, "fdatasync", lambda _descriptor: None)
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield Arena(tmp_path)
    sys.setswitchinterval(interval_s)


def _together(*acts: Callable[[], Any]) -> list[Any]:
    """Run all at once; each one's result, or the code of its refusal."""
    gate = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = acts[index]()
        except Refusal as refusal:
            results[index] = refusal.code

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _reap(bench: Bench) -> bool:
    """Look again and again until the deadline has passed or the activation is over."""
    while not turn_if_due(bench.host, "web"):
        if bench.state != "ready":
            return False
    return True


def test_of_confirm_and_reaper_exactly_one_wins(arena: Arena) -> None:
    """Either the release is permanent and the reaper found nothing, or it goes back and the confirm was refused."""
    bench, won = arena.bench, Counter[bool]()
    for seed in range(ROUNDS):
        arena.make_ready(seed)
        confirmed, reaped = _together(lambda: bench.confirm(CHANGE), lambda: _reap(bench))
        won[reaped] += 1
        if reaped:
            assert confirmed in LATE, seed
            assert bench.state == "reverting", seed
        else:
            assert confirmed["changed"], seed
            assert (bench.state, bench.stands["change"]) == ("steady", CHANGE), seed
    assert min(won[True], won[False]) > ROUNDS // 50, "nearly always the same one won: that was no race"


def test_of_renew_and_reaper_the_later_deadline_or_the_way_back_holds(arena: Arena) -> None:
    """A renewal that was granted is kept by the reaper; one that came late is refused."""
    bench, ends = arena.bench, Counter[str]()
    for seed in range(ROUNDS):
        arena.make_ready(seed)
        renewed, turned = _together(lambda: bench.renew(CHANGE, 90), lambda: turn_if_due(bench.host, "web"))
        if turned:
            assert renewed in LATE, seed
            assert bench.state == "reverting", seed
        elif renewed in LATE:
            assert turn_if_due(bench.host, "web"), seed
        else:
            assert renewed["changed"], seed
            assert not turn_if_due(bench.host, "web"), seed
        ends["turned" if turned else "renewed" if isinstance(renewed, dict) else "late"] += 1
    assert min(ends["turned"] + ends["late"], ends["renewed"]) > ROUNDS // 50, ends


def test_of_confirm_and_back_the_way_back_wins_in_the_end(arena: Arena) -> None:
    """Whichever comes first, the change goes back: a confirm before it was a confirm, one after it is refused."""
    bench = arena.bench
    for seed in range(ROUNDS // 2):
        arena.make_ready(seed)
        confirmed, turned = _together(lambda: bench.confirm(CHANGE), lambda: bench.back(CHANGE))
        assert turned["changed"], seed
        assert bench.state == "reverting", seed
        assert confirmed in (*LATE, "CLOSED") or confirmed["changed"], seed
        bench.run_revert()
        assert bench.current.startswith("1.0-"), seed
