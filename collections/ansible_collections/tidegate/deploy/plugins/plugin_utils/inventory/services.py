# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as a site writes them in ``tidegate_services``, and the definitions that hosts get of them.

Every default of a definition that `core` does not know is filled in here, so that a definition's digest covers all.
The variable is read per host, after templating: two hosts may well have two definitions of one service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, health, vitals
from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import Definition
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.origin import written
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services_schema import SERVICES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import (
    Path,
    Problem,
    nearest,
    problems,
    refuse,
    shown,
)

VARIABLE = "tidegate_services"

LIMITS = {"drain_s": 30, "hook_s": 60, "restart_s": 60, "probe_s": 60, "confirm_s": 120}
WAIT_S = 5
KEEP = 3

_SYSTEM_TREES = re.compile(
    r"/(bin|boot|dev|etc|lib|lib32|lib64|libx32|proc|root|run|sbin|sys|tmp|usr(?!/local/)|var/(run|tmp|lib/tidegate))"
    r"(/.*)?"
)
_SYSTEM_FOLDERS = ("/", "/home", "/media", "/mnt", "/opt", "/srv", "/usr/local", "/var", "/var/lib")


@dataclass(frozen=True)
class Service:
    """A service as one host's variables define it. Hosts with equal variables share one: treat it as frozen.

    Args:
        name: of the service.
        definition: the document of its `core.definition.Definition`.
        hosts: the inventory pattern of its hosts; None means the group that is named like it.
        floor: hosts that stay up, as a number or a percentage; None means the default.
        checks: all thresholds of the pre-checks.
        suites: paths of the site's tests, as they are written.
    """

    name: str
    definition: Mapping[str, Any]
    hosts: str | None = None
    floor: int | str | None = None
    checks: Mapping[str, Any] = field(default_factory=dict)
    suites: tuple[str, ...] = ()


@dataclass(frozen=True)
class Services:
    """All services that one value of ``tidegate_services`` defines.

    Args:
        place: the variable, and whose it is, for errors.
        by_name: the services.
    """

    place: str
    by_name: Mapping[str, Service]

    @classmethod
    def of(cls, variable: Any, place: str = VARIABLE) -> Services:
        """The services in a value of the variable, which may carry Ansible's tags.

        Args:
            variable: the value, templated; None where the variable is not defined.
            place: such as ``tidegate_services of host web1``.

        Raises:
            Refusal: DATA, naming the place, the path in it, what was found and what was expected.
        """
        if variable is None:
            return cls(place, {})
        place = written(variable, place)
        value = plain(variable, place)
        try:
            return cls(place, _services(_canonical(value)))
        except Refusal as error:
            told = "\n".join(f"{place}: {line}" for line in error.message.splitlines())
            raise Refusal(error.code, told, **{**error.facts, "place": place}) from None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all services, sorted."""
        return tuple(self.by_name)

    def service(self, name: str) -> Service:
        """The service of that name.

        Raises:
            Refusal: UNKNOWN_SERVICE, with the nearest name that is defined.
        """
        if name in self.by_name:
            return self.by_name[name]
        near = nearest(name, self.names)
        hint = f"did you mean {near}?" if near else f"it defines {', '.join(self.names) or 'no service'}"
        raise Refusal("UNKNOWN_SERVICE", f"{self.place}: found no service {name!r}; {hint}", service=name)


def _canonical(value: Any) -> bytes:
    try:
        return canonical.dumps(value)
    except ValueError as error:
        _refuse(problems(value, SERVICES))
        raise Refusal("DATA", str(error).removeprefix("$.")) from None


@lru_cache(maxsize=256)  # most hosts of a fleet have equal values
def _services(data: bytes) -> Mapping[str, Service]:
    value = canonical.loads(data)
    _refuse(problems(value, SERVICES))
    services = {name: _service(name, entry) for name, entry in value.items()}
    _refuse([problem for one, other in combinations(services.values(), 2) for problem in _overlaps(one, other)])
    return services


def _service(name: str, entry: dict[str, Any]) -> Service:
    limits = {**LIMITS, **entry.get("limits", {})}
    _refuse(_drain_problems(name, entry.get("drain"), limits) + _hook_problems(name, entry.get("hooks", {}), limits))
    document = {
        "v": 1,
        "service": name,
        "root": entry.get("root", f"/opt/{name}"),
        "unit": entry["unit"],
        "owner": entry.get("owner", "root"),
        "group": entry.get("group", "root"),
        "user": entry.get("user"),
        "start": entry.get("start", "restart"),
        "links": entry.get("links", {}),
        "drain": _drain(entry.get("drain"), limits),
        "hooks": {when: _hook(entry.get("hooks", {}).get(when), limits["hook_s"]) for when in ("before", "after")},
        "probes": _probes(name, entry.get("probes", []), entry["unit"]),
        "limits": limits,
        "keep": entry.get("keep", KEEP),
    }
    definition = Definition.parse(document, name)
    checks = vitals.thresholds(entry.get("checks", {}), f"{name}.checks")
    _refuse(_root_problems(definition) + _probe_problems(definition))
    return Service(name, document, entry.get("hosts"), entry.get("floor"), checks, tuple(entry.get("suites", ())))


def _refuse(found: list[Problem]) -> None:
    refuse("", found)


# --- defaults --------------------------------------------------------------------------------------------------------


def _hook(hook: dict[str, Any] | None, most_s: int) -> dict[str, Any] | None:
    return None if hook is None else {"user": None, "timeout_s": most_s, **hook}


def _drain(drain: dict[str, Any] | None, limits: Mapping[str, int]) -> dict[str, Any] | None:
    if drain is None:
        return None
    filled = {"wait_s": WAIT_S, "closes": None, **drain}
    if "file" in drain:
        return filled
    most_s = limits["drain_s"] - filled["wait_s"]
    return {
        **filled,
        "drain": _hook(drain["drain"], most_s),
        "undrain": _hook(drain["undrain"], limits["drain_s"]),
    }


def _probes(name: str, entries: list[dict[str, Any]], unit: str) -> list[dict[str, Any]]:
    """Probes as `core.health` knows them; what is wrong with one is told by its path in the variable."""
    documents = []
    for index, entry in enumerate(entries):
        [(kind, fields)] = entry.items()
        own = {"unit": unit} if kind in ("unit", "log") else {}
        where = f"{name}.probes[{index}].{kind}"
        documents.append(health.parse({"kind": kind, **own, **fields}, where).doc)
    return documents


# --- what a schema cannot say ----------------------------------------------------------------------------------------


def _drain_problems(name: str, drain: dict[str, Any] | None, limits: Mapping[str, int]) -> list[Problem]:
    if drain is None:
        return []
    path: Path = (name, "drain")
    pair = [key for key in ("drain", "undrain") if key in drain]
    if ("file" in drain) == (len(pair) == 2) or len(pair) == 1:
        return [Problem(path, shown(drain), "either file, or both drain and undrain")]
    drain_s, wait_s = limits["drain_s"], drain.get("wait_s", WAIT_S)
    if wait_s >= drain_s:
        return [Problem((*path, "wait_s"), f"{wait_s}", f"less than limits.drain_s, which is {drain_s}")]
    found = []
    for key, most_s in (("drain", drain_s - wait_s), ("undrain", drain_s)):
        found += _timeout_problems((*path, key), drain.get(key), most_s, "limits.drain_s (less wait_s when draining)")
    return found


def _hook_problems(name: str, hooks: dict[str, Any], limits: Mapping[str, int]) -> list[Problem]:
    return [
        problem
        for when, hook in hooks.items()
        for problem in _timeout_problems((name, "hooks", when), hook, limits["hook_s"], "limits.hook_s")
    ]


def _timeout_problems(path: Path, hook: dict[str, Any] | None, most_s: int, limit: str) -> list[Problem]:
    timeout_s = (hook or {}).get("timeout_s", most_s)
    if timeout_s <= most_s:
        return []
    return [Problem((*path, "timeout_s"), f"{timeout_s}", f"at most {most_s}, which {limit} allows")]


def _root_problems(definition: Definition) -> list[Problem]:
    root = definition.root
    if root not in _SYSTEM_FOLDERS and not _SYSTEM_TREES.fullmatch(root):
        return []
    return [
        Problem(
            (definition.service, "root"),
            f"{root}, which belongs to the system",
            "a folder of the service's own, such as /opt/web",
        )
    ]


def _probe_problems(definition: Definition) -> list[Problem]:
    """Probes that could never pass, because they take longer than all probes may."""
    probe_s = definition.limit_s("probe")
    probes = health.with_unit_probe(health.parse_all(definition.doc["probes"]), definition.unit)
    return [
        Problem(
            (definition.service, "limits", "probe_s"),
            f"{probe_s}",
            f"more than {probe.least_ms / 1000:g} s, which the probe {probe.name!r} takes at least",
        )
        for probe in probes
        if probe.place == "host" and probe.least_ms >= probe_s * 1000
    ]


def _overlaps(one: Service, other: Service) -> list[Problem]:
    found = []
    root, other_root = one.definition["root"], other.definition["root"]
    if f"{root}/".startswith(f"{other_root}/") or f"{other_root}/".startswith(f"{root}/"):
        expected = f"a root that does not overlap {other_root} of {other.name}"
        found.append(Problem((one.name, "root"), root, expected))
    if one.definition["unit"] == other.definition["unit"]:
        found.append(Problem((one.name, "unit"), one.definition["unit"], f"another unit than {other.name} has"))
    return found
