# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals that were given in other systems, as a permit brings them to an enrolled host, and for whom they count there.

Invariants:

- Nothing is heard unless the trust bundle says that what is countersigned opens its hosts.
- What is heard was countersigned for exactly this statement by a bridge of the bundle, for a system that it may vouch for,
  and the account is that person's by the bundle. Whatever is not is no approval at all here, not even a recorded one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import shape
from .errors import Refusal
from .evidence import KEPT, NAMESPACE, message
from .quorum import APPROVE, COUNTERSIGNED, Finding, Voice, why_unvouched
from .shape import is_name
from .signed import MOST_SIGNATURES, Heard, require_true
from .sshsig import Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from .quorum import Bridge
    from .signed import Verify
    from .trust import Bundle

_FIELDS: shape.Fields = {
    "person": (is_name, "the name of a person"),
    "evidence": (lambda value: isinstance(value, dict), "what is kept of it"),
    "signature": (lambda value: isinstance(value, str), "the signature of a bridge"),
}


class Countersigned(NamedTuple):
    """One approval that was given in another system; nobody has verified it yet.

    Args:
        person: whose it is.
        evidence: the fields of `evidence.KEPT`.
        signature: of a bridge, armored.
    """

    person: str
    evidence: Mapping[str, Any]
    signature: str

    def doc(self) -> dict[str, Any]:
        """As a permit holds it."""
        return {"person": self.person, "evidence": dict(self.evidence), "signature": self.signature}


def parse(doc: Any, where: str = "permit.evidence") -> tuple[Countersigned, ...]:
    """The approvals in a list of such documents.

    Raises:
        Refusal: PERMIT, with the place.
    """
    if not isinstance(doc, list) or len(doc) > MOST_SIGNATURES:
        raise Refusal("PERMIT", f"{where}: found something else, expected up to {MOST_SIGNATURES} approvals")
    for index, one in enumerate(doc):
        shape.require("PERMIT", f"{where}[{index}]", one, _FIELDS)
        shape.require("PERMIT", f"{where}[{index}].evidence", one["evidence"], KEPT)
    return tuple(Countersigned(one["person"], one["evidence"], one["signature"]) for one in doc)


def voices(statement: str, given: Sequence[Countersigned], bundle: Bundle, now: datetime, verify: Verify) -> Heard:
    """Who approved a statement in another system, as far as a bridge of the bundle vouches for it.

    Args:
        statement: its id.
        given: what a permit brings; each that is wrong is told, and spoils none of the others.
        bundle: of whose people and bridges it may be.
        now: when it is judged.
        verify: does the mathematics.

    Raises:
        Refusal: ALG, SIG_INVALID or KEY, the bundle itself has keys that may not sign.
    """
    if given and not bundle.countersigned_opens:
        said = f"countersigned evidence does not open this host: version {bundle.number} of its trust counts signatures of people only"
        return Heard((), (Finding("QUORUM", said),))
    bridges = bundle.bridges() if given else ()
    heard: dict[str, Voice] = {}
    flaws = []
    for one in given:
        try:
            if one.person not in heard:
                signature, voice = _vouched(one, bundle, bridges, now)
                require_true(signature, NAMESPACE, message(statement, one.person, one.evidence), verify)
                heard[one.person] = voice
        except Refusal as refusal:
            flaws.append(Finding(refusal.code, f"{one.person}: {refusal.message}", one.person))
    return Heard(tuple(heard.values()), tuple(flaws))


def _vouched(one: Countersigned, bundle: Bundle, bridges: Sequence[Bridge], now: datetime) -> tuple[Signature, Voice]:
    """The signature of a bridge that may vouch for somebody's approval, and what it would say once it is found true."""
    system, account = one.evidence["system"], one.evidence["account"]
    if bundle.evidence["accounts"].get(one.person, {}).get(system) != account:
        raise Refusal("KEY", f"{account} of {system} is no account of theirs in version {bundle.number} of trust")
    signature = Signature.parse(one.signature)
    voice = Voice(one.person, APPROVE, now, COUNTERSIGNED, system=system, bridge_key=signature.key.fingerprint)
    why = why_unvouched(voice, bundle.members(), now, bridges)
    if why:
        raise Refusal("KEY", why)
    signature.require_told(bundle.doc["require_presence"], bundle.doc["require_verification"])
    return signature, voice
