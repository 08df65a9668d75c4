# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and signatures for tests: made by the real ssh-keygen, or put together byte by byte where it would not make them."""

from __future__ import annotations

import subprocess
from pathlib import Path

MESSAGE = b'{"a":1}'


def a_key(folder: Path, kind: str = "ed25519", bits: int = 0, name: str = "") -> Path:
    """A new private key in a file, its public key beside it."""
    path = folder / (name or f"{kind}{bits or ''}")
    size = ["-b", str(bits)] if bits else []
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", f"{path.name} at desk", "-f", str(path)], check=True
    )
    return path


def public(path: Path) -> str:
    """The line of a key's public half."""
    return Path(f"{path}.pub").read_text(encoding="ascii").rstrip("\n")


def signed(path: Path, message: bytes = MESSAGE, namespace: str = "approval@tidegate", *more: str) -> str:
    """The armored signature that ssh-keygen makes."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(path), *more]
    return subprocess.run(command, input=message, stdout=subprocess.PIPE, check=True).stdout.decode("ascii")


def string(data: bytes) -> bytes:
    """A string on the wire."""
    return len(data).to_bytes(4, "big") + data


def blob_of(*parts: bytes) -> bytes:
    """Strings on the wire, one after the other."""
    return b"".join(map(string, parts))


def signature_blob(
    key: bytes,
    made: bytes,
    namespace: bytes = b"approval@tidegate",
    reserved: bytes = b"",
    hash_name: bytes = b"sha512",
    magic: bytes = b"SSHSIG\x00\x00\x00\x01",
) -> bytes:
    """An SSHSIG put together."""
    return magic + blob_of(key, namespace, reserved, hash_name, made)
