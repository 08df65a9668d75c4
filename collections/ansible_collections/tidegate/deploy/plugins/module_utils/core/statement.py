# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement: the exact bytes that people sign about a change.

Invariants:

* A `Statement` exists only when its bytes were the canonical form of a document with exactly these fields.
* Its id is the digest of those bytes; it is of one type, and each type is signed in a namespace of its own, so that a
  request, a veto or a withdrawal is never an approval.
* It names every host, sorted, so that a host which it does not name is not covered; fewer of its hosts always are.
* An emergency is signed for one use: it holds a challenge of each of its hosts, says why, and has a window of its own, of hours.

``uid`` of a host is empty until the host is enrolled. ``back_for_s`` is for how long after its confirmation a host may go
back: a host makes its own moment ``back_until`` of it. ``min_trust`` is 0 where no trust bundle is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from . import shape
from .errors import Refusal
from .rules import CHANGE_TYPES, RISKS
from .shape import is_count, is_digest, is_list, is_moment, is_name, is_text, is_uid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

VERSION = 1
MAX_BYTES = 4 * 1024 * 1024
APPROVAL, REQUEST, VETO, WITHDRAWAL, EMERGENCY = TYPES = ("approval", "request", "veto", "withdrawal", "emergency")
LONGEST_EMERGENCY = timedelta(hours=4)


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
        doc = shape.read("STATEMENT", data, MAX_BYTES, "a statement")
        shape.require("STATEMENT", "the statement", doc, _FIELDS)
        _require_hosts(doc["hosts"], challenged=doc["type"] == EMERGENCY)
        if doc["type"] == EMERGENCY:
            _require_emergency(doc)
        return cls(bytes(data), doc)

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Statement:
        """The statement that a document is.

        Raises:
            Refusal: as `parse`.
        """
        return cls.parse(shape.written("STATEMENT", doc))

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

    @property
    def definitions(self) -> tuple[str, ...]:
        """The digests of the definitions of its hosts."""
        return tuple(self.doc["definitions"])

    @property
    def about(self) -> str:
        """What it is about: the id of its request, equal for an approval, its veto, and its emergency."""
        return self.as_request().id

    def host(self, name: str, uid: str) -> Mapping[str, Any] | None:
        """What it says of an enrolled host; None where it is not about that one."""
        return next((host for host in self.doc["hosts"] if (host["name"], host["uid"]) == (name, uid)), None)

    def window(self) -> tuple[datetime | None, datetime | None]:
        """From when until when it may be used; None: always, for ever."""
        found = self.doc["window"] or {}
        begins, ends = (found.get(key) for key in ("not_before", "not_after"))
        return (begins and shape.moment(begins), ends and shape.moment(ends))

    def as_type(self, type: str, reason: str = "") -> Statement:  # noqa: A002 - the field's name
        """The statement of another type about the same plan; of none that needs challenges."""
        hosts = [{**host, "challenge": ""} for host in self.doc["hosts"]]
        return Statement.of({**self.doc, "type": type, "reason": reason, "hosts": hosts})

    def as_request(self) -> Statement:
        """What its requester signs: the same of its approval, its veto and its emergency. Its window is the plan's."""
        hosts = [{**host, "challenge": ""} for host in self.doc["hosts"]]
        return Statement.of({**self.doc, "type": REQUEST, "reason": "", "hosts": hosts, "window": None})

    def as_emergency(
        self, challenges: Mapping[str, str], reason: str, window: Mapping[str, str] | None = None
    ) -> Statement:
        """The emergency about the same plan.

        Args:
            challenges: of each host, by its name.
            reason: why it cannot wait.
            window: from when until when it may be used; that of the plan where none is named.

        Raises:
            Refusal: STATEMENT, a host that is not enrolled or has no challenge, no reason, or a window that is too long.
        """
        hosts = [{**host, "challenge": challenges.get(host["name"], "")} for host in self.doc["hosts"]]
        window = self.doc["window"] if window is None else dict(window)
        return Statement.of({**self.doc, "type": EMERGENCY, "reason": reason, "hosts": hosts, "window": window})


def namespace_of(type: str) -> str:  # noqa: A002 - the field's name
    """The SSHSIG namespace of a type of statements."""
    return f"{type}@tidegate"


def _window(value: Any) -> bool:
    if value is None:
        return True
    ends = {"not_before", "not_after"}
    return (
        isinstance(value, dict) and set(value) == ends and all(one is None or is_moment(one) for one in value.values())
    )


_FIELDS: shape.Fields = {
    "v": (lambda value: value is not True and value == VERSION, str(VERSION)),
    "type": (lambda value: value in TYPES, f"one of {', '.join(TYPES)}"),
    "change": (is_name, "the id of a change"),
    "revision": (lambda value: is_count(value) and value > 0, "a number from 1"),
    "change_type": (lambda value: value in CHANGE_TYPES, f"one of {', '.join(CHANGE_TYPES)}"),
    "risk": (lambda value: value is None or value in RISKS, f"one of {', '.join(RISKS)}, or null"),
    "service": (is_name, "the name of a service"),
    "environment": (is_name, "the name of an environment"),
    "action": (is_name, "what is done"),
    "artifact": (lambda value: value is None or is_digest(value), "a SHA-256 digest or null"),
    "manifest": (is_digest, "a SHA-256 digest"),
    "definitions": (lambda value: is_list(value, is_digest, 1), "sorted SHA-256 digests, each once"),
    "plan": (is_digest, "a SHA-256 digest"),
    "hosts": (lambda value: isinstance(value, list) and bool(value), "a list of hosts"),
    "window": (_window, "not_before and not_after in UTC, or null"),
    "back_for_s": (is_count, "seconds"),
    "max_attempts": (lambda value: is_count(value) and value > 0, "a number from 1"),
    "min_trust": (is_count, "a number from 0"),
    "requester": (is_text, "the name of a person, or nothing"),
    "rules": (lambda value: value is None or is_digest(value), "a SHA-256 digest or null"),
    "reason": (is_text, f"text of at most {shape.MAX_TEXT} characters"),
}
"""What each field is, and how that is said."""

_HOST_FIELDS: shape.Fields = {
    "name": (is_name, "the name of a host"),
    "uid": (lambda value: value == "" or is_uid(value), "the uid of an enrolled host, or nothing"),
    "previous": (is_name, "the release that it runs now"),
    "challenge": (lambda value: value == "", "nothing but in an emergency"),
}
_CHALLENGED_FIELDS: shape.Fields = {
    **_HOST_FIELDS,
    "uid": (is_uid, "the uid of an enrolled host, in an emergency"),
    "challenge": (is_digest, "the challenge of the host, in an emergency"),
}


def _require_hosts(hosts: list[Any], *, challenged: bool) -> None:
    for index, host in enumerate(hosts):
        shape.require("STATEMENT", f"hosts[{index}]", host, _CHALLENGED_FIELDS if challenged else _HOST_FIELDS)
    names = [host["name"] for host in hosts]
    if sorted(set(names)) != names:
        raise Refusal("STATEMENT", "hosts: found names in another order or twice, expected them sorted, each once")


def _require_emergency(doc: Mapping[str, Any]) -> None:
    """Protocol, section 9."""
    if not doc["reason"].strip():
        raise Refusal("STATEMENT", "reason: found nothing, expected why it cannot wait, in an emergency")
    begins, ends = (shape.moment((doc["window"] or {}).get(key) or "") for key in ("not_before", "not_after"))
    if begins is None or ends is None or not begins < ends <= begins + LONGEST_EMERGENCY:
        hours = LONGEST_EMERGENCY // timedelta(hours=1)
        raise Refusal("STATEMENT", f"window: found none, or a long one, expected at most {hours} hours in an emergency")
