# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts run to a first ``tidegate_services``, each guess with its reason.

What hosts say ends in a file whose texts are templates on the controller. So nothing of it becomes a value unless it has a
harmless shape; the rest goes into comments only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import SERVICE, UNIT
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import Services

_EVERY = "all"
_ROOT = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._+@-]*)+")
_PATHS = ("/health", "/")
_HERE = ("127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Port:
    """A port on which a service listens.

    Attributes:
        number: of the port.
        host: how the host itself reaches it; empty when only under an address of its own.
        path: what answered over HTTP; empty when nothing did.
        status: with which status.
    """

    number: int
    host: str = ""
    path: str = ""
    status: int = 0

    @classmethod
    def of(cls, doc: Any) -> Port | None:
        """The port of a host's account, if that has the right shape."""
        if not isinstance(doc, Mapping) or not _is_number(doc.get("port"), 1, 65535):
            return None
        host = doc["host"] if doc.get("host") in _HERE else ""
        if doc.get("path") in _PATHS and _is_number(doc.get("status"), 100, 599):
            return cls(doc["port"], host, doc["path"], doc["status"])
        return cls(doc["port"], host)

    @property
    def probe(self) -> dict[str, Any] | None:
        """The probe that asks there; None where the host cannot."""
        if not self.host:
            return None
        if not self.path:
            return {"tcp": {"port": self.number, **({"host": "::1"} if self.host == "[::1]" else {})}}
        url = f"http://{self.host}:{self.number}{self.path}"
        return {"http": {"url": url, **({} if self.status == 200 else {"status": [self.status]})}}


@dataclass(frozen=True)
class Unit:
    """A unit that one host told of.

    Attributes:
        unit: its name.
        runs: whether it runs now.
        file: its unit file, for comments.
        own_file: whether that lies where only a site puts one.
        program: what it starts, and in which folder, for comments.
        root: the folder whose ``current`` it runs from; empty when it names none.
        ports: where it listens.
    """

    unit: str
    runs: bool
    file: str
    own_file: bool
    program: str
    root: str
    ports: tuple[Port, ...]

    @classmethod
    def of(cls, doc: Any) -> Unit | None:
        """The unit of a host's account, if that has the right shape."""
        if not isinstance(doc, Mapping) or not UNIT.fullmatch(str(doc.get("unit"))):
            return None
        root = str(doc.get("root") or "")
        ports = [Port.of(one) for one in doc.get("ports") or ()]
        return cls(
            unit=str(doc["unit"]),
            runs=doc.get("runs") is True,
            file=str(doc.get("file", "")),
            own_file=doc.get("own_file") is True,
            program=str(doc.get("program", "")) + (f" in {doc['directory']}" if doc.get("directory") else ""),
            root=root if _ROOT.fullmatch(root) else "",
            ports=tuple(port for port in ports if port is not None),
        )


@dataclass
class Guess:
    """A service that was probably meant.

    Attributes:
        name: of the service.
        entry: its value in ``tidegate_services``.
        why: the reason of each key of it.
        hosts: that run it.
        remarks: more to say.
    """

    name: str
    entry: dict[str, Any]
    why: dict[str, str]
    hosts: tuple[str, ...]
    remarks: list[str] = field(default_factory=list)


def guesses(
    found: Mapping[str, Sequence[Unit]], groups: Mapping[str, Sequence[str]], silent: Sequence[str]
) -> list[Guess]:
    """A guess for each unit that some host runs; together they are valid services.

    Args:
        found: the units of each host that answered.
        groups: the hosts of each group of the inventory.
        silent: hosts that were asked in vain.
    """
    by_unit: dict[str, dict[str, Unit]] = {}
    for host, units in found.items():
        for unit in units:
            by_unit.setdefault(unit.unit, {})[host] = unit
    accepted: dict[str, Guess] = {}
    for name, at in sorted(by_unit.items()):
        guess = _guess(_name(name, accepted), at, groups, silent)
        accepted[guess.name] = guess
        if not _valid(accepted.values()):
            guess.why["root"] = f"guess: the default, for {guess.entry['root']} fits no service or is another's already"
            guess.entry["root"] = f"/opt/{guess.name}"
        if not _valid(accepted.values()):
            del accepted[guess.name]
    return list(accepted.values())


def value_of(guessed: Iterable[Guess]) -> dict[str, Any]:
    """The value of ``tidegate_services`` that guesses make."""
    return {guess.name: guess.entry for guess in guessed}


def _valid(guessed: Iterable[Guess]) -> bool:
    try:
        Services.of(value_of(guessed))
    except Refusal as refusal:
        if refusal.code == "DEPENDENCY":
            raise
        return False
    return True


def _name(unit: str, taken: Iterable[str]) -> str:
    """A name for the service of a unit, that no other has."""
    name = re.sub(r"[^a-z0-9]+", "-", unit.removesuffix(".service").lower()).strip("-")[:55]
    name = name if SERVICE.fullmatch(name) else f"service-{name}".rstrip("-")
    count = 1
    while (name if count == 1 else f"{name}-{count}") in taken:
        count += 1
    return name if count == 1 else f"{name}-{count}"


def _guess(name: str, at: Mapping[str, Unit], groups: Mapping[str, Sequence[str]], silent: Sequence[str]) -> Guess:
    units = list(at.values())
    entry: dict[str, Any] = {"unit": units[0].unit}
    why = {"unit": _where(at)}
    pattern, reason = _pattern(name, tuple(at), groups, silent)
    if pattern is not None:
        entry["hosts"], why["hosts"] = pattern, reason
    entry["root"], why["root"] = _root(name, units)
    guess = Guess(name, entry, why, tuple(at))
    _add_probe(guess, at)
    if not units[0].own_file:
        guess.remarks.append(
            f"guess: yours, though its unit file is {units[0].file}; delete this if a package brought it"
        )
    if pattern is None and reason:
        guess.remarks.append(reason)
    return guess


def _where(at: Mapping[str, Unit]) -> str:
    running = [host for host, unit in at.items() if unit.runs]
    waiting = [host for host, unit in at.items() if not unit.runs]
    told = [f"runs on {', '.join(running)}"] if running else []
    return "; ".join([*told, *([f"waits for its first release on {', '.join(waiting)}"] if waiting else [])])


def _pattern(
    name: str, hosts: tuple[str, ...], groups: Mapping[str, Sequence[str]], silent: Sequence[str]
) -> tuple[str | None, str]:
    """The key ``hosts`` and its reason; None where the group that is named like the service will do."""
    ordered = sorted(groups.items(), key=lambda item: (item[0] != name, item[0] == _EVERY, len(item[1])))
    for group, members in ordered:
        missing = set(members) - set(hosts)
        if group == "ungrouped" or not set(hosts) <= set(members) or not missing <= set(silent):
            continue
        reason = "guess: the group whose hosts run it" + (
            f"; {', '.join(sorted(missing))} could not be asked" if missing else ""
        )
        return (None, reason if missing else "") if group == name else (group, reason)
    return ",".join(hosts), "guess: the hosts that run it, since they are no group of the inventory"


def _root(name: str, units: Sequence[Unit]) -> tuple[str, str]:
    roots = Counter(unit.root for unit in units if unit.root)
    if roots:
        (root, _count), *others = roots.most_common()
        also = f"; on some hosts it is {', '.join(other for other, _count in others)}" if others else ""
        return root, f"guess: the unit runs from {root}/current{also}"
    return (
        f"/opt/{name}",
        f"guess: the default; now it runs {units[0].program or 'nothing'}, so take it over with adopt first",
    )


def _add_probe(guess: Guess, at: Mapping[str, Unit]) -> None:
    """The probe that most hosts would answer; HTTP before TCP, the lowest port first."""
    answers = Counter(port for unit in at.values() for port in unit.ports if port.probe)
    if answers:
        best = max(answers, key=lambda port: (bool(port.path), answers[port], -port.number))
        guess.entry["probes"] = [best.probe]
        told = f"{best.path} answered {best.status}" if best.path else "it listens there, without HTTP,"
        guess.why["probes"] = f"guess: {told} on {answers[best]} of {len(at)} hosts"
        if best.path and best.status != 200:
            guess.why["probes"] += "; name a page that says whether it is well"
        others = sorted({port.number for port in answers} - {best.number})
        if others:
            guess.remarks.append(f"it also listens on {', '.join(map(str, others))}")
    elif any(unit.ports for unit in at.values()):
        guess.remarks.append("it listens on no address of the host itself: name a probe")
    elif any(unit.runs for unit in at.values()):
        guess.remarks.append("it listens nowhere: only its unit is watched; a command probe could ask more")
    else:
        guess.remarks.append("it does not run yet: name a probe that asks whether it is well")


def _is_number(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
