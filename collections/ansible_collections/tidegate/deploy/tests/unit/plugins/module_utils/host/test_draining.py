# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draining is undone whichever way an activation ends, by what has drained, also when two definitions differ in it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.host import bounded, reaper
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A host without any release."""
    return Bench(tmp_path)


def hook(*command: str) -> dict[str, Any]:
    """A hook of a definition."""
    return {"command": list(command), "user": None, "timeout_s": 60}


def by_hooks(drain: dict[str, Any], undrain: dict[str, Any]) -> dict[str, Any]:
    """Draining by a pair of hooks."""
    return {"drain": drain, "undrain": undrain, "wait_s": 0, "closes": None}


class Balancer:
    """What the hooks talk to: a log of who has said what."""

    def __init__(self, top: Path) -> None:
        self._path = top / "balancer"
        self.own = by_hooks(self._word("drain"), self._word("undrain"))
        """Hooks outside of any release."""
        self.shipped = by_hooks(hook("drain"), hook("undrain"))
        """Hooks that a release ships."""

    def _word(self, word: str) -> dict[str, Any]:
        return hook("/bin/sh", "-c", self._script(word))

    def _script(self, word: str) -> str:
        return f"echo {word} >> {self._path}"

    def scripts(self, name: str) -> dict[str, str]:
        """What a release ships that has the hooks in it."""
        return {word: self._script(f"{name}:{word}") for word in ("drain", "undrain")}

    @property
    def heard(self) -> list[str]:
        """All words so far; hearing forgets them."""
        words = self._path.read_text().split() if self._path.exists() else []
        self._path.unlink(missing_ok=True)
        return words


@pytest.fixture
def balancer(tmp_path: Path) -> Balancer:
    """A balancer."""
    return Balancer(tmp_path)


def change_that_fails(bench: Bench, release: dict[str, str], drain: Any) -> None:
    """A canary that answers wrongly, and the way back."""
    bench.watch.unwell = {release["id"]}
    bench.begin(bench.new_change(), release, definition=bench.definition(drain=drain))
    bench.run_effects()
    bench.run_revert()


def deploy(bench: Bench, release: dict[str, str], drain: Any) -> str:
    """A change that is confirmed."""
    change = bench.new_change()
    bench.begin(change, release, definition=bench.definition(drain=drain))
    bench.run_effects()
    bench.confirm(change)
    return change


def test_hooks_that_only_the_new_release_ships(bench: Bench, balancer: Balancer) -> None:
    """A canary that introduces them and fails is undone by its own hook, in its own folder."""
    bench.deploy("1.0")
    change_that_fails(bench, bench.release("2.0", balancer.scripts("2.0")), balancer.shipped)
    assert (bench.state, bench.current[:3], bench.stands["attempts"]) == ("steady", "1.0", [])
    assert balancer.heard == ["2.0:drain", "2.0:undrain"]


def test_hooks_that_only_the_old_release_ships(bench: Bench, balancer: Balancer) -> None:
    """A release without them is deployed without them; back on the old one they are there."""
    deploy(bench, bench.release("1.0", balancer.scripts("1.0")), balancer.shipped)
    assert balancer.heard == ["1.0:undrain"]
    change = deploy(bench, bench.release("2.0"), None)
    assert (bench.state, bench.current[:3], balancer.heard) == ("steady", "2.0", [])
    bench.back(change)
    bench.run_revert()
    assert (bench.state, bench.current[:3]) == ("steady", "1.0")


def test_hooks_that_both_releases_ship(bench: Bench, balancer: Balancer) -> None:
    """What is the same is run once, by the release that runs then."""
    deploy(bench, bench.release("1.0", balancer.scripts("1.0")), balancer.shipped)
    assert balancer.heard == ["1.0:undrain"]
    change_that_fails(bench, bench.release("2.0", balancer.scripts("2.0")), balancer.shipped)
    assert (bench.current[:3], balancer.heard) == ("1.0", ["2.0:drain", "1.0:undrain"])


def test_hooks_that_the_old_release_lacks_although_its_definition_names_them(bench: Bench, balancer: Balancer) -> None:
    """Without a journal the old definition is taken to be the new one."""
    os.symlink(f"releases/{bench.release('1.0')['id']}", os.path.join(bench.root, "current"))
    change_that_fails(bench, bench.release("2.0", balancer.scripts("2.0")), balancer.shipped)
    assert (bench.state, bench.current[:3], balancer.heard) == ("steady", "1.0", ["2.0:drain", "2.0:undrain"])


def test_a_file_before_and_hooks_after(bench: Bench, balancer: Balancer) -> None:
    """The old definition's file and the new one's hook are both undone."""
    file = bench.top / "run" / "drain"
    deploy(bench, bench.release("1.0"), {"file": str(file), "wait_s": 0, "closes": None})
    change_that_fails(bench, bench.release("2.0"), balancer.own)
    assert (bench.state, file.exists(), balancer.heard) == ("steady", False, ["drain", "undrain"])


def test_an_undrain_that_failed_is_done_by_the_next_attempt(bench: Bench, balancer: Balancer) -> None:
    """The host does not count as back while it is drained; what was undone once is not done again."""
    bench.deploy("1.0")
    fails_once = (
        f"test -e {bench.top}/once || {{ touch {bench.top}/once; exit 3; }}; echo undrain >> {bench.top}/balancer"
    )
    drain = by_hooks(balancer.own["drain"], hook("/bin/sh", "-c", fails_once))
    change_that_fails(bench, bench.release("2.0"), drain)
    assert (bench.state, balancer.heard) == ("steady", ["drain", "undrain"])
    assert not bench.host.journal("web").is_drained(bench.stands["aid"])


def test_a_power_cut_while_drained(bench: Bench, balancer: Balancer) -> None:
    """What was drained is written down before."""
    bench.deploy("1.0")
    bench.begin(bench.new_change(), bench.release("2.0"), definition=bench.definition(drain=balancer.own))
    bench.watch.probe = None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):  # it dies before it can say anything
        bench.run_effects()
    del bench.watch.probe
    bench.boot()
    assert (bench.state, bench.current[:3], balancer.heard) == ("steady", "1.0", ["drain", "undrain"])


@pytest.mark.parametrize("reader", [False, True])
def test_a_pipe_in_place_of_the_drain_file(tmp_path: Path, bench: Bench, reader: bool) -> None:
    """It is refused at once, whether anybody reads from it or not."""
    pipe = tmp_path / "drain"
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK) if reader else None
    bench.deploy("1.0")
    watchdog = threading.Timer(5, lambda: os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)))
    watchdog.start()
    change_that_fails(bench, bench.release("2.0"), {"file": str(pipe), "wait_s": 0, "closes": None})
    watchdog.cancel()
    assert (bench.state, bench.current[:3]) == ("steady", "1.0")
    assert bench.stands["reverted"]["code"] == ("UNSAFE_PATH" if reader else "HOST_ERROR")
    if descriptor is not None:
        os.close(descriptor)


@pytest.mark.parametrize("good", [True, False], ids=["confirmed", "taken back"])
def test_draining_by_hooks_is_undone_in_every_case(bench: Bench, balancer: Balancer, good: bool) -> None:
    """Also when only the new definition knows how: what has drained undrains."""
    bench.deploy("1.0")
    release = bench.release("2.0")
    bench.units.bad = set() if good else {release["id"]}
    bench.begin(bench.new_change(), release, definition=bench.definition(drain=balancer.own))
    bench.run_effects()
    bench.run_revert()
    assert balancer.heard == ["drain", "undrain"]


# --- before going back


def file_drain(bench: Bench, wait_s: int = 1) -> dict[str, Any]:
    """Draining by a file."""
    return {"file": str(bench.top / "run" / "drain"), "wait_s": wait_s, "closes": None}


class Switches:
    """Whether the drain file was there, and how long since the last one, each time the unit was started or left."""

    def __init__(self, bench: Bench, file: Path) -> None:
        self.drained: list[bool] = []
        start = bench.units.start

        def watched(unit: str, how: str, limit_s: int) -> None:
            self.drained.append(file.exists())
            start(unit, how, limit_s)

        bench.units.start = watched  # type: ignore[method-assign]


@pytest.mark.parametrize("ends", ["asked for", "not confirmed"])
def test_a_release_that_serves_well_is_drained_before_it_goes(bench: Bench, ends: str) -> None:
    """By hand or at the deadline: the file is there when the old release starts, for its wait, and gone after it."""
    drain = file_drain(bench)
    deploy(bench, bench.release("1.0"), drain)
    change, release = bench.new_change(), bench.release("2.0")
    bench.begin(change, release, definition=bench.definition(drain=drain))
    bench.run_effects()
    if ends == "asked for":
        bench.confirm(change)
        bench.back(change)
    else:
        bench.clock.sleep(60)
        reaper.reap_all(bench.host)
    switches = Switches(bench, Path(drain["file"]))
    before_ms = bench.clock.ms
    bench.run_revert()
    assert (bench.state, bench.current[:3], switches.drained) == ("steady", "1.0", [True])
    assert bench.clock.ms - before_ms == 1000
    assert not os.path.exists(drain["file"])


def test_a_release_that_does_not_serve_is_replaced_at_once(bench: Bench) -> None:
    """Nobody waits until traffic has left what answers nobody."""
    drain = file_drain(bench)
    deploy(bench, bench.release("1.0"), drain)
    change = deploy(bench, bench.release("2.0"), drain)
    bench.watch.unwell = {bench.current}
    bench.back(change)
    before_ms = bench.clock.ms
    bench.run_revert()
    assert (bench.state, bench.current[:3], bench.clock.ms) == ("steady", "1.0", before_ms)


def test_what_is_drained_already_is_not_drained_again(bench: Bench, balancer: Balancer) -> None:
    """An activation that fails at its probes goes back without a second wait."""
    deploy(bench, bench.release("1.0"), file_drain(bench))
    bench.begin(bench.new_change(), bench.release("2.0"), definition=bench.definition(drain=file_drain(bench)))
    bench.watch.probe, probe = None, bench.watch.probe  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):  # its unit dies while it is drained
        bench.run_effects()
    bench.watch.probe = probe  # type: ignore[method-assign]
    bench.clock.sleep(60)
    reaper.reap_all(bench.host)
    before_ms = bench.clock.ms
    bench.run_revert()
    assert (bench.state, bench.current[:3], bench.clock.ms) == ("steady", "1.0", before_ms)
    assert not (bench.top / "run" / "drain").exists()


def test_going_back_drains_by_the_hook_of_what_runs(bench: Bench, balancer: Balancer) -> None:
    """The new release drains; the old one undrains, since it has the same hook."""
    deploy(bench, bench.release("1.0", balancer.scripts("1.0")), balancer.shipped)
    change = deploy(bench, bench.release("2.0", balancer.scripts("2.0")), balancer.shipped)
    assert balancer.heard == ["1.0:undrain", "2.0:drain", "2.0:undrain"]
    bench.back(change)
    bench.run_revert()
    assert (bench.state, bench.current[:3], balancer.heard) == ("steady", "1.0", ["2.0:drain", "1.0:undrain"])


@pytest.mark.parametrize("script", ["exit 3", "sleep 600"], ids=["fails", "hangs"])
def test_a_drain_that_fails_does_not_hinder_going_back(
    bench: Bench, balancer: Balancer, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within its limit the host goes back all the same, and what it may have drained is undone."""
    flag = bench.top / "breaks"
    breaks = hook("/bin/sh", "-c", f"test -e {flag} && {{ {script}; }}; echo drain >> {bench.top}/balancer")
    drain = by_hooks(breaks, balancer.own["undrain"])
    deploy(bench, bench.release("1.0"), drain)
    change = deploy(bench, bench.release("2.0"), drain)
    assert balancer.heard == ["undrain", "drain", "undrain"]
    flag.touch()
    run = bounded.run
    briefly = {breaks["command"][-1]: 1}
    monkeypatch.setattr(bounded, "run", lambda one, most_s, **more: run(one, briefly.get(one[-1], most_s), **more))
    bench.back(change)
    bench.run_revert()
    assert (bench.state, bench.current[:3], bench.stands["attempts"]) == ("steady", "1.0", [])
    assert balancer.heard == ["undrain"]
    assert not bench.host.journal("web").is_drained(bench.stands["aid"])
