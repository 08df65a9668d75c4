# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's disk: the image below, and above it a file system of limited size that keeps what the host wrote.

It stays mounted as long as the fleet is there, so it outlives a power cut and a reboot. It is memory: what was
written without fsync is not lost in a power cut, as it would be on a real disk.
"""

from __future__ import annotations

import os
from pathlib import Path

from lab.command import LabError, run
from lab.state import FleetState, HostState

FILL_ATTEMPTS = 20


def root(state: FleetState, host: HostState) -> Path:
    """The root folder of a host as it sees it, apart from what it mounts itself."""
    return state.host_folder(host) / "root"


def make(state: FleetState, host: HostState, image: list[Path]) -> None:
    """Mount a host's disk and root."""
    folder = state.host_folder(host)
    disk = folder / "disk"
    for path in (disk, folder / "root"):
        path.mkdir(parents=True, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"mode=755,{_limits(state)}", state.machine(host), str(disk)])
    for part in ("upper", "work"):
        (disk / part).mkdir()
    lower = ":".join(str(layer) for layer in image)
    options = f"lowerdir={lower},upperdir={disk}/upper,workdir={disk}/work"
    run(["mount", "-t", "overlay", "-o", options, state.machine(host), str(folder / "root")])


def remove(state: FleetState, host: HostState) -> None:
    """Unmount a host's root and disk, as far as they are mounted, and remove its folder."""
    folder = state.host_folder(host)
    for path in (folder / "root", folder / "disk"):
        while is_mounted(path):
            run(["umount", str(path)])
        if path.exists():
            path.rmdir()
    for file in folder.glob("*"):
        file.unlink()
    if folder.exists():
        folder.rmdir()


def is_mounted(path: Path) -> bool:
    """Say whether something is mounted exactly here."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(line.split()[4] == str(path) for line in mounts)


def fill(state: FleetState, host: HostState) -> None:
    """Leave no free byte on a host's disk: it becomes as small as what it holds."""
    disk = state.host_folder(host) / "disk"
    for attempt in range(1, FILL_ATTEMPTS + 1):
        usage = os.statvfs(disk)
        try:
            _remount(disk, f"size={(usage.f_blocks - usage.f_bfree) * usage.f_frsize}")
        except LabError:  # the kernel refuses when more was written meanwhile
            if attempt == FILL_ATTEMPTS:
                raise
        else:
            return


def fill_inodes(state: FleetState, host: HostState) -> None:
    """Leave no free inode on a host's disk."""
    disk = state.host_folder(host) / "disk"
    usage = os.statvfs(disk)
    _remount(disk, f"nr_inodes={usage.f_files - usage.f_ffree}")


def free(state: FleetState, host: HostState) -> None:
    """Give a host's disk its size and inodes back."""
    _remount(state.host_folder(host) / "disk", _limits(state))


def _limits(state: FleetState) -> str:
    return f"size={state.disk},nr_inodes={state.inodes}"


def _remount(disk: Path, options: str) -> None:
    run(["mount", "-o", f"remount,{options}", str(disk)])
