# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice hosts of these tests: read over SSH, and put back to a known state between tests.

A host's own copies of its states lie below ``/var/cache/e2e``. What a host looked like right after it was put back is
kept there too, so that a host on which nothing happened is not touched again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from lab import machine, releases
from lab.command import LabError
from lab.fleet import Fleet
from lab.host import Host

V1, V2 = "1.0.0", "2.0.0"
BASELINE, BLANK = "baseline", "blank"

_LISTING = r"""
find /opt/web /var/lib/tidegate -printf '%p %y %m %U:%G %s %l %T@\n' 2>/dev/null | sort
systemctl show -p ActiveState,MainPID,NRestarts,UnitFileState,FragmentPath web.service
"""
"""Everything of a service on a host that a change could touch: files with owners, modes and times, and the process."""

_ALL_OVER = r"""
find /usr/local /etc /root /home /tmp /var/tmp /run/tidegate -xdev ! -path '/var/log/*' \
  -printf '%p %y %m %U:%G %s %l %T@\n' 2>/dev/null | sort
"""

_LOOK = r"""
echo "current=$(readlink /opt/web/current)"
echo "version=$(cat /opt/web/current/VERSION 2>/dev/null)"
echo "unit=$(systemctl is-active web.service)"
echo "enabled=$(systemctl is-enabled web.service 2>/dev/null)"
echo "started_us=$(systemctl show -P ExecMainStartTimestampMonotonic web.service)"
echo "releases=$(ls /opt/web/releases 2>/dev/null | tr '\n' ' ')"
echo "remains=$(ls -d /opt/web/releases/.new-* /run/web/drain 2>/dev/null | tr '\n' ' ')"
echo "busy=$(systemctl list-units --all --plain --no-legend 'tidegate-activate@*' 'tidegate-revert@*' | tr '\n' ' ')"
echo "answer=$(curl -s -m 3 http://127.0.0.1:8080/version)"
echo "health=$(curl -s -m 3 -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/health)"
echo "journal=$(cat /var/lib/tidegate/services/web/journal.json 2>/dev/null)"
"""

_FUNCTIONS = f"""
store=/var/cache/e2e
look() {{ {{ {_LISTING} }} | sha256sum; }}
enabled() {{ systemctl is-enabled --quiet web.service; }}  # to change it has systemd read every unit again
empty() {{
  systemctl stop 'tidegate-*' web.service web.socket 2>/dev/null
  rm -rf /opt/web /var/lib/tidegate /run/tidegate /run/web/drain
  systemctl reset-failed
}}
"""

_KEEP = f"""{_FUNCTIONS}
mkdir -p $store/$kind && rm -f $store/$kind.seen
tar -C / -cpf $store/$kind/files.tar $(cd / && ls -d opt/web var/lib/tidegate 2>/dev/null)
"""

_PUT_BACK = f"""{_FUNCTIONS}
[ "$(look)" = "$(cat $store/$kind.seen 2>/dev/null)" ] && exit 0
empty
rm -f $store/*.seen
if [ $kind = {BASELINE} ]; then
  tar -C / -xpf $store/$kind/files.tar || exit 1
  enabled || systemctl enable --quiet web.service || exit 1
  systemctl start web.service || exit 1
elif enabled; then
  systemctl disable --quiet web.service
fi
look > $store/$kind.seen
"""

_FORGET_PROGRAM = f"""{_FUNCTIONS}
empty
systemctl disable --quiet web.service tidegate-boot.service tidegate-resume.service 2>/dev/null
rm -rf /usr/local/lib/tidegate /etc/systemd/system/tidegate-* $store/*.seen
systemctl daemon-reload
"""


@dataclass(frozen=True)
class Seen:
    """A host's web service as the host shows it."""

    host: str
    current: str
    version: str
    unit: str
    enabled: str
    started_us: int
    releases: tuple[str, ...]
    remains: str
    busy: str
    answer: dict[str, Any]
    health: str
    journal: dict[str, Any]

    @property
    def state(self) -> str:
        """The state that its journal tells; without one it is steady on what it runs."""
        return str(self.journal.get("state", "steady"))

    @property
    def serves(self) -> str:
        """The version that answers, over HTTP."""
        return str(self.answer.get("version", ""))

    @property
    def settled(self) -> bool:
        """Whether its service runs, and nothing is under way any more."""
        return self.state == "steady" and self.unit == "active" and not self.busy


class Fleetful:
    """All hosts of the fleet, asked at once."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.names = tuple(host.name for host in fleet.hosts)

    def __getitem__(self, name: str) -> Host:
        return self.fleet[name]

    # reading

    def see(self, names: Iterable[str] | None = None) -> dict[str, Seen]:
        """What hosts show, by name."""
        return self._each(names, _see)

    def listing(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """All files of service and host program, and the service's process: equal only if nothing whatever happened."""
        return self._each(names, lambda host: host.ssh(_LISTING).stdout)

    def everything(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """Far more of each host's files than a change should touch."""
        return self._each(names, lambda host: host.ssh(_LISTING + _ALL_OVER).stdout)

    def wait(self, name: str, holds: Callable[[Seen], bool], timeout_s: float) -> Seen:
        """Wait until something holds on a host."""
        until = time.monotonic() + timeout_s
        while not holds(seen := _see(self[name])):
            assert time.monotonic() < until, f"not within {timeout_s:g} s; {seen}"
            time.sleep(0.3)
        return seen

    # putting back

    def keep_as_baseline(self) -> None:
        """Remember what is there now as the baseline."""
        self._each(None, lambda host: host.ssh(f"kind={BASELINE}\n{_KEEP}"))

    def put_back(self, kind: str = BASELINE, names: Iterable[str] | None = None) -> None:
        """Bring all hosts to the baseline (v1 runs, confirmed by a change) or to nothing but the host program."""
        self._each(names, lambda host: host.ssh(f"kind={kind}\n{_PUT_BACK}"))

    def forget_program(self) -> None:
        """As if no host had ever heard of Tidegate."""
        self._each(None, lambda host: host.ssh(_FORGET_PROGRAM))

    def ssh(self, command: str, names: Iterable[str] | None = None) -> dict[str, str]:
        """Run a command on hosts; what each printed."""
        return self._each(names, lambda host: host.ssh(command).stdout)

    def _each(self, names: Iterable[str] | None, ask: Callable[[Host], Any]) -> dict[str, Any]:
        chosen = tuple(names or self.names)
        with ThreadPoolExecutor(len(chosen)) as pool:
            return dict(zip(chosen, pool.map(lambda name: ask(self[name]), chosen), strict=True))


@contextmanager
def booted(count: int, name: str) -> Iterator[Fleetful]:
    """A fleet of so many booted hosts without any service, named after this process: each test process has its own."""
    releases.build()
    try:
        machine.demand()
    except LabError as why:
        pytest.skip(str(why))
    with Fleet.up(count, name=f"{name}-{os.getpid()}") as fleet:
        yield Fleetful(fleet)


def _see(host: Host) -> Seen:
    said = dict(line.split("=", 1) for line in host.ssh(_LOOK).stdout.splitlines() if "=" in line)
    return Seen(
        host=host.name,
        current=said["current"].rpartition("/")[2],
        version=said["version"],
        unit=said["unit"],
        enabled=said["enabled"],
        started_us=int(said["started_us"] or 0),
        releases=tuple(said["releases"].split()),
        remains=said["remains"].strip(),
        busy=said["busy"].strip(),
        answer=json.loads(said["answer"] or "{}"),
        health=said["health"],
        journal=json.loads(said["journal"] or "{}"),
    )


def assert_all_on(seen: dict[str, Seen], version: str) -> None:
    """Every host resolves `current` to this version, runs it, answers with it, and is settled."""
    for host, one in seen.items():
        found = (one.current.rpartition("-")[0], one.version, one.unit, one.serves, one.health, one.state)
        assert found == (version, version, "active", version, "200", "steady"), (host, one)
        assert one.remains == "", (host, one)
        assert one.busy == "", (host, one)
