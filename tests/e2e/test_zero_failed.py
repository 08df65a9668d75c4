# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests while releases are switched: none fails with a passed socket or behind a balancer; a plain restart loses some.

Each run switches the three kinds of hosts at once, and each kind has its own sender of 200 requests a second.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import CHECKOUT, ROOMY, UNIT_PROBE, VERSION_PROBE, Project

from lab import balancer
from lab.fleet import Fleet
from lab.load import Load

ACTIVATED, BALANCED, PLAIN = "web1", ("web2", "web3"), "web4"
WAVES = [[ACTIVATED, PLAIN, "web2"], ["web3"]]
HOSTS = [ACTIVATED, *BALANCED, PLAIN]
RATE = 200
REQUESTS = 1000
STARVED_S = 5  # a host that answers this late gets no processor; then systemd kills what ends too late
COUNTED = CHECKOUT / "build/zero-failed.json"
WAIT_S = 1  # the balancer asks every 0.2 s
DRAIN = {"file": "/run/web/drain", "wait_s": WAIT_S, "closes": "http://127.0.0.1:8080/health"}
SHORT = {"drain_s": 8, "hook_s": 1, "restart_s": 4, "probe_s": 4, "confirm_s": 2}
DEADLINE_S = 28  # of SHORT: drain and hook count twice

_WITHOUT_SOCKET = """
mkdir -p /run/systemd/system.control
sed /web.socket/d /etc/systemd/system/web.service > /run/systemd/system.control/web.service
systemctl stop web.service web.socket; systemctl daemon-reload; systemctl start web.service
"""
_WITH_SOCKET = """
rm /run/systemd/system.control/web.service
systemctl stop web.service; systemctl daemon-reload; systemctl start web.service
"""


@pytest.fixture
def mixed(site: Project, hosts: Fleetful) -> Iterator[Project]:
    """Four hosts: one with a passed socket, two that are drained behind HAProxy, one that is just restarted."""
    without = [*BALANCED, PLAIN]
    hosts.ssh(_WITHOUT_SOCKET, without)
    site.inventory(HOSTS)
    _define(site, ROOMY)
    yield site
    balancer.stop(hosts.fleet.state)
    hosts.ssh(_WITH_SOCKET, without)


def _define(site: Project, limits: dict[str, int], wait_s: int = WAIT_S) -> None:
    service: dict[str, Any] = {"unit": "web.service", "probes": [VERSION_PROBE, UNIT_PROBE], "limits": limits}
    drained = {
        name: {"tidegate_services": {"web": {**service, "drain": {**DRAIN, "wait_s": wait_s}}}} for name in BALANCED
    }
    undrained = {name: {"tidegate_services": {"web": service}} for name in (ACTIVATED, PLAIN)}
    site.inventory(HOSTS, **drained, **undrained)


def _balance(hosts: Fleetful) -> str:
    """HAProxy before the two hosts, once it sends to both."""
    address = hosts.fleet.balance(*BALANCED)
    _await(lambda: [_server(hosts.fleet, name)["status"] for name in BALANCED] == ["UP", "UP"], 60)
    return f"{address}/version"


def test_requests_through_three_switches(mixed: Project, hosts: Fleetful) -> None:
    """A rollout, its way back by hand, and another: no request fails but those to the host that is just restarted."""
    urls = {
        "socket activation": f"http://{hosts[ACTIVATED].address}:8080/version",
        "drained behind HAProxy": _balance(hosts),
        "plain restart": f"http://{hosts[PLAIN].address}:8080/version",
    }
    with ExitStack() as sending:
        loads = {kind: sending.enter_context(Load(url, RATE)) for kind, url in urls.items()}
        first = mixed.rollout(V2, waves=WAVES, floor=1)
        assert first.rc == 0, first.text
        back = mixed.play("rollback", change=first.change)
        assert back.rc == 0, back.text
        assert_all_on(hosts.see(HOSTS), V1)
        again = mixed.rollout(V2, waves=WAVES, floor=1)
        assert again.rc == 0, again.text
    assert_all_on(hosts.see(HOSTS), V2)

    COUNTED.parent.mkdir(exist_ok=True)
    COUNTED.write_text(json.dumps({kind: load.summary() for kind, load in loads.items()}, indent=1) + "\n")
    for load in loads.values():
        assert load.ok > REQUESTS, load.summary()
        assert {V1, V2} <= set(load.answers), load.summary()
    for load in (loads["socket activation"], loads["drained behind HAProxy"]):
        if load.failed and max(load.latencies_s) > STARVED_S:
            pytest.skip(f"this machine is too busy to tell who lost what: {load.summary()}")
        assert load.failed == 0, load.summary()
    assert loads["plain restart"].failed >= 3, (
        "a plain restart lost nothing: the senders would not have seen it elsewhere either"
    )


def test_drained_host_that_goes_back_by_itself_serves_again(mixed: Project, hosts: Fleetful) -> None:
    """Controller gone, effects frozen while the host is drained: its reaper takes it back, and traffic returns."""
    _define(mixed, SHORT, wait_s=SHORT["drain_s"] - 1)
    fleet = hosts.fleet
    with Load(_balance(hosts), RATE) as load:
        run = mixed.begin("rollout", change_file=mixed.change(V2, waves=WAVES, floor=1))
        run.wait_for(lambda: _server(fleet, "web2")["status"] == "NOLB", timeout_s=120)
        hosts.ssh("systemctl kill --signal=STOP tidegate-activate@web.service", ["web2"])
        run.kill()
        assert hosts.see(["web2"])["web2"].state == "pending"

        back = hosts.wait("web2", lambda seen: seen.settled and not seen.remains, DEADLINE_S + 60)
        sent = _sent(fleet, "web2")
        _await(lambda: _sent(fleet, "web2") > sent + RATE / 10, 60)

    assert_all_on({"web2": back}, V1)
    assert back.journal["reverted"]["release"].startswith(f"{V2}-")
    assert load.failed == 0, load.summary()


# --- HAProxy, asked through its own socket


def _server(fleet: Fleet, name: str) -> dict[str, str]:
    """What HAProxy says of one of its servers: status, and how many sessions it has sent there."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(Path(fleet.state.folder) / "balancer" / "admin.sock"))
        asking.sendall(b"show stat\n")
        lines = asking.makefile().read().lstrip("# ").splitlines()
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","), strict=False)) for line in lines[1:]]
    return next(row for row in rows if row.get("svname") == name)


def _sent(fleet: Fleet, name: str) -> int:
    return int(_server(fleet, name)["stot"])


def _await(holds: Callable[[], bool], timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, f"not within {timeout_s:g} s"
        time.sleep(0.05)
