# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pre-check: every fact about the host that a change depends on, read in one go; `core.vitals` says what it means.

Reads only: nothing is written, started or stopped.
"""

from __future__ import annotations

import dataclasses
import os
import re
import time
from typing import Any

from ..core import vitals
from ..core.errors import Refusal
from ..core.release import RELEASE, is_release_id
from . import bounded, fields
from .look import Systemd
from .paths import Paths
from .space import existing
from .tree import Authority

HEALTH_BUDGET_S = 15


class Manager(Systemd):
    """What pre-checks ask of systemd; tests hand in another that answers the same questions."""

    def runs(self) -> bool:
        """Whether systemd runs this host (sd_booted(3))."""
        return os.path.isdir("/run/systemd/system")

    def failed(self) -> list[str]:
        """Names of all units that failed.

        Raises:
            OSError: systemd does not answer.
        """
        command = ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager", "--full"]
        ended = bounded.run(command, 5)
        if ended.rc != 0:
            raise OSError("systemctl list-units failed")
        return [line.split()[0] for line in ended.out.splitlines() if line.strip()]


@dataclasses.dataclass(frozen=True)
class Senses:
    """Through what the host is seen; tests hand in others.

    Args:
        proc: where proc(5) is mounted.
        manager: who answers about systemd.
        authority: whose folders are trusted.
    """

    proc: str = "/proc"
    manager: Manager = dataclasses.field(default_factory=Manager)
    authority: Authority = dataclasses.field(default_factory=Authority)


def precheck(request: dict[str, Any], paths: Paths, senses: Senses | None = None) -> dict[str, Any]:
    """All findings about this host and the facts behind them.

    Args:
        request: its ``definition release first thresholds controller_time``.
        paths: of the host program.
        senses: for tests.

    Returns:
        ``{"findings": [...], "facts": {...}}``, see `core.vitals`.

    Raises:
        Refusal: DATA; the request is not right.
    """
    limits = vitals.thresholds(fields.mapping(request, "thresholds"), "thresholds")
    facts = gather(request, paths, senses or Senses())
    return {"findings": vitals.findings(facts, limits), "facts": facts}


def gather(request: dict[str, Any], paths: Paths, senses: Senses) -> dict[str, Any]:
    """The facts of `core.vitals`."""
    definition, first = request["definition"], bool(request["first"])
    root, time_s = definition["root"], int(time.time())
    if not senses.manager.runs():
        return {"systemd": False, "first": first, "root": root}
    unit = _unit(definition, senses.manager)
    running = definition if first else _running(definition, paths)
    return {
        "systemd": True,
        "first": first,
        "root": root,
        "time_s": time_s,
        "controller_time_s": fields.number(request, "controller_time", high=2**40),
        "need": _need(root, request),
        "file_systems": [_file_system("releases", root), _file_system("state", paths.state)],
        "memory_available_bytes": _memory_available_bytes(senses.proc),
        "load_centi": _load_centi(senses.proc),
        "cpus": len(os.sched_getaffinity(0)) or None,
        "failed_units": _failed_units(senses.manager),
        "unit": unit,
        "adopted_from": None if first else _adopted_from(definition, paths),
        "paths": _path_problems(root, senses.authority),
        "ports": _taken_ports(definition, senses) if first else [],
        "probes": None if first else _health(running, senses.manager),
        "previous": None if first else _previous(running, paths, senses.authority),
    }


# --- space, memory, load ---------------------------------------------------------------------------------------------


def _need(root: str, request: dict[str, Any]) -> dict[str, int]:
    """What staging takes; nothing for a release that is there, nor when none is named."""
    if request.get("release") is None:
        return {"bytes": 0, "inodes": 0}
    release = fields.mapping(request, "release")
    if os.path.isdir(os.path.join(root, "releases", fields.text(release, "id", RELEASE))):
        return {"bytes": 0, "inodes": 0}
    size_bytes, files = (fields.number(release, key, high=2**50) for key in ("size_bytes", "files"))
    return {"bytes": 2 * size_bytes, "inodes": 2 * files}


def _file_system(holds: str, path: str) -> dict[str, Any]:
    there = existing(os.path.realpath(path))
    seen = os.statvfs(there)
    return {
        "holds": holds,
        "mount": _mount_of(there),
        "device": os.stat(there).st_dev,
        "free_bytes": seen.f_bavail * seen.f_frsize,
        "free_inodes": seen.f_favail if seen.f_files else None,
        "read_only": bool(seen.f_flag & os.ST_RDONLY),
    }


def _mount_of(path: str) -> str:
    path = os.path.realpath(path)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def _memory_available_bytes(proc: str) -> int | None:
    match = re.search(r"^MemAvailable:\s+([0-9]+) kB$", _text(proc, "meminfo"), re.MULTILINE)
    return int(match.group(1)) * 1024 if match else None


def _load_centi(proc: str) -> int | None:
    match = re.match(r"([0-9]+)\.([0-9]{2}) ", _text(proc, "loadavg"))
    return int(match.group(1)) * 100 + int(match.group(2)) if match else None


def _text(*path: str) -> str:
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


# --- systemd and the service -----------------------------------------------------------------------------------------


def _failed_units(manager: Manager) -> list[str] | None:
    try:
        return manager.failed()
    except OSError:
        return None


def _unit(definition: dict[str, Any], manager: Manager) -> dict[str, Any] | None:
    try:
        shown = manager.properties(definition["unit"], list(vitals.UNIT_PROPERTIES))
    except OSError:
        return None
    return vitals.unit_fact(definition["unit"], definition["root"], shown)


def _health(running: dict[str, Any], manager: Manager) -> list[dict[str, Any]]:
    from . import probes

    budget_s = min(HEALTH_BUDGET_S, running["limits"]["probe_s"])
    return probes.quick(running, None, budget_s, manager)


def _current(root: str) -> str | None:
    """The release that runs; null when `current` is no link to one."""
    from .disk import Disk
    from .switch import Switch

    try:
        release = Switch(root, Disk()).current()
    except Refusal:
        return None
    return release if is_release_id(release) else None


def _running(definition: dict[str, Any], paths: Paths) -> dict[str, Any]:
    """The definition with which the release that runs was activated: a new one may ask for what only the new release has."""
    from .disk import Disk
    from .intact import running_definition
    from .journal import Journal

    release = _current(definition["root"])
    view = Journal(paths, Disk(), definition["service"]).read(release or "absent")
    return running_definition(view, release, definition) if release is not None else definition


def _adopted_from(definition: dict[str, Any], paths: Paths) -> str | None:
    """The folder that an adopted service was found in, where its unit did not run `current` then."""
    from .disk import Disk
    from .journal import Journal

    adopted = Journal(paths, Disk(), definition["service"]).read("absent").get("adopted") or {}
    return adopted.get("from") if adopted.get("elsewhere") else None


def _previous(running: dict[str, Any], paths: Paths, authority: Authority) -> dict[str, Any] | None:
    """The release that runs, and whether it is what its manifest says."""
    current = os.path.join(running["root"], "current")
    if not os.path.lexists(current):
        return None
    release = _current(running["root"])
    if release is None:
        return None  # said by `paths` already
    if not os.path.isdir(os.path.join(running["root"], "releases", release)):
        return {"release": release, "problem": f"{current} leads to {release}, which is not there", "proven": False}
    if not os.path.exists(paths.manifest(running["service"], release)):
        return {"release": release, "problem": None, "proven": False}
    problem = _damage(running, release, paths, authority)
    return {"release": release, "problem": problem or None, "proven": not problem}


def _damage(running: dict[str, Any], release: str, paths: Paths, authority: Authority) -> str:
    from .clock import Clock
    from .disk import Disk
    from .host import Host
    from .intact import damage
    from .units import Units

    try:
        return damage(Host(paths, Disk(), Clock(), Units(paths), authority), running, release)
    except Refusal as refusal:
        return refusal.message
    except OSError as error:
        return f"{release} cannot be read ({error})"


def _path_problems(root: str, authority: Authority) -> list[str]:
    from . import tree

    path = existing(os.path.join(root, "releases"))
    current = os.path.join(root, "current")
    problems = []
    try:
        os.close(tree.open_folder(path, authority))
    except Refusal as refusal:
        problems.append(refusal.message)
    if os.path.lexists(current) and _current(root) is None:
        problems.append(f"{current} is no link to a release of this service")
    return problems


# --- ports -----------------------------------------------------------------------------------------------------------


def _taken_ports(definition: dict[str, Any], senses: Senses) -> list[dict[str, Any]]:
    """Ports of probes on this host that a process holds already; a socket unit of the service may."""
    from . import ports
    from .probes import probes_of

    taken: list[dict[str, Any]] = []
    for probe in probes_of(definition, "host"):
        address = ports.asked_by(probe)
        if address is None or address[1] in [one["port"] for one in taken]:
            continue
        holder = ports.holder_of(*address, senses.proc)
        if holder is None or (holder.pid == 1 and _has_socket_unit(definition, senses.manager)):
            continue
        taken.append({"probe": probe.name, "port": address[1], "holder": str(holder)})
    return taken


def _has_socket_unit(definition: dict[str, Any], manager: Manager) -> bool:
    try:
        triggers = manager.properties(definition["unit"], ["TriggeredBy"]).get("TriggeredBy", "")
    except OSError:
        return False
    return any(name.endswith(".socket") for name in triggers.split())
