# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every interleaving of controller, effects, reaper, runner, deaths, power cuts and boots, on the real host program.

What is not watched by the promises of a host would not be seen; so the same walk is made with one rule of the
program broken, and has to end in the promise that this rule keeps. With TIDEGATE_INTERLEAVINGS=all the walks are longer.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import guards, states
from ansible_collections.tidegate.deploy.plugins.module_utils.core.states import ROWS, Row
from ansible_collections.tidegate.deploy.plugins.module_utils.host import forward, journal, reaper
from ansible_collections.tidegate.deploy.plugins.module_utils.host.host import Spot
from ansible_collections.tidegate.deploy.tests.property.explorer import Broken, Explorer, deployed, fresh
from ansible_collections.tidegate.deploy.tests.property.interleaved_host import Machine, Plan, State, patch

OLD, NEW, NEXT = "1.0-aaaaaaaaaaaa", "2.0-bbbbbbbbbbbb", "3.0-cccccccccccc"
BEFORE = Plan("CHG-2026-0001", OLD, 5, "0" * 64)
FIRST = Plan("CHG-2026-0002", NEW, 6, "1" * 64)
ANOTHER = Plan("CHG-2026-0003", NEXT, 7, "2" * 64)
SAME_AGAIN = Plan("CHG-2026-0002", NEW, 7, "3" * 64)
STALE = (
    BEFORE,
    Plan("CHG-2026-0009", NEXT, 4, "9" * 64),
)
ALL = os.environ.get("TIDEGATE_INTERLEAVINGS") == "all"

GOES = {("steady", "pending"), ("pending", "ready"), ("ready", "steady"), ("pending", "reverting")}
GOES_BACK = {("ready", "reverting"), ("steady", "reverting"), ("reverting", "steady")}
RENEWS, FAILS = {("ready", "ready")}, {("reverting", "reverting"), ("reverting", "failed"), ("failed", "reverting")}


class Walk(NamedTuple):
    """Where a walk begins, and what may happen on it.

    Args:
        plans: the attempts that are made.
        seen: at least so many states, so that the walk cannot become empty, and these moves.
        deaths: how many processes die.
        cuts: how often the power is cut.
        renews: whether deadlines are renewed.
        overlap: whether one begins while processes of another are still about.
        unwell: releases that do not start.
        anew: nothing was deployed before.
        longer: deaths and cuts of the longer walk.
    """

    plans: tuple[Plan, ...]
    seen: tuple[int, set[tuple[str, str]]]
    deaths: int = 1
    cuts: int = 1
    renews: bool = False
    overlap: bool = False
    unwell: frozenset[str] = frozenset()
    anew: bool = False
    longer: tuple[int, int] = (1, 1)


WALKS = {
    "one": Walk((FIRST,), (15_000, GOES | GOES_BACK | RENEWS), renews=True, longer=(2, 1)),
    "one that does not start": Walk((FIRST,), (2_000, {("reverting", "steady")}), unwell=frozenset({NEW}), longer=(2, 2)),
    "one, and the old does not start again": Walk((FIRST,), (5_000, GOES | FAILS), 0, 1, unwell=frozenset({OLD})),
    "a first deployment": Walk((FIRST,), (4_000, GOES | GOES_BACK), 1, 0, anew=True),
    "two, one upon the other": Walk((FIRST, ANOTHER), (15_000, GOES | GOES_BACK), 0, 0),
    "one attempt after the other": Walk((FIRST, SAME_AGAIN), (5_000, GOES | GOES_BACK), 0, 0, overlap=True),
}  # fmt: skip


def explore(monkeypatch: pytest.MonkeyPatch, walk: Walk, deaths: int, cuts: int, overlap: bool) -> Explorer:
    """Walk through all states of one walk."""
    machine = Machine()
    patch(monkeypatch, machine)
    explorer = Explorer(machine, walk.plans, STALE, renews=walk.renews, overlap=overlap)
    explorer.explore(_start(machine, walk)._replace(kills=deaths, cuts=cuts))
    return explorer


def _start(machine: Machine, walk: Walk) -> State:
    bare = fresh((OLD, NEW, NEXT))
    start = bare if walk.anew else deployed(machine, bare, BEFORE)
    machine.unwell = walk.unwell
    return start


@pytest.fixture(autouse=True)
def no_collecting() -> Iterator[None]:
    """All states are kept until the end; to look for garbage among them is a third of a walk."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", WALKS)
def test_no_interleaving_breaks_a_promise(monkeypatch: pytest.MonkeyPatch, name: str, record_property: Any) -> None:
    """Every state that can be reached keeps the promises, and from each the host comes to rest by itself."""
    walk = WALKS[name]
    deaths, cuts = walk.longer if ALL else (walk.deaths, walk.cuts)
    explorer = explore(monkeypatch, walk, deaths, cuts, ALL or walk.overlap)
    record_property("states", explorer.states)
    record_property("transitions", explorer.transitions)
    least, moves = walk.seen
    assert explorer.states >= least
    assert explorer.transitions > explorer.states
    assert moves <= explorer.promises.kinds


# --- that it can fail


def without_guard(event: str, guard: str) -> Callable[[pytest.MonkeyPatch], None]:
    """The table, with one guard less."""

    def lose(row: Row) -> Row:
        left = tuple(name for name in row.guards if name != guard)
        return Row(row.states, row.event, row.when, left, row.next, row.future) if row.event == event else row

    return lambda patched: patched.setattr(states, "ROWS", tuple(map(lose, ROWS)))


def always(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """The table, in which one condition always holds."""
    words, _holds = guards.CONDITIONS[name]
    changed = {**guards.CONDITIONS, name: (words, lambda _view, _facts: True)}
    return lambda patched: patched.setattr(states, "CONDITIONS", changed)


def with_row(*row: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """The table, with one row more before all others."""
    return lambda patched: patched.setattr(states, "ROWS", (Row(*row), *ROWS))


def switching_blindly(patched: pytest.MonkeyPatch) -> None:
    """An activation that does not look again before it switches."""

    def switch(self: Any) -> None:
        with self._host.lock():
            Spot(self._host, self._view["service"]).switch.forward(self._view["aid"])

    patched.setattr(forward.Forward, "_switch", switch)


def turning_blindly(patched: pytest.MonkeyPatch) -> None:
    """A reaper that moves what it saw before it had the lock."""

    def at_once(host: Any, service: str) -> bool:
        spot = Spot(host, service, lenient=True)
        if states.due(spot.view, host.clock.now_ms(), host.clock.boot_id()) is None:
            return False
        with host.lock():
            spot.go(states.Move("reverting", "reverting-1", 1))
        return True

    patched.setattr(reaper, "turn_if_due", at_once)


def nobody_started(patched: pytest.MonkeyPatch) -> None:
    """A reaper that moves the state and forgets to start the runner."""
    patched.setattr(reaper, "_start_runner", lambda _host, _service: None)


def forgetting_the_fence(patched: pytest.MonkeyPatch) -> None:
    """A host that knows of lease numbers only what the journal at hand says."""
    patched.setattr(journal.Journal, "_raise_fence", lambda _self, _folder, _number: None)


ONE, TWO = WALKS["one"], WALKS["two, one upon the other"]
BROKEN: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Walk, str]] = {
    "confirmed late": (without_guard("confirm", "in_time"), ONE, "confirm although overdue"),
    "confirmed after a boot": (without_guard("confirm", "boot"), ONE, "confirm although rebooted"),
    "confirmed with any token": (without_guard("confirm", "token"), ONE, "token of another attempt"),
    "confirmed though closed": (without_guard("confirm", "open"), ONE, "of a closed change"),
    "renewed late": (without_guard("renew", "in_time"), ONE, "renew although overdue"),
    "ready after the deadline": (without_guard("ended", "in_time"), ONE, "effects although overdue"),
    "ready though closed": (without_guard("ended", "open"), ONE, "of a closed change"),
    "an older lease": (without_guard("activate", "fence"), ONE, "lost its lease"),
    "a closed change begins": (without_guard("activate", "open"), ONE, "whose change was closed"),
    "forward again": (with_row(("reverting",), "ended", "", (), "ready", "ready"), ONE, "never comes to rest|reverting became"),
    "confirmed while going back": (with_row(("reverting",), "confirm", "", (), "steady", "steady-new"), ONE, "token of another"),
    "a change under a later one goes back": (without_guard("back", "superseded"), ONE, "under a later one"),
    "an attempt too many": (always("attempts_left"), WALKS["one, and the old does not start again"], "No such file"),
    "switching blindly": (switching_blindly, ONE, "current went forward"),
    "turning blindly": (turning_blindly, ONE, "No such file"),
    "nobody goes back": (nobody_started, ONE, "nothing watches"),
    "the fence is forgotten": (forgetting_the_fence, TWO, "lease number was forgotten|lost its lease"),
}  # fmt: skip


@pytest.mark.parametrize("rule", BROKEN)
def test_a_rule_that_is_broken_is_seen(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """The walk ends in the promise that this rule keeps."""
    break_it, walk, words = BROKEN[rule]
    break_it(monkeypatch)
    with pytest.raises(Broken, match=words):
        explore(monkeypatch, walk, walk.deaths, walk.cuts, True)
