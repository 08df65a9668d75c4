# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host without systemd and without time: clock, units and service are values, the disk is a folder that may fail."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import Definition
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import Entry, Manifest
from ansible_collections.tidegate.deploy.plugins.module_utils.host import (
    activate,
    back,
    confirm,
    forward,
    prune,
    reaper,
    revert,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.host.clock import Clock
from ansible_collections.tidegate.deploy.plugins.module_utils.host.disk import Disk
from ansible_collections.tidegate.deploy.plugins.module_utils.host.host import Host, Spot
from ansible_collections.tidegate.deploy.plugins.module_utils.host.paths import Paths
from ansible_collections.tidegate.deploy.plugins.module_utils.host.standing import standing
from ansible_collections.tidegate.deploy.plugins.module_utils.host.tree import Authority
from ansible_collections.tidegate.deploy.plugins.module_utils.host.units import Units
from ansible_collections.tidegate.deploy.plugins.module_utils.host.users import Users
from ansible_collections.tidegate.deploy.plugins.module_utils.host.watch import Watch

TOKEN = "ab" * 32
LIMITS = {"drain_s": 60, "hook_s": 60, "restart_s": 1, "probe_s": 1, "confirm_s": 10}


class PowerCut(BaseException):
    """The host loses its power; nothing catches it."""


class StillClock(Clock):
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.ms = 1_000_000
        self.boot = "boot-1"
        self.wall = "2026-11-01T00:00:00Z"

    def now_ms(self) -> int:
        return self.ms

    def boot_id(self) -> str:
        return self.boot

    def utc(self) -> str:
        return self.wall

    def now_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


class CutDisk(Disk):
    """Counts every durable operation, and loses power before one of them; may also be full."""

    def __init__(self) -> None:
        self.count = 0
        self.cut_at: int | None = None
        self.full = False
        self.log: list[str] = []

    def _do(self, name: str, path: str, act: Any, tear: Any = lambda: None) -> None:
        self.count += 1
        self.log.append(f"{name} {path}")
        if self.cut_at == self.count:
            tear()
            raise PowerCut
        act()

    def _needs_space(self) -> None:
        if self.full:
            raise OSError(28, "No space left on device")

    def rename(self, source: str, target: str) -> None:
        self._do("rename", target, lambda: os.rename(source, target))

    def unlink(self, path: str) -> None:
        self._do("unlink", path, lambda: super(CutDisk, self).unlink(path))

    def make_folder(self, path: str) -> None:
        if not os.path.isdir(path):
            self._needs_space()
        self._do("mkdir", path, lambda: os.makedirs(path, mode=0o700, exist_ok=True))

    def write(self, path: str, data: bytes) -> None:
        self._needs_space()
        self._do(
            "write",
            path,
            lambda: Path(path).write_bytes(data),
            tear=lambda: Path(path).write_bytes(data[: len(data) // 2]),
        )

    def overwrite(self, path: str, data: bytes) -> None:
        self._do("overwrite", path, lambda: super(CutDisk, self).overwrite(path, data))

    def symlink(self, target: str, path: str) -> None:
        self._needs_space()
        self._do("symlink", path, lambda: super(CutDisk, self).symlink(target, path))

    def sync_folder(self, path: str) -> None:
        pass


class FakeUnits(Units):
    """systemd as a value: which release each unit runs, what was enabled, what was asked to start."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.runs: str | None = None
        self.enabled = "disabled"
        self.refers_to_current = True
        self.bad: set[str] = set()  # releases that do not start
        self.calls: list[str] = []
        self.armed: set[int] = set()
        self.effects: tuple[str, str] | None = None
        self.wants_revert = False
        self.wants_prune = False
        self.definitions: dict[str, str] = {}

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        where = os.path.join(self._bench.root, "current") if self.refers_to_current else "/usr"
        told = {"ActiveState": "active", "SubState": "running"} if self.runs else {"ActiveState": "inactive"}
        return {"LoadState": "loaded", "User": "", "UnitFileState": self.enabled, "ExecStart": f"{where}/web", **told}

    def is_running(self, unit: str) -> bool:
        return self.runs is not None if unit == "web.service" else False

    def start(self, unit: str, how: str, limit_s: int) -> None:
        self.calls.append(f"{how} {unit}")
        current = self._bench.current
        if current == "absent" or current in self.bad:
            self.runs = None
            raise Refusal("ACTIVATION", f"{unit}: did not {how}")
        self.runs = current

    def stop(self, unit: str, limit_s: int) -> None:
        self.calls.append(f"stop {unit}")
        self.runs = None

    def enablement(self, unit: str) -> str:
        return self.enabled

    def enable(self, unit: str) -> None:
        self.enabled = "enabled"

    def disable(self, unit: str) -> None:
        self.enabled = "disabled"

    def define(self, definitions: Mapping[str, str]) -> None:
        self.definitions = dict(definitions)

    def defined(self, definitions: Mapping[str, str]) -> bool:
        return self.definitions == definitions

    def files(self, names: Iterable[str]) -> list[str]:
        return [f"/etc/{name}" for name in names if name in self.definitions]

    def undefine(self, names: Iterable[str]) -> None:
        self.definitions, self.armed = {}, set()

    def start_effects(self, service: str, aid: str, limit_s: int) -> None:
        self.effects = (service, aid)

    def stop_effects(self, service: str) -> None:
        self.effects = None

    def effects_run(self, service: str) -> bool:
        return self.effects is not None

    def start_revert(self, service: str) -> None:
        self.wants_revert = True

    def arm(self, service: str, deadline_ms: int, in_ms: int) -> None:
        self.armed.add(deadline_ms)

    def disarm(self, service: str, deadline_ms: int) -> None:
        self.armed.discard(deadline_ms)

    def start_prune(self, service: str, deadline_ms: int) -> None:
        self.armed.discard(deadline_ms)
        self.wants_prune = True


class FakeWatch(Watch):
    """A service that is well exactly when the right release runs and is not one of the bad ones."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.unwell: set[str] = set()
        self.sees: list[dict[str, Any]] = [{"name": "fake", "ok": True, "detail": "well"}]

    def probe(self, definition: Definition, release: str, since_ms: int, restarted: bool) -> list[dict[str, Any]]:
        if self._bench.units.runs != release or release in self.unwell:
            raise Refusal("PROBE", f"found {self._bench.units.runs}, expected {release}", results=[])
        return self.sees

    def is_well(self, definition: Definition, release: str) -> bool:
        return self._bench.units.runs == release and release not in self.unwell

    def complaint(self, definition: Definition, version: str) -> str:
        runs = self._bench.units.runs or ""
        return "" if version == (runs.rpartition("-")[0] or runs) else f"found {runs}, expected {version}"

    def await_open(self, definition: Definition, url: str, limit_s: int) -> None:
        return


class FakeUsers(Users):
    """Who there is on the host, and whether sudo takes a rule."""

    def __init__(self) -> None:
        self.homes = {"root": "/root"}
        self.problem = ""
        self.with_password: set[str] = set()

    def has_password(self, name: str) -> bool:
        return name in self.with_password

    def home_of(self, name: str) -> str | None:
        return self.homes.get(name)

    def add(self, name: str, home: str) -> None:
        self.homes[name] = home

    def remove(self, name: str) -> None:
        del self.homes[name]

    def require_sudo(self) -> None:
        return

    def sudo_problem(self, path: str) -> str:
        return self.problem


class Bench:
    """One host in a folder, with short words for what happens to it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.root = str(top / "opt")
        os.makedirs(os.path.join(self.root, "releases"))
        self.disk, self.clock = CutDisk(), StillClock()
        self.units, self.watch = FakeUnits(self), FakeWatch(self)
        paths = Paths(state=str(top / "state"), lib=str(top / "lib"), run=str(top / "run"), etc=str(top / "etc"))
        authority = Authority(uid=os.getuid(), top=str(top), chown=False)
        self.users = FakeUsers()
        self.host = Host(paths, self.disk, self.clock, self.units, authority, self.watch, self.users)
        self.number = 0

    # --- what is there

    @property
    def current(self) -> str:
        path = os.path.join(self.root, "current")
        return os.readlink(path).rpartition("/")[2] if os.path.islink(path) else "absent"

    @property
    def state(self) -> str:
        return str(Spot(self.host, "web", self.root).view["state"])

    @property
    def stands(self) -> dict[str, Any]:
        return standing(self.host, "web", self.root)

    def definition(self, **changes: Any) -> dict[str, Any]:
        doc = {"v": 1, "service": "web", "root": self.root, "unit": "web.service", "owner": "root", "group": "root"}
        doc.update(user=None, start="restart", links={}, drain=None, hooks={"before": None, "after": None})
        return {**doc, "probes": [], "limits": LIMITS, "keep": 1, **changes}

    def release(self, version: str, scripts: Mapping[str, str] | None = None) -> dict[str, str]:
        """Put a release on the host, as staging would, and say how a request names it.

        Args:
            version: its version.
            scripts: programs in it: name -> shell script.
        """
        content = version.encode()
        entries = [Entry("VERSION", "file", 0o644, len(content), hashlib.sha256(content).hexdigest())]
        for name, text in (scripts or {}).items():
            data = f"#!/bin/sh\n{text}\n".encode()
            entries.append(Entry(name, "file", 0o755, len(data), hashlib.sha256(data).hexdigest()))
        manifest = Manifest.of(sorted(entries, key=lambda entry: entry.path))
        name = f"{version}-{manifest.digest[:12]}"
        folder = os.path.join(self.root, "releases", name)
        if not os.path.isdir(folder):
            os.mkdir(folder)
            os.chmod(folder, 0o755)  # noqa: S103 - releases are readable
            Path(folder, "VERSION").write_bytes(content)
            os.chmod(os.path.join(folder, "VERSION"), 0o644)
            for script, text in (scripts or {}).items():
                Path(folder, script).write_bytes(f"#!/bin/sh\n{text}\n".encode())
                os.chmod(os.path.join(folder, script), 0o755)  # noqa: S103 - a program
            saved = Path(self.host.paths.manifest("web", name))
            saved.parent.mkdir(parents=True, exist_ok=True)
            saved.write_bytes(canonical.dumps(manifest.doc))
        return {"id": name, "version": version, "manifest": manifest.digest}

    # --- what a controller asks for

    def new_change(self) -> str:
        self.number += 1
        return f"CHG-2026-{self.number:04d}"

    def request(self, change: str, release: dict[str, str], **changes: Any) -> dict[str, Any]:
        doc = changes.pop("definition", None) or self.definition()
        asked = {"check": False, "change": change, "plan": "0" * 64, "definition": doc, "release": release}
        asked.update(previous=self.current, fence=self.number, back_until="2026-12-01T00:00:00Z", renew_until_s=100)
        asked.update(token_sha256=hashlib.sha256(TOKEN.encode()).hexdigest(), deadline_s=17, wait_s=0)
        return {**asked, **changes}

    def begin(self, change: str, release: dict[str, str], **changes: Any) -> dict[str, Any]:
        """Only the step; its effects are not run."""
        return activate.step(self.host, self.request(change, release, **changes))

    def run_effects(self) -> None:
        """What the activation's unit does."""
        if self.units.effects is not None:
            forward.run(self.host, *self.units.effects)
            self.units.effects = None

    def run_revert(self) -> None:
        """What the revert unit does, if it was started."""
        if self.units.wants_revert:
            self.units.wants_revert = False
            revert.run(self.host, "web")

    def run_prune(self) -> list[str]:
        """What retention removes."""
        return prune.run(self.host, "web")

    def confirm(self, change: str, token: str = TOKEN) -> dict[str, Any]:
        return confirm.step(self.host, {"check": False, "service": "web", "change": change, "token": token})

    def renew(self, change: str, extend_s: int, token: str = TOKEN) -> dict[str, Any]:
        asked = {"check": False, "service": "web", "change": change, "token": token, "extend_s": extend_s}
        return confirm.renew(self.host, asked)

    def back(
        self, change: str, operator: bool = True, check: bool = False, closes: bool = True, **more: Any
    ) -> dict[str, Any]:
        asked = {"check": check, "definition": self.definition(), "change": change, "why": "asked", "wait_s": 0}
        return back.step(self.host, {**asked, "operator": operator, "closes": closes, **more})

    def deploy(self, version: str, **changes: Any) -> str:
        """A whole change that goes well."""
        change, release = self.new_change(), self.release(version)
        self.begin(change, release, **changes)
        self.run_effects()
        self.confirm(change)
        return change

    # --- what happens to a host

    def boot(self) -> None:
        """Power comes back: the boot unit, then the service if it is enabled, then the rest."""
        self.disk.cut_at = None
        self.clock.boot, self.clock.ms = self.clock.boot + "+", 5_000
        self.units.effects, self.units.runs, self.units.wants_revert, self.units.armed = None, None, False, set()
        reaper.at_boot(self.host)
        if self.units.enabled == "enabled" and self.current != "absent" and self.current not in self.units.bad:
            self.units.runs = self.current
        reaper.after_boot(self.host)
        self.run_revert()
