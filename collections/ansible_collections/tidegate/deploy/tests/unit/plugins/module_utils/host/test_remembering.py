# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has seen it does not forget, whichever way an activation ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import reaper
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A host on which release 1.0 runs, confirmed."""
    made = Bench(tmp_path)
    made.deploy("1.0")
    return made


def refused(act: Any, *arguments: Any, **named: Any) -> str:
    """The code of what refuses a step."""
    with pytest.raises(Refusal) as caught:
        act(*arguments, **named)
    return caught.value.code


def test_the_highest_lease_number_outlives_every_way_back(bench: Bench) -> None:
    """A change that is taken back was begun before a later run came and went; that one's number still counts."""
    second = bench.deploy("2.0", fence=6)
    third = bench.new_change()
    bench.begin(third, bench.release("3.0"), fence=9)
    bench.run_effects()
    bench.back(third)
    bench.run_revert()
    bench.back(second)
    assert (bench.state, bench.stands["fence"]) == ("reverting", 9)
    bench.run_revert()
    assert (bench.state, bench.stands["fence"]) == ("steady", 9)
    assert refused(bench.begin, bench.new_change(), bench.release("3.0"), fence=8) == "FENCED"


def test_an_activation_that_was_never_written_raises_no_number(bench: Bench) -> None:
    """On a full disk nothing begins, and nothing is remembered of it."""
    bench.disk.full = True
    assert refused(bench.begin, bench.new_change(), bench.release("2.0"), fence=50) == "NO_SPACE"
    assert bench.stands["fence"] < 50


@pytest.mark.parametrize("state", ["pending", "ready", "reverting", "failed"])
def test_a_change_under_a_later_one_is_not_taken_back(bench: Bench, state: str) -> None:
    """It did something here and counts again once the later one is gone; until then nobody is told that it went back."""
    old, first, second = bench.current, bench.stands["change"], bench.new_change()
    bench.begin(second, bench.release("2.0"))
    if state != "pending":
        bench.run_effects()
    if state in ("reverting", "failed"):
        bench.units.bad = {old}
        bench.back(second)
    if state == "failed":
        bench.run_revert()
    assert bench.state == state
    assert refused(bench.back, first) == "NOT_OURS"
    assert first not in bench.stands["closed"]


def test_what_the_boot_unit_did_not_come_to_is_made_good_later_in_the_boot(bench: Bench) -> None:
    """Without it the new release starts, and is taken back when the rest of the program starts."""
    old = bench.current
    bench.begin(bench.new_change(), bench.release("2.0"))
    bench.run_effects()
    bench.clock.boot = "boot-2"
    reaper.after_boot(bench.host)
    bench.run_revert()
    assert (bench.state, bench.current, bench.units.runs) == ("steady", old, old)


@pytest.mark.parametrize("state", ["ready", "steady", "failed"])
def test_whoever_takes_back_has_a_timer_look_whether_it_could(bench: Bench, monkeypatch: Any, state: str) -> None:
    """It may die between the turn and the start of the runner, when no deadline has a timer any longer."""
    old, second = bench.current, bench.new_change()
    bench.begin(second, bench.release("2.0"))
    bench.run_effects()
    if state == "steady":
        bench.confirm(second)
    if state == "failed":
        bench.units.bad = {old}
        bench.back(second)
        bench.run_revert()
        bench.units.bad = set()
    bench.units.armed.clear()
    monkeypatch.setattr(bench.units, "start_revert", lambda service: None)
    bench.back(second)
    monkeypatch.undo()
    bench.clock.sleep(30)
    (look_ms,) = bench.units.armed
    reaper.reap(bench.host, "web", look_ms)
    bench.run_revert()
    assert (bench.state, bench.current) == ("steady", old)
