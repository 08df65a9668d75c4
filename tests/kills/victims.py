# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dies, and how: each kind strikes once at a moment that was drawn, and brings back what does not come by itself."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from e2e.hosts import Fleetful
from e2e.project import Run

from lab import cgroups
from lab.host import Host

PROGRAM = b"/usr/local/lib/tidegate"
UNITS = (b"effects", b"revert", b"ended", b"reap", b"prune")
LOOK_S = 0.02

Strike = Callable[["Blow"], str]
"""Strikes while the run goes on, and says what; nothing if there was nothing to strike before its end."""


class Blow:
    """One death that is to come.

    Args:
        run: the run of a verb that goes on.
        hosts: the practice hosts.
        rng: draws all that is random in it.
    """

    def __init__(self, run: Run, hosts: Fleetful, rng: random.Random) -> None:
        self.run = run
        self.hosts = hosts
        self.host: Host = hosts[rng.choice(hosts.names)]
        self.outage_s = rng.uniform(0.3, 12)

    @property
    def ended(self) -> bool:
        """Whether the run is over, so that there is nothing to strike any longer."""
        return self.run.process.poll() is not None

    def wait(self, seconds: float) -> None:
        """Let time pass, but not beyond the end of the run."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.ended:
            time.sleep(LOOK_S)


def _controller(number: signal.Signals) -> Strike:
    """All processes of the controller get a signal at once, as from a closing terminal, an init system or the kernel."""

    def strike(blow: Blow) -> str:
        os.killpg(blow.run.process.pid, number)
        return f"the controller's processes, {number.name}"

    return strike


def _program(units_only: bool) -> Strike:
    """A process of the host program on any host; if none is there, the next that comes."""

    def strike(blow: Blow) -> str:
        while not blow.ended:
            for name in [blow.host.name, *blow.hosts.names]:
                for pid, words in _processes(blow.hosts[name]):
                    if (not units_only or any(word in UNITS for word in words)) and _kill(pid):
                        return f"{name}: {b' '.join(words[-3:]).decode(errors='replace')}"
            time.sleep(LOOK_S)
        return ""

    return strike


def _processes(host: Host) -> list[tuple[int, list[bytes]]]:
    """The processes of the host program on a host, with the words of their command lines."""
    found = []
    for pid in cgroups.processes(host._fleet, host._state):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(PROGRAM) for word in words) and words[0].rpartition(b"/")[2].startswith(b"python"):
            found.append((pid, [word for word in words if word]))
    return found


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _power_cut(blow: Blow) -> str:
    blow.host.kill()
    blow.wait(min(blow.outage_s, 3))
    blow.host.start()
    return f"{blow.host.name}: power cut"


def _reboot(blow: Blow) -> str:
    blow.host.reboot()
    return f"{blow.host.name}: reboot"


def _link(blow: Blow) -> str:
    blow.host.cut()
    time.sleep(blow.outage_s)
    blow.host.restore()
    return f"{blow.host.name}: no network for {blow.outage_s:.1f} s"


KINDS: Mapping[str, Strike] = {
    "controller SIGKILL": _controller(signal.SIGKILL),
    "controller SIGTERM": _controller(signal.SIGTERM),
    "controller SIGINT": _controller(signal.SIGINT),
    "host program": _program(units_only=False),
    "unit of the host program": _program(units_only=True),
    "power cut": _power_cut,
    "reboot": _reboot,
    "network": _link,
}


def strike(kind: str, blow: Blow) -> str:
    """What was struck; nothing if the run had ended."""
    return "" if blow.ended else KINDS[kind](blow)


def mend(hosts: Fleetful) -> None:
    """Have every host run, with its cable in."""
    for name in hosts.names:
        hosts[name].restore()
        hosts[name].start()
    for name in hosts.names:
        hosts[name].wait_ready()
