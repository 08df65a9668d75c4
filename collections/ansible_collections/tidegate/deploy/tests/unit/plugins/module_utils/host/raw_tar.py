# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives written byte by byte, also those that no tar program would write."""

from __future__ import annotations

import gzip
import lzma

BLOCK = 512
END = bytes(2 * BLOCK)
USTAR = b"ustar\x0000"
GNU = b"ustar  \x00"


def header(
    name: bytes,
    kind: bytes = b"0",
    size: int = 0,
    mode: int = 0o644,
    target: bytes = b"",
    prefix: bytes = b"",
    magic: bytes = USTAR,
    size_field: bytes | None = None,
) -> bytes:
    """One header block with a right checksum; `size_field` replaces the octal digits of the size."""
    fields = [
        name.ljust(100, b"\0"),
        b"%07o\0" % mode,
        b"%07o\0" % 4242,
        b"%07o\0" % 4242,
        size_field or b"%011o\0" % size,
        b"%011o\0" % 1700000000,
        b" " * 8,
        kind,
        target.ljust(100, b"\0"),
        magic.ljust(8, b"\0"),
        b"mallory".ljust(32, b"\0"),
        b"mallory".ljust(32, b"\0"),
        b"\0" * 16,
        prefix.ljust(155, b"\0"),
    ]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def content(data: bytes) -> bytes:
    """Data filled up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def file(name: bytes, data: bytes = b"x", mode: int = 0o644) -> bytes:
    """A regular file."""
    return header(name, size=len(data), mode=mode) + content(data)


def folder(name: bytes, mode: int = 0o755) -> bytes:
    """A folder."""
    return header(name, b"5", mode=mode)


def link(name: bytes, target: bytes) -> bytes:
    """A symbolic link."""
    return header(name, b"2", mode=0o777, target=target)


def extended(data: bytes, kind: bytes = b"x") -> bytes:
    """An extended header with any content."""
    return header(b"././@Extended", kind, size=len(data)) + content(data)


def record(key: str, value: bytes) -> bytes:
    """One pax record, `<length> <key>=<value>\\n`."""
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length += 1
    return str(length).encode() + body


def pax(kind: bytes = b"x", **values: bytes) -> bytes:
    """A pax header; `__` in a key stands for a dot."""
    return extended(b"".join(record(key.replace("__", "."), value) for key, value in values.items()), kind)


def tar(*members: bytes) -> bytes:
    """A whole archive."""
    return b"".join(members) + END


def gz(data: bytes) -> bytes:
    """Compressed by gzip."""
    return gzip.compress(data, mtime=0)


def xz(data: bytes) -> bytes:
    """Compressed by xz."""
    return lzma.compress(data)
