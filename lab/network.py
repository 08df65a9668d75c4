# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet's own network: a bridge on this machine, and for each host a namespace with one cable to it.

Namespaces are files in the fleet's folder, not names under /run/netns, so nothing of the machine's own is touched.
"""

from __future__ import annotations

import json
from pathlib import Path

from lab.command import LabError, run
from lab.disk import is_mounted
from lab.state import FleetState, HostState

INSIDE = "eth0"
LOSS_TABLE = "tidegate_lab"


def networks_in_use() -> list[str]:
    """The first three numbers, with a dot, of every address and route that this machine has."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]))
    return [".".join(route["dst"].split(".")[:3]) + "." for route in routes if route["dst"].count(".") == 3]


def namespace(state: FleetState, host: HostState) -> Path:
    """The file that holds a host's network namespace."""
    return state.folder / "network" / host.name


def make(state: FleetState) -> None:
    """Make the bridge, and for each host its namespace, cable and address."""
    for host in state.hosts:
        file = namespace(state, host)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        run(["unshare", f"--net={file}", "true"])
    run(["ip", "-batch", "-"], input_text="\n".join(_outside(state)))
    for host in state.hosts:
        _run_inside(state, host, "ip", "-batch", "-", input_text="\n".join(_inside(state, host)))


def _outside(state: FleetState) -> list[str]:
    lines = [
        f"link add {state.bridge} type bridge",
        f"addr add {state.controller}/24 dev {state.bridge}",
        f"link set {state.bridge} up",
    ]
    for host in state.hosts:
        link = state.link(host)
        lines.append(f"link add {link} type veth peer name {INSIDE} netns {namespace(state, host)}")
        lines.append(f"link set {link} master {state.bridge} up")
    return lines


def _inside(state: FleetState, host: HostState) -> list[str]:
    return [
        "link set lo up",
        f"addr add {state.address(host)}/24 dev {INSIDE}",
    ]


def power(state: FleetState, host: HostState, on: bool) -> None:
    """Bring a host's own end of its cable up or down: a host without power does not even refuse a connection."""
    if on:
        lines = [f"link set {INSIDE} up", f"route replace default via {state.controller}"]
    else:
        lines = [f"link set {INSIDE} down"]
    _run_inside(state, host, "ip", "-batch", "-", input_text="\n".join(lines))


def remove(state: FleetState) -> None:
    """Remove all that `make` made, as far as it is there."""
    there = {link["ifname"] for link in json.loads(run(["ip", "-json", "link", "show"]))}
    for host in state.hosts:
        if state.link(host) in there:
            run(["ip", "link", "del", state.link(host)])
        file = namespace(state, host)
        while is_mounted(file):
            run(["umount", str(file)])
        file.unlink(missing_ok=True)
    if state.bridge in there:
        run(["ip", "link", "del", state.bridge])
    if (state.folder / "network").exists():
        (state.folder / "network").rmdir()


def _run_inside(state: FleetState, host: HostState, *argv: str, input_text: str = "", check: bool = True) -> None:
    run(["nsenter", f"--net={namespace(state, host)}", *argv], input_text=input_text, check=check)


def cut(state: FleetState, host: HostState) -> None:
    """Pull a host's cable: nothing goes in or out until `restore`."""
    run(["ip", "link", "set", state.link(host), "down"])


def restore(state: FleetState, host: HostState) -> None:
    """Put a host's cable back, and take loss and rate limits away."""
    _end_loss(state, host)
    _run_inside(state, host, "tc", "qdisc", "del", "dev", INSIDE, "root", check=False)
    run(["tc", "qdisc", "del", "dev", state.link(host), "root"], check=False)
    run(["ip", "link", "set", state.link(host), "up"])


def lose(state: FleetState, host: HostState, percent: int) -> None:
    """Drop a share of a host's packets, in both directions, at random, without its programs being told."""
    if not 1 <= percent <= 99:
        raise LabError(f"a loss is 1 to 99 percent, not {percent}; restore ends it, cut loses all")
    _end_loss(state, host)
    hook, rule = f"device {INSIDE} priority 0;", f"numgen random mod 100 < {percent} drop;"
    table = f"""table netdev {LOSS_TABLE} {{
        chain arriving {{ type filter hook ingress {hook} {rule} }}
        chain leaving {{ type filter hook egress {hook} {rule} }}
    }}"""
    _run_inside(state, host, "nft", "-f", "-", input_text=table)


def _end_loss(state: FleetState, host: HostState) -> None:
    _run_inside(state, host, "nft", "delete", "table", "netdev", LOSS_TABLE, check=False)


def limit(state: FleetState, host: HostState, rate: str) -> None:
    """Limit what a host sends and receives to a rate such as 10mbit, each."""
    bucket = ["root", "tbf", "rate", rate, "burst", "64kb", "latency", "200ms"]
    _run_inside(state, host, "tc", "qdisc", "replace", "dev", INSIDE, *bucket)
    run(["tc", "qdisc", "replace", "dev", state.link(host), *bucket])
