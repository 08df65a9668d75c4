# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pre-checks: what a host's facts say against a change, before anything of it happens.

Facts go in, all findings come out at once, in one order. Thresholds are data with defaults; a fact that could not be
read is a finding and never a good fact. Facts that get worse never make a finding go away.

The facts, as `host.checks` gathers them (sizes in bytes, times in seconds, null where something cannot be read):

=================== ===============================================================================================
``systemd``         whether systemd runs the host; without it nothing else is there
``first``           whether this is the first deployment
``root``            of the service
``need``            ``{"bytes", "inodes"}`` that staging takes: the release twice, 0 when it is there already
``file_systems``    ``[{"holds": "releases" | "state", "mount", "device", "free_bytes", "free_inodes", "read_only"}]``,
                    ``free_inodes`` null where a file system has no limit
``memory_available_bytes``, ``load_centi`` (of the last minute, times 100), ``cpus``
``time_s``, ``controller_time_s``
``failed_units``    names
``adopted_from``    the folder that an adopted service runs from as long as its unit is not changed; null otherwise
``unit``            ``{"name", "LoadState", "ActiveState", "SubState", "UnitFileState", "from_root"}``; ``from_root``
                    says whether the unit file names ``<root>/current``
``paths``           problems of the root's path, as texts
``ports``           ``[{"probe", "port", "holder"}]`` that another process holds, on a first deployment
``probes``          results of the service's probes now; null on a first deployment
``previous``        ``{"release", "problem", "proven"}`` of the release that runs; null when there is none
=================== ===============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import Refusal

Facts = dict[str, Any]
Finding = dict[str, str]
"""``{"check", "level": "refuse" | "warn", "found", "expected", "hint"}``, plain sentences with units."""

_TOLD = ("LoadState", "ActiveState", "SubState", "UnitFileState")
_PLACES = tuple(
    "ExecStart WorkingDirectory RootDirectory EnvironmentFiles BindPaths BindReadOnlyPaths FragmentPath".split()
)
UNIT_PROPERTIES = (*_TOLD, *_PLACES)

LEVELS = ("refuse", "warn", "ignore")
STATE_FREE_BYTES = 16 * 1024 * 1024  # journals of all services stay far below
STATE_FREE_INODES = 256

# what a service's `checks:` may set
DEFAULTS: dict[str, int | str] = {
    "disk_free_bytes": 256 * 1024 * 1024,  # left when the release lies there twice
    "inodes_free": 1000,  # likewise
    "memory_available_bytes": 64 * 1024 * 1024,
    "load_per_cpu": 8,  # average of the last minute
    "clock_skew_s": 30,  # between host and controller
    # what a finding of that check does
    "memory": "refuse",
    "load": "warn",
    "clock": "refuse",
    "failed_units": "warn",
    "ports": "refuse",
    "service_health": "refuse",
    "previous_release": "refuse",
}


def thresholds(doc: Any, where: str = "checks") -> dict[str, int | str]:
    """The complete thresholds of a document; what it leaves out is as in `DEFAULTS`.

    Raises:
        Refusal: DATA, with the place, what was found, what was expected and the nearest known key.
    """
    if not isinstance(doc, dict):
        raise Refusal("DATA", f"{where}: found {doc!r}, expected a mapping of thresholds", path=where)
    for key, value in doc.items():
        path = f"{where}.{key}"
        if key not in DEFAULTS:
            from .nearest import hint

            raise Refusal("DATA", f"{path}: found {key!r}, expected a known key; {hint(str(key), DEFAULTS)}", path=path)
        if isinstance(DEFAULTS[key], str):
            right, expected = value in LEVELS and isinstance(value, str), f"one of {', '.join(LEVELS)}"
        else:
            right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
            expected = "an integer, 0 or more"
        if not right:
            raise Refusal("DATA", f"{path}: found {value!r}, expected {expected}", path=path)
    return {**DEFAULTS, **doc}


def findings(facts: Facts, limits: dict[str, int | str]) -> list[Finding]:
    """All that speaks against a change, refusals first.

    Args:
        facts: see above.
        limits: from `thresholds`.
    """
    if not facts["systemd"]:
        return [_no_systemd()]
    found = [finding for rule in RULES for finding in rule(facts, limits)]
    kept = [{**finding, "level": _level(finding, limits)} for finding in found]
    return sorted((finding for finding in kept if finding["level"] != "ignore"), key=lambda one: one["level"])


def unit_fact(name: str, root: str, shown: Mapping[str, str]) -> dict[str, Any]:
    """The fact ``unit``.

    Args:
        name: the unit.
        root: of the service.
        shown: what systemd shows of `UNIT_PROPERTIES`.
    """
    current = re.compile(rf"(?<![A-Za-z0-9._/]){re.escape(root)}/current(?![A-Za-z0-9._-])")
    from_root = any(current.search(shown.get(place, "")) for place in _PLACES)
    return {"name": name, **{told: shown.get(told, "") for told in _TOLD}, "from_root": from_root}


def runs_elsewhere(unit: Mapping[str, Any], root: str) -> str | None:
    """On a first deployment: how the unit runs, or would at boot, without ``<root>/current``; null when it does not.

    One that names ``<root>/current`` and is started again and again in vain waits for just this deployment.
    """
    active, enabled = unit["ActiveState"], unit["UnitFileState"]
    in_vain = unit["from_root"] and (active, unit["SubState"]) == ("activating", "auto-restart")
    if active not in ("inactive", "failed") and not in_vain:
        return f"{unit['name']} is {active} ({unit['SubState']}) while there is no {root}/current"
    if enabled.startswith("enabled") and not unit["from_root"]:
        return f"{unit['name']} is {enabled} and its unit file does not name {root}/current"
    return None


def _level(finding: Finding, limits: dict[str, int | str]) -> str:
    return finding.get("level") or str(limits[finding["check"]])


def _finding(check: str, found: str, expected: str, hint: str, level: str | None = None) -> Finding:
    finding = {"check": check, "found": found, "expected": expected, "hint": hint}
    return finding if level is None else {**finding, "level": level}


def _no_systemd() -> Finding:
    hint = "Tidegate activates releases through systemd; there is no way without it"
    return _finding("systemd", "the host does not run systemd", "systemd as its first process", hint, "refuse")


# --- rules -----------------------------------------------------------------------------------------------------------


def _paths(facts: Facts, _limits: dict[str, int | str]) -> Iterator[Finding]:
    for problem in facts["paths"]:
        expected = f"{facts['root']} below real folders that only root can change"
        yield _finding("path", problem, expected, "whoever can change the path can change what runs", "refuse")


def _unit(facts: Facts, _limits: dict[str, int | str]) -> Iterator[Finding]:
    unit = facts["unit"]
    if unit is None:
        yield _finding("unit", "systemd does not answer", "an answer", "look at systemctl status on the host", "refuse")
    elif unit["LoadState"] != "loaded":
        found = f"systemd has not loaded {unit['name']} ({unit['LoadState'] or 'unknown'})"
        hint = "install the unit file and run systemctl daemon-reload; see systemctl status for what is wrong with it"
        yield _finding("unit", found, "a loaded unit", hint, "refuse")
    elif facts["first"]:
        elsewhere = runs_elsewhere(unit, facts["root"])
        if elsewhere:
            hint = "take it over first, without a restart: tidegate.deploy.adopt"
            yield _finding(
                "runs_elsewhere", elsewhere, f"a service that runs from {facts['root']} only", hint, "refuse"
            )
    elif facts.get("adopted_from") and not unit["from_root"]:
        current = f"{facts['root']}/current"
        found = f"{unit['name']} was adopted from {facts['adopted_from']} and its unit file does not name {current}"
        hint = "a restart would start the old folder again: change the unit file, and systemctl daemon-reload"
        yield _finding("runs_elsewhere", found, f"a unit file that runs {current}", hint, "refuse")


def _file_systems(facts: Facts, limits: dict[str, int | str]) -> Iterator[Finding]:
    devices = set()
    for system in facts["file_systems"]:
        mount = system["mount"]
        if system["read_only"]:
            hint = "see the kernel's log for why it was remounted; mount it for writing"
            yield _finding("file_system", f"{mount} is read-only", "a file system that can be written", hint, "refuse")
        if system["device"] in devices:
            continue  # what the releases leave free is more than the state needs
        devices.add(system["device"])
        yield from _space(system, *_needed(system, facts["need"], limits))


def _needed(system: dict[str, Any], need: dict[str, int], limits: dict[str, int | str]) -> tuple[int, int, str]:
    if system["holds"] != "releases":
        return STATE_FREE_BYTES, STATE_FREE_INODES, "for journals"
    bytes_needed = max(need["bytes"] + int(limits["disk_free_bytes"]), STATE_FREE_BYTES)
    inodes_needed = max(need["inodes"] + int(limits["inodes_free"]), STATE_FREE_INODES)
    return bytes_needed, inodes_needed, "the release twice and what must stay free" if need["bytes"] else "free"


def _space(system: dict[str, Any], bytes_needed: int, inodes_needed: int, why: str) -> Iterator[Finding]:
    mount, free_bytes, free_inodes = system["mount"], system["free_bytes"], system["free_inodes"]
    if free_bytes < bytes_needed:
        found = f"{mount} is full" if free_bytes == 0 else f"{mount} has {size_text(free_bytes)} free"
        hint = "remove what is not needed there; checks.disk_free_bytes says what must stay free"
        yield _finding("disk", found, f"at least {size_text(bytes_needed)} ({why})", hint, "refuse")
    if free_inodes is not None and free_inodes < inodes_needed:
        found = f"{mount} has {free_inodes} free inodes"
        hint = "remove small files that are not needed there; checks.inodes_free says what must stay free"
        yield _finding("inodes", found, f"at least {inodes_needed} ({why})", hint, "refuse")


def _memory(facts: Facts, limits: dict[str, int | str]) -> Iterator[Finding]:
    available, least = facts["memory_available_bytes"], int(limits["memory_available_bytes"])
    expected = f"at least {size_text(least)}"
    if available is None:
        yield _finding("memory", "available memory cannot be read", expected, "see /proc/meminfo on the host")
    elif available < least:
        hint = "stop what is not needed, or lower checks.memory_available_bytes"
        yield _finding("memory", f"{size_text(available)} of memory are available", expected, hint)


def _load(facts: Facts, limits: dict[str, int | str]) -> Iterator[Finding]:
    load, cpus, most = facts["load_centi"], facts["cpus"], int(limits["load_per_cpu"])
    expected = f"a load of at most {most} per CPU"
    if load is None or cpus is None:
        yield _finding("load", "the load cannot be read", expected, "see /proc/loadavg on the host")
    elif load > most * cpus * 100:
        found = f"the load is {load // 100}.{load % 100:02} on {cpus} CPU{'' if cpus == 1 else 's'}"
        yield _finding("load", found, expected, "wait until it is lower, or raise checks.load_per_cpu")


def _clock(facts: Facts, limits: dict[str, int | str]) -> Iterator[Finding]:
    skew, most = facts["time_s"] - facts["controller_time_s"], int(limits["clock_skew_s"])
    if abs(skew) > most:
        found = f"the host's clock is {abs(skew)} s {'ahead of' if skew > 0 else 'behind'} the controller's"
        hint = "let NTP set both clocks; times in records, certificates and ways back depend on them"
        yield _finding("clock", found, f"at most {most} s", hint)


def _failed_units(facts: Facts, _limits: dict[str, int | str]) -> Iterator[Finding]:
    failed = facts["failed_units"]
    if failed is None:
        yield _finding("failed_units", "failed units cannot be listed", "none", "run systemctl --failed on the host")
        return
    own = facts["unit"]["name"] if facts["unit"] else None  # its state is the business of service_health
    others = [name for name in failed if name != own]
    if others:
        shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        found = f"{len(others)} unit{'' if len(others) == 1 else 's'} failed: {shown}"
        yield _finding("failed_units", found, "none", "mend them, or forget them with systemctl reset-failed")


def _ports(facts: Facts, _limits: dict[str, int | str]) -> Iterator[Finding]:
    for port in facts["ports"]:
        found = f"port {port['port']} is held by {port['holder']}"
        expected = f"a free port, since probe {port['probe']!r} will ask the service there"
        yield _finding("ports", found, expected, "stop that process, or let service and probe use another port")


def _service_health(facts: Facts, _limits: dict[str, int | str]) -> Iterator[Finding]:
    for result in facts["probes"] or ():
        if not result["ok"]:
            found, _comma, expected = str(result["detail"]).partition(", expected ")
            found = found[len("found ") :] if found.startswith("found ") else found
            yield _finding(
                "service_health",
                f"the service is already unhealthy before the change: probe {result['name']!r} found {found}",
                expected.partition(" (try ")[0] or "a good answer",
                "mend it first; if this release is what mends it: checks: {service_health: warn}",
            )


def _previous_release(facts: Facts, _limits: dict[str, int | str]) -> Iterator[Finding]:
    previous = facts["previous"]
    if previous is None or facts["first"]:
        return
    release = previous["release"] or "the release that runs"
    expected = f"{release} intact, since it is the way back"
    if previous["problem"]:
        yield _finding("previous_release", previous["problem"], expected, "find out who changed it; roll it out again")
    elif not previous["proven"]:
        found = f"no manifest of {release} is kept on the host, so nothing proves it intact"
        yield _finding("previous_release", found, expected, "the next release will have one", "warn")


RULES = (
    _paths,
    _unit,
    _file_systems,
    _memory,
    _load,
    _clock,
    _failed_units,
    _ports,
    _service_health,
    _previous_release,
)


def size_text(size_bytes: int) -> str:
    """A size for people, cut to one digit behind the point."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= factor:
            tenths = size_bytes * 10 // factor
            return f"{tenths // 10}.{tenths % 10} {unit}"
    return f"{size_bytes} bytes"
