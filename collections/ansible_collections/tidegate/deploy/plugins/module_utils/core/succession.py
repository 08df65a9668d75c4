# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How trust begins on a host, how a version follows another, and how a host leaves (protocol, section 6).

Invariants:

* A version follows only the one with the number before it, of the same site and environment, and only when the quorums of
  both agree: the old one's with the old one's people and rule, the new one's with the new one's.
* Keys are judged now, also for versions that were made long ago: with a key that is out of date nobody signs afterwards.
  Where that keeps a host from catching up, people sign the version once more with the keys that they have by then.
* No two services of a host have roots or units that overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import shape
from .errors import Refusal
from .shape import is_count, is_moment, is_name, is_uid
from .signed import require_quorum
from .trust import NAMESPACE, Bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from .permit import Identity
    from .signed import Signed, Verify

UNENROLL = "unenroll"
UNENROLL_NAMESPACE = f"{UNENROLL}@tidegate"
MAX_UNENROLL_BYTES = 1024 * 1024


def require_first(bundle: Bundle, signatures: Sequence[str], now: datetime, verify: Verify) -> None:
    """See that a bundle may be the first that a host believes.

    Raises:
        Refusal: TRUST, it has run out or contradicts itself; ALG, KEY, SIG_INVALID; QUORUM.
    """
    require_current(bundle, now)
    require_quorum(bundle.data, NAMESPACE, signatures, [bundle.trust_rule], {}, bundle, now, verify)
    _require_sound(bundle)


def require_successor(old: Bundle, new: Bundle, signatures: Sequence[str], now: datetime, verify: Verify) -> None:
    """See that a bundle follows another; whether it has run out is asked of the last one only, by `require_current`.

    Raises:
        Refusal: TRUST, of another site or number, or it contradicts itself; ALG, KEY, SIG_INVALID; QUORUM, naming the
            version whose people are missing.
    """
    if (new.site, new.environment) != (old.site, old.environment):
        found, expected = (f"{one.environment} of {one.site}" for one in (new, old))
        raise Refusal("TRUST", f"found a bundle for {found}, expected one for {expected}")
    if new.number != old.number + 1:
        raise Refusal(
            "TRUST", f"found version {new.number} of trust, expected {old.number + 1}: each follows the one before"
        )
    for bundle in (old, new):
        try:
            require_quorum(new.data, NAMESPACE, signatures, [bundle.trust_rule], {}, bundle, now, verify)
        except Refusal as refusal:
            raise Refusal(refusal.code, f"by version {bundle.number} of trust: {refusal.message}") from None
    _require_sound(new)


def require_current(bundle: Bundle, now: datetime) -> None:
    """See that a bundle has not run out.

    Raises:
        Refusal: TRUST.
    """
    if now > bundle.expires_at:
        ended = bundle.doc["expires_at"]
        raise Refusal("TRUST", f"version {bundle.number} of trust ran out at {ended}; make and sign the next one")


class Unenroll(NamedTuple):
    """A statement by which hosts leave. Make one with `parse`, never directly."""

    data: bytes
    doc: Mapping[str, Any]

    @classmethod
    def parse(cls, data: bytes) -> Unenroll:
        """The statement in its exact bytes.

        Raises:
            Refusal: STATEMENT, naming the field that is not as it must be.
        """
        doc = shape.read("STATEMENT", data, MAX_UNENROLL_BYTES, "a statement")
        shape.require("STATEMENT", "the statement", doc, _UNENROLL_FIELDS)
        for index, host in enumerate(doc["hosts"]):
            shape.require("STATEMENT", f"hosts[{index}]", host, _HOST_FIELDS)
        return cls(bytes(data), doc)

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Unenroll:
        """The statement that a document is.

        Raises:
            Refusal: as `parse`.
        """
        return cls.parse(shape.written("STATEMENT", doc))


def require_unenroll(signed: Signed, bundle: Bundle, identity: Identity, now: datetime, verify: Verify) -> None:
    """See that enough people let a host leave.

    Raises:
        Refusal: STATEMENT; PERMIT, it is not about this host; TRUST_STALE; WINDOW, its time is over; QUORUM.
    """
    statement = Unenroll.parse(signed.data)
    doc, ends = statement.doc, shape.moment(statement.doc["not_after"])
    if {"name": identity.name, "uid": identity.uid} not in doc["hosts"]:
        raise Refusal("PERMIT", f"the statement does not name {identity.name} with the uid {identity.uid} of this host")
    if doc["trust"] > bundle.number:
        raise Refusal(
            "TRUST_STALE", f"this host is at version {bundle.number} of trust, and the statement needs {doc['trust']}"
        )
    if ends is None or now > ends:
        raise Refusal("WINDOW", f"the statement could be used until {doc['not_after']}; have another one signed")
    require_quorum(signed.data, UNENROLL_NAMESPACE, signed.signatures, [bundle.trust_rule], {}, bundle, now, verify)


_UNENROLL_FIELDS: shape.Fields = {
    "v": (lambda value: value is not True and value == 1, "1"),
    "type": (lambda value: value == UNENROLL, UNENROLL),
    "hosts": (lambda value: isinstance(value, list) and bool(value), "a list of hosts"),
    "trust": (is_count, "the version of trust that it needs"),
    "not_after": (is_moment, "a moment such as 2026-11-28T13:00:00Z"),
    "reason": (is_name, f"text of at most {shape.MAX_TEXT} characters"),
}
_HOST_FIELDS: shape.Fields = {
    "name": (is_name, "the name of a host"),
    "uid": (is_uid, "the uid of an enrolled host"),
}


# --- what may not meet ------------------------------------------------------------------------------------------------


def overlaps(bundle: Bundle) -> list[str]:
    """Services that would meet on a host: roots of which one is in the other, or one unit; a line each."""
    services = bundle.doc["services"]
    named = {host for variants in services.values() for variant in variants for host in variant["hosts"]}
    return list(dict.fromkeys(line for host in ("", *sorted(named)) for line in _overlaps_on(bundle, host)))


def _overlaps_on(bundle: Bundle, host: str) -> Iterator[str]:
    """Those of one host; the empty name is a host that no variant names."""
    roots: list[tuple[str, str]] = []
    units: dict[str, str] = {}
    for service in sorted(bundle.doc["services"]):
        try:
            definition = bundle.definition_for(service, host)
        except Refusal:
            continue
        roots.append((f"{definition.root}/", service))
        other = units.setdefault(definition.unit, service)
        if other != service:
            yield f"{other} and {service} both have the unit {definition.unit}"
    roots.sort()
    for (above, outer), (below, inner) in zip(roots, roots[1:]):  # sorted, what lies in a folder follows it
        if below.startswith(above):
            yield f"the roots of {outer} and {inner} overlap: {above[:-1]} and {below[:-1]}"


def _require_sound(bundle: Bundle) -> None:
    bundle.log_keys()
    bundle.bridges()
    found = overlaps(bundle)
    if found:
        raise Refusal("TRUST", f"version {bundle.number} of trust contradicts itself: {'; '.join(found[:5])}")
