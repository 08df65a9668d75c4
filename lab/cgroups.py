# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of processes that hold a fleet: what weighs, freezes and kills its hosts.

A host has two groups: ``box`` for its processes, ``watch`` for the little program that boots it again when it asks for
a reboot. On a unified hierarchy they are in the one tree; on a hybrid one they are in each of several, the unified one
included: hosts that shared a group there would fight over ``/system.slice/web.service``.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from lab.command import LabError
from lab.state import FleetState, HostState

TOP = "tidegate-lab"
BALANCER = "+balancer"  # no host can have this name
CGROUPS = Path("/sys/fs/cgroup")
HYBRID_TREES = ("unified", "systemd", "cpu", "cpuacct", "memory", "pids")
CONTROLLERS = "+cpu +memory +pids"
WEIGHT_OF_ONE = {"cpu.shares": 1024, "cpu.weight": 100}
WEIGHT_AT_MOST = {"cpu.shares": 262_144, "cpu.weight": 10_000}
GONE_AFTER_S = 60.0


def mode() -> str:
    """Say which hierarchy this machine has: unified or hybrid.

    Raises:
        LabError: Neither: version 1 alone, or nothing mounted.
    """
    if (CGROUPS / "cgroup.controllers").exists():
        return "unified"
    if (CGROUPS / "unified" / "cgroup.controllers").exists() and (CGROUPS / "systemd").exists():
        return "hybrid"
    raise LabError(f"{CGROUPS} is neither a unified (v2) nor a hybrid cgroup hierarchy; freezing and killing need v2")


def trees() -> list[Path]:
    """The roots of all hierarchies in which a host has its groups; first the one in which they are killed."""
    if mode() == "unified":
        return [CGROUPS]
    return [CGROUPS / name for name in HYBRID_TREES if (CGROUPS / name).exists()]


def v2_tree() -> Path:
    """The root of the hierarchy that can freeze and kill."""
    return CGROUPS if mode() == "unified" else CGROUPS / "unified"


def make(state: FleetState) -> None:
    """Make the groups of all hosts, and let the fleet weigh as much as its hosts would on machines of their own."""
    for tree in trees():
        fleet = tree / TOP / state.name
        for host in state.hosts:
            for part in ("watch", "box"):
                (fleet / host.name / part).mkdir(parents=True, exist_ok=True)
        _delegate(tree, fleet, [fleet / host.name for host in state.hosts])
        _weigh(fleet, len(state.hosts))
        _weigh_together(tree / TOP)


def _delegate(tree: Path, fleet: Path, hosts: list[Path]) -> None:
    """Hand the controllers down; where the tree has none of them (hybrid) there is nothing to hand down."""
    for folder in (tree, tree / TOP, fleet, *hosts):
        with contextlib.suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(CONTROLLERS)


def _weigh(fleet: Path, hosts: int) -> None:
    """Let the fleet's group weigh as many ordinary groups, or all its hosts together would weigh as one process."""
    for file, one in WEIGHT_OF_ONE.items():
        if (fleet / file).exists():
            (fleet / file).write_text(str(min(one * hosts, WEIGHT_AT_MOST[file])))


def _weigh_together(top: Path) -> None:
    """Let the group of all fleets weigh what they weigh, or they would weigh as one process together."""
    for file in WEIGHT_OF_ONE:
        if (top / file).exists():
            together = 0
            for weight in top.glob(f"*/{file}"):
                with contextlib.suppress(OSError):  # a fleet that is going
                    together += int(weight.read_text())
            (top / file).write_text(str(min(together, WEIGHT_AT_MOST[file])))


def make_for_balancer(state: FleetState) -> list[str]:
    """Make the groups of the fleet's balancer; return the files into which it writes itself."""
    groups = [tree / TOP / state.name / BALANCER for tree in trees()]
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    return [str(group / "cgroup.procs") for group in groups]


def kill_balancer(state: FleetState) -> None:
    """Kill the fleet's balancer, if it runs."""
    _kill(v2_tree() / TOP / state.name / BALANCER)


def entries(state: FleetState, host: HostState, part: str) -> list[str]:
    """The files into which a process writes itself to be in one of a host's groups."""
    return [str(tree / TOP / state.name / host.name / part / "cgroup.procs") for tree in trees()]


def _v2_group(state: FleetState, host: HostState | None) -> Path:
    group = v2_tree() / TOP / state.name
    return group / host.name if host else group


def freeze(state: FleetState, host: HostState, frozen: bool) -> None:
    """Stop all processes of a host where they are, or let them go on; return when they have."""
    box = _v2_group(state, host) / "box"
    (box / "cgroup.freeze").write_text(str(int(frozen)))
    _wait(lambda: f"frozen {int(frozen)}" in (box / "cgroup.events").read_text(), f"{host.name} did not freeze or thaw")


def kill(state: FleetState, host: HostState | None = None) -> None:
    """Kill every process of a host, or of the whole fleet, at once; return when none is left."""
    _kill(_v2_group(state, host))


def _kill(group: Path) -> None:
    _wait(lambda: _killed(group), f"processes in {group} do not end")


def _killed(group: Path) -> bool:
    """Try once; what joined the group in the same moment was not killed with the others."""
    if _empty(group):
        return True
    with contextlib.suppress(FileNotFoundError):
        (group / "cgroup.kill").write_text("1")
    return _empty(group)


def wait_empty(state: FleetState, host: HostState, timeout_s: float) -> None:
    """Wait until a host has no process."""
    _wait(lambda: empty(state, host), f"processes of {host.name} do not end", timeout_s)


def empty(state: FleetState, host: HostState | None = None) -> bool:
    """Say whether a host, or the whole fleet, has no process."""
    return _empty(_v2_group(state, host))


def _empty(group: Path) -> bool:
    try:
        return "populated 0" in (group / "cgroup.events").read_text()
    except FileNotFoundError:
        return True


def processes(state: FleetState, host: HostState) -> list[int]:
    """Process ids of all that runs in a host; a group that goes while we look has none."""
    found: list[int] = []
    for group, _, _ in os.walk(_v2_group(state, host) / "box"):
        with contextlib.suppress(OSError):
            found += map(int, Path(group, "cgroup.procs").read_text().split())
    return found


def remove(state: FleetState) -> None:
    """Kill what is in the fleet's groups and remove them, and the one of all fleets when it was the last.

    When it returns, no process of the fleet is there, and none that is just about to begin can join.
    """
    for tree in trees():
        fleet = tree / TOP / state.name
        _wait(lambda fleet=fleet: _gone(state, fleet), f"{fleet} cannot be removed")  # type: ignore[misc]
        with contextlib.suppress(OSError):
            (tree / TOP).rmdir()


def _gone(state: FleetState, fleet: Path) -> bool:
    """Try once; a group is busy while a process is in it, and for a moment after."""
    kill(state)
    for folder, _, _ in os.walk(fleet, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return not fleet.exists()


def _wait(condition: Callable[[], bool], otherwise: str, timeout_s: float = GONE_AFTER_S) -> None:
    """Wait for a condition; in steps of 20 ms."""
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            raise LabError(f"{otherwise} within {timeout_s:g} s")
        time.sleep(0.02)
