# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH agent for tests whose keys are FIDO keys, made of software: it signs as an authenticator would, touched or not.

Formats: OpenSSH's PROTOCOL.agent (draft-miller-ssh-agent) and PROTOCOL.u2f: what is signed is the digest of the
application, the flags, the counter, and the digest of the data.
"""

from __future__ import annotations

import base64
import hashlib
import socketserver
import tempfile
import threading
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .ssh_keys import blob_of, string

APPLICATION = b"ssh:"
UNTOUCHED, TOUCHED, KNOWN = 0x00, 0x01, 0x05
"""Flags: nobody was there; somebody was; somebody was, and gave the PIN or a finger."""

_FAILURE, _ASKED_KEYS, _KEYS, _ASKED_SIGNATURE, _SIGNATURE = 5, 11, 12, 13, 14


class Token:
    """An authenticator with one key.

    Args:
        kind: of the key.
        public: what its blob holds between kind and application.
        sign: makes the signature proper, as a string on the wire.

    Attributes:
        flags: what it says of whoever sits there at the next signature; None: nobody comes, and it gives up.
    """

    def __init__(self, kind: bytes, public: tuple[bytes, ...], sign: Callable[[bytes], bytes]) -> None:
        self.kind = kind
        self.blob = blob_of(kind, *public, APPLICATION)
        self.flags: int | None = TOUCHED
        self.counter = 6
        self._sign = sign

    @classmethod
    def ed25519(cls) -> Token:
        """One with an Ed25519 key."""
        private = ed25519.Ed25519PrivateKey.generate()
        point = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return cls(b"sk-ssh-ed25519@openssh.com", (point,), lambda data: string(private.sign(data)))

    @classmethod
    def ecdsa(cls) -> Token:
        """One with a key on the curve P-256."""
        private = ec.generate_private_key(ec.SECP256R1())
        point = private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

        def sign(data: bytes) -> bytes:
            pair = decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
            return string(blob_of(*(number.to_bytes(number.bit_length() // 8 + 1, "big") for number in pair)))

        return cls(b"sk-ecdsa-sha2-nistp256@openssh.com", (b"nistp256", point), sign)

    @property
    def line(self) -> str:
        """The public key as a line of a .pub file."""
        return f"{self.kind.decode()} {base64.b64encode(self.blob).decode()} software token"

    def signature(self, data: bytes) -> bytes | None:
        """What it answers to bytes that are to be signed; None where it gave up waiting for somebody."""
        if self.flags is None:
            return None
        self.counter += 1
        told = bytes([self.flags]) + self.counter.to_bytes(4, "big")
        made = self._sign(hashlib.sha256(APPLICATION).digest() + told + hashlib.sha256(data).digest())
        return string(self.kind) + made + told


class Agent(socketserver.ThreadingUnixStreamServer):
    """An agent that holds tokens; listens while it is entered, at the socket `path`.

    Args:
        tokens: plugged in.
    """

    daemon_threads = True

    def __init__(self, *tokens: Token) -> None:
        self.tokens = tokens
        self._folder = tempfile.TemporaryDirectory()
        self.path = f"{self._folder.name}/agent"
        super().__init__(self.path, _Conversation)

    def __enter__(self) -> Agent:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_how: object) -> None:
        self.shutdown()
        self.server_close()
        self._folder.cleanup()

    def answer(self, kind: int, body: bytes) -> bytes:
        """The answer to a message."""
        if kind == _ASKED_KEYS:
            held = b"".join(blob_of(token.blob, b"software token") for token in self.tokens)
            return bytes([_KEYS]) + len(self.tokens).to_bytes(4, "big") + held
        if kind == _ASKED_SIGNATURE:
            blob, rest = _parted(body)
            data, _flags = _parted(rest)
            made = next((token.signature(data) for token in self.tokens if token.blob == blob), None)
            return bytes([_FAILURE]) if made is None else bytes([_SIGNATURE]) + string(made)
        return bytes([_FAILURE])


class _Conversation(socketserver.StreamRequestHandler):
    server: Agent

    def handle(self) -> None:
        while head := self.rfile.read(5):
            body = self.rfile.read(int.from_bytes(head[:4], "big") - 1)
            self.wfile.write(string(self.server.answer(head[4], body)))


def _parted(data: bytes) -> tuple[bytes, bytes]:
    """The first string on the wire, and what comes after it."""
    ends = 4 + int.from_bytes(data[:4], "big")
    return data[4:ends], data[ends:]
