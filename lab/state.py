# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet is made of, written down before any of it is made.

Every name of a fleet on this machine (bridge, links, groups, folders) follows from its slot, its name and its hosts'
names. So whoever finds the state file of a fleet that crashed half-way knows all that may have to be removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lab.command import LabError

RUN = Path("/run/tidegate-lab")
CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_FLEET = "demo"
HOSTS_AT_MOST = 200
SLOTS = 255
FIRST_ADDRESS = 11
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class HostState:
    """One host of a fleet: its name and its number, from 0."""

    name: str
    index: int


@dataclass(frozen=True)
class FleetState:
    """One fleet: its name, its slot on this machine, its hosts, and the disk that each of them has."""

    name: str
    slot: int
    checkout: str
    hosts: tuple[HostState, ...]
    disk: str = "2g"
    inodes: int = 200_000

    @property
    def folder(self) -> Path:
        """Where all files of the fleet are while it runs."""
        return RUN / self.name

    @property
    def bridge(self) -> str:
        """The name of the fleet's bridge, at most 15 characters like any link's."""
        return f"tglab{self.slot}"

    @property
    def network(self) -> str:
        """The first three numbers of the fleet's addresses."""
        return f"10.213.{self.slot}"

    @property
    def controller(self) -> str:
        """The address of this machine on the fleet's bridge."""
        return f"{self.network}.1"

    def address(self, host: HostState) -> str:
        """The address of one host."""
        return f"{self.network}.{FIRST_ADDRESS + host.index}"

    def link(self, host: HostState) -> str:
        """This machine's end of one host's cable."""
        return f"tg{self.slot}h{host.index}"

    def host_folder(self, host: HostState) -> Path:
        """Where one host's disk, root and console are."""
        return self.folder / "hosts" / host.name

    def machine(self, host: HostState) -> str:
        """The name of one host among all containers of this machine."""
        return f"tglab-{self.name}-{host.name}"

    def save(self) -> None:
        """Write the state down, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / "state.json", json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, name: str) -> FleetState | None:
        """Read what was written for a fleet of this name, or None."""
        try:
            doc = json.loads((RUN / name / "state.json").read_text())
        except FileNotFoundError:
            return None
        return cls(**{**doc, "hosts": tuple(HostState(**host) for host in doc["hosts"])})


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old or the new one, never a part."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(mode)
    new.replace(path)


def fleets() -> list[FleetState]:
    """Every fleet that has a state file on this machine."""
    names = sorted(path.parent.name for path in RUN.glob("*/state.json"))
    return [state for state in map(FleetState.load, names) if state]


@contextlib.contextmanager
def machine_lock() -> Iterator[None]:
    """Hold what all fleets of this machine share: slots, raised limits, folders made once."""
    with _locked(RUN, os.O_RDONLY | os.O_DIRECTORY):
        yield


@contextlib.contextmanager
def fleet_lock(name: str) -> Iterator[None]:
    """Let only one at a time make or remove the fleet of this name; leave no lock file when there is no fleet then."""
    file = RUN / f"{name}.lock"
    with _locked(file, os.O_RDWR | os.O_CREAT):
        try:
            yield
        finally:
            if not (RUN / name).exists():
                file.unlink()


@contextlib.contextmanager
def _locked(path: Path, flags: int) -> Iterator[None]:
    descriptor = _lock(path, flags)
    os.set_inheritable(descriptor, True)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, flags: int) -> int:
    """Lock a file or folder that others may remove while they hold it; then it is made and locked again."""
    while True:
        RUN.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, flags, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(descriptor).st_ino == path.stat().st_ino:
                    return descriptor
            os.close(descriptor)


def plan_fleet(name: str, names: Sequence[str], taken: Sequence[FleetState], in_use: Sequence[str]) -> FleetState:
    """Give a new fleet its slot: 0 for the default fleet, whose inventory is static, the lowest free one for others.

    Args:
        name: The fleet's name.
        names: Its hosts' names, in order.
        taken: The fleets that are there.
        in_use: Networks (three numbers and a dot) that this machine already has.

    Raises:
        LabError: A name that is none, too many hosts, or no slot left.
    """
    check_names(name, names)
    used = {state.slot for state in taken}
    slots = [0] if name == DEFAULT_FLEET else range(1, SLOTS)
    hosts = tuple(HostState(host, index) for index, host in enumerate(names))
    for slot in slots:
        state = FleetState(name, slot, str(CHECKOUT), hosts)
        if slot not in used and f"{state.network}." not in in_use:
            return state
    raise LabError(f"no free network for fleet {name}: 10.213.{slots[0]}.0/24 and those after it are in use here")


def check_names(name: str, names: Sequence[str]) -> None:
    """Refuse names that cannot be a fleet's or a host's."""
    for word in (name, *names):
        if not NAME.fullmatch(word):
            raise LabError(
                f"{word!r} is no name for a fleet or host: lower-case letters, digits and dashes, at most 31"
            )
    if len(f"tglab-{name}-") + max(map(len, names), default=0) > 64:
        raise LabError(f"the names of fleet {name} and its hosts are too long together: 64 at most")
    if not names or len(names) > HOSTS_AT_MOST:
        raise LabError(f"a fleet has 1 to {HOSTS_AT_MOST} hosts, not {len(names)}")
    if len(set(names)) != len(names):
        raise LabError("two hosts of a fleet have the same name")


def with_disk(state: FleetState, disk: str, inodes: int) -> FleetState:
    """The same fleet with other disks."""
    return replace(state, disk=disk, inodes=inodes)
