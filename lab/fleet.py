# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole fleet: up, found again, and down without a trace."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from lab import balancer, cgroups, disk, image, inventory, machine, network
from lab.command import LabError, run
from lab.host import Host, names_from
from lab.state import (
    DEFAULT_FLEET,
    RUN,
    FleetState,
    check_names,
    fleet_lock,
    fleets,
    machine_lock,
    plan_fleet,
    with_disk,
)

AT_ONCE = 8


class Fleet:
    """The hosts of one name on this machine.

    Use `Fleet.up(3, name="mine")` as a context manager in tests: leaving it takes the fleet down.
    """

    def __init__(self, state: FleetState) -> None:
        self.state = state
        self.name = state.name
        self.hosts = [Host(state, host) for host in state.hosts]

    @classmethod
    def up(
        cls,
        hosts: int | Sequence[str],
        name: str = DEFAULT_FLEET,
        *,
        disk_size: str = "2g",
        inodes: int = 200_000,
    ) -> Fleet:
        """Make a fleet and wait until all its hosts let people log in.

        Args:
            hosts: How many (then web1, web2, …), or names, or ranges such as "web[1:6]".
            name: Its name; fleets of different names do not disturb each other.
            disk_size: How much each host can write, as mount(8) reads it.
            inodes: How many files each host can have beyond the image's.

        Raises:
            LabError: This machine cannot hold it, it is up already, or a host did not come up. Nothing is left then.
        """
        machine.demand()
        names = names_from([str(hosts)] if isinstance(hosts, int) else hosts)
        check_names(name, names)
        layers = image.layers()
        with fleet_lock(name):
            _refuse_when_up(name)
            remove_remains(name)
            try:
                fleet = cls(_claim(name, names, disk_size, inodes))
                fleet._make(layers)
            except BaseException:
                remove_remains(name)
                _leave_machine()
                raise
        return fleet

    @classmethod
    def open(cls, name: str = DEFAULT_FLEET) -> Fleet:
        """Find a fleet that is up.

        Raises:
            LabError: None of this name is.
        """
        state = FleetState.load(name)
        if state is None:
            raise LabError(f"no fleet {name} is up; there are: {', '.join(other.name for other in fleets()) or 'none'}")
        return cls(state)

    def __getitem__(self, name: str) -> Host:
        for host in self.hosts:
            if host.name == name:
                return host
        raise LabError(f"fleet {self.name} has no host {name}; it has {', '.join(host.name for host in self.hosts)}")

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    @property
    def key(self) -> Path:
        """The private key that root and ops of all hosts accept."""
        return self.state.folder / "key"

    @property
    def known_hosts(self) -> Path:
        """The hosts' public keys, as ssh wants them."""
        return self.state.folder / "known_hosts"

    @property
    def inventory(self) -> Path:
        """An Ansible inventory of the fleet."""
        return self.state.folder / "inventory.yml"

    @property
    def controller(self) -> str:
        """The address under which the hosts reach this machine."""
        return self.state.controller

    def balance(self, *hosts: str) -> str:
        """Put HAProxy before these hosts' practice web service; return the address to send requests to."""
        return balancer.start(self.state, [self[name] for name in hosts])

    def down(self) -> None:
        """Remove the fleet; all its data is lost."""
        down(self.name)

    def _make(self, layers: list[Path]) -> None:
        """Make everything, then boot all hosts at once and wait for each."""
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"fleet {self.name}", "-f", str(self.key)])
        authorized = self.key.with_suffix(".pub").read_text()
        cgroups.make(self.state)
        network.make(self.state)
        with ThreadPoolExecutor(AT_ONCE) as workers:
            keys = list(workers.map(lambda host: host.prepare(layers, authorized), self.hosts))
        addresses = [host.address for host in self.hosts]
        self.known_hosts.write_text(inventory.known_hosts(addresses, keys))
        self.inventory.write_text(inventory.ansible(self.state))
        for host in self.hosts:
            host.start()
        with ThreadPoolExecutor(len(self.hosts)) as waiters:
            list(waiters.map(Host.wait_ready, self.hosts))
        (self.state.folder / "up").touch()


def down(name: str) -> None:
    """Remove a fleet, or what a crash left of it; does nothing where there is none."""
    if RUN.exists():
        with fleet_lock(name):
            remove_remains(name)
    _leave_machine()


def _leave_machine() -> None:
    """Put the machine back as it was found, when no fleet is left on it."""
    with machine_lock():
        if not fleets():
            machine.put_limits_back()


def remove_remains(name: str) -> None:
    """Remove all that a fleet of this name may have made; hold its lock."""
    state = FleetState.load(name)
    if state is not None:
        cgroups.remove(state)
        for host in state.hosts:
            disk.remove(state, host)
            _forget_machine(state.machine(host))
        network.remove(state)
    folder = RUN / name
    if folder.exists():
        _remove_folder(folder)


def _remove_folder(folder: Path) -> None:
    """Remove a fleet's folder, which holds plain files by now; never through a mount that stayed."""
    stayed = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    mounted = [path for path in stayed if path.startswith(f"{folder}/")]
    if mounted:
        raise LabError(f"still mounted, so not removed: {', '.join(mounted)}")
    shutil.rmtree(folder)


def _forget_machine(name: str) -> None:
    """Remove the folder that systemd-nspawn leaves behind when it is killed."""
    with contextlib.suppress(FileNotFoundError):
        Path("/run/systemd/nspawn/propagate", name).rmdir()


def _refuse_when_up(name: str) -> None:
    state = FleetState.load(name)
    if state is not None and (state.folder / "up").exists() and not cgroups.empty(state):
        raise LabError(
            f"fleet {name} is up already, of {state.checkout}; take it down first, or give yours another --name"
        )


def _claim(name: str, names: list[str], disk_size: str, inodes: int) -> FleetState:
    """Take a slot and write the state down, before anything is made."""
    with machine_lock():
        machine.raise_limits()
        state = with_disk(plan_fleet(name, names, fleets(), network.networks_in_use()), disk_size, inodes)
        state.save()
        return state
