# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expanded bytes of an artifact, however it is compressed, never more of them than the rules allow.

Reads by position from an open descriptor, so that what was hashed is what is read, and nobody's file offset matters.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

from ..core.archive import Rules
from ..core.errors import Refusal
from ..core.names import printable

CHUNK_BYTES = 256 * 1024
_INPUT_BYTES = 64 * 1024
_XZ_MEMORY_BYTES = 128 * 1024 * 1024

GZIP, XZ = "gzip", "xz"
_MAGIC = {GZIP: b"\x1f\x8b", XZ: b"\xfd7zXZ\0"}
_UNSUPPORTED = {b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"\x1f\x9d": "compress"}


def truncated(what: str) -> Refusal:
    """The refusal of content that ends too early."""
    return Refusal("ARCHIVE", f"truncated: the archive ends inside {what}; copy or build it again")


def compression_of(head: bytes) -> str | None:
    """How content is compressed, by its first bytes; None when it is not.

    Raises:
        Refusal: ARCHIVE; compressed in a way that is not read.
    """
    for magic, name in _UNSUPPORTED.items():
        if head.startswith(magic):
            raise Refusal(
                "ARCHIVE", f"{name} compression found, expected a plain, gzip or xz archive, or a single file"
            )
    return next((name for name, magic in _MAGIC.items() if head.startswith(magic)), None)


class Expanded:
    """A stream of expanded bytes.

    Args:
        fd: of the artifact, readable and seekable.
        compression: as `compression_of` says.
        rules: told how far expanding has come.
    """

    def __init__(self, fd: int, compression: str | None, rules: Rules) -> None:
        self._fd = fd
        self._compression = compression
        self._rules = rules
        self._decoder = _decoder(compression)
        self._position = 0
        self._input = b""
        self._output_bytes = 0

    def some(self, limit: int) -> bytes:
        """At least one and at most `limit` bytes, or none at the end.

        Raises:
            Refusal: ARCHIVE or ARCHIVE_LIMIT; damaged, truncated or over a limit.
        """
        block = self._plain(limit) if self._decoder is None else self._decoded(limit)
        self._output_bytes += len(block)
        self._rules.expanded(self._output_bytes, self._position - len(self._input))
        return block

    def exactly(self, size: int, what: str, path: str = "") -> bytes:
        """Exactly `size` bytes; `what` they are, and of which path, is told when they are not there."""
        blocks = []
        while size:
            block = self.some(size)
            if not block:
                raise truncated(what + printable(path))
            blocks.append(block)
            size -= len(block)
        return b"".join(blocks)

    def _read_input(self) -> bytes:
        data = os.pread(self._fd, _INPUT_BYTES, self._position)
        self._position += len(data)
        return data

    def _plain(self, limit: int) -> bytes:
        data = os.pread(self._fd, min(limit, CHUNK_BYTES), self._position)
        self._position += len(data)
        return data

    def _decoded(self, limit: int) -> bytes:
        limit = min(limit, CHUNK_BYTES)
        try:
            while self._decoder is not None:
                if self._decoder.eof:
                    self._next_member()
                    continue
                block: bytes = self._decoder.decompress(self._input, limit)
                self._input = self._decoder.left
                if block:
                    return block
                if not self._input and not self._decoder.eof:
                    self._input = self._read_input()
                    if not self._input:
                        raise truncated("its compressed data")
        except _decoder_errors(self._compression) as error:
            raise Refusal("ARCHIVE", f"damaged {self._compression} data ({error}); copy or build it again") from None
        return b""

    def _next_member(self) -> None:
        """Compressed data may be several streams in a row, with zeros between and after them, and nothing else."""
        while True:
            self._input = self._input.lstrip(b"\0")
            if len(self._input) < 8:
                more = self._read_input()
                self._input += more
                if more:
                    continue
            break
        if not self._input:
            self._decoder = None
        elif self._input.startswith(_MAGIC[str(self._compression)]):
            self._decoder = _decoder(self._compression)
        else:
            raise Refusal("ARCHIVE", f"other data after the end of the {self._compression} data, expected nothing")


class _Gzip:
    """RFC 1952, with the checksum at its end verified by zlib."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self.left = b""

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    def decompress(self, data: bytes, limit: int) -> bytes:
        block = self._zlib.decompress(data, limit)
        self.left = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
        return block


class _Xz:
    """The .xz format, with bounded memory."""

    def __init__(self) -> None:
        import lzma

        self._lzma = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
        self.left = b""

    @property
    def eof(self) -> bool:
        return self._lzma.eof

    def decompress(self, data: bytes, limit: int) -> bytes:
        block = self._lzma.decompress(data, limit)
        self.left = self._lzma.unused_data  # empty before the end
        return block


def _decoder(compression: str | None) -> Any:
    if compression == XZ:
        try:
            return _Xz()
        except ImportError:
            raise Refusal(
                "ARCHIVE", "xz compression found, but this Python has no lzma module; pack it as gzip"
            ) from None
    return _Gzip() if compression == GZIP else None


def _decoder_errors(compression: str | None) -> tuple[type[Exception], ...]:
    if compression == XZ:
        import lzma

        return (lzma.LZMAError, EOFError)
    return (zlib.error,)
