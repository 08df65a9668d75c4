# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one contender used: time, processor and memory of all its processes, processor of the hosts, bytes on their cables.

A contender runs in a control group of its own, so that whatever it forks or leaves behind (the masters of SSH
connections) is counted, and ends with it. Memory is what its processes hold for themselves: pages of files, which
they share with everybody, are not in it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import cgroups
from lab.command import LabError
from lab.state import FleetState

SAMPLE_S = 0.1
GONE_S = 10.0
JOIN = 'for group in $BENCH_GROUPS; do echo $$ > "$group" || exit; done; exec "$@"'


@dataclass(frozen=True)
class Used:
    """What a run used. The hosts' numbers are of all of them together."""

    wall_s: float
    controller_cpu_s: float
    peak_memory_bytes: int
    hosts_cpu_s: float
    to_hosts_bytes: int
    from_hosts_bytes: int


class Meter:
    """Runs contenders and measures them; a context manager that owns the control group."""

    def __init__(self, fleet: FleetState | None) -> None:
        self._fleet = fleet
        self._name = f"tidegate-bench-{os.getpid()}"
        self._groups = [tree / self._name for tree in cgroups.trees()]

    def __enter__(self) -> Meter:
        for group in self._groups:
            with contextlib.suppress(OSError):  # only a unified tree has controllers to hand down
                (group.parent / "cgroup.subtree_control").write_text("+cpu +memory")
            group.mkdir()
            _weigh_alike(group.parent / cgroups.TOP, group)
        return self

    def __exit__(self, *_: object) -> None:
        self.end_all()
        for group in self._groups:
            group.rmdir()

    def run(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path, timeout_s: float
    ) -> tuple[int, Used]:
        """Run a program to its end, and end all that it left behind; answers its exit status and what it used.

        Raises:
            LabError: it did not end in time.
        """
        done, peak = threading.Event(), [0]
        sampler = threading.Thread(target=self._sample, args=(done, peak))
        before, began = self._read(), time.monotonic()
        with log.open("w") as said:
            process = subprocess.Popen(
                ["sh", "-c", JOIN, "join", *argv], cwd=folder, env={**environment, **self._environment(before)},
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip
        sampler.start()
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"{argv[0]} did not end within {timeout_s:g} s; what it said is in {log}") from None
        finally:
            wall_s, after = time.monotonic() - began, self._read()
            done.set()
            sampler.join()
            self.end_all()
            process.wait()
        cpu_s, hosts_cpu_s, sent, received = (late - early for early, late in zip(before, after, strict=True))
        return status, Used(wall_s, cpu_s, peak[0], hosts_cpu_s, int(sent), int(received))

    def _environment(self, before: Sequence[float]) -> dict[str, str]:
        """The groups to join, and what the callback that takes times has to know."""
        watched = [self._name, self._fleet_group] if self._fleet else [self._name]
        return {
            "BENCH_GROUPS": " ".join(str(group / "cgroup.procs") for group in self._groups),
            "BENCH_CPU_FILES": " ".join(str(_cpu_file(group)) for group in watched),
            "BENCH_BEGAN": " ".join(map(str, (time.time(), *before[: len(watched)]))),
        }

    def end_all(self) -> None:
        """Kill every process of the group, and wait until it has none."""
        group = cgroups.v2_tree() / self._name
        until = time.monotonic() + GONE_S
        while "populated 1" in (group / "cgroup.events").read_text():
            if time.monotonic() > until:
                raise LabError(f"processes in {group} do not end")
            (group / "cgroup.kill").write_text("1")
            time.sleep(0.02)

    def _read(self) -> tuple[float, float, float, float]:
        """Seconds of the group and of the fleet, bytes to the hosts and from them, since they were made."""
        if self._fleet is None:
            return _cpu_s(self._name), 0.0, 0.0, 0.0
        links = [Path("/sys/class/net", self._fleet.link(host), "statistics") for host in self._fleet.hosts]
        sent = sum(int((link / "tx_bytes").read_text()) for link in links)
        received = sum(int((link / "rx_bytes").read_text()) for link in links)
        return _cpu_s(self._name), _cpu_s(self._fleet_group), sent, received

    @property
    def _fleet_group(self) -> str:
        return f"{cgroups.TOP}/{self._fleet.name}" if self._fleet else ""

    def _sample(self, done: threading.Event, peak: list[int]) -> None:
        unified = cgroups.mode() == "unified"
        tree = cgroups.CGROUPS if unified else cgroups.CGROUPS / "memory"
        file, key = tree / self._name / "memory.stat", "anon" if unified else "total_rss"
        while not done.wait(SAMPLE_S):
            with contextlib.suppress(OSError, ValueError):
                words = file.read_text().split()
                peak[0] = max(peak[0], int(words[words.index(key) + 1]))


def _weigh_alike(fleets: Path, group: Path) -> None:
    """Let the controller weigh as much as all hosts: where both want every core, each side gets half of them."""
    for file in cgroups.WEIGHT_OF_ONE:
        with contextlib.suppress(FileNotFoundError):
            (group / file).write_text((fleets / file).read_text())


def _cpu_s(group: str) -> float:
    """The processor time of a group since it was made."""
    words = _cpu_file(group).read_text().split()
    return int(words[1]) / 1e6 if words[0] == "usage_usec" else int(words[0]) / 1e9


def _cpu_file(group: str) -> Path:
    """The file with the processor time of a group; that of version 2 begins with it."""
    if cgroups.mode() == "unified":
        return cgroups.CGROUPS / group / "cpu.stat"
    return cgroups.CGROUPS / "cpuacct" / group / "cpuacct.usage"
