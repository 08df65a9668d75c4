# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `doctor` on a host in a folder: what is read, and that nothing changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.host import checks, doctor, install, units
from ansible_collections.tidegate.deploy.plugins.module_utils.host.bounded import Ended
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench


class Place:
    """A bench with an installed program and its unit files."""

    def __init__(self, top: Path) -> None:
        self.bench = Bench(top)
        self.units = top / "units"
        self.units.mkdir()
        self.lib = Path(self.bench.host.paths.lib)
        (self.lib / "abc").mkdir(parents=True)
        (self.lib / "abc" / "tidegate-host").write_text("#!/usr/bin/python3 -IS\n")
        (self.lib / "abc" / "version").write_text("1.0.0")
        (self.lib / "current").symlink_to("abc")
        for name, text in install.definitions(self.bench.host).items():
            (self.units / name).write_text(text)
        self.bench.units.enabled = "enabled"
        self.running: set[str] = set()
        self.bench.units.is_running = self.is_running  # type: ignore[method-assign]

    def is_running(self, unit: str) -> bool:
        return unit in self.running

    def look(self) -> dict[str, Any]:
        return doctor.gather(self.bench.host, {"web": self.bench.root})

    def begun(self) -> str:
        """An activation whose timer is armed; the timer's name."""
        self.bench.begin(self.bench.new_change(), self.bench.release("1.0.0"))
        [deadline_ms] = self.bench.units.armed
        return f"{units.reap_name('web', deadline_ms)}.timer"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A host on which all is well, for a Python that always runs."""
    made = Place(tmp_path)
    monkeypatch.setattr(doctor, "FOLDER", str(made.units))
    monkeypatch.setattr(doctor.bounded, "run", lambda command, _s: Ended(0, b"", b"", False, 1))
    return made


def listing(top: Path) -> list[tuple[str, int, int]]:
    """Every file with its time and size."""
    return sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in top.rglob("*"))


def test_a_host_on_which_all_is_well(place: Place) -> None:
    """The program, its Python, all units and a steady service are read, and nothing is written."""
    place.bench.deploy("1.0.0")
    before = listing(place.bench.top)

    facts = place.look()

    assert facts["program"] == {
        "digest": "abc", "version": "1.0.0", "python": "/usr/bin/python3", "python_problem": None,
    }  # fmt: skip
    assert (facts["units"], facts["broken"], facts["leftovers"]) == ([], [], [])
    assert [(one["state"], one["watched"], one["known"]) for one in facts["services"]] == [("steady", True, True)]
    assert listing(place.bench.top) == before


def test_an_activation_is_watched_by_the_timer_of_its_deadline(place: Place) -> None:
    """The timer of the journal's own deadline counts, and the unit in which the effects run."""
    timer = place.begun()
    place.running = {timer, "tidegate-activate@web.service"}
    well = place.look()["services"][0]
    place.running = {"tidegate-reap@web:1.timer"}
    killed = place.look()["services"][0]

    assert (well["state"], well["watched"], well["runner"]) == ("pending", True, True)
    assert (killed["watched"], killed["runner"]) == (False, False)


def test_an_overdue_activation_is_shown_and_left_alone(place: Place) -> None:
    """The doctor takes nothing back."""
    place.begun()
    place.bench.clock.ms += 3_600_000

    assert place.look()["services"][0]["overdue"]
    assert place.bench.state == "pending"


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (lambda place, path: path.unlink(), "is not there"),
        (lambda place, path: path.write_text("[Unit]\n"), "is not as it was installed"),
        (lambda place, path: (path.unlink(), path.symlink_to(os.devnull)), "is masked"),
        (lambda place, path: Path(f"{path}.d").mkdir(), "is changed by files in"),
        (lambda place, path: place.bench.units.disable("x"), "is disabled"),
    ],
    ids=["missing", "changed", "masked", "drop-in", "disabled"],
)
def test_units_of_the_program(place: Place, harm: Any, problem: str) -> None:
    """Whatever keeps the boot unit from running as it was installed is named, with what mends it."""
    harm(place, place.units / "tidegate-boot.service")

    named = {one["name"]: one for one in place.look()["units"]}

    assert problem in named["tidegate-boot.service"]["problem"]
    assert named["tidegate-boot.service"]["mend"].startswith("on the host: ")


def test_units_are_not_missed_where_nothing_was_ever_installed(place: Place) -> None:
    """Without program and states there is nothing that they would take back."""
    (place.lib / "current").unlink()
    for path in place.units.iterdir():
        path.unlink()

    facts = place.look()

    assert (facts["program"], facts["units"], facts["services"]) == (None, [], [])


@pytest.mark.parametrize(
    ("shebang", "rc", "problem"),
    [
        ("#!/nowhere/python3 -IS\n", 0, "is not there any more"),
        ("#!/usr/bin/env -IS\n", 1, "does not run, or is older than 3.9"),
        ("#!/usr/bin/env -IS\n", None, "does not run, or is older than 3.9"),
        ("import sys\n", 0, "is not there any more"),
    ],
)
def test_the_python_that_the_program_keeps(
    place: Place, monkeypatch: pytest.MonkeyPatch, shebang: str, rc: int | None, problem: str
) -> None:
    """It is executed, not only looked for."""
    (place.lib / "abc" / "tidegate-host").write_text(shebang)
    monkeypatch.setattr(doctor.bounded, "run", lambda command, _s: Ended(rc, b"", b"", False, 1))

    assert place.look()["program"]["python_problem"] == problem


def test_leftovers_orphans_and_broken_journals(place: Place) -> None:
    """Private folders of steps, a service that nobody defines, and a journal that is none."""
    place.bench.deploy("1.0.0")
    Path(place.bench.root, "releases", ".new-1").mkdir()
    services = Path(place.bench.host.paths.services)
    (services / "api").mkdir()
    (services / "api" / "journal.json").write_text("{")

    facts = doctor.gather(place.bench.host, {"web": place.bench.root})
    orphaned = doctor.gather(place.bench.host, {})

    assert facts["leftovers"] == [f"{place.bench.root}/releases/.new-1"]
    assert [one["service"] for one in facts["broken"]] == ["api"]
    assert [(one["service"], one["known"]) for one in orphaned["services"]] == [("web", False)]


PORT = {"check": "ports", "level": "refuse", "found": "port 80 is held", "hint": "stop that process"}
ELSEWHERE = {"check": "runs_elsewhere", "level": "refuse", "found": "web.service is active", "hint": "stop it"}
PATH = {"check": "path", "level": "refuse", "found": "/opt/web/current is no link to a release of it", "hint": "x"}
MEMORY = {"check": "memory", "level": "warn", "found": "1 KiB of memory", "hint": "stop what is not needed"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([PORT], [("web: port 80 is held", "stop that process")]),
        ([ELSEWHERE, PORT], [("web.service is active", doctor.ADOPT.format("web"))]),
        ([MEMORY, MEMORY], [("1 KiB of memory", "stop what is not needed")]),
        (
            [PATH],
            [("web: /opt/web/current is no link to a release of it", "move it away; or")],
        ),
    ],
    ids=["a port", "its own port", "of the host, once", "another tool's tree"],
)
def test_what_the_pre_check_finds(
    place: Place, monkeypatch: pytest.MonkeyPatch, found: list[dict[str, str]], expected: list[tuple[str, str]]
) -> None:
    """Findings of a service name it, those of the host come once, and a service that runs elsewhere is to be adopted."""
    monkeypatch.setattr(checks, "precheck", lambda request, paths: {"findings": found})
    asked = [{"definition": place.bench.definition(), "thresholds": {}}] * 2

    answer = doctor.step(place.bench.host, {"program": "abc", "services": asked})

    assert [(one["found"], one["hint"].partition(",")[0]) for one in answer["findings"]] == [
        (text, hint.partition(",")[0]) for text, hint in expected
    ]
    assert answer["changed"] is False
