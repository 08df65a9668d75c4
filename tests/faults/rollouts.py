# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout by Ansible that is held at a phase on its first host, struck by an outage, and run again."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

from e2e.hosts import V1, V2, Fleetful
from e2e.project import CHECKOUT, Project, Result, Run, artifact
from faults.alone import PROBES
from faults.hold import LINE, Gates, Line, hooks, until

TIGHT = {"drain_s": 1, "hook_s": 2, "restart_s": 5, "probe_s": 5, "confirm_s": 5}
DEADLINE_S = 21
"""Of the tight limits, with which a deadline is waited for."""
ROOMY = {"drain_s": 2, "hook_s": 10, "restart_s": 20, "probe_s": 20, "confirm_s": 60}
"""Where no deadline is to pass, on the slowest machine."""
OLD_STAR_S = DEADLINE_S + 60
LINES = {
    "G": ("before", "precheck", "web1"),
    "C": ("reply", "precheck", "web1"),
    "D": ("mid", "stage", "web1"),
    "U": ("reply", "stage", "web1"),
    "back": ("before", "back", "web1"),
    "P": ("before", "activate", "web1"),
    "V": ("before", "probe", "web1"),
    "K": ("before", "confirm", "web1"),
    "L": ("reply", "confirm", "web1"),
    "N": ("before", "ask", "web1"),
    "X": ("reply", "confirm", "web2"),
}
"""Where a phase is held on the line: what of which step to which host."""
GATES = {"S": ("web1", "before"), "R": ("web1", f"start-{V2}"), "B": ("web1", f"start-{V1}")}
"""Where a phase is held on a host."""


FREE = "free"
"""No place: nothing is held."""


class Rollout:
    """Release 2.0.0 for hosts that run 1.0.0, one host after the other.

    Args:
        site: whose.
        hosts: all practice hosts.
        tight: whether its deadlines are soon.
    """

    def __init__(self, site: Project, hosts: Fleetful, tight: bool) -> None:
        self.site = site
        self.tight = tight
        self.hosts = hosts
        self.names = ["web1", "web2"]
        self.waves = [["web1"], ["web2"]]
        self.line = Line(site.temp / "line")
        self.keys: dict[str, Any] = {}
        self.arguments: list[str] = []
        self.environment: dict[str, str] = {}
        self.order: tuple[str, str, str] | None = None
        self.verb = "rollout"
        self.named: dict[str, str] = {}
        self.run: Run | None = None
        self.result: Result | None = None

    def begin(self, place: str) -> None:
        """Start it, and wait until it is held, unless the place is none."""
        self.describe()
        order = self.order or LINES.get(place)
        if order:
            self.line.order(order[0], order[1], self.hosts[order[2]])
        if place in GATES:
            name, gate = GATES[place]
            Gates(self.hosts[name]).hold(gate)
        if place == "B":
            self.fail_on("web2")
        self.run = self.start()
        if place != FREE:
            self.run.wait_for(lambda: self.is_held(place), 120)

    def is_held(self, place: str) -> bool:
        """Whether it has come to its place."""
        if place in GATES:
            name, gate = GATES[place]
            return Gates(self.hosts[name]).holds(gate)
        return self.line.reached

    def fail_on(self, name: str) -> None:
        """Have the activation of a host fail."""
        Gates(self.hosts[name]).tell("before", "exit 1")

    def describe(self) -> None:
        """Write inventory and services."""
        limits = TIGHT if self.tight else ROOMY
        executable = {name: {"ansible_ssh_executable": str(LINE)} for name in self.names}
        self.site.inventory(self.names, **executable)
        self.site.services(hooks=hooks(limits["hook_s"]), probes=PROBES, limits=limits, checks={"clock": "ignore"})

    def start(self) -> Run:
        """Start the command, for the first time or again."""
        environment = {**self.line.environment, **self.environment}
        named = self.named or {"change_file": self.site.change(V2, waves=self.waves, **self.keys)}
        return self.site.begin(self.verb, *self.arguments, env=environment, **named)

    def go_on(self) -> None:
        """Let what is held go on."""
        self.line.open()
        for name in self.names:
            Gates(self.hosts[name]).open()

    def end(self) -> Result:
        """Wait for the end of the run that is under way."""
        assert self.run is not None
        self.result = self.run.end()
        return self.result

    def again(self) -> Result:
        """The same command once more, with nothing in its way; a change that is over is not bound to its limits."""
        if self.tight and self.site.changes().get(self.change) in ("rolled_back", "failed"):
            self.tight = False
            self.describe()
        for name in self.names:
            Gates(self.hosts[name]).clear()
        self.environment, self.arguments = {}, []
        return self.start().end()

    def forget(self) -> None:
        """Take away what putting hosts back leaves there."""

    @property
    def change(self) -> str:
        """The last change of the store."""
        return max(self.site.changes(), default="")

    def opened(self) -> int:
        """How many waves the last run opened."""
        return int(self.site.ask_store("SELECT opened FROM runs ORDER BY started_at DESC, rowid DESC")[0][0])

    # --- what strikes the controller

    def kill_main(self) -> None:
        """The main process is killed; its workers do not know it yet."""
        assert self.run is not None
        os.kill(self.run.process.pid, signal.SIGKILL)
        self.run.process.wait()

    def kill_all(self) -> None:
        """The machine loses its power: every process, every connection."""
        assert self.run is not None
        for pid in self.run.processes():
            _signal(pid, signal.SIGKILL)
        self.run.process.wait()

    def stop_all(self, number: int) -> None:
        """SIGSTOP, and later SIGCONT, for every process."""
        assert self.run is not None
        for pid in self.run.processes():
            _signal(pid, number)

    def bury(self) -> None:
        """End what a dead main process has left."""
        if self.run is not None and self.run.process.poll() is not None:
            until(lambda: not self._workers(), "the end of orphaned workers", 60)

    def _workers(self) -> list[int]:
        assert self.run is not None
        return [pid for pid in self.run.processes() if b"ansible-playbook" in _command(pid)]


def own_artifact(site: Project) -> dict[str, str]:
    """A copy of the practice release that a test may alter."""
    copy = site.folder / "web-2.0.0.tar.gz"
    copy.write_bytes(Path(artifact(V2)["file"]).read_bytes())
    return {"file": str(copy)}


def callbacks(*names: str) -> dict[str, str]:
    """The environment in which only these callbacks are loaded."""
    folders = [CHECKOUT / "tests/e2e/plugins/callback", CHECKOUT / "tests/faults/plugins/callback"]
    return {
        "ANSIBLE_CALLBACKS_ENABLED": ",".join(names),
        "ANSIBLE_CALLBACK_PLUGINS": ":".join(map(str, folders)),
    }


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
