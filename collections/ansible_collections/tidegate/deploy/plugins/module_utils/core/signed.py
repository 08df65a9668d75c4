# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A document with the signatures under it, and who of a bundle's people truly made them.

A signature counts for whoever has the key that made it, by the key's bytes, and for nobody else: what a signature says of
itself, in which order signatures come and how often one stands there decide nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .errors import Refusal
from .quorum import APPROVE, SIGNED, Finding, Standing, Voice, standing
from .sshsig import Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable

    from .trust import Bundle

    Verify = Callable[[str, str, bytes, str], bool]  # line of a key, namespace, message, armored signature

MOST_SIGNATURES = 64


class Signed(NamedTuple):
    """Exact bytes that somebody signed, and the signatures, which nobody has verified yet."""

    data: bytes
    signatures: tuple[str, ...]

    @classmethod
    def parse(cls, doc: Any, where: str = "permit", code: str = "PERMIT") -> Signed:
        """The bytes and signatures in ``statement`` and ``signatures`` of a document; other fields are not looked at.

        Args:
            doc: plain values.
            where: its place, for messages.
            code: of the refusal.

        Raises:
            Refusal: of that code.
        """
        if not isinstance(doc, dict):
            raise Refusal(code, f"{where}: found no mapping, expected statement and signatures")
        signatures = doc.get("signatures")
        if (
            not isinstance(signatures, list)
            or len(signatures) > MOST_SIGNATURES
            or not all(isinstance(one, str) for one in signatures)
        ):
            raise Refusal(
                code, f"{where}.signatures: found something else, expected up to {MOST_SIGNATURES} signatures"
            )
        return cls(bytes_in(doc.get("statement"), f"{where}.statement", code), tuple(signatures))

    def doc(self) -> dict[str, Any]:
        """As a document holds it."""
        return {"statement": base64.b64encode(self.data).decode("ascii"), "signatures": list(self.signatures)}


def bytes_in(text: Any, where: str, code: str) -> bytes:
    """The bytes that base64 stands for.

    Raises:
        Refusal: of that code.
    """
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, UnicodeEncodeError, binascii.Error):
        raise Refusal(code, f"{where}: found something else, expected bytes in base64") from None


class Heard(NamedTuple):
    """Whose signatures are true, and what is wrong with the others."""

    voices: tuple[Voice, ...]
    flaws: tuple[Finding, ...]


NOBODY = Heard((), ())


def voices(
    data: bytes, namespace: str, signatures: Sequence[str], bundle: Bundle, now: datetime, verify: Verify
) -> Heard:
    """Who signed some bytes.

    Args:
        data: the exact bytes.
        namespace: what they are signed for.
        signatures: armored; each that is wrong is told, and spoils none of the others.
        bundle: of whose people it may be.
        now: when it is judged; a signature does not say when it was made.
        verify: does the mathematics.

    Raises:
        Refusal: ALG, SIG_INVALID or KEY, the bundle itself has keys that may not sign.
    """
    owners = {fingerprint: name for name, member in bundle.members().items() for fingerprint in member.keys}
    heard: dict[str, Voice] = {}
    flaws = []
    for armored in signatures:
        try:
            signature = Signature.parse(armored)
            fingerprint = signature.key.fingerprint
            if fingerprint not in heard:
                _require_counts(signature, owners, bundle)
                require_true(signature, namespace, data, verify)
                heard[fingerprint] = Voice(owners[fingerprint], APPROVE, now, SIGNED, fingerprint)
        except Refusal as refusal:
            flaws.append(Finding(refusal.code, refusal.message))
    return Heard(tuple(heard.values()), tuple(flaws))


def require_quorum(
    data: bytes,
    namespace: str,
    signatures: Sequence[str],
    rules: Sequence[Mapping[str, Any]],
    duties: Mapping[str, str],
    bundle: Bundle,
    now: datetime,
    verify: Verify,
    also: Heard = NOBODY,
) -> Standing:
    """See that enough of a bundle's people signed some bytes.

    Args:
        data, namespace, signatures, bundle, now, verify: as of `voices`.
        rules: all of which have to be satisfied.
        duties: who is what in this, and may be barred from it.
        also: who else approved it, and why others did not count.

    Raises:
        Refusal: the code of the most telling flaw of the signatures, or QUORUM.
    """
    heard = voices(data, namespace, signatures, bundle, now, verify)
    given, flaws = (*heard.voices, *also.voices), (*heard.flaws, *also.flaws)
    found = standing(rules, given, bundle.members(), duties, now, bundle.bridges() if also.voices else ())
    if not found.granted:
        strangers = [flaw for flaw in flaws if flaw.code == "KEY"]  # they may count elsewhere: who is missing says more
        telling = [*(flaw for flaw in flaws if flaw not in strangers), *found.why, *strangers]
        raise Refusal(telling[0].code, "; ".join(dict.fromkeys(flaw.message for flaw in telling)))
    return found


def require_true(signature: Signature, namespace: str, data: bytes, verify: Verify) -> None:
    """See that a signature is of some bytes, for their use.

    Raises:
        Refusal: NAMESPACE; PRESENCE; SIG_INVALID.
    """
    signature.require(namespace)
    if not verify(signature.key.line, namespace, data, signature.armored):
        raise Refusal(
            "SIG_INVALID",
            f"the signature by {signature.key.fingerprint} is not of these bytes: they or it were changed",
        )


def _require_counts(signature: Signature, owners: Mapping[str, str], bundle: Bundle) -> None:
    """See that a key is somebody's, and says as much as the bundle asks (`Signature.require` sees to the touch itself)."""
    fingerprint = signature.key.fingerprint
    if fingerprint not in owners:
        raise Refusal("KEY", f"{fingerprint} is no key of anybody in the trust bundle {bundle.number}")
    signature.require_told(bundle.doc["require_presence"], bundle.doc["require_verification"])
