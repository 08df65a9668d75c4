# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of this machine that a fleet may change, as one value to compare; what belongs to other fleets is left out."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import cgroups
from lab.machine import SYSCTLS
from lab.state import RUN, fleets


@dataclass(frozen=True, eq=False)
class MachineState:
    """What is there; two that are equal differ in nothing that a fleet could have left."""

    mounts: frozenset[str]
    links: frozenset[str]
    groups: frozenset[str]
    files: frozenset[str]
    processes: frozenset[str]
    shared: tuple[object, ...] | None

    def __eq__(self, other: object) -> bool:
        """What all fleets share counts where no other one was there at either time."""
        assert isinstance(other, MachineState)
        mine, its = vars(self).copy(), vars(other).copy()
        if None in (mine["shared"], its["shared"]):
            mine["shared"] = its["shared"] = None
        return mine == its

    __hash__ = None


def machine_state(own: str) -> MachineState:
    """Look at the machine; fleets other than `own` that run at the same time are not looked at."""
    before = fleets()
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    links = [link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-json", "link"]))]
    tops = [top for tree in cgroups.trees() if (top := tree / cgroups.TOP).exists()]  # of all fleets together
    groups = [f"{top}/{name}" for top in tops for name in _below(top) if (top / name).is_dir()]
    places = (RUN, RUN / own, Path("/run/netns"), Path("/run/systemd/nspawn"), Path("/run/systemd/nspawn/propagate"))
    files = [f"{place}/{name}" for place in places for name in _below(place)]
    processes = _processes_of(own)
    sysctls = [(Path("/proc/sys") / name).read_text() for name in SYSCTLS]
    # those that came or went meanwhile, too
    others = [state for state in (*before, *fleets()) if state.name != own]
    foreign_links = {state.bridge for state in others} | {s.link(host) for s in others for host in s.hosts}
    foreign_words = [f"/{state.name}" for state in others] + [f"tglab-{state.name}-" for state in others]

    def ours(line: str) -> bool:
        return not any(word in line for word in foreign_words)

    return MachineState(
        frozenset(filter(ours, mounts)),
        frozenset(links) - foreign_links,
        frozenset(filter(ours, groups)),
        frozenset(file for file in files if own in file),
        frozenset(processes),
        None if others else (frozenset(files), *tops, *sysctls),
    )


def _below(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _processes_of(fleet: str) -> list[str]:
    """Every process whose command names the fleet's folder or one of its machines."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{RUN}/{fleet}/" in command or f"tglab-{fleet}-" in command:
            found.append(command)
    return found
