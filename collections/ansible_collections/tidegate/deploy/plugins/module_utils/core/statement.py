# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement: the exact bytes that people sign about a change.

Invariants:

* A `Statement` exists only when its bytes were the canonical form of a document with exactly these fields.
* Its id is the digest of those bytes; it is of one type, and each type is signed in a namespace of its own, so that a
  request, a veto or a withdrawal is never an approval.
* It names every host, sorted, so that a host which it does not name is not covered; fewer of its hosts always are.

``uid`` of a host is empty until the host is enrolled. ``back_for_s`` is for how long after its confirmation a host may go
back: a host makes its own moment ``back_until`` of it. ``min_trust`` is 0 where no trust bundle is asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import canonical
from .errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

VERSION = 1
MAX_BYTES = 4 * 1024 * 1024
APPROVAL, REQUEST, VETO, WITHDRAWAL = TYPES = ("approval", "request", "veto", "withdrawal")

_HEX64 = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True)
class Statement:
    """A statement that has been checked. Make one with `parse` or `of`, never directly.

    Args:
        data: its exact bytes.
        doc: what they say; treat it as frozen.
    """

    data: bytes
    doc: Mapping[str, Any]

    @classmethod
    def parse(cls, data: bytes) -> Statement:
        """The statement in its exact bytes.

        Raises:
            Refusal: STATEMENT, naming the field that is not as it must be.
        """
        try:
            doc = canonical.loads(data, MAX_BYTES)
            exact = canonical.dumps(doc) == data
        except ValueError as error:
            raise Refusal("STATEMENT", f"found {error}, expected a statement as Tidegate exports it") from None
        if not exact:
            raise Refusal("STATEMENT", "found a statement that is not in its canonical form; export it again")
        _require("the statement", doc, _FIELDS)
        _require_hosts(doc["hosts"])
        return cls(bytes(data), doc)

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Statement:
        """The statement that a document is.

        Raises:
            Refusal: as `parse`.
        """
        try:
            data = canonical.dumps(doc)
        except ValueError as error:
            raise Refusal("STATEMENT", f"found {error}, expected a document that can be signed") from None
        return cls.parse(data)

    @property
    def id(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def type(self) -> str:
        """One of `TYPES`."""
        return str(self.doc["type"])

    @property
    def namespace(self) -> str:
        """In which it is signed."""
        return namespace_of(self.type)

    @property
    def change(self) -> str:
        """The id of the change."""
        return str(self.doc["change"])

    @property
    def plan(self) -> str:
        """The digest of the plan."""
        return str(self.doc["plan"])

    @property
    def requester(self) -> str:
        """Who wants the change; empty where nobody is known."""
        return str(self.doc["requester"])

    def as_type(self, type: str, reason: str = "") -> Statement:  # noqa: A002 - the field's name
        """The statement of another type about the same plan."""
        return Statement.of({**self.doc, "type": type, "reason": reason})


def namespace_of(type: str) -> str:  # noqa: A002 - the field's name
    """The SSHSIG namespace of a type of statements."""
    return f"{type}@tidegate"


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 1000


def _name(value: Any) -> bool:
    return _text(value) and bool(value)


def _digest(value: Any) -> bool:
    return isinstance(value, str) and bool(_HEX64.fullmatch(value))


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _moment(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(_MOMENT.fullmatch(value)))


def _window(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and set(value) == {"not_before", "not_after"} and all(map(_moment, value.values()))


def _digests(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_digest, value)) and sorted(set(value)) == value


_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "v": (lambda value: value is not True and value == VERSION, str(VERSION)),
    "type": (lambda value: value in TYPES, f"one of {', '.join(TYPES)}"),
    "change": (_name, "the id of a change"),
    "revision": (lambda value: _count(value) and value > 0, "a number from 1"),
    "service": (_name, "the name of a service"),
    "environment": (_name, "the name of an environment"),
    "action": (_name, "what is done"),
    "artifact": (lambda value: value is None or _digest(value), "a SHA-256 digest or null"),
    "manifest": (_digest, "a SHA-256 digest"),
    "definitions": (_digests, "sorted SHA-256 digests, each once"),
    "plan": (_digest, "a SHA-256 digest"),
    "hosts": (lambda value: isinstance(value, list) and bool(value), "a list of hosts"),
    "window": (_window, "not_before and not_after in UTC, or null"),
    "back_for_s": (_count, "seconds"),
    "max_attempts": (lambda value: _count(value) and value > 0, "a number from 1"),
    "min_trust": (_count, "a number from 0"),
    "requester": (_text, "the name of a person, or nothing"),
    "rules": (lambda value: value is None or _digest(value), "a SHA-256 digest or null"),
    "reason": (_text, "text of at most 1000 characters"),
}
"""What each field is, and how that is said."""

_HOST_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_name, "the name of a host"),
    "uid": (_text, "the uid of an enrolled host, or nothing"),
    "previous": (_name, "the release that it runs now"),
}


def _require(where: str, doc: Any, fields: Mapping[str, tuple[Callable[[Any], bool], str]]) -> None:
    if not isinstance(doc, dict) or set(doc) != set(fields):
        raise Refusal("STATEMENT", f"{where}: found other fields, expected exactly {', '.join(sorted(fields))}")
    for name, (is_right, expected) in fields.items():
        if not is_right(doc[name]):
            raise Refusal("STATEMENT", f"{where}: {name} is not as it must be, expected {expected}")


def _require_hosts(hosts: list[Any]) -> None:
    for index, host in enumerate(hosts):
        _require(f"hosts[{index}]", host, _HOST_FIELDS)
    names = [host["name"] for host in hosts]
    if sorted(set(names)) != names:
        raise Refusal("STATEMENT", "hosts: found names in another order or twice, expected them sorted, each once")
