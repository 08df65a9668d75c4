# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An activation, a confirm and a way back survive a power cut between any two operations on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import reaper
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench, PowerCut

Story = Callable[[Bench], None]


def _to_ready(bench: Bench) -> None:
    bench.begin("CHG-2026-0002", bench.release("2.0"))
    bench.run_effects()


def _to_confirmed(bench: Bench) -> None:
    _to_ready(bench)
    bench.confirm("CHG-2026-0002")


def _to_failed_activation(bench: Bench) -> None:
    bench.units.bad = {bench.release("2.0")["id"]}
    _to_ready(bench)
    bench.run_revert()


def _to_overdue(bench: Bench) -> None:
    _to_ready(bench)
    bench.clock.sleep(60)
    reaper.reap_all(bench.host)
    bench.run_revert()


def _to_rolled_back(bench: Bench) -> None:
    _to_confirmed(bench)
    bench.back("CHG-2026-0002")
    bench.run_revert()


def _to_second_try(bench: Bench) -> None:
    """The old release fails to start once on the way back."""
    old = bench.current
    _to_ready(bench)
    bench.units.bad = {old}
    bench.back("CHG-2026-0002")
    bench.clock.sleep = lambda seconds: bench.units.bad.clear()  # type: ignore[method-assign]
    bench.run_revert()


STORIES: list[Story] = [
    _to_ready,
    _to_confirmed,
    _to_failed_activation,
    _to_overdue,
    _to_rolled_back,
    _to_second_try,
]


def _by_boot(bench: Bench) -> None:
    """The power comes back."""
    bench.boot()


def _by_timer(bench: Bench) -> None:
    """Only a process died: nobody asks the host anything, its timers fire, systemd starts a failed runner again."""
    if bench.state in ("pending", "ready"):
        assert bench.units.armed
    bench.clock.sleep(60)
    for deadline_ms in sorted(bench.units.armed):
        reaper.reap(bench.host, "web", deadline_ms)
    bench.units.wants_revert |= bench.state == "reverting"
    bench.run_revert()


def _begin(top: Path, first: bool) -> Bench:
    bench = Bench(top)
    if not first:
        bench.deploy("1.0")
    bench.number = 2
    bench.disk.count = 0
    bench.disk.log.clear()
    return bench


def _operations(top: Path, story: Story, first: bool) -> int:
    bench = _begin(top, first)
    story(bench)
    return bench.disk.count


# from a first deployment there is no way back that could fail to start
CASES = [(story, first) for story in STORIES for first in (False, True) if not (first and story is _to_second_try)]


@pytest.mark.parametrize("recovers", [_by_boot, _by_timer])
@pytest.mark.parametrize(("story", "first"), CASES)
def test_a_cut_anywhere_leaves_old_or_new(tmp_path: Path, story: Story, first: bool, recovers: Story) -> None:
    """The service ends up entirely old, or new if that was confirmed, and the link is never missing.

    A cut is that of the host's power, or the death of the process that worked; before each operation on disk, which
    is also after the one before it.
    """
    total = _operations(tmp_path / "count", story, first)
    assert total > 10
    for number in range(1, total + 1):
        _cut_at(tmp_path / str(number), (story, first, recovers), number)


def _cut_at(top: Path, case: tuple[Story, bool, Story], number: int) -> None:
    story, first, recovers = case
    bench = _begin(top, first)
    old, new = bench.current, bench.release("2.0")["id"]
    bench.disk.cut_at = number
    with pytest.raises(PowerCut):
        story(bench)
    where = f"cut before {bench.disk.log[-1]}"
    assert bench.current in (old, new), where
    cut = bench.stands
    confirmed = (cut["state"], cut["change"]) == ("steady", "CHG-2026-0002")
    bench.units.bad.discard(old)
    bench.disk.cut_at = None
    recovers(bench)
    stands = bench.stands
    assert stands["state"] == "steady", where
    assert stands["current"] in (old, new), where
    assert stands["current"] == stands["new"], where
    assert (stands["current"] == new) == confirmed, where
    assert bench.units.runs == (None if stands["current"] == "absent" else stands["current"]), where
    assert bench.units.enabled == ("disabled" if stands["current"] == "absent" else "enabled"), where
    _goes_on(bench, where)


def _goes_on(bench: Bench, where: str) -> None:
    """Whatever was left over hinders no later change."""
    bench.number = 7
    bench.units.bad.clear()
    change = bench.deploy("3.0")
    assert (bench.stands["state"], bench.stands["change"]) == ("steady", change), where
    assert bench.units.runs == bench.current == bench.release("3.0")["id"], where
    bench.clock.wall = "2027-01-01T00:00:00Z"
    bench.run_prune()
    assert not bench.host.journal("web").activations(), where


@pytest.mark.parametrize("story", [_to_failed_activation, _to_overdue, _to_rolled_back, _to_second_try])
def test_going_back_needs_no_space(tmp_path: Path, story: Story) -> None:
    """A new release that fills the disk after the switch does not keep the host from going back."""
    bench = _begin(tmp_path, first=False)
    old = bench.current
    forward = bench.units.start

    def fill(unit: str, how: str, limit_s: int) -> None:
        bench.disk.full = True
        forward(unit, how, limit_s)

    bench.units.start = fill  # type: ignore[method-assign]
    story(bench)
    assert (bench.current, bench.state, bench.units.runs) == (old, "steady", old)
    assert bench.disk.full


def test_a_full_disk_at_begin_switches_nothing(tmp_path: Path) -> None:
    """An activation that cannot be written down does not begin, and says so."""
    bench = _begin(tmp_path, first=False)
    old, release = bench.current, bench.release("2.0")
    bench.disk.full = True
    with pytest.raises(Refusal) as caught:
        bench.begin("CHG-2026-0002", release)
    assert caught.value.code == "NO_SPACE"
    assert (bench.current, bench.state, bench.units.armed) == (old, "steady", set())
