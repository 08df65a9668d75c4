# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the host program of one practice host with requests made by hand: no Ansible, no plan, no store."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ansible_collections.tidegate.deploy.plugins.module_utils.core.archive import Limits
from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import Definition
from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import parse
from ansible_collections.tidegate.deploy.plugins.module_utils.core.release import ReleaseId
from ansible_collections.tidegate.deploy.plugins.module_utils.host.extract import manifest_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Completed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import LAUNCHER, Answer, HostProgram
from lab.host import Host
from lab.releases import PLACE, build

ROOT = "/opt/web"
LIMITS = {"drain_s": 5, "hook_s": 2, "restart_s": 10, "probe_s": 10, "confirm_s": 10}
VERSION_PROBE = {"kind": "http", "url": "http://127.0.0.1:8080/version", "release": "header:X-Release", "over_s": 1}
UNIT_PROBE = {"kind": "unit", "unit": "web.service", "over_s": 1}
QUICK = [parse(VERSION_PROBE).doc, parse(UNIT_PROBE).doc]
PATIENT = [parse(VERSION_PROBE).doc]
"""With the probe of the unit that a service has by itself: it sees a release that dies some seconds after its start."""
DRAIN = {"file": "/run/web/drain", "wait_s": 0, "closes": "http://127.0.0.1:8080/health"}


class SshChannel:
    """What the controller calls a channel, over the ssh program."""

    def __init__(self, host: Host, timeout_s: float = 120, user: str = "root") -> None:
        self.name = host.name
        self._host = host
        self._timeout_s = timeout_s
        self._user = user

    def run(self, command: str, stdin: bytes, then: BinaryIO | None = None) -> Completed:
        """Run a command on the host with bytes on its standard input, those of a file last."""
        if then:
            then.seek(0)  # asked a second time, once the program was installed, it follows whole again
        data = stdin + then.read() if then else stdin
        done = self._host.ssh(command, user=self._user, check=False, stdin=data, timeout_s=self._timeout_s)
        return Completed(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Release:
    """A practice release as a plan would name it."""

    path: Path
    version: str
    id: str
    manifest: str

    @classmethod
    def of(cls, version: str, service: str = "web") -> Release:
        """Derive what a plan derives from the archive."""
        path = PLACE / f"{service}-{version}.tar.gz"
        if not path.exists():
            build()
        descriptor = os.open(path, os.O_RDONLY)
        try:
            manifest = manifest_of(descriptor, path.name, 0, Limits())
        finally:
            os.close(descriptor)
        return cls(path, version, str(ReleaseId.of(version, manifest.digest)), manifest.digest)

    @property
    def doc(self) -> dict[str, Any]:
        """As a request names it."""
        return {"id": self.id, "version": self.version, "manifest": self.manifest}


def definition(**changes: Any) -> dict[str, Any]:
    """The definition of the practice web service, complete; its probes are quick."""
    doc = {
        "v": 1,
        "service": "web",
        "root": ROOT,
        "unit": "web.service",
        "owner": "root",
        "group": "root",
        "user": None,
        "start": "restart",
        "links": {},
        "drain": DRAIN,
        "hooks": {"before": None, "after": None},
        "probes": QUICK,
        "limits": LIMITS,
        "keep": 3,
        **changes,
    }
    return Definition.parse(doc).doc


class Driver:
    """One change after another on one host, as a controller would run them."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.program = HostProgram(SshChannel(host), "/usr/bin/python3", check=False, installs=True)
        self.preview = HostProgram(SshChannel(host), "/usr/bin/python3", check=True, installs=False)
        self.token = ""
        self.change = ""
        self._number = int(time.time())  # rises from one driver of a host to the next, as lease numbers do

    def call(self, step: str, payload: bytes = b"", **fields: Any) -> Answer:
        """One step, answered."""
        return self.program.call(step, fields, io.BytesIO(payload) if payload else None)

    def new_change(self) -> str:
        """An id that no change has yet."""
        self._number += 1
        self.change = f"CHG-2026-{self._number}"
        return self.change

    def session(self) -> list[str]:
        """The ssh program with what reaches the host program: for who writes a request to it and reads the answer."""
        return [*self.host.ssh_command(), LAUNCHER]

    def service(self, name: str = "web", root: str = ROOT) -> dict[str, Any]:
        """Where a service stands."""
        answer = self.call("ask", services=[{"service": name, "root": root}]).or_refuse()
        return dict(answer.fields["services"][name])

    def stage(self, release: Release, doc: dict[str, Any] | None = None) -> Answer:
        """Bring a release to the host by push."""
        return self.call("stage", release.path.read_bytes(), **self.staging(release, doc))

    def staging(self, release: Release, doc: dict[str, Any] | None = None) -> dict[str, Any]:
        """The fields of a request to stage by push."""
        data = release.path.read_bytes()
        artifact = {"name": release.path.name, "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        return {
            "definition": doc or definition(),
            "release": release.doc,
            "artifact": {**artifact, "strip": 0},
            "source": {"kind": "push"},
            "limits": {},
        }

    def activation(self, change: str, release: Release, previous: str, **changes: Any) -> dict[str, Any]:
        """The fields of a request to activate; a new token belongs to it."""
        self.token = secrets.token_hex(32)
        doc = changes.pop("definition", None) or definition()
        return {
            "change": change,
            "plan": hashlib.sha256(change.encode()).hexdigest(),
            "definition": doc,
            "release": release.doc,
            "previous": previous,
            "fence": self._number,
            "token_sha256": hashlib.sha256(self.token.encode()).hexdigest(),
            "back_until": "2099-01-01T00:00:00Z",
            "renew_until_s": 600,
            "deadline_s": Definition(doc).deadline_s(),
            "wait_s": 60,
            **changes,
        }

    def activate(self, change: str, release: Release, previous: str, **changes: Any) -> Answer:
        """Begin an activation and wait for its end."""
        return self.call("activate", **self.activation(change, release, previous, **changes))

    def confirm(self, change: str, token: str | None = None) -> Answer:
        """Confirm with the token of the last activation."""
        return self.call("confirm", service="web", change=change, token=token or self.token)

    def going_back(self, change: str, operator: bool = True, **changes: Any) -> dict[str, Any]:
        """The fields of a request to take a change back."""
        fields = {"definition": definition(), "why": "asked by a test", "wait_s": 60, **changes}
        return {"change": change, "operator": operator, **fields}

    def back(self, change: str, operator: bool = True, **changes: Any) -> Answer:
        """Take a change back."""
        return self.call("back", **self.going_back(change, operator, **changes))

    def deploy(self, version: str, **changes: Any) -> tuple[str, Release]:
        """Stage, activate, confirm: everything well."""
        change, release = self.new_change(), Release.of(version)
        previous = self.service()["current"]
        self.stage(release, changes.get("definition")).or_refuse()
        self.activate(change, release, previous, **changes).or_refuse()
        self.confirm(change).or_refuse()
        return change, release

    # --- what a user of the service sees

    def answers(self) -> str:
        """The version that the service says it is; empty if it does not answer."""
        command = "curl -s -m 2 -o /dev/null -w '%header{x-release}' http://127.0.0.1:8080/version"
        fallback = (
            "python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/version', timeout=2)"
        )
        fallback += ".headers['X-Release'])\" 2>/dev/null"
        done = self.host.ssh(f"{fallback} || {command}", check=False)
        return done.stdout.strip()

    def current(self) -> str:
        """What the link names, read without the host program."""
        path = self.host.root / ROOT.lstrip("/") / "current"
        return os.readlink(path).rpartition("/")[2] if path.is_symlink() else "absent"

    def wait_for_state(self, state: str, timeout_s: float) -> dict[str, Any]:
        """Wait until the journal on the host's disk says a state, without asking the host anything."""
        path = self.host.root / "var/lib/tidegate/services/web/journal.json"
        until = time.monotonic() + timeout_s
        while True:
            found = path.read_text() if path.exists() else ""
            if f'"state":"{state}"' in found:
                return {}
            if time.monotonic() > until:
                raise AssertionError(f"expected state {state} within {timeout_s} s, found {found[-400:]}")
            time.sleep(0.1)


# --- what most tests begin or end with

V1, V2, V3, V4 = (Release.of(f"{number}.0.0") for number in (1, 2, 3, 4))


def began(driver: Driver, release: Release = V2, **changes: Any) -> tuple[str, str]:
    """Stage a release and begin its activation without waiting; its change, and the release that runs."""
    change, old = driver.new_change(), driver.current()
    driver.stage(release, changes.get("definition")).or_refuse()
    driver.activate(change, release, old, **{"wait_s": 0, **changes}).or_refuse()
    return change, old


def ready(driver: Driver, release: Release = V2, **changes: Any) -> tuple[str, str]:
    """The same, until it is ready."""
    change, old = began(driver, release, wait_s=60, **changes)
    assert driver.service()["state"] == "ready"
    return change, old


def expect_old(driver: Driver, release: Release = V1) -> dict[str, Any]:
    """The host is entirely on the old release: link, journal, and what the service itself says."""
    stands = driver.service()
    assert (stands["state"], stands["current"], driver.current()) == ("steady", release.id, release.id), stands
    assert driver.answers() == release.version
    assert not driver.host.ssh("ls /run/web/drain", check=False).stdout
    return stands


def timers(driver: Driver) -> set[str]:
    """The reaper's timers that are armed."""
    shown = driver.host.ssh("systemctl list-units --all --plain --no-legend 'tidegate-reap@*.timer'").stdout
    return {line.split()[0] for line in shown.splitlines()}
