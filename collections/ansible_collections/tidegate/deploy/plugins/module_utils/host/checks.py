# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pre-check: every fact about the host that a change depends on, read in one go; `core.vitals` says what it means.

Reads only: nothing is written, started or stopped.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from typing import Any

from ..core import vitals
from ..core.errors import Refusal
from ..core.release import ReleaseId, is_release_id
from . import bounded
from .look import Systemd
from .paths import Paths
from .tree import Authority

HEALTH_BUDGET_S = 15
UNIT_PROPERTIES = (
    "LoadState ActiveState SubState UnitFileState TriggeredBy "
    "ExecStart WorkingDirectory RootDirectory EnvironmentFiles BindPaths BindReadOnlyPaths"
).split()


class Units(Systemd):
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


@dataclass(frozen=True)
class Senses:
    """Through what the host is seen; tests hand in others.

    Args:
        proc: where proc(5) is mounted.
        units: who answers about systemd.
        authority: whose folders are trusted.
    """

    proc: str = "/proc"
    units: Units = field(default_factory=Units)
    authority: Authority = field(default_factory=Authority)


def precheck(request: dict[str, Any], paths: Paths, senses: Senses | None = None) -> dict[str, Any]:
    """All findings about this host and the facts behind them.

    Args:
        request: its ``definition release first thresholds controller_time``.
        paths: of the host program.
        senses: for tests.

    Returns:
        ``{"findings": [...], "facts": {...}}``, see `core.vitals`.

    Raises:
        Refusal: DATA; a threshold is not one.
    """
    limits = vitals.thresholds(request["thresholds"], "thresholds")
    facts = gather(request, paths, senses or Senses())
    return {"findings": vitals.findings(facts, limits), "facts": facts}


def gather(request: dict[str, Any], paths: Paths, senses: Senses) -> dict[str, Any]:
    """The facts of `core.vitals`."""
    definition, first = request["definition"], bool(request["first"])
    root, time_s = definition["root"], int(time.time())
    if not senses.units.runs():
        return {"systemd": False, "first": first, "root": root}
    unit = _unit(definition, senses.units)
    return {
        "systemd": True,
        "first": first,
        "root": root,
        "time_s": time_s,
        "controller_time_s": int(request["controller_time"]),
        "need": _need(root, request["release"]),
        "file_systems": [_file_system("releases", root), _file_system("state", paths.state)],
        "memory_available_bytes": _memory_available_bytes(senses.proc),
        "load_centi": _load_centi(senses.proc),
        "cpus": len(os.sched_getaffinity(0)) or None,
        "failed_units": _failed_units(senses.units),
        "unit": unit,
        "paths": _path_problems(root, senses.authority),
        "ports": _taken_ports(definition, senses) if first else [],
        "probes": None if first else _health(definition, senses.units),
        "previous": None if first else _previous(definition, paths, senses.authority),
    }


# --- space, memory, load ---------------------------------------------------------------------------------------------


def _need(root: str, release: dict[str, Any] | None) -> dict[str, int]:
    if release is None or os.path.isdir(os.path.join(root, "releases", release["id"])):
        return {"bytes": 0, "inodes": 0}
    return {"bytes": 2 * int(release["size_bytes"]), "inodes": 2 * int(release["files"])}


def _file_system(holds: str, path: str) -> dict[str, Any]:
    there = _nearest_existing(path)
    seen = os.statvfs(there)
    return {
        "holds": holds,
        "mount": _mount_of(there),
        "device": os.stat(there).st_dev,
        "free_bytes": seen.f_bavail * seen.f_frsize,
        "free_inodes": seen.f_favail if seen.f_files else None,
        "read_only": bool(seen.f_flag & os.ST_RDONLY),
    }


def _nearest_existing(path: str) -> str:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


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


def _failed_units(units: Units) -> list[str] | None:
    try:
        return units.failed()
    except OSError:
        return None


def _unit(definition: dict[str, Any], units: Units) -> dict[str, Any] | None:
    try:
        shown = units.properties(definition["unit"], UNIT_PROPERTIES)
    except OSError:
        return None
    told = {name: shown.get(name, "") for name in ("LoadState", "ActiveState", "SubState", "UnitFileState")}
    current = re.compile(re.escape(os.path.join(definition["root"], "current")) + r"(?![A-Za-z0-9._-])")
    named = [shown.get(name, "") for name in UNIT_PROPERTIES[5:]]
    return {"name": definition["unit"], **told, "from_root": any(map(current.search, named))}


def _health(definition: dict[str, Any], units: Units) -> list[dict[str, Any]]:
    from . import probes

    budget_s = min(HEALTH_BUDGET_S, definition["limits"]["probe_s"])
    return probes.quick(definition, None, budget_s, units)


def _previous(definition: dict[str, Any], paths: Paths, authority: Authority) -> dict[str, Any] | None:
    """The release that runs, and whether it is what its manifest says."""
    current = os.path.join(definition["root"], "current")
    try:
        target = os.readlink(current)
    except FileNotFoundError:
        return None
    except OSError:
        return _problem(None, f"{current} is no link")
    folder, _slash, release = target.rpartition("/")
    if folder not in ("releases", os.path.join(definition["root"], "releases")) or not is_release_id(release):
        return _problem(None, f"{current} leads to {target!r}, which is no release of this service")
    try:
        proven = _prove(definition, ReleaseId.parse(release), paths, authority)
    except (Refusal, OSError) as error:
        return _problem(release, error.message if isinstance(error, Refusal) else f"{release}: {error}")
    return {"release": release, "problem": None, "proven": proven}


def _problem(release: str | None, problem: str) -> dict[str, Any]:
    return {"release": release, "problem": problem, "proven": False}


def _prove(definition: dict[str, Any], release: ReleaseId, paths: Paths, authority: Authority) -> bool:
    """Whether a manifest proves the release intact; false when none is kept.

    Raises:
        Refusal: TREE and others: it is not intact.
    """
    from ..core import canonical
    from ..core.manifest import Manifest
    from . import tree

    folder = os.path.join(definition["root"], "releases")
    folder_fd = tree.open_folder(folder, authority)
    try:
        release_fd = tree.open_entry(folder_fd, str(release))
    finally:
        os.close(folder_fd)
    if release_fd is None:
        raise Refusal("TREE", f"{folder}/{release}: no such folder, and current leads there", path=folder)
    try:
        with open(paths.manifest(definition["service"], str(release)), "rb") as file:
            manifest = Manifest.parse(canonical.loads(file.read()))
        if ReleaseId.of(release.version, manifest.digest) != release:
            raise Refusal("TREE", f"the manifest kept for {release} is another release's")
        # shared links are those of the definition that it was staged with, which may differ from today's
        found = [one for one in tree.differences(release_fd, manifest, {}, None) if not _may_be_shared(one)]
    except FileNotFoundError:
        return False
    except ValueError as error:
        raise Refusal("TREE", f"the manifest kept for {release} cannot be read ({error})") from None
    finally:
        os.close(release_fd)
    if found:
        raise tree.tree_refusal(f"{folder}/{release}", found)
    return True


def _may_be_shared(difference: Any) -> bool:
    return bool(difference.kind == "extra" and difference.found in ("link", "dir"))


def _path_problems(root: str, authority: Authority) -> list[str]:
    from . import tree

    path = _nearest_existing(os.path.join(root, "releases"))
    current = os.path.join(root, "current")
    problems = []
    try:
        os.close(tree.open_folder(path, authority))
    except Refusal as refusal:
        problems.append(refusal.message)
    if os.path.lexists(current) and not os.path.islink(current):
        problems.append(f"{current} is no link")
    return problems


# --- ports -----------------------------------------------------------------------------------------------------------


def _taken_ports(definition: dict[str, Any], senses: Senses) -> list[dict[str, Any]]:
    """Ports of probes on this host that a process holds already; a socket unit of the service may."""
    from . import ports
    from .probes import probes_of

    taken = []
    for probe in probes_of(definition, "host"):
        address = ports.asked_by(probe)
        if address is None:
            continue
        holder = ports.holder_of(*address, senses.proc)
        if holder is None or (holder.pid == 1 and _has_socket_unit(definition, senses.units)):
            continue
        taken.append({"probe": probe.name, "port": address[1], "holder": str(holder)})
    return taken


def _has_socket_unit(definition: dict[str, Any], units: Units) -> bool:
    try:
        triggers = units.properties(definition["unit"], ["TriggeredBy"]).get("TriggeredBy", "")
    except OSError:
        return False
    return any(name.endswith(".socket") for name in triggers.split())
