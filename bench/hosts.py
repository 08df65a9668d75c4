# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the bench: a service of its own for each tool, and all of them told the same about SSH."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from lab.command import LabError
from lab.fleet import Fleet
from lab.host import Host

T = TypeVar("T")
FIRST_PORT = 8101
ANSWERS_WITHIN_S = 5.0

# ssh and paramiko prefer different algorithms; here both find only the ones that are cheap for either, by their names.
SSHD = """\
Ciphers aes128-gcm@openssh.com
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
"""
UNIT = """\
[Unit]
Description=Service of the bench

[Service]
Type=exec
ExecStart=/opt/{name}/current/{program}
Environment=PORT={port}
User=web
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Service:
    """A unit, a folder below /opt and a port, all of one tool."""

    name: str
    port: int
    program: str

    @property
    def root(self) -> str:
        """The folder of its releases."""
        return f"/opt/{self.name}"

    @property
    def unit(self) -> str:
        """The name of its unit."""
        return f"{self.name}.service"


def services(tools: list[str]) -> dict[str, Service]:
    """For each tool a service that is a folder of files, and one, `TOOL-file`, that is a single program."""
    names = [(tool, "bin/web") for tool in tools] + [(f"{tool}-file", "app") for tool in tools]
    return {name: Service(name, FIRST_PORT + index, program) for index, (name, program) in enumerate(names)}


class Hosts:
    """Hosts of a fleet, each asked in a thread of its own.

    Args:
        fleet: that is up.
        hosts: of it that are meant; by default all.
    """

    def __init__(self, fleet: Fleet, hosts: Sequence[Host] = ()) -> None:
        self.fleet = fleet
        self.hosts = hosts or fleet.hosts

    def __len__(self) -> int:
        return len(self.hosts)

    def prepare(self, known: dict[str, Service]) -> None:
        """Bring units and SSH settings to all of them."""
        for host in self.hosts:
            etc = host.root / "etc"
            (etc / "ssh/sshd_config.d/bench.conf").write_text(SSHD)
            for service in known.values():
                (etc / "systemd/system" / service.unit).write_text(UNIT.format(**vars(service)))
        self.each(lambda host: host.ssh("systemctl daemon-reload && systemctl restart ssh"))

    def put(self, service: Service, version: str, url: str) -> None:
        """Bring a release there by hand, as what is replaced then."""
        release = f"{service.root}/releases/{version}"
        self.each(
            lambda host: host.ssh(
                f"set -e; mkdir -p {release}; curl -fsS {url} | tar -xzf - -C {release}; "
                f"ln -s releases/{version} {service.root}/current; systemctl enable --quiet --now {service.unit}"
            )
        )

    def wipe(self, service: Service) -> None:
        """Leave nothing of a service but its unit."""
        self.each(
            lambda host: host.ssh(
                f"systemctl disable --quiet --now {service.unit}; "
                f"rm -rf {service.root} /var/lib/tidegate/services/{service.name}"
            )
        )

    def require(self, service: Service, version: str) -> None:
        """See that each host answers with a version, and that this is where `current` leads.

        Raises:
            LabError: some do not.
        """
        found = dict(zip((host.name for host in self.hosts), self.each(lambda host: _seen(host, service)), strict=True))
        wrong = {name: seen for name, seen in found.items() if seen != version}
        if wrong:
            raise LabError(f"{service.name}: expected {version} on every host, found {wrong}")

    def each(self, ask: Callable[[Host], T]) -> list[T]:
        """What something makes of each host, all at once."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            return list(pool.map(ask, self.hosts))


def _seen(host: Host, service: Service) -> str:
    """The version that a host answers with over the network."""
    until = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(f"http://{host.address}:{service.port}/version", timeout=2) as answer:
                return str(answer.read().decode().strip())
        except (OSError, urllib.error.URLError) as error:
            if time.monotonic() > until:
                return f"no answer ({error})"
            time.sleep(0.1)
