# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `discover`: the site's own services on this host, and where each listens. It reads, and asks ports over HTTP."""

from __future__ import annotations

import os
import re

from ..core import survey
from . import bounded, ports
from .units import FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from .host import Host

    Shown = dict[str, str]

PATHS = ("/health", "/")
MOST_PORTS = 5
_ASK_S = 2
_SHOW_S = 20
_SOCKET = re.compile(r"socket:\[([0-9]+)\]")
_HERE = {"0.0.0.0": "127.0.0.1", "127.0.0.1": "127.0.0.1", "::": "127.0.0.1", "::1": "[::1]"}  # noqa: S104


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Every unit that looks like one of the site, as facts that nobody vouches for."""
    units = [shown for shown in _shown() if survey.is_own(shown)]
    listening = _listening({shown["Id"] for shown in units})
    return {"changed": False, "services": [_service(shown, listening.get(shown["Id"], [])) for shown in units]}


def _service(shown: Shown, addresses: list[tuple[str, int]]) -> dict[str, Any]:
    return {
        "unit": shown["Id"],
        "runs": survey.runs(shown),
        "file": shown["FragmentPath"],
        "own_file": survey.has_own_file(shown),
        "program": survey.program(shown),
        "directory": survey.directory(shown),
        "root": survey.current_root(shown),
        "ports": [_port(address, port) for address, port in addresses[:MOST_PORTS]],
    }


# --- units -----------------------------------------------------------------------------------------------------------


def _shown() -> list[Shown]:
    """What systemd shows of all loaded services, and of those that lie where a site puts its own."""
    names = sorted({name for folder in (FOLDER, "/usr/local/lib/systemd/system") for name in _unit_files(folder)})
    command = ["systemctl", "show", "--no-pager", "--property", ",".join(survey.PROPERTIES), "--", "*.service", *names]
    ended = bounded.run(command, _SHOW_S, keep_bytes=4 * 1024 * 1024)
    if ended.rc != 0:
        raise OSError(f"systemctl show: {' '.join(ended.err.split())[:200] or 'no answer in time'}")
    found = (
        dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        for text in ended.out.split("\n\n")
        if text
    )
    return sorted({shown["Id"]: shown for shown in found if shown.get("Id")}.values(), key=lambda shown: shown["Id"])


def _unit_files(folder: str) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [name for name in names if name.endswith(".service") and not name.endswith("@.service")]


# --- ports -----------------------------------------------------------------------------------------------------------


def _listening(units: set[str], proc: str = "/proc") -> dict[str, list[tuple[str, int]]]:
    """Where the processes of units listen, each port once; loopback and every address before a single other one."""
    by_inode = ports.listeners(proc)
    found: dict[str, dict[int, str]] = {unit: {} for unit in units}
    for pid in (name for name in os.listdir(proc) if name.isdecimal()):
        unit = _unit_of(os.path.join(proc, pid), units)
        for inode in _sockets(os.path.join(proc, pid, "fd")) if unit else ():
            if inode in by_inode:
                address, port = by_inode[inode]
                if port not in found[unit or ""] or address in _HERE:
                    found[unit or ""][port] = address
    return {unit: [(address, port) for port, address in sorted(at.items())] for unit, at in found.items()}


def _unit_of(folder: str, units: set[str]) -> Optional[str]:
    try:
        with open(os.path.join(folder, "cgroup"), encoding="utf-8", errors="replace") as file:
            parts = {part for line in file for part in line.strip().split("/")}
    except OSError:
        return None  # it ended meanwhile
    return next(iter(parts & units), None)


def _sockets(folder: str) -> Iterable[str]:
    try:
        for name in os.listdir(folder):
            found = _SOCKET.fullmatch(os.readlink(os.path.join(folder, name)))
            if found:
                yield found.group(1)
    except OSError:
        return  # it ended meanwhile


def _port(address: str, port: int) -> dict[str, Any]:
    """A port, and how it answers over HTTP if it does."""
    here = _HERE.get(address)
    if here is None:
        return {"port": port, "address": address, "host": None, "path": None, "status": None}
    for path in PATHS:
        status = _status(f"http://{here}:{port}{path}")
        if status is not None and (status < 300 or path == PATHS[-1]):
            return {"port": port, "address": address, "host": here, "path": path, "status": status}
    return {"port": port, "address": address, "host": here, "path": None, "status": None}


def _status(url: str) -> Optional[int]:
    from ..core.health import parse
    from .look import Place, Systemd, look

    place = Place("/", "", None, None, Systemd())
    seen = look(parse({"kind": "http", "url": url}), place, _ASK_S)
    status = seen.get("status")
    return status if isinstance(status, int) and 200 <= status < 500 else None
