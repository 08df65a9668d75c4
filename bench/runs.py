# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs of all contenders in turn, each checked on the hosts, as plain values."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench import releases
from bench.contenders import TOOLS, Command, environment
from bench.hosts import Hosts, services
from bench.meter import Meter, Used
from bench.server import Files
from lab.command import LabError

PULL, PUSH, ROLLBACK, FILE = "pull", "push", "rollback", "file"
RUN_S = 300.0
BASE = "1.0.0"
FILE_VERSION = "2.0.0"
STEPS = {
    "change": "open the change",
    "precheck": "pre-check",
    "plan": "freeze the plan",
    "stage": "distribute",
    "availability": "open the wave",
    "activate": "activate",
    "probe": "test",
    "confirm": "confirm",
    "back": "go back",
    "finish": "judge the waves",
    "close": "close",
}
EXPECTED_S = {
    "floor-pull": 4, "tidegate-pull": 11, "pyinfra-pull": 7, "plain-pull": 34, "floor-push": 6, "tidegate-push": 13,
    "tidegate-rollback": 6, "pyinfra-push": 30, "plain-push": 40, "floor-file": 15, "tidegate-file": 20,
    "pyinfra-file": 25, "plain-file": 40,
}  # fmt: skip
"""Roughly how long each takes with 20 hosts on two cores, to say at the beginning how long all of it will take."""
ONCE = ("pyinfra-push", "plain-push", "pyinfra-file", "plain-file")
"""What is slow and in no goal: it runs in the first round only, unless it is asked for by name."""


@dataclass(frozen=True)
class Sizes:
    """How large the releases are."""

    files: int = 1200
    archive_bytes: int = 30_000_000
    file_bytes: int = 200_000_000


def names(words: Sequence[str]) -> list[str]:
    """The contenders that begin with one of these words, or all; in the order of a round.

    Raises:
        LabError: a word that no contender begins with.
    """
    for word in words:
        if not any(name.startswith(word) for name in EXPECTED_S):
            raise LabError(f"no contender begins with {word}; there are {', '.join(EXPECTED_S)}, planned")
    chosen = {name for name in EXPECTED_S if not words or any(name.startswith(word) for word in words)}
    if "tidegate-rollback" in chosen and not chosen & {"tidegate-pull", "tidegate-push"}:
        chosen.add("tidegate-pull")  # there must be something to take back
    return [name for name in EXPECTED_S if name in chosen]


def schedule(words: Sequence[str], rounds: int) -> list[tuple[int, str]]:
    """Which contender runs when: the number of the round, from 1, and the name.

    Raises:
        LabError: a word that no contender begins with.
    """
    chosen = names(words)
    return [
        (number, name)
        for number in range(1, rounds + 1)
        for name in chosen
        if number == 1 or name not in ONCE or name in words
    ]


class Rounds:
    """All contenders against one fleet.

    Args:
        place: a folder for everything that is made.
        hosts: booted.
        turns: of `schedule`.
        sizes: of the releases.
        say: shows a line.
    """

    def __init__(
        self, place: Path, hosts: Hosts, turns: list[tuple[int, str]], sizes: Sizes, say: Callable[[str], None]
    ) -> None:
        self._place, self._hosts, self._turns, self._sizes, self._say = place, hosts, turns, sizes, say
        self._chosen = list(dict.fromkeys(name for _, name in turns))
        self._services = services(list(TOOLS))
        self._sites = Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
        self._logs = place / "log"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._tools: dict[str, Any] = {}

    def play(self) -> Iterator[dict[str, Any]]:
        """Every run, as soon as it has ended."""
        try:
            with Files(self._hosts.fleet.controller, self._place) as files, Meter(self._hosts.fleet.state) as meter:
                self._begin(files, meter)
                for done, (number, name) in enumerate(self._turns, 1):
                    run = self._one(name, number, files, meter)
                    self._say(f"{done:>3} of {len(self._turns)}  {line_of(run, len(self._hosts))}")
                    yield run
        finally:
            shutil.rmtree(self._sites)

    def archive(self, version: str) -> releases.Release:
        """A release of many files."""
        return releases.archive(self._place / "releases", version, self._sizes.files, self._sizes.archive_bytes)

    def _begin(self, files: Files, meter: Meter) -> None:
        """Make a site for each tool, and bring the first release to all hosts: Tidegate its own way, the others by hand."""
        self._hosts.prepare(self._services)
        base = self.archive(BASE)
        for name in self._chosen:
            tool, _, kind = name.partition("-")
            key = f"{tool}-file" if kind == FILE else tool
            if key in self._tools:
                continue
            self._tools[key] = TOOLS[tool](self._sites / key, self._hosts, self._services[key])
            if kind == FILE:
                continue
            if tool == "tidegate":
                run = self._measured("tidegate-first", 0, self._tools[key].deploy(base, files.url(base.path)), meter)
                self._say(f"  before   {line_of(run, len(self._hosts))}")
            else:
                self._hosts.put(self._services[key], BASE, files.url(base.path))
            self._hosts.require(self._services[key], BASE)

    def _one(self, name: str, number: int, files: Files, meter: Meter) -> dict[str, Any]:
        tool, _, kind = name.partition("-")
        if kind == FILE:
            return self._file(name, number, files, meter)
        contender, service = self._tools[tool], self._services[tool]
        pulled, pushed = f"1.0.{2 * number - 1}", f"1.0.{2 * number}"
        if kind == ROLLBACK:
            expected = pulled if f"{tool}-push" in self._chosen else BASE
            command = contender.rollback()
        else:
            release = self.archive(pulled if kind == PULL else pushed)
            expected = release.version
            command = contender.deploy(release, files.url(release.path) if kind == PULL else None)
        run = self._measured(name, number, command, meter)
        self._hosts.require(service, expected)
        return run

    def _file(self, name: str, number: int, files: Files, meter: Meter) -> dict[str, Any]:
        """The large file, to hosts that have none of its service, and away again: it would fill their memory."""
        tool = name.partition("-")[0]
        service = self._services[f"{tool}-file"]
        release = releases.program(self._place / "releases", FILE_VERSION, self._sizes.file_bytes)
        contender = self._tools[service.name] = TOOLS[tool](self._sites / service.name, self._hosts, service)
        try:
            run = self._measured(name, number, contender.deploy(release, files.url(release.path)), meter)
            self._hosts.require(service, FILE_VERSION)
        finally:
            self._hosts.wipe(service)
        return run

    def _measured(self, name: str, number: int, command: Command, meter: Meter) -> dict[str, Any]:
        log = self._logs / f"{name}-{number}.log"
        return {"contender": name, "round": number, **measured(command, meter, log, len(self._hosts))}


def measured(command: Command, meter: Meter, log: Path, hosts: int) -> dict[str, Any]:
    """Run a command to its good end; what it used, and where a callback took times, those of its steps.

    Args:
        command: of a contender.
        meter: that measures.
        log: for what the command says.
        hosts: how many it is about.

    Raises:
        LabError: it ended otherwise.
    """
    given = {**environment(), **command.environment}
    status, used = meter.run(command.argv, command.folder, given, log, RUN_S)
    if status != 0:
        said = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise LabError(f"{command.argv[0]} ended with {status}; the last lines of {log}:\n{said}")
    times = Path(command.environment.get("BENCH_TIMES", "/nonexistent"))
    more = read_times(json.loads(times.read_text()), used, hosts) if times.exists() else {}
    return {**asdict(used), **more}


def line_of(run: dict[str, Any], hosts: int) -> str:
    """A line about one run."""
    results = f", {run['results_per_host']:g} results per host" if "results_per_host" in run else ""
    return (
        f"{run['contender']:<18} {run['wall_s']:6.1f} s, controller"
        f" {run['controller_cpu_s']:5.1f} s and {run['peak_memory_bytes'] / 1e6:4.0f} MB, hosts {run['hosts_cpu_s']:5.1f} s,"
        f" {run['to_hosts_bytes'] / hosts / 1e6:6.2f} MB to each{results}"
    )


def read_times(document: dict[str, Any], used: Used, hosts: int) -> dict[str, Any]:
    """What the callback's times say: results per host, and for each step, from its beginning to that of the next one,
    the time, the controller's processor time, and the hosts'."""
    tasks = document["tasks"]
    moments = [task["began"] for task in tasks] + [document["ended"]]
    steps = {"start": moments[0]}
    for task, (began, ended) in zip(tasks, pairwise(moments), strict=True):
        step = STEPS.get(task["action"].rpartition(".")[2], task["name"])
        took = [late - early for early, late in zip(began, ended, strict=True)]
        steps[step] = [one + more for one, more in zip(steps.get(step, [0.0] * len(took)), took, strict=True)]
    whole = (used.wall_s, used.controller_cpu_s, used.hosts_cpu_s)
    steps["end"] = [max(0.0, all_s - until_s) for all_s, until_s in zip(whole, moments[-1], strict=False)]
    timings: dict[str, list[float]] = {}
    for task in tasks:
        for said in task["timings"]:
            for name, value in said.items():
                timings.setdefault(name, []).append(value)
    return {
        "results_per_host": sum(task["results"] for task in tasks) / hosts,
        "steps_s": {name: [round(value, 3) for value in values] for name, values in steps.items()},
        "on_host_ms": {name: statistics.median(values) for name, values in timings.items()},
    }
