# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each field of a trust bundle may hold; where approvals given in other systems open hosts, it has one more."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import shape
from .definition import SERVICE, USER, Definition
from .errors import Refusal
from .rules import CHANGE_TYPES, DUTIES, RISKS, STRENGTHS, people_asked
from .shape import is_count, is_digest, is_list, is_moment, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

VERSION = 1
MOST_PEOPLE, MOST_KEYS, MOST_RULES, MOST_ASKED = 2000, 20, 200, 20
LONGEST_S = 10 * 366 * 24 * 3600

_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"tidegate/[0-9a-f]{32}")


def require(doc: Any) -> None:
    """See that a document is a trust bundle.

    Raises:
        Refusal: TRUST, naming the field that is not as it must be.
    """
    opens = isinstance(doc, dict) and doc.get("countersigned_opens") is True
    shape.require("TRUST", "the bundle", doc, {**_FIELDS, **_OPENING} if opens else _FIELDS)
    shape.require("TRUST", "log", doc["log"], _LOG_FIELDS)
    for name, person in doc["people"].items():
        shape.require("TRUST", f"people.{name}", person, _PERSON_FIELDS)
        _require_keys(f"people.{name}", person["keys"])
    if opens:
        _require_evidence(doc["evidence"], doc["people"])
    for index, rule in enumerate(doc["rules"]):
        _require_rule(f"rules[{index}]", rule, _MATCHED_FIELDS)
    _require_rule("trust_rule", doc["trust_rule"], _RULE_FIELDS)
    for name, variants in doc["services"].items():
        _require_service(name, variants)


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
    "countersigned_opens": (_is_truth, "true or false"),
}
_OPENING: shape.Fields = {"evidence": (_is_any, "bridges, and accounts of people")}
_LOG_FIELDS: shape.Fields = {
    "origin": (_of(_ORIGIN), "the name of a log of Tidegate"),
    "keys": (_texts(is_name, 1, MOST_KEYS), f"a sorted list of 1 to {MOST_KEYS} lines of public keys"),
}
_PERSON_FIELDS: shape.Fields = {
    "groups": (_texts(_is_group), "a sorted list of names of groups"),
    "keys": (lambda value: isinstance(value, list) and len(value) <= MOST_KEYS, f"at most {MOST_KEYS} keys"),
}
_EVIDENCE_FIELDS: shape.Fields = {
    "bridges": (_mapping(_of(_PERSON), _is_any, MOST_PEOPLE), "bridges by their names"),
    "accounts": (
        _mapping(_of(_PERSON), _mapping(is_name, is_name, MOST_ASKED), MOST_PEOPLE),
        "by the name of a person the account in each system",
    ),
}
_BRIDGE_FIELDS: shape.Fields = {
    "systems": (_texts(is_name, 1), "a sorted list of the systems that it may vouch for"),
    "keys": (lambda value: isinstance(value, list) and 0 < len(value) <= MOST_KEYS, f"1 to {MOST_KEYS} keys"),
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


def _require_keys(where: str, keys: list[Any]) -> None:
    for index, key in enumerate(keys):
        shape.require("TRUST", f"{where}.keys[{index}]", key, _KEY_FIELDS)


def _require_evidence(doc: Any, people: Mapping[str, Any]) -> None:
    """Bridges that are nobody, and accounts that are somebody's alone."""
    shape.require("TRUST", "evidence", doc, _EVIDENCE_FIELDS)
    for name, bridge in doc["bridges"].items():
        shape.require("TRUST", f"evidence.bridges.{name}", bridge, _BRIDGE_FIELDS)
        _require_keys(f"evidence.bridges.{name}", bridge["keys"])
    named = [account for of_person in doc["accounts"].values() for account in of_person.items()]
    if set(doc["bridges"]) & set(people) or set(doc["accounts"]) - set(people) or len(set(named)) != len(named):
        raise Refusal(
            "TRUST", "evidence: found a bridge that is somebody, or an account of nobody or of two, expected others"
        )


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
