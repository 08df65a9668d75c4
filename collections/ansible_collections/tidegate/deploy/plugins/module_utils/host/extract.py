# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own extraction: one reader over an artifact, and what is done with what it reads.

The controller reads into `Nowhere` and gets the manifest; a host reads into a `Tree` and gets the manifest of what it
wrote. Nothing of Python's `tarfile` is used, nothing is followed, and every member is decided by `core.archive` before
a byte of it is written. A caller that gets a `Refusal` removes the tree.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ..core import tar
from ..core.archive import Limits, Member, Placement, Rules
from ..core.errors import Refusal
from ..core.manifest import DIR, DIR_MODE, FILE, LINK, Entry, Manifest
from ..core.names import printable
from .expand import CHUNK_BYTES, Expanded, compression_of, truncated

MAX_EXTENSION_BYTES = 1024 * 1024
_ARCHIVE_NAMES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst", ".tzst")


class Sink(Protocol):
    """Where the members of an archive go, in an order in which every parent comes before its children."""

    def folder(self, path: str) -> None:
        """Make a folder."""

    def file(self, path: str, mode: int, blocks: Iterator[bytes]) -> None:
        """Make a file of all the blocks; they must be used up."""

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""


@dataclass(frozen=True)
class Reading:
    """What an artifact holds.

    Args:
        manifest: of all that was read.
        write_bits_dropped: members that were writable for group or others; a release never is.
        metadata_ignored: extended attributes, ACLs and capabilities that were not applied.
    """

    manifest: Manifest
    write_bits_dropped: int = 0
    metadata_ignored: int = 0


def manifest_of(fd: int, name: str, strip: int, limits: Limits) -> Manifest:
    """The manifest of an artifact, without writing anything; arguments and refusals as of `read_artifact`."""
    return read_artifact(fd, name, strip, limits, Nowhere()).manifest


def read_artifact(fd: int, name: str, strip: int, limits: Limits, sink: Sink) -> Reading:
    """Read a tar archive (plain, gzip, xz), or anything else as a single file, into a sink.

    What it is, its content says. Its name only has to agree: what is named like an archive must be one.

    Args:
        fd: of the artifact, readable and seekable; its offset is neither used nor moved.
        name: of the artifact; a single file keeps it.
        strip: leading components left away from each member's name.
        limits: on what it may unpack to.
        sink: where it goes.

    Raises:
        Refusal: ARCHIVE or ARCHIVE_LIMIT; names the member where there is one.
    """
    rules = Rules(limits, strip)
    head = os.pread(fd, tar.BLOCK, 0)
    compression = compression_of(head)
    named_archive = name.lower().endswith(_ARCHIVE_NAMES)
    if compression is None and not tar.looks_like_tar(head) and not (named_archive and not head.strip(b"\0")):
        if named_archive:
            raise Refusal("ARCHIVE", f"{printable(name)} is named like a tar archive, but its content is not one")
        return _read_file(fd, name, rules, sink)
    return _TarReader(Expanded(fd, compression, rules), rules, sink).read()


class Nowhere:
    """A sink that keeps nothing."""

    def folder(self, path: str) -> None:
        """Make nothing."""

    def file(self, path: str, mode: int, blocks: Iterator[bytes]) -> None:
        """Read the blocks."""
        for _block in blocks:
            pass

    def link(self, path: str, target: str) -> None:
        """Make nothing."""


class Tree:
    """A sink that writes below a folder, and never outside it.

    Args:
        folder_fd: the empty folder; nobody else can write to it.
        owner: uid and gid of all that is made, or None to leave them as they come.
    """

    def __init__(self, folder_fd: int, owner: tuple[int, int] | None) -> None:
        self._owner = owner
        self._root_fd = folder_fd
        self._open: list[tuple[str, int]] = []  # the folders from the top to the one last used

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._leave(0)

    def folder(self, path: str) -> None:
        """Make a folder, mode 0755."""
        parent_fd, name = self._parent(path)
        os.mkdir(name, 0o700, dir_fd=parent_fd)
        self._settle(self._enter(name, parent_fd), DIR_MODE)

    def file(self, path: str, mode: int, blocks: Iterator[bytes]) -> None:
        """Make a file."""
        parent_fd, name = self._parent(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o600, dir_fd=parent_fd)
        try:
            for block in blocks:
                write_all(fd, block)
            self._settle(fd, mode)
        finally:
            os.close(fd)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        parent_fd, name = self._parent(path)
        os.symlink(target, name, dir_fd=parent_fd)
        if self._owner:
            os.chown(name, *self._owner, dir_fd=parent_fd, follow_symlinks=False)

    def _settle(self, fd: int, mode: int) -> None:
        if self._owner:
            os.fchown(fd, *self._owner)
        os.fchmod(fd, mode)

    def _parent(self, path: str) -> tuple[int, str]:
        *folders, name = path.split("/")
        shared = 0
        for (opened, _fd), wanted in zip(self._open, folders):
            if opened != wanted:
                break
            shared += 1
        self._leave(shared)
        fd = self._open[-1][1] if self._open else self._root_fd
        for folder in folders[shared:]:
            fd = self._enter(folder, fd)
        return fd, name

    def _enter(self, name: str, parent_fd: int) -> int:
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent_fd)
        self._open.append((name, fd))
        return fd

    def _leave(self, depth: int) -> None:
        while len(self._open) > depth:
            os.close(self._open.pop()[1])


def write_all(fd: int, block: bytes) -> None:
    """Write all bytes of a block, however many calls it takes."""
    view = memoryview(block)
    while view:
        view = view[os.write(fd, view) :]


class _TarReader:
    """Walks over the headers of one archive and hands admitted members to the sink."""

    def __init__(self, stream: Expanded, rules: Rules, sink: Sink) -> None:
        self._stream = stream
        self._rules = rules
        self._sink = sink
        self._entries: dict[str, Entry] = {}
        self._metadata = 0
        self._globals = 0

    def read(self) -> Reading:
        try:
            while True:
                member = self._next_member()
                if member is None:
                    break
                placement = self._rules.admit(member)
                if placement is not None:
                    self._place(placement)
        except tar.TarError as error:
            raise Refusal("ARCHIVE", f"not a sound tar archive: {error}; build it again") from None
        self._check_rest()
        self._rules.finish()
        return Reading(Manifest.of(self._entries.values()), self._rules.write_bits_dropped, self._metadata)

    def _next_member(self) -> Member | None:
        """The next member with its long names, or None at the end of the archive."""
        long_name: bytes | None = None
        long_target: bytes | None = None
        extension: tar.Extension | None = None
        while True:
            header = self._next_header()
            if header is None:
                if long_name is None and long_target is None and extension is None:
                    return None
                raise truncated("a member's extended header")
            if header.kind == tar.PAX_GLOBAL:
                self._globals += 1
                if self._globals > self._rules.limits.max_entries:
                    raise Refusal("ARCHIVE_LIMIT", "too many global pax headers", limit="max_entries")
                self._metadata += tar.parse_pax_global(self._extension_of(header))
            elif header.kind == tar.PAX and extension is None:
                extension = tar.parse_pax(self._extension_of(header))
            elif header.kind == tar.LONG_NAME and long_name is None:
                long_name = self._extension_of(header).rstrip(b"\0")
            elif header.kind == tar.LONG_TARGET and long_target is None:
                long_target = self._extension_of(header).rstrip(b"\0")
            elif header.kind in (tar.PAX, tar.LONG_NAME, tar.LONG_TARGET):
                raise tar.TarError(f"two {header.kind} headers for one member")
            else:
                return self._member(header, long_name, long_target, extension)

    def _member(
        self, header: tar.Header, name: bytes | None, target: bytes | None, extension: tar.Extension | None
    ) -> Member:
        kind, size = header.kind, header.size
        if extension is not None:
            if (name is not None and extension.path is not None) or (
                target is not None and extension.target is not None
            ):
                raise tar.TarError("two long names for one member")
            name = extension.path if name is None else name
            target = extension.target if target is None else target
            size = header.size if extension.size is None else extension.size
            kind = "sparse file" if extension.sparse else kind
            self._metadata += extension.metadata
        return Member(
            name=header.name if name is None else name,
            kind=kind,
            mode=header.mode,
            size=size,
            target=header.target if target is None else target,
        )

    def _next_header(self) -> tar.Header | None:
        block = self._stream.exactly(tar.BLOCK, "a header, or has no end mark")
        if any(block):
            return tar.parse_header(block)
        if any(self._stream.exactly(tar.BLOCK, "its end mark")):
            raise tar.TarError("a single block of zeros between members")
        return None

    def _extension_of(self, header: tar.Header) -> bytes:
        if header.size > MAX_EXTENSION_BYTES:
            found = f"{header.kind} header of {header.size} bytes"
            raise Refusal("ARCHIVE_LIMIT", f"{found} found, expected at most {MAX_EXTENSION_BYTES}", limit="extension")
        data = self._stream.exactly(header.size, "an extended header")
        self._stream.exactly(tar.padding_of(header.size), "an extended header")
        return data

    def _place(self, placement: Placement) -> None:
        for folder in placement.folders:
            self._make_folder(folder)
        if placement.kind == DIR:
            self._make_folder(placement.path)
        elif placement.kind == LINK:
            self._sink.link(placement.path, placement.target)
            self._entries[placement.path] = Entry(placement.path, LINK, target=placement.target)
        else:
            self._entries[placement.path] = _make_file(placement, self._stream, self._sink)
            self._stream.exactly(tar.padding_of(placement.size), "member ", placement.path)

    def _make_folder(self, path: str) -> None:
        if path not in self._entries:
            self._sink.folder(path)
            self._entries[path] = Entry(path, DIR, DIR_MODE)

    def _check_rest(self) -> None:
        """Nothing hides behind the end; reading it also verifies the checksum of what is compressed."""
        while True:
            block = self._stream.some(CHUNK_BYTES)
            if not block:
                return
            if block.strip(b"\0"):
                raise Refusal("ARCHIVE", "other data after the end of the tar archive, expected zeros only")


def _read_file(fd: int, name: str, rules: Rules, sink: Sink) -> Reading:
    """Anything that is no archive: it keeps its name and may be executed."""
    size = os.fstat(fd).st_size
    if "/" in name or not size:
        found = "name with a slash" if size else "empty file"
        raise Refusal("ARCHIVE", f"{found} found for the artifact {printable(name)}, expected a file with content")
    rules.expanded(size, size)
    placement = rules.admit(Member(name.encode("utf-8", "surrogateescape"), FILE, 0o755, size))
    if placement is None or placement.path != name:
        raise Refusal("ARCHIVE", f"artifact name {printable(name)}: expected the name of a file")
    entry = _make_file(placement, Expanded(fd, None, rules), sink)
    return Reading(Manifest.of([entry]))


def _make_file(placement: Placement, stream: Expanded, sink: Sink) -> Entry:
    digest = hashlib.sha256()

    def blocks() -> Iterator[bytes]:
        left = placement.size
        while left:
            block = stream.some(min(left, CHUNK_BYTES))
            if not block:
                raise truncated(f"member {printable(placement.path)}")
            digest.update(block)
            left -= len(block)
            yield block

    sink.file(placement.path, placement.mode, blocks())
    return Entry(placement.path, FILE, placement.mode, placement.size, digest.hexdigest())
