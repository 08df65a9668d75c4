# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirm, renew, back and the reaper at the same moment: exactly one moves, and the others say so."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host.turn import turn_if_due
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench, StillClock

ROUNDS = int(os.environ.get("TIDEGATE_RACES", "60"))
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


def _ready(top: Path, seed: int) -> Bench:
    bench = Bench(top)
    bench.deploy("1.0")
    bench.begin(CHANGE, bench.release("2.0"))
    bench.run_effects()
    (deadline_ms,) = bench.units.armed
    bench.host.clock = TickingClock(deadline_ms, seed)
    return bench


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


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_of_confirm_and_reaper_exactly_one_wins(tmp_path: Path, seed: int) -> None:
    """Either the release is permanent and the reaper found nothing, or it goes back and the confirm was refused."""
    bench = _ready(tmp_path, seed)
    confirmed, reaped = _together(lambda: bench.confirm(CHANGE), lambda: _reap(bench))
    if reaped:
        assert confirmed in LATE
        assert bench.state == "reverting"
    else:
        assert confirmed["changed"]
        assert (bench.state, bench.stands["change"]) == ("steady", CHANGE)


@pytest.mark.parametrize("seed", range(ROUNDS // 2))
def test_of_renew_and_reaper_the_later_deadline_or_the_way_back_holds(tmp_path: Path, seed: int) -> None:
    """A renewal that was granted is kept by the reaper; one that came late is refused."""
    bench = _ready(tmp_path, seed)
    renewed, turned = _together(lambda: bench.renew(CHANGE, 90), lambda: turn_if_due(bench.host, "web"))
    if turned:
        assert renewed in LATE
        assert bench.state == "reverting"
    elif renewed in LATE:
        assert turn_if_due(bench.host, "web")
    else:
        assert renewed["changed"]
        assert not turn_if_due(bench.host, "web")


@pytest.mark.parametrize("seed", range(ROUNDS // 2))
def test_of_confirm_and_back_the_way_back_wins_in_the_end(tmp_path: Path, seed: int) -> None:
    """Whichever comes first, the change goes back: a confirm before it was a confirm, one after it is refused."""
    bench = _ready(tmp_path, seed)
    confirmed, turned = _together(lambda: bench.confirm(CHANGE), lambda: bench.back(CHANGE))
    assert turned["changed"]
    assert bench.state == "reverting"
    assert confirmed in LATE or confirmed["changed"]
    bench.run_revert()
    assert bench.current.startswith("1.0-")
