# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH public keys and signatures, parsed strictly: what they claim is decided here, only the mathematics is OpenSSH's.

A `PublicKey` is a plain key of a kind and size that may sign; a `Signature` is one armored SSHSIG and nothing around it.
Both are read to the last byte, and say what is wrong by the codes ALG (a kind of key or algorithm that never counts),
NAMESPACE, PRESENCE and SIG_INVALID. That a signature parses does not yet mean that it is true.

Formats: RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709; OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import Refusal
from .names import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

MAX_TEXT = 16 * 1024
MIN_RSA_BITS, MAX_RSA_BITS = 3072, 16384
HASHES = ("sha256", "sha512")
PRESENT, VERIFIED = 0x01, 0x04
"""Flags of a FIDO signature: somebody touched the key; somebody was known to it, by a PIN or a finger."""

_ED25519, _SK_ED25519 = "ssh-ed25519", "sk-ssh-ed25519@openssh.com"
_RSA, _SK_ECDSA = "ssh-rsa", "sk-ecdsa-sha2-nistp256@openssh.com"
_CURVES = {"nistp256": 65, "nistp384": 97, "nistp521": 133}
"""Bytes of an uncompressed point, by the name of its curve."""

_ECDSA = tuple(f"ecdsa-sha2-{curve}" for curve in _CURVES)
KINDS = (_ED25519, _SK_ED25519, *_ECDSA, _SK_ECDSA, _RSA)
"""The kinds of keys that may sign."""

_ALGORITHMS = {_RSA: ("rsa-sha2-256", "rsa-sha2-512")}
"""Of keys whose signatures are not named like themselves."""

_MAGIC, _VERSION = b"SSHSIG", 1
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LINE = re.compile(r"[A-Za-z0-9+/]{1,76}={0,2}")
_NAMESPACE = re.compile(r"[!-~]{1,128}")
_FIELD = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_LOW_ORDER = frozenset(
    (
        0,
        1,
        _FIELD - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    )
)
"""The heights of all points of edwards25519 whose order divides 8: as keys they accept signatures of nobody."""


@dataclass(frozen=True)
class PublicKey:
    """A public key that may sign.

    Args:
        kind: one of `KINDS`.
        blob: its bytes on the wire.
        bits: the size of an RSA key; 0 of other kinds.
    """

    kind: str
    blob: bytes
    bits: int = 0

    @classmethod
    def of_line(cls, text: str) -> PublicKey:
        """The key in a line of an ``id_….pub`` file: kind, base64, and a comment that nothing is made of.

        Raises:
            Refusal: ALG, a kind of key that may not sign; SIG_INVALID, no such line at all.
        """
        if len(text) > MAX_TEXT:
            raise _invalid(f"a public key of {len(text)} characters", f"at most {MAX_TEXT}")
        kind, _space, rest = text.strip(" ").partition(" ")
        if not text.isprintable() or not rest:
            raise _invalid(f"no public key in {printable(text[:40])!r}", "one line such as ssh-ed25519 AAAA… name")
        if kind not in KINDS:
            raise _off_policy(kind)
        key = cls.of_blob(_decoded(rest.split(" ", 1)[0], "the base64 of a public key"))
        if key.kind != kind:
            raise _invalid(f"a line that says {kind} with the bytes of {key.kind}", "the line as ssh-keygen wrote it")
        return key

    @classmethod
    def of_blob(cls, blob: bytes) -> PublicKey:
        """The key in its bytes on the wire.

        Raises:
            Refusal: ALG; SIG_INVALID.
        """
        fields = _Fields(blob, "the public key")
        kind = fields.name()
        if kind not in KINDS:
            raise _off_policy(kind)
        bits = 0
        if kind in (_ED25519, _SK_ED25519):
            _require_point(fields.string())
        elif kind == _RSA:
            bits = _require_rsa(fields.number(), fields.number())
        else:
            _require_curve(kind, fields.name(), fields.string())
        if kind in (_SK_ED25519, _SK_ECDSA) and not fields.name().startswith("ssh:"):
            raise _invalid("a FIDO key of another application", "one of ssh:")
        fields.require_end()
        return cls(kind, bytes(blob), bits)

    @property
    def fido(self) -> bool:
        """Whether a FIDO token holds the private key, and each signature tells of a touch."""
        return self.kind in (_SK_ED25519, _SK_ECDSA)

    @property
    def line(self) -> str:
        """The key as a line, without a comment."""
        return f"{self.kind} {base64.b64encode(self.blob).decode('ascii')}"

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ``ssh-keygen -l`` shows it."""
        digest = hashlib.sha256(self.blob).digest()
        return f"SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"


@dataclass(frozen=True)
class Signature:
    """One signature as it came: by which key, for what use, over which hash.

    Args:
        key: the key that is said to have made it.
        namespace: what it was made for.
        hash_algorithm: one of `HASHES`.
        algorithm: of the signature itself.
        blob: all of its bytes.
        flags: of a FIDO key: `PRESENT` and `VERIFIED`; None of other keys.
        counter: of a FIDO key, which some keep at 0.
    """

    key: PublicKey
    namespace: str
    hash_algorithm: str
    algorithm: str
    blob: bytes
    flags: Optional[int] = None
    counter: Optional[int] = None

    @classmethod
    def parse(cls, text: str) -> Signature:
        """The signature in an armored text, which holds nothing else.

        Raises:
            Refusal: SIG_INVALID; ALG; NAMESPACE, it has none.
        """
        if len(text) > MAX_TEXT:
            raise _invalid(f"a text of {len(text)} characters", f"at most {MAX_TEXT}")
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
            raise _invalid("no armored signature", f"{_BEGIN}, base64, {_END} and nothing else")
        if not all(_LINE.fullmatch(line) for line in lines[1:-1]) or any("=" in line for line in lines[1:-2]):
            raise _invalid("a signature with lines that are not base64", "the file as ssh-keygen wrote it")
        return cls.of_blob(_decoded("".join(lines[1:-1]), "the base64 of a signature"))

    @classmethod
    def of_blob(cls, blob: bytes) -> Signature:
        """The signature in its bytes.

        Raises:
            Refusal: as `parse`.
        """
        fields = _Fields(blob, "the signature")
        if fields.take(len(_MAGIC)) != _MAGIC or fields.u32() != _VERSION:
            raise _invalid("bytes that are no SSHSIG of version 1", "what ssh-keygen -Y sign writes")
        key = PublicKey.of_blob(fields.string())
        namespace = _namespace(fields.string())
        if fields.string():
            raise _invalid("a signature with reserved bytes", "none")
        hash_algorithm = fields.name()
        if hash_algorithm not in HASHES:
            raise Refusal("ALG", f"found a signature over {hash_algorithm}, expected sha256 or sha512")
        made = _Fields(fields.string(), "the signature")
        fields.require_end()
        algorithm = made.name()
        if algorithm not in _ALGORITHMS.get(key.kind, (key.kind,)):
            raise Refusal("ALG", f"found a signature {algorithm} of a key {key.kind}, which does not count")
        _require_numbers(key, made.string())
        flags = made.take(1)[0] if key.fido else None
        counter = made.u32() if key.fido else None
        made.require_end()
        return cls(key, namespace, hash_algorithm, algorithm, bytes(blob), flags, counter)

    @property
    def present(self) -> bool:
        """Whether somebody touched the key for this signature; true of keys that cannot say."""
        return self.flags is None or bool(self.flags & PRESENT)

    @property
    def verified(self) -> bool:
        """Whether a FIDO key knew who touched it."""
        return self.flags is not None and bool(self.flags & VERIFIED)

    @property
    def armored(self) -> str:
        """The signature as text, the same for the same bytes."""
        text = base64.b64encode(self.blob).decode("ascii")
        return "\n".join([_BEGIN, *(text[at : at + 70] for at in range(0, len(text), 70)), _END, ""])

    def require(self, namespace: str) -> None:
        """See that it was made for this use, and, where a FIDO key can tell, by somebody who was there.

        Raises:
            Refusal: NAMESPACE; PRESENCE.
        """
        if self.namespace != namespace:
            raise Refusal(
                "NAMESPACE", f"found a signature for {printable(self.namespace)!r}, expected one for {namespace!r}"
            )
        if not self.present:
            raise Refusal(
                "PRESENCE",
                "found a signature of a FIDO key that nobody touched; sign again and touch it, and if it does not ask for "
                "that, make a new key without no-touch-required",
            )

    def require_told(self, presence: bool, verification: bool) -> None:
        """See that its key tells as much of whoever signed as somebody asks; that it was touched is seen to by `require`.

        Args:
            presence: whether only keys count that can tell of a touch.
            verification: whether only those count that knew who touched them.

        Raises:
            Refusal: PRESENCE.
        """
        key = self.key.fingerprint
        if presence and not self.key.fido:
            raise Refusal("PRESENCE", f"{key} is no FIDO key, expected one: somebody has to be there and touch it")
        if verification and not self.verified:
            raise Refusal(
                "PRESENCE", f"{key} does not say who touched it, expected a FIDO key that asks for a PIN or finger"
            )

    def signed_bytes(self, message: bytes) -> bytes:
        """The bytes that the mathematics is about, for a message."""
        digest = hashlib.new(self.hash_algorithm, message).digest()
        parts = (self.namespace.encode("ascii"), b"", self.hash_algorithm.encode("ascii"), digest)
        return _MAGIC + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class _Fields:
    """Reads the fields of an SSH structure, RFC 4251 section 5, and never past its end."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._what, self._at = bytes(data), what, 0

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise _invalid(f"{self._what} cut short", "all of its bytes")
        self._at += count
        return self._data[self._at - count : self._at]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.u32())

    def name(self) -> str:
        found = self.string()
        if not _NAMESPACE.fullmatch(found.decode("latin-1")):
            raise _invalid(f"{self._what} with the name {printable(found[:40])!r}", "printable ASCII")
        return found.decode("ascii")

    def number(self) -> int:
        found = self.string()
        if not found or found[0] & 0x80 or (found[0] == 0 and not (len(found) > 1 and found[1] & 0x80)):
            raise _invalid(f"{self._what} with a number that is not positive or not in its shortest form", "one")
        return int.from_bytes(found, "big")

    def require_end(self) -> None:
        if self._at != len(self._data):
            raise _invalid(f"{len(self._data) - self._at} bytes after {self._what}", "nothing there")


def _decoded(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _invalid(f"{what} that cannot be read", "the text as ssh-keygen wrote it") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise _invalid(f"{what} in more than one way", "its one way")
    return data


def _namespace(found: bytes) -> str:
    text = found.decode("latin-1")
    if not _NAMESPACE.fullmatch(text):
        raise Refusal("NAMESPACE", f"found a signature for {printable(text)!r}, expected the name of a use")
    return text


def _require_point(found: bytes) -> None:
    """RFC 8032 section 5.1.3: an encoding of a point has its one form; small orders are no keys."""
    height = int.from_bytes(found, "little") & (2**255 - 1)
    if len(found) != 32 or height >= _FIELD or height in _LOW_ORDER:
        raise Refusal("ALG", "found an Ed25519 key that is no proper point, expected one that ssh-keygen made")


def _require_rsa(exponent: int, modulus: int) -> int:
    bits = modulus.bit_length()
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise Refusal("ALG", f"found an RSA key of {bits} bits, expected {MIN_RSA_BITS} to {MAX_RSA_BITS}, or ed25519")
    if exponent < 65537 or exponent.bit_length() > 256 or not exponent & modulus & 1:
        raise Refusal("ALG", "found an RSA key with a weak exponent or modulus, expected one that ssh-keygen made")
    return bits


def _require_curve(kind: str, curve: str, point: bytes) -> None:
    if f"ecdsa-sha2-{curve}" not in kind or curve not in _CURVES or len(point) != _CURVES[curve] or point[0] != 4:
        raise _invalid(f"a key {kind} that holds something else", "a point of its curve, not compressed")


def _require_numbers(key: PublicKey, made: bytes) -> None:
    """That the numbers of a signature have the one form in which they are written."""
    if key.kind in (_ED25519, _SK_ED25519):
        # RFC 8032 section 5.1.7: the second half is below the order, or the same signature could be written twice
        if len(made) != 64 or int.from_bytes(made[32:], "little") >= _ORDER:
            raise _invalid("an Ed25519 signature that is none", "64 bytes in their one form")
    elif key.kind == _RSA:
        if len(made) != (key.bits + 7) // 8:
            raise _invalid(f"an RSA signature of {len(made)} bytes", f"{(key.bits + 7) // 8}")
    else:
        numbers = _Fields(made, "the ECDSA signature")
        if max(number.bit_length() for number in _pair(numbers)) > 521:
            raise _invalid("an ECDSA signature with a number too large", "two numbers below the curve's order")
        numbers.require_end()


def _pair(fields: _Fields) -> Iterator[int]:
    yield fields.number()
    yield fields.number()


def _invalid(found: str, expected: str) -> Refusal:
    return Refusal("SIG_INVALID", f"found {found}, expected {expected}")


def _off_policy(kind: str) -> Refusal:
    plain = "expected a plain key: ed25519, sk-ed25519, ecdsa, sk-ecdsa, or rsa of 3072 bits and more"
    if "-cert-" in kind or "cert-authority" in kind:
        return Refusal("ALG", f"found a certificate ({printable(kind)}), which never counts; {plain}")
    return Refusal("ALG", f"found the kind of key {printable(kind)!r}, which may not sign; {plain}")
