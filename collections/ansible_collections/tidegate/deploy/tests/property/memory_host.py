# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outside world of the host program, in the memory of a `Machine`: disk, lock, clock, systemd, the service."""

from __future__ import annotations

import functools
import io
import posixpath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, states
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host.host import Host
from ansible_collections.tidegate.deploy.plugins.module_utils.host.journal import is_aid
from ansible_collections.tidegate.deploy.plugins.module_utils.host.paths import Paths

if TYPE_CHECKING:
    from ansible_collections.tidegate.deploy.tests.property.interleaved_host import Machine

ROOT, WEB = "/opt/web", "web"
PATHS = Paths(state="/state", lib="/lib")
FOLDER = None
REQUESTS = ("activate", "confirm", "renew", "back")


parsed = functools.lru_cache(4096)(canonical.loads)


class Files(dict[str, Any]):
    """Path -> bytes of a file, target of a link, or FOLDER; once a part of a state it changes no more."""

    @functools.cached_property
    def digest(self) -> int:
        """What tells two disks apart."""
        return hash(frozenset(self.items()))

    @functools.cached_property
    def view(self) -> dict[str, Any]:
        """The journal's document."""
        data = self.get(PATHS.journal(WEB))
        view = states.steady_without_journal(WEB, self.current) if data is None else parsed(data)
        return {**view, "fence": max(view["fence"], int(self.get(PATHS.fence(WEB), 0)))}

    @functools.cached_property
    def current(self) -> str:
        """What `current` names."""
        return str(self.get(f"{ROOT}/current", states.ABSENT)).rpartition("/")[2]

    @functools.cached_property
    def cleaned(self) -> Files:
        """Without what an activation left that never began."""
        known = {self.view.get("aid"), (self.view.get("reverted") or {}).get("aid")}
        names = {path.rpartition("/")[2] for path in self if path.startswith(f"{PATHS.service(WEB)}/")}
        begun = {name for name in names if f"{PATHS.activation(WEB, name)}/pending" not in self}
        gone = {name for name in names if is_aid(name)} - known - begun
        return (
            Files((path, what) for path, what in self.items() if not any(aid in path for aid in gone)) if gone else self
        )


class Again(BaseException):
    """A process begins anew: nothing that it knows matters any longer."""


class MemoryHost(Host):
    """The host program's outside world, in memory."""

    def __init__(self, machine: Machine) -> None:
        disk = MemoryDisk(machine)
        super().__init__(PATHS, disk, MemoryClock(machine), MemoryUnits(machine), None, MemoryWatch(machine))  # type: ignore[arg-type]
        self.machine = machine

    def lock(self) -> Any:
        """Whoever holds it is a part of the state; others pause before it."""
        return MemoryLock(self.machine)

    def services(self) -> list[str]:
        return [WEB]


class MemoryLock:
    """The one lock of the host."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __enter__(self) -> None:
        self._machine.point("lock")
        self._machine.now.lock = self._machine.me
        self._machine.read("locked", self._machine.now.ms)  # the moment that counts for a deadline

    def __exit__(self, *_error: object) -> None:
        self._machine.now.lock = ""
        self._machine.forget("locked")


class MemoryClock:
    """Time stands still while a process works."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def now_ms(self) -> int:
        if self._machine.me in REQUESTS:  # they make deadlines of it; others decide from it at once, or only note it
            self._machine.read("ms", self._machine.now.ms)
        return int(self._machine.now.ms)

    def boot_id(self) -> str:
        return f"boot-{self._machine.now.boot}"

    def utc(self) -> str:
        return "2026-11-01T00:00:00Z"

    def now_s(self) -> float:
        return 0.0

    def sleep(self, _seconds: float) -> None:
        """Only the runner of going back sleeps, between two attempts, and reads everything again after that."""
        raise Again


class MemoryDisk:
    """A pause before every move; the documents that a process prepares are nobody else's yet."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def _files(self) -> Files:
        return self._machine.now.files

    def rename(self, source: str, target: str) -> None:
        if source not in self._files:
            raise FileNotFoundError(2, "No such file", source)
        if target != PATHS.fence(WEB):  # nobody decides from it without the lock
            self._machine.point(f"rename {posixpath.basename(source)}")
        if source not in self._files:
            raise FileNotFoundError(2, "No such file", source)
        self._files[target] = self._files.pop(source)

    def unlink(self, path: str) -> None:
        if path in self._files:
            self._machine.point(f"unlink {posixpath.basename(path)}")
            self._files.pop(path, None)

    def make_folder(self, path: str) -> None:
        self._files[path] = FOLDER

    def write(self, path: str, data: bytes) -> None:
        self._files[path] = data

    def overwrite(self, path: str, data: bytes) -> None:
        return

    def symlink(self, target: str, path: str) -> None:
        self._files[path] = target

    def sync_folder(self, path: str) -> None:
        return


class MemoryUnits:
    """systemd: the service, the timers, and the program's own units, which are processes of the state."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        return {
            "LoadState": "loaded",
            "User": "",
            "UnitFileState": self.enablement(unit),
            "ExecStart": f"{ROOT}/current/web",
            "ActiveState": "inactive",
        }

    def is_running(self, unit: str) -> bool:
        self._machine.read("runs", self._machine.now.runs)
        return bool(self._machine.now.runs)

    def start(self, unit: str, how: str, limit_s: int) -> None:
        machine = self._machine
        machine.point("start")
        current = str(machine.now.files.get(f"{ROOT}/current", "")).rpartition("/")[2]
        machine.now.runs = "" if current in machine.unwell else current
        if not machine.now.runs:
            raise Refusal("ACTIVATION", f"{unit}: did not {how}")

    def stop(self, unit: str, limit_s: int) -> None:
        self._machine.point("stop")
        self._machine.now.runs = ""

    def enablement(self, unit: str) -> str:
        self._machine.read("enabled", self._machine.now.enabled)
        return "enabled" if self._machine.now.enabled else "disabled"

    def enable(self, unit: str) -> None:
        self._machine.now.enabled = True

    def disable(self, unit: str) -> None:
        self._machine.now.enabled = False

    def start_effects(self, service: str, aid: str, limit_s: int) -> None:
        self._machine.point("start effects")
        self._machine.stop("effects")
        self._machine.start("effects", aid)

    def stop_effects(self, service: str) -> None:
        if self._machine.runs("effects"):
            self._machine.point("stop effects")
            self._machine.stop("effects")

    def start_revert(self, service: str) -> None:
        if not self._machine.runs("revert"):  # else systemd does nothing, even if it is about to end
            self._machine.point("start revert")
            self._machine.start("revert")

    def arm(self, service: str, deadline_ms: int, in_ms: int) -> None:
        self._machine.now.armed |= {deadline_ms}

    def disarm(self, service: str, deadline_ms: int) -> None:
        self._machine.now.armed -= {deadline_ms}

    def start_prune(self, service: str, deadline_ms: int) -> None:
        self._machine.now.armed -= {deadline_ms}  # the rest can happen at any time, see the explorer


class MemoryWatch:
    """A service is well when the right release runs."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def probe(self, definition: Any, release: str, since_ms: int, restarted: bool) -> list[dict[str, Any]]:
        self._machine.read("runs", self._machine.now.runs)
        if self._machine.now.runs != release:
            raise Refusal("PROBE", f"found {self._machine.now.runs}, expected {release}", results=[])
        return []


class MemoryOs:
    """What the program asks `os` about files."""

    devnull = "/dev/null"

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.path = SimpleNamespace(
            join=functools.lru_cache(4096)(posixpath.join),
            dirname=posixpath.dirname,
            basename=posixpath.basename,
            exists=self._exists,
            lexists=self._lexists,
            isdir=self._exists,
        )

    def _exists(self, path: str) -> bool:
        return path in self._machine.now.files

    def _lexists(self, path: str) -> bool:
        found = path in self._machine.now.files
        if "/.next-" in path:
            self._machine.read(path, found)
        return found

    def listdir(self, folder: str) -> list[str]:
        start = len(folder) + 1
        return [p[start:] for p in self._machine.now.files if p.startswith(folder + "/") and "/" not in p[start:]]

    def readlink(self, path: str) -> str:
        target = self._machine.now.files.get(path)
        if target is None:
            raise FileNotFoundError(2, "No such file", path)
        return str(target)

    def unlink(self, path: str) -> None:
        if self._machine.now.files.pop(path, None) is None:
            raise FileNotFoundError(2, "No such file", path)

    def rmdir(self, path: str) -> None:
        del self._machine.now.files[path]

    def rename(self, source: str, target: str) -> None:
        """Only retention renames by itself: a release leaves its name, and then the disk."""
        for path in [path for path in self._machine.now.files if path == source or path.startswith(source + "/")]:
            del self._machine.now.files[path]

    def stat(self, path: str) -> Any:
        if not self._exists(path):
            raise FileNotFoundError(2, "No such file", path)
        return SimpleNamespace(st_ino=hash(self._machine.now.files[path]), st_mtime_ns=0, st_mtime=0.0, st_size=0)

    lstat = stat

    def utime(self, path: str) -> None:
        return

    def urandom(self, count: int) -> bytes:
        """A new activation's name: the first that no folder has."""
        used = [name for name in self.listdir(PATHS.service(WEB)) if is_aid(name)]
        return next(number for number in range(1, 9) if f"{number:016x}" not in used).to_bytes(count, "big")

    def open(self, path: str, mode: str = "rb", **_options: Any) -> Any:
        if "a" in mode:
            raise OSError(21, "Is a directory", path)  # no history
        data = self._machine.now.files.get(path)
        if data is None:
            raise FileNotFoundError(2, "No such file", path)
        if path == PATHS.journal(WEB):
            self._machine.read(data)

        return io.BytesIO(data)
