# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy before the practice web hosts: it runs on this machine's side of the bridge, as a part of the fleet.

The program is the image's own, so this machine needs none, whose package would start a service of its own.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path

from lab import cgroups, image
from lab.command import LabError, detach
from lab.host import Host
from lab.state import FleetState

PORT = 8000
WEB_PORT = 8080
STARTED_AFTER_S = 60.0
STARTED_BY = """
for group in $GROUPS_OF_IT; do echo $$ > "$group" || exit; done
mount --bind "$FOLDER" "$IMAGE/mnt" && exec chroot "$IMAGE" /usr/sbin/haproxy -db -f /mnt/haproxy.cfg
"""
CONFIGURATION = """\
global
    maxconn 4000
    user haproxy
    group haproxy
    log stdout format raw daemon
    stats socket /mnt/admin.sock mode 600 level admin

defaults
    mode http
    log global
    option httplog
    option dontlog-normal
    timeout connect 1s
    timeout check 1s
    timeout client 15s
    timeout server 15s
    retries 3
    option redispatch 1

frontend practice
    bind {address}:{port}
    default_backend web

backend web
    balance roundrobin
    option httpchk GET /health
    http-check disable-on-404
    default-server check inter 200ms fall 2 rise 1
{servers}
"""


def start(state: FleetState, hosts: Sequence[Host]) -> str:
    """Balance over these hosts until the fleet goes down; when it runs already, over these from now on.

    Returns:
        The address to send requests to.

    Raises:
        LabError: It does not start.
    """
    stop(state)
    folder = state.folder / "balancer"
    folder.mkdir(exist_ok=True)
    (folder / "haproxy.cfg").write_text(_configuration(state, hosts))
    environment = {
        "GROUPS_OF_IT": " ".join(cgroups.make_for_balancer(state)),
        "FOLDER": str(folder),
        "IMAGE": str(image.layers()[-1]),
    }
    detach(["unshare", "--mount", "sh", "-c", STARTED_BY], _log(state), environment)
    _wait_until_it_listens(state)
    return f"http://{state.controller}:{PORT}"


def stop(state: FleetState) -> None:
    """End the balancer, if it runs."""
    cgroups.kill_balancer(state)


def _configuration(state: FleetState, hosts: Sequence[Host]) -> str:
    servers = "\n".join(f"    server {host.name} {host.address}:{WEB_PORT}" for host in hosts)
    return CONFIGURATION.format(address=state.controller, port=PORT, servers=servers)


def _log(state: FleetState) -> Path:
    return state.folder / "balancer" / "log"


def _wait_until_it_listens(state: FleetState) -> None:
    until = time.monotonic() + STARTED_AFTER_S
    while True:
        try:
            socket.create_connection((state.controller, PORT), timeout=1).close()
            return
        except OSError as closed:
            if time.monotonic() > until:
                raise LabError(f"haproxy did not start in {STARTED_AFTER_S:g} s: {_log(state).read_text()}") from closed
        time.sleep(0.05)
