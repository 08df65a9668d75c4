# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host without a controller: brought to a phase of a change, struck by a fault, and left to what it does."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults import promises
from faults.hold import Gates, hooks, until
from host.driver import Driver, Release, definition

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL, VERSION
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer
from lab.command import LabError
from lab.host import Host

V1, V2 = (Release.of(version) for version in ("1.0.0", "2.0.0"))
LIMITS = {"drain_s": 2, "hook_s": 20, "restart_s": 20, "probe_s": 8, "confirm_s": 10}
PROBES = [
    {"http": {"url": "http://127.0.0.1:8080/version", "release": "header:X-Release", "over_s": 0, "every_ms": 100}},
    {"unit": {"over_s": 0, "every_ms": 100}},
]
ROOMY_S, SHORT_S = 60, 10
WAITS = ("checked", "used", "counted", "written")
"""Where the program of an enrolled host waits in these tests: its permit is checked, the challenge is gone, the attempt is
counted, all that it may become is written; then the journal moves."""

OLD_STAR_S = 60
"""How long after its deadline a host may take to be back without anybody's help."""


class Alone:
    """A host, the change that it is made to go through, and the answer of the step that was under way.

    Args:
        host: with release 1.0.0, confirmed.
        big: a release of many files, whose unpacking takes a moment.
        driver: speaks to the host; of an enrolled one with what it demands.
    """

    def __init__(self, host: Host, big: Release, driver: Driver | None = None) -> None:
        self.host = host
        self.driver = driver or Driver(host)
        self.gates = Gates(host)
        self.big = big
        self.release = V2
        self.deadline_s = ROOMY_S
        self.wait_s = 60
        self.doc = self.definition()
        self.change = self.driver.new_change()
        self.previous = V1.id
        self.asked: dict[str, Any] = {}
        self.asked_token = ""
        self.refused: Answer | None = None
        self.answer: Answer | None = None
        self._session: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def definition(self, **changes: Any) -> dict[str, Any]:
        """The practice web service with the gates in its hooks, quick to judge."""
        return definition(
            hooks=hooks(LIMITS["hook_s"]), probes=[parsed(probe) for probe in PROBES], limits=dict(LIMITS), **changes
        )

    # --- to a phase

    def bring_to(self, phase: str) -> None:
        """Hold the change at a phase."""
        {
            "G": lambda: None,
            "D": self._half_pushed,
            "U": self._unpacking,
            "S": lambda: self._activating("before"),
            "R": lambda: self._activating(f"start-{self.release.version}"),
            "staged": lambda: self.stage().or_refuse(),
            "minted": self._minted,
            **{wait: lambda wait=wait: self._activating(wait) for wait in WAITS},
            "V": self._ready,
            "B": self._going_back,
            "confirmed": self._confirmed,
        }[phase]()

    def stage(self) -> Answer:
        """Bring the release to the host."""
        return self.driver.stage(self.release, self.doc)

    def activation(self) -> dict[str, Any]:
        """What the activation asks for, with a new token."""
        self.asked = self.driver.activation(
            self.change,
            self.release,
            self.previous,
            definition=self.doc,
            deadline_s=self.deadline_s,
            wait_s=self.wait_s,
        )
        self.asked_token = self.driver.token
        return self.asked

    def activate(self) -> Answer:
        """Have it activated, and wait; a change that was asked for is asked for as before."""
        asked = self.asked if self.asked.get("change") == self.change else self.activation()
        return self.driver.call("activate", **asked)

    def confirm(self) -> Answer:
        """Make it permanent."""
        return self.driver.confirm(self.change, self.asked_token)

    def renew(self) -> Answer:
        """Ask for more time."""
        return self.driver.call("renew", service="web", change=self.change, token=self.asked_token, extend_s=60)

    def back(self, operator: bool = False) -> Answer:
        """Take it back."""
        return self.driver.back(self.change, operator, definition=self.doc, wait_s=self.wait_s)

    def _half_pushed(self) -> None:
        data = self.release.path.read_bytes()
        request = self._stage_request(self.release)
        self._session = self._open_session()
        self._write(request + data[: len(data) // 2])
        self._rest = data[len(data) // 2 :]
        until(self.private_folders, "a private folder for what is pushed")

    def _unpacking(self) -> None:
        self.release = self.big
        self._session = self._open_session()
        with _first_in_line():
            self._write(self._stage_request(self.big) + self.big.path.read_bytes())
            found = until(self._unpacked_or_through, "files that are unpacked")
        assert found == "unpacked", f"it was through before anybody looked: {self._session_answer()}"

    def _unpacked_or_through(self) -> str:
        assert self._session is not None
        ended = self._session.poll() is not None
        return "unpacked" if self._some_unpacked() else "through" if ended else ""

    def _some_unpacked(self) -> bool:
        trees = [folder / "tree" for folder in self.private_folders()]
        return any(tree.is_dir() and any(tree.rglob("*.txt")) for tree in trees)

    def _stage_request(self, release: Release) -> bytes:
        return self.request("stage", self.driver.staging(release, self.doc))

    def request(self, step: str, fields: dict[str, Any]) -> bytes:
        """The line that asks for a step."""
        head = {"protocol": PROTOCOL, "step": step, "program": host_program().digest, "version": list(VERSION)}
        return canonical.dumps({**fields, **head}) + b"\n"

    def _open_session(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.driver.session(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _write(self, data: bytes) -> None:
        assert self._session is not None
        assert self._session.stdin is not None
        try:
            self._session.stdin.write(data)
            self._session.stdin.flush()
        except BrokenPipeError:
            pass

    def _minted(self) -> None:
        """With all that an enrolled host demands, which it was not shown yet."""
        self.stage().or_refuse()
        self.activation()

    def _activating(self, gate: str) -> None:
        """In a session of its own, as a controller has it."""
        self.stage().or_refuse()
        self.gates.hold(gate)
        self._session = self._open_session()
        self._write(self.request("activate", self.activation()))
        until(lambda: self.gates.holds(gate), f"somebody at the gate {gate}")

    def _ready(self) -> None:
        self.stage().or_refuse()
        answer = self.activate().or_refuse()
        assert answer.service["state"] == "ready"

    def _confirmed(self) -> None:
        self._ready()
        self.confirm().or_refuse()

    def _going_back(self) -> None:
        """In a session of its own, too."""
        self._ready()
        gate = f"start-{V1.version}"
        self.gates.hold(gate)
        asked = self.driver.going_back(self.change, operator=False, definition=self.doc)
        self._session = self._open_session()
        self._write(self.request("back", asked))
        until(lambda: self.gates.holds(gate), "the old release about to start")

    @staticmethod
    def _quietly(act: Any) -> Answer | None:
        try:
            answer: Answer = act()
        except (LabError, ValueError):
            return None
        return answer

    # --- and on

    def lose_session(self) -> None:
        """Break the SSH session of the step that is under way, if one is."""
        if self._session is not None:
            self._session.kill()
            self._session.wait()

    def go_on(self, then: str) -> None:
        """Open what is held, take the answer of the step that was under way, if it still comes, and ask for the next.

        Args:
            then: the next step; empty for none.
        """
        self.gates.open()
        if self._session is not None:
            self._write(self._rest)
            self.answer = self._session_answer()
        steps = {"stage": self.stage, "activate": self.activate, "confirm": self.confirm, "back": self.back,
                 "ask": self.ask, "renew": self.renew}  # fmt: skip
        if then:
            self.answer = self._quietly(steps[then])

    def ask(self) -> Answer:
        """Where does the service stand?"""
        return self.driver.call("ask", services=[{"service": "web", "root": "/opt/web"}])

    def _session_answer(self) -> Answer | None:
        assert self._session is not None
        assert self._session.stdin is not None
        try:
            out, _err = self._session.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            self._session.kill()
            return None
        line = next((text for text in out.splitlines() if text.startswith(b"{")), b"")
        if not line:
            return None
        doc = canonical.loads(line)
        return Answer(bool(doc["ok"]), bool(doc.get("changed")), doc.get("code", ""), doc.get("message", ""),
                      doc.get("service") or {}, doc)  # fmt: skip

    def end(self) -> None:
        """Leave nothing of it running on this machine."""
        if self._session is not None:
            self._session.kill()
            self._session.wait()
            for stream in (self._session.stdin, self._session.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        self.gates.clear()

    # --- what is there

    def private_folders(self) -> list[Path]:
        """What stagings have left or work in."""
        return list((self.host.root / "opt/web/releases").glob(".new-*"))

    def wait_for(self, state: str, timeout_s: float) -> None:
        """Wait until the journal on the disk says a state; the host is not asked."""
        until(lambda: promises.state(self.host) == state, f"state {state}", timeout_s)

    def wait_back(self) -> None:
        """Wait until the host has gone back without anybody's help (OLD*)."""
        self.wait_for("steady", self.deadline_s + OLD_STAR_S)


@contextlib.contextmanager
def _first_in_line() -> Iterator[None]:
    """Whoever looks for what lasts a moment does not wait for a processor."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, -15)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def parsed(probe: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A probe as a definition holds it, from one as a site writes it."""
    from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import parse

    ((kind, keys),) = probe.items()
    return parse({"kind": kind, **({"unit": "web.service"} if kind == "unit" else {}), **keys}).doc
