# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The people of a site as it writes them in ``tidegate_people``: their groups, keys, absences and accounts.

What is here has been linted: names are exact, keys are strong and somebody's alone, deputies exist and are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import printable
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import (
    COUNTERSIGNED,
    SIGNED,
    Absence,
    Bridge,
    Member,
    Span,
    groups_at,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere_schema import SYSTEMS as ELSEWHERE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people_schema import PEOPLE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import (
    Path,
    Problem,
    problems,
    refuse,
    shown,
)

VARIABLE = "tidegate_people"
_DAY = len("2026-11-28")


@dataclass(frozen=True)
class People:
    """Everybody. Make one with `of`.

    Args:
        place: the variable, and whose it is, for errors.
        by_name: as they are counted.
        keys: the public keys, by fingerprint.
        accounts: system and account -> the name of the person.
        names: what people are called, where that is written down.
        bridges: what vouches for what people approve in other systems; see `bridges`.
        bridge_keys: their public keys, by fingerprint.
    """

    place: str = VARIABLE
    by_name: Mapping[str, Member] = field(default_factory=dict)
    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    bridges: tuple[Bridge, ...] = ()
    bridge_keys: Mapping[str, PublicKey] = field(default_factory=dict)

    @classmethod
    def of(cls, variable: Any, place: str = VARIABLE) -> People:
        """The people in a value of the variable, which may carry Ansible's tags.

        Args:
            variable: the value, templated; None where the variable is not defined: nobody.
            place: such as ``tidegate_people of host localhost``.

        Raises:
            Refusal: DATA, naming the place, the path in it, what was found and what was expected.
        """
        if variable is None:
            return cls(place)
        value = plain(variable, place)
        refuse(place, problems(value, PEOPLE) or [*time_problems(value), *key_problems(value)])
        members = {name: _member(name, person) for name, person in value.items()}
        refuse(place, [*shared_problems(value), *_deputy_problems(value, members)])
        accounts = {(system, known): name for system, known, name, _path in _accounts(value)}
        names = {name: person["name"] for name, person in value.items() if "name" in person}
        return cls(place, members, public_keys(value), accounts, names)

    def of_key(self, fingerprint: str) -> str | None:
        """Whose key it is; None: nobody's."""
        return next((name for name, member in self.by_name.items() if fingerprint in member.keys), None)

    def of_account(self, system: str, account: str) -> str | None:
        """Whose account it is in a system of `people_schema.SYSTEMS`; None: nobody's."""
        return self.accounts.get((system, account))

    def called(self, name: str) -> str:
        """A person for messages: the name by which they are counted, and what they are called."""
        return f"{name} ({printable(self.names[name])})" if name in self.names else name

    def members(self, now: datetime, strength: str) -> Mapping[str, tuple[str, ...]]:
        """The people of each group who could approve at a moment, by themselves or for somebody who is absent.

        Args:
            now: the moment; keys and absences have dates.
            strength: the weakest approval that counts.
        """
        found: dict[str, list[str]] = {}
        for name, member in self.by_name.items():
            if not member.away(now) and self._can_approve(member, now, strength):
                for group in groups_at(name, self.by_name, now):
                    found.setdefault(group, []).append(name)
        return {group: tuple(sorted(names)) for group, names in sorted(found.items())}

    def _can_approve(self, member: Member, now: datetime, strength: str) -> bool:
        signs = _has_key(member, now)
        if signs or strength == SIGNED:
            return signs
        there = {system for (system, _account), name in self.accounts.items() if name == member.name}
        vouched = {system for bridge in self.bridges if _has_key(bridge, now) for system in bridge.systems}
        return bool(there & (vouched if strength == COUNTERSIGNED else set(ELSEWHERE)))


def moment_of(text: str, ends: bool = False) -> datetime:
    """The moment that a time of the variable means: of a day its beginning, or its last moment where it ends something.

    Raises:
        ValueError: there is no such day or time.
    """
    if len(text) > _DAY:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    return day + timedelta(days=1) - timedelta(microseconds=1) if ends else day


def _has_key(owner: Member | Bridge, now: datetime) -> bool:
    return any(span.holds(now) for span in owner.keys.values())


def _member(name: str, person: Mapping[str, Any]) -> Member:
    absences = tuple(Absence(_span(entry), entry.get("deputy", "")) for entry in person.get("absent", ()))
    return Member(name, frozenset(person.get("groups", ())), keys_of(person), absences)


def keys_of(entry: Mapping[str, Any]) -> dict[str, Span]:
    """The keys of one entry, by fingerprint, and when each holds."""
    return {_key(one).fingerprint: _span(one) for one in entry.get("keys", ())}


def public_keys(value: Mapping[str, Any]) -> dict[str, PublicKey]:
    """The keys of all entries, by fingerprint."""
    return {key.fingerprint: key for entry in value.values() for key in map(_key, entry.get("keys", ()))}


def _key(entry: Mapping[str, Any]) -> PublicKey:
    return PublicKey.of_line(entry["key"].strip())


def _span(entry: Mapping[str, Any]) -> Span:
    return Span(
        moment_of(entry["from"]) if "from" in entry else None,
        moment_of(entry["until"], ends=True) if "until" in entry else None,
    )


# --- what a schema cannot say ----------------------------------------------------------------------------------------


def time_problems(value: Mapping[str, Any]) -> list[Problem]:
    """Days that there are not, and times that end before they begin."""
    found = []
    for name, person in value.items():
        for kind in ("keys", "absent"):
            for index, entry in enumerate(person.get(kind, ())):
                path = (name, kind, index)
                bad = [end for end in ("from", "until") if end in entry and not _is_time(entry[end])]
                found += [Problem((*path, end), shown(entry[end]), "a day that there is") for end in bad]
                if not bad and "from" in entry and "until" in entry and not _is_span(entry):
                    found.append(Problem((*path, "until"), shown(entry["until"]), f"not before {entry['from']}"))
    return found


def _is_span(entry: Mapping[str, Any]) -> bool:
    return moment_of(entry["from"]) <= moment_of(entry["until"], ends=True)


def _is_time(text: str) -> bool:
    try:
        moment_of(text, ends=True)
    except (ValueError, OverflowError):
        return False
    return True


def key_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    """Keys that cannot be read, or may not sign."""
    for name, person in value.items():
        for index, entry in enumerate(person.get("keys", ())):
            try:
                _key(entry)
            except Refusal as refusal:
                yield key_problem((name, "keys", index, "key"), refusal)


def key_problem(path: Path, refusal: Refusal) -> Problem:
    """What a refusal of a key says, as a problem at its place."""
    found, expected = re.split("[,;] expected ", refusal.message.removeprefix("found "), maxsplit=1)
    return Problem(path, found, expected)


def shared_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    """One key under two names, or twice under one; one account of two people."""
    owners: dict[str, str] = {}
    for name, person in value.items():
        for index, entry in enumerate(person.get("keys", ())):
            fingerprint = _key(entry).fingerprint
            if fingerprint in owners:
                found = f"{fingerprint}, which is a key of {owners[fingerprint]}"
                yield Problem((name, "keys", index, "key"), found, "a key that is nobody else's, once")
            owners.setdefault(fingerprint, name)
    known: dict[tuple[str, str], str] = {}
    for system, account, name, path in _accounts(value):
        if (system, account) in known:
            yield Problem(path, f"{account!r}, the account of {known[system, account]}", "an account of their own")
        known.setdefault((system, account), name)


def _accounts(value: Mapping[str, Any]) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    for name, person in value.items():
        for system, account in person.get("accounts", {}).items():
            yield system, account, name, (name, "accounts", system)


def _deputy_problems(value: Mapping[str, Any], members: Mapping[str, Member]) -> Iterator[Problem]:
    """Deputies that are nobody, oneself, or away at the same time: so nobody stands in for each other in a circle."""
    for name, member in members.items():
        for index, absence in enumerate(member.absences):
            path = (name, "absent", index, "deputy")
            deputy = members.get(absence.deputy)
            if not absence.deputy:
                continue
            if deputy is None:
                yield Problem(path, f"{absence.deputy!r}, who is nobody here", f"one of {', '.join(sorted(members))}")
            elif deputy is member:
                yield Problem(path, "the person themselves", "somebody else")
            elif any(absence.span.meets(other.span) for other in deputy.absences):
                yield Problem(path, f"{absence.deputy}, who is absent then, too", "somebody who is there all that time")
