# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust bundle: whom an enrolled host believes, what it demands, and how its services are run.

Invariants:

* `Bundle.parse` answers only for the canonical bytes of a document with exactly these fields, whose rules each ask
  somebody, whose definitions each are whole, and in which no host has two variants of a service.
* It is all that a host enforces: what a statement says of its type and risk adds rules, and takes none away.

Protocol, section 6. A host asks its bundle in most steps: what only some of them need is imported where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import shape
from .definition import SERVICE, USER, Definition
from .errors import Refusal
from .rules import (
    CHANGE_TYPES,
    DUTIES,
    EMERGENCY,
    FEWEST_IN_EMERGENCY,
    LOW,
    NORMAL,
    RISKS,
    STRENGTHS,
    meant_for,
    people_asked,
)
from .shape import is_count, is_digest, is_list, is_moment, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Optional

    from .quorum import Member
    from .sshsig import PublicKey

VERSION = 1
MAX_BYTES = 4 * 1024 * 1024
MOST_PEOPLE, MOST_KEYS, MOST_RULES, MOST_ASKED = 2000, 20, 200, 20
LONGEST_S = 10 * 366 * 24 * 3600
NAMESPACE = "trust@tidegate"

_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"tidegate/[0-9a-f]{32}")


class Bundle:
    """A trust bundle.

    Args:
        data: its exact bytes.
        doc: what they say, as `parse` accepted it, such as from the host's own folder; treat it as frozen.
    """

    __slots__ = ("_members", "data", "doc")

    def __init__(self, data: bytes, doc: Mapping[str, Any]) -> None:
        self.data = data
        self.doc = doc
        self._members: Optional[dict[str, Member]] = None

    @classmethod
    def parse(cls, data: bytes) -> Bundle:
        """The bundle in its exact bytes.

        Raises:
            Refusal: TRUST, naming the field that is not as it must be.
        """
        doc = shape.read("TRUST", data, MAX_BYTES, "a trust bundle")
        shape.require("TRUST", "the bundle", doc, _FIELDS)
        shape.require("TRUST", "log", doc["log"], _LOG_FIELDS)
        for name, person in doc["people"].items():
            _require_person(name, person)
        for index, rule in enumerate(doc["rules"]):
            _require_rule(f"rules[{index}]", rule, _MATCHED_FIELDS)
        _require_rule("trust_rule", doc["trust_rule"], _RULE_FIELDS)
        for name, variants in doc["services"].items():
            _require_service(name, variants)
        return cls(bytes(data), doc)

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Bundle:
        """The bundle that a document is.

        Raises:
            Refusal: as `parse`.
        """
        return cls.parse(shape.written("TRUST", doc))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bundle) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    @property
    def digest(self) -> str:
        """The digest of its bytes."""
        import hashlib  # it loads OpenSSL, which takes as long as all else that a step of the host program imports

        return hashlib.sha256(self.data).hexdigest()

    @property
    def number(self) -> int:
        """Which version it is, from 1."""
        return int(self.doc["number"])

    @property
    def site(self) -> str:
        """Whose it is."""
        return str(self.doc["site"])

    @property
    def environment(self) -> str:
        """What its hosts are in."""
        return str(self.doc["environment"])

    @property
    def login(self) -> str:
        """As whom Ansible logs in on its hosts."""
        return str(self.doc["login"])

    @property
    def trust_rule(self) -> Mapping[str, Any]:
        """Who may change trust."""
        rule: Mapping[str, Any] = self.doc["trust_rule"]
        return rule

    @property
    def expires_at(self) -> datetime:
        """Until when it can be brought to a host."""
        found = shape.moment(self.doc["expires_at"])
        if found is None:
            raise AssertionError("`parse` has seen that it is a moment")
        return found

    def definition_for(self, service: str, host_name: str) -> Definition:
        """How a service is run on a host.

        Raises:
            Refusal: DEFINITION, it is not among those of the bundle, or not on this host.
        """
        variants = self.doc["services"].get(service, ())
        for variant in variants:
            if host_name in variant["hosts"]:
                return Definition(variant["definition"])
        for variant in variants:
            if not variant["hosts"]:
                return Definition(variant["definition"])
        raise Refusal(
            "DEFINITION",
            f"the trust bundle {self.number} has no definition of {service} for {host_name}; it runs there once a newer "
            "version has one",
        )

    def rules_for(self, service: str, change_type: str = NORMAL, risk: Optional[str] = None) -> list[dict[str, Any]]:
        """The rules by which a statement about a service is approved here.

        What is said of a change only adds rules to those of a normal change of low risk. For emergencies, the rules that
        are meant for them hold, and one has to ask two people.

        Args:
            service: of the statement.
            change_type: as the statement says it.
            risk: as the statement says it.

        Raises:
            Refusal: QUORUM, nobody could approve it here.
        """
        types = (EMERGENCY,) if change_type == EMERGENCY else (change_type, NORMAL)
        risks = dict.fromkeys((risk, LOW))
        found = [
            rule
            for rule in self.doc["rules"]
            if any(meant_for(rule["match"], service, self.environment, type_, one) for type_ in types for one in risks)
        ]
        fewest = FEWEST_IN_EMERGENCY if change_type == EMERGENCY else 1
        if max(map(people_asked, found), default=0) < fewest:
            raise Refusal(
                "QUORUM",
                f"the trust bundle {self.number} has no rule that asks {fewest} {'people' if fewest > 1 else 'person'} for "
                f"{change_type} changes of {service}: nobody can approve them for this host",
            )
        return found

    def entitled(self, service: str) -> frozenset[str]:
        """The groups that some rule for a service names: whoever is in one may veto."""
        rules = (
            rule
            for rule in self.doc["rules"]
            if service in rule["match"].get("service", (service,))
            and self.environment in rule["match"].get("environment", (self.environment,))
        )
        return frozenset(group for rule in rules for group in (*rule["groups"], *rule["any_of"]))

    def members(self) -> dict[str, Member]:
        """Its people, as counting knows them.

        Raises:
            Refusal: ALG or SIG_INVALID, naming the person whose key may not sign; KEY, one is there twice.
        """
        if self._members is None:
            self._members = _members(self.doc["people"])
        return self._members

    def log_keys(self) -> tuple[PublicKey, ...]:
        """The keys whose checkpoints count.

        Raises:
            Refusal: ALG or SIG_INVALID.
        """
        lines = self.doc["log"]["keys"]
        return tuple(key_in(line, f"log.keys[{index}]") for index, line in enumerate(lines))


def key_in(line: str, where: str) -> PublicKey:
    """The key in a line of a bundle.

    Raises:
        Refusal: ALG or SIG_INVALID, with the place.
    """
    from .sshsig import PublicKey  # here, as in `Bundle.digest`

    try:
        return PublicKey.of_line(line)
    except Refusal as refusal:
        raise Refusal(refusal.code, f"{where}: {refusal.message}") from None


def _members(people: Mapping[str, Any]) -> dict[str, Member]:
    from .quorum import Member, Span  # here, as in `Bundle.digest`

    found: dict[str, Member] = {}
    owners: dict[str, str] = {}
    for name, person in people.items():
        keys = {}
        for index, key in enumerate(person["keys"]):
            where = f"people.{name}.keys[{index}]"
            fingerprint = key_in(key["line"], where).fingerprint
            if fingerprint in owners:
                raise Refusal("KEY", f"{where}: {fingerprint} is a key of {owners[fingerprint]} already")
            owners[fingerprint] = name
            keys[fingerprint] = Span(*(key[end] and shape.moment(key[end]) for end in ("from", "until")))
        found[name] = Member(name, frozenset(person["groups"]), keys)
    return found


# --- what each field is ----------------------------------------------------------------------------------------------


def _of(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))


def _texts(of: Callable[[Any], bool], fewest: int = 0, most: int = 10_000) -> Callable[[Any], bool]:
    return lambda value: is_list(value, of, fewest) and len(value) <= most


def _mapping(of_key: Callable[[Any], bool], of_value: Callable[[Any], bool], most: int) -> Callable[[Any], bool]:
    def is_right(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and len(value) <= most
            and all(of_key(key) and of_value(item) for key, item in value.items())
        )

    return is_right


def _is_any(_value: Any) -> bool:
    return True


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_asked(value: Any) -> bool:
    return is_count(value) and 1 <= value <= MOST_ASKED


def _is_moment_or_null(value: Any) -> bool:
    return value is None or is_moment(value)


_is_group, _is_service = _of(_GROUP), _of(SERVICE)
_MOMENT_SAID = "a moment such as 2026-11-28T13:00:00Z"

_FIELDS: shape.Fields = {
    "v": (lambda value: value is not True and value == VERSION, str(VERSION)),
    "type": (lambda value: value == "trust", "trust"),
    "number": (lambda value: is_count(value) and value > 0, "a number from 1"),
    "site": (is_name, "the name of a site"),
    "environment": (is_name, "the name of an environment"),
    "made_at": (is_moment, _MOMENT_SAID),
    "expires_at": (is_moment, _MOMENT_SAID),
    "log": (_is_any, "origin and keys of the log"),
    "people": (_mapping(_of(_PERSON), _is_any, MOST_PEOPLE), f"at most {MOST_PEOPLE} people by their names"),
    "rules": (lambda value: isinstance(value, list) and len(value) <= MOST_RULES, f"at most {MOST_RULES} rules"),
    "trust_rule": (_is_any, "a rule"),
    "login": (_of(USER), "the name of a user"),
    "services": (_mapping(_is_service, _is_any, 10_000), "services by their names"),
    "programs": (_texts(is_digest, 1), "sorted SHA-256 digests of host programs, at least one"),
    "sources": (_texts(is_name), "a sorted list of hosts that may be asked for artifacts"),
    "require_presence": (_is_truth, "true or false"),
    "require_verification": (_is_truth, "true or false"),
    "countersigned_opens": (lambda value: value is False, "false: only signatures of people open an enrolled host"),
}
_LOG_FIELDS: shape.Fields = {
    "origin": (_of(_ORIGIN), "the name of a log of Tidegate"),
    "keys": (_texts(is_name, 1, MOST_KEYS), f"a sorted list of 1 to {MOST_KEYS} lines of public keys"),
}
_PERSON_FIELDS: shape.Fields = {
    "groups": (_texts(_is_group), "a sorted list of names of groups"),
    "keys": (lambda value: isinstance(value, list) and len(value) <= MOST_KEYS, f"at most {MOST_KEYS} keys"),
}
_KEY_FIELDS: shape.Fields = {
    "line": (is_name, "the line of a public key"),
    "from": (_is_moment_or_null, f"{_MOMENT_SAID}, or null"),
    "until": (_is_moment_or_null, f"{_MOMENT_SAID}, or null"),
}
_RULE_FIELDS: shape.Fields = {
    "name": (is_name, "a name"),
    "groups": (_mapping(_is_group, _is_asked, MOST_ASKED), "groups, and how many people of each"),
    "any_of": (_texts(_is_group), "a sorted list of names of groups"),
    "count": (lambda value: is_count(value) and value <= MOST_ASKED, f"a number up to {MOST_ASKED}"),
    "strength": (lambda value: value in STRENGTHS, f"one of {', '.join(STRENGTHS)}"),
    "separation": (lambda value: is_list(value, lambda one: one in DUTIES), f"a sorted list of {', '.join(DUTIES)}"),
    "expires_after_s": (lambda value: is_count(value) and 0 < value <= LONGEST_S, "seconds"),
}
_MATCHED_FIELDS: shape.Fields = {**_RULE_FIELDS, "match": (_is_any, "what the rule is meant for")}
_MATCH: Mapping[str, Callable[[Any], bool]] = {
    "service": is_name,
    "environment": is_name,
    "type": lambda value: value in CHANGE_TYPES,
    "risk": lambda value: value in RISKS,
}
_VARIANT_FIELDS: shape.Fields = {
    "definition": (_is_any, "a service definition"),
    "hosts": (_texts(is_name), "a sorted list of names of hosts; empty: all that no other variant names"),
}


def _require_person(name: str, person: Any) -> None:
    shape.require("TRUST", f"people.{name}", person, _PERSON_FIELDS)
    for index, key in enumerate(person["keys"]):
        shape.require("TRUST", f"people.{name}.keys[{index}]", key, _KEY_FIELDS)


def _require_rule(where: str, rule: Any, fields: shape.Fields) -> None:
    shape.require("TRUST", where, rule, fields)
    match = rule.get("match", {})
    if not isinstance(match, dict) or not all(
        key in _MATCH and is_list(values, _MATCH[key], 1) for key, values in match.items()
    ):
        raise Refusal("TRUST", f"{where}.match: found something else, expected sorted lists of {', '.join(_MATCH)}")
    if not people_asked(rule) or bool(rule["any_of"]) != bool(rule["count"]):
        raise Refusal("TRUST", f"{where}: found a rule that asks nobody, expected groups, or any_of and count")


def _require_service(name: str, variants: Any) -> None:
    if not isinstance(variants, list) or not variants:
        raise Refusal("TRUST", f"services.{name}: found no list, expected its variants")
    named: list[str] = []
    for index, variant in enumerate(variants):
        where = f"services.{name}[{index}]"
        shape.require("TRUST", where, variant, _VARIANT_FIELDS)
        named += variant["hosts"] or [""]
        try:
            definition = Definition.parse(variant["definition"], f"{where}.definition")
        except Refusal as refusal:
            raise Refusal("TRUST", refusal.message) from None
        if definition.service != name:
            raise Refusal("TRUST", f"{where}.definition: found one of {definition.service}, expected one of {name}")
    if len(set(named)) != len(named):
        raise Refusal("TRUST", f"services.{name}: found a host in two of its variants, expected each in one")
