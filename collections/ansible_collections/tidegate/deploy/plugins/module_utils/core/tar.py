# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the headers of a tar archive, strictly.

The format is that of POSIX.1-2017 (pax, ustar) with the GNU long names; whatever two readers could read differently is
refused: signs and blanks in numbers, two names for one member, sizes where there is no content, names in global
headers. Python's own `tarfile` is not used: it repairs, and what it accepts differs between the versions on hosts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BLOCK = 512
FILE, DIR, LINK = "file", "dir", "link"
LONG_NAME, LONG_TARGET, PAX, PAX_GLOBAL = "long-name", "long-target", "pax", "pax-global"

_KINDS = {
    b"0": FILE,
    b"\0": FILE,
    b"1": "hard link",
    b"2": LINK,
    b"3": "character device",
    b"4": "block device",
    b"5": DIR,
    b"6": "fifo",
    b"S": "sparse file",
    b"L": LONG_NAME,
    b"K": LONG_TARGET,
    b"x": PAX,
    b"g": PAX_GLOBAL,
}
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_NAMING = frozenset(("path", "linkpath", "size"))
_SPARSE = ("GNU.sparse.", "SCHILY.realsize", "SUN.holesdata")
_METADATA = ("SCHILY.xattr.", "LIBARCHIVE.xattr.", "SCHILY.acl.", "RHT.security.", "SCHILY.fflags")


class TarError(Exception):
    """A header that is not one, or that could be read in two ways; says what was found."""


@dataclass(frozen=True)
class Header:
    """What one header block says."""

    name: bytes
    kind: str
    mode: int
    size: int
    target: bytes


@dataclass(frozen=True)
class Extension:
    """What a pax header says about the member that follows it.

    Args:
        metadata: how many extended attributes, ACLs and the like it carries; they are never applied.
    """

    path: bytes | None
    target: bytes | None
    size: int | None
    sparse: bool
    metadata: int


def looks_like_tar(block: bytes) -> bool:
    """Whether the first block of some content is a tar header: its checksum is right."""
    return len(block) == BLOCK and _checksum_of(block) == _checksum_in(block)


def parse_header(block: bytes) -> Header:
    """The header in a block of 512 bytes.

    Raises:
        TarError: the checksum is wrong or a number is none.
    """
    if _checksum_of(block) != _checksum_in(block):
        raise TarError("header with a wrong checksum")
    kind = _KINDS.get(block[156:157])
    name = _text(block[0:100])
    if block[257:263] == b"ustar\0" and block[345] != 0:
        name = _text(block[345:500]) + b"/" + name
    if kind is None:
        kind = f"member of unknown type {block[156:157].decode('latin-1')!a}"
    return Header(name, kind, _number(block[100:108], "mode"), _number(block[124:136], "size"), _text(block[157:257]))


def parse_pax(data: bytes) -> Extension:
    """What the records of a pax header say.

    Raises:
        TarError: a record is malformed, or names the member twice.
    """
    records = _pax_records(data)
    size = records.get("size")
    if size is not None and not _DECIMAL.fullmatch(size.decode("latin-1")):
        raise TarError(f"pax size {size.decode('latin-1')!a}")
    return Extension(
        path=records.get("path"),
        target=records.get("linkpath"),
        size=None if size is None else int(size),
        sparse=any(key.startswith(_SPARSE) for key in records),
        metadata=sum(1 for key in records if key.startswith(_METADATA)),
    )


def parse_pax_global(data: bytes) -> int:
    """How many extended attributes and the like a global pax header carries.

    Raises:
        TarError: it is malformed or gives members a name, size or kind.
    """
    records = _pax_records(data)
    bad = [key for key in records if key in _NAMING or key.startswith(_SPARSE)]
    if bad:
        raise TarError(f"global pax header that sets {bad[0]} for all members")
    return sum(1 for key in records if key.startswith(_METADATA))


def padding_of(size: int) -> int:
    """How many bytes fill up the last block of content."""
    return -size % BLOCK


def _pax_records(data: bytes) -> dict[str, bytes]:
    """Records of the form `<length> <key>=<value>\\n`, where the length counts the whole record."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        digits = data[at : at + 20].partition(b" ")[0]
        if not _DECIMAL.fullmatch(digits.decode("latin-1")):
            raise TarError("pax header with a malformed record")
        end = at + int(digits)
        key_bytes, equals, value = data[at + len(digits) + 1 : end - 1].partition(b"=")
        if end > len(data) or data[end - 1 : end] != b"\n" or not equals:
            raise TarError("pax header with a malformed record")
        key = key_bytes.decode("utf-8", "backslashreplace")
        if key in records:
            raise TarError(f"pax header with two records of {key!a}")
        records[key] = value
        at = end
    return records


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes, name: str) -> int:
    if field[0] == 0x80:  # base 256, as GNU tar writes what does not fit into octal digits
        return int.from_bytes(field[1:], "big")
    match = _OCTAL.fullmatch(field)
    if not match:
        raise TarError(f"{name} {field.decode('latin-1')!a}, expected octal digits")
    return int(match[1] or b"0", 8)


def _checksum_in(block: bytes) -> int:
    match = _OCTAL.fullmatch(block[148:156])
    return int(match[1], 8) if match and match[1] else -1


def _checksum_of(block: bytes) -> int:
    """POSIX.1-2017 pax, "ustar Interchange Format": the sum of all bytes, the checksum field taken as blanks."""
    return sum(block[:148]) + 8 * 0x20 + sum(block[156:BLOCK])
