# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the lab."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence

from lab import cgroups, fleet, machine, releases
from lab.command import LabError
from lab.fleet import Fleet
from lab.host import Host, names_from
from lab.load import Load
from lab.state import DEFAULT_FLEET, fleets


def _start(host: Host) -> None:
    host.start()
    host.wait_ready()


def _reboot(host: Host) -> None:
    host.reboot()
    host.wait_ready()


DEMO_HOSTS = ["web[1:6]", "worker[1:2]"]  # what inventories/demo describes
ON_A_HOST: dict[str, tuple[str, Callable[[Host], None]]] = {
    "cut": ("pull a host's network cable", Host.cut),
    "restore": ("put the cable back, without loss and rate limits", Host.restore),
    "kill": ("cut a host's power", Host.kill),
    "poweroff": ("shut a host down in order", Host.poweroff),
    "start": ("boot a host that is off, with the disk it has; wait until it is there", _start),
    "reboot": ("boot a running host again; wait until it is back", _reboot),
    "freeze": ("let all processes of a host stand still", Host.freeze),
    "thaw": ("let a frozen host go on", Host.thaw),
    "fill-disk": ("leave no free byte on a host's disk", Host.fill_disk),
    "fill-inodes": ("leave no free inode on a host's disk", Host.fill_inodes),
    "free-disk": ("give a host its free bytes and inodes back", Host.free_disk),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit status."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        arguments.do(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except PermissionError as refused:
        print(f"lab: {refused}; root is needed, run it with sudo", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="A practice fleet of really booted hosts on this machine.")
    of_fleet = argparse.ArgumentParser(add_help=False)
    of_fleet.add_argument("--name", default=DEFAULT_FLEET, metavar="FLEET", help="the fleet (default: %(default)s)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(
        name: str, explained: str, do: Callable[[argparse.Namespace], None], *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=explained, description=explained, parents=parents)
        added.set_defaults(do=do)
        return added

    verb("check", "say what this machine lacks to hold a fleet", lambda _: machine.demand())
    up = verb("up", "make a fleet and wait until all its hosts let people log in", _up, of_fleet)
    up.add_argument(
        "hosts",
        nargs="*",
        default=DEMO_HOSTS,
        help="a number (web1, web2, …), or names and ranges (default: %(default)s)",
    )
    up.add_argument("--disk", default="2g", help="how much each host can write (default: %(default)s)")
    verb("down", "remove the fleet, or what a crash left of it", lambda given: fleet.down(given.name), of_fleet)
    verb("status", "list all fleets and what their hosts do", _status)
    verb("inventory", "print the fleet's Ansible inventory", _inventory, of_fleet)
    for name, (explained, do) in ON_A_HOST.items():
        verb(name, explained, _on_host(do), of_fleet).add_argument("host")
    for name, explained, argument, kind, act in (
        ("loss", "lose a share of a host's packets", "percent", int, Host.loss),
        ("rate", "limit a host's network, each way", "rate", str, Host.rate),
        ("shift-clock", "move a host's wall clock; 0 ends it", "seconds", int, Host.shift_clock),
    ):
        added = verb(name, explained, _on_host_with(act, argument), of_fleet)  # type: ignore[arg-type]
        added.add_argument("host")
        added.add_argument(argument, type=kind)
    verb("balance", "put HAProxy before the practice web service of hosts", _balance, of_fleet).add_argument(
        "hosts", nargs="+"
    )
    load = verb("load", "send requests until interrupted or for some seconds, and count what came of them", _load)
    load.add_argument("url")
    load.add_argument("--rate", type=float, default=50.0, help="requests a second (default: %(default)s)")
    load.add_argument("--seconds", type=float, help="how long (default: until SIGINT or SIGTERM)")
    verb("releases", "build the releases of the practice services", _releases)
    ssh = verb("ssh", "run a command on a host, or open a shell there", _ssh, of_fleet)
    ssh.add_argument("host")
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _on_host(do: Callable[[Host], None]) -> Callable[[argparse.Namespace], None]:
    return lambda given: do(Fleet.open(given.name)[given.host])


def _on_host_with(do: Callable[[Host, object], None], argument: str) -> Callable[[argparse.Namespace], None]:
    return lambda given: do(Fleet.open(given.name)[given.host], getattr(given, argument))


def _up(given: argparse.Namespace) -> None:
    started = time.monotonic()
    made = Fleet.up(given.hosts, given.name, disk_size=given.disk)
    print(f"{len(made.hosts)} hosts up in {time.monotonic() - started:.1f} s ({cgroups.mode()} cgroups)")
    print(f"inventory: {made.inventory}")


def _status(_: argparse.Namespace) -> None:
    for state in fleets():
        print(f"fleet {state.name} of {state.checkout}, network {state.network}.0/24")
        for host in Fleet(state).hosts:
            print(f"  {host.name:16} {host.address:16} {'running' if host.running else 'off'}")


def _inventory(given: argparse.Namespace) -> None:
    print(Fleet.open(given.name).inventory.read_text(), end="")


def _balance(given: argparse.Namespace) -> None:
    print(Fleet.open(given.name).balance(*names_from(given.hosts)))


def _load(given: argparse.Namespace) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Load(given.url, given.rate) as load:
        ended.wait(given.seconds)
    print(load.summary())
    if load.failed:
        raise LabError(f"{load.failed} requests failed")


def _releases(_: argparse.Namespace) -> None:
    for path in releases.build():
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}")


def _ssh(given: argparse.Namespace) -> None:
    host = Fleet.open(given.name)[given.host]
    os.execvp("ssh", [*host.ssh_command(), *given.command])  # noqa: S606 -- it takes our place, terminal included
