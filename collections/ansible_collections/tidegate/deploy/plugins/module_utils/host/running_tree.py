# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder that a service runs from, read as a release: nothing in it is followed, and nothing of it is changed.

What a release cannot hold is refused and never left out, but for `__pycache__`, which Python makes again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from ..core.errors import Refusal
from ..core.manifest import DIR, DIR_MODE, FILE, FILE_MODES, LINK, Entry, Manifest
from ..core.names import MAX_PATH_BYTES, link_problem, link_through, path_problem, printable, size_problem
from .expand import CHUNK_BYTES
from .extract import Sink

_SKIPPED = "__pycache__"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_TOLD = 5


class RunningTree:
    """A folder, and what is known of the service that runs from it.

    Args:
        path: the folder, real and absolute.
        links: the shared links of the definition, path -> target; they belong to no manifest.
        started_s: when the service's process was started; whatever was written after that is not what it runs.
    """

    def __init__(self, path: str, links: Mapping[str, str], started_s: float) -> None:
        self._path = path
        self._links = links
        self._started_s = started_s
        self._entries: list[Entry] = []
        self._problems: list[str] = []

    def read(self, sink: Sink) -> Manifest:
        """Everything in the folder, into a sink; modes as releases have them.

        Raises:
            Refusal: TREE; names what cannot be in a release, the first few.
        """
        self._entries, self._problems = [], []
        fd = os.open(self._path, _FOLDER)
        try:
            self._folder(fd, "", sink)
        finally:
            os.close(fd)
        passing = link_through({entry.path: entry.target for entry in self._entries if entry.target is not None})
        if passing:
            self._wrong(passing[0], f"a link that passes through the link {printable(passing[1])}")
        if self._problems:
            shown = "; ".join(self._problems[:_MOST_TOLD])
            more = f"; and {len(self._problems) - _MOST_TOLD} more" if len(self._problems) > _MOST_TOLD else ""
            raise Refusal("TREE", f"{self._path} cannot be a release: {shown}{more}")
        if not self._entries:
            raise Refusal("TREE", f"{self._path} cannot be a release: it is empty")
        return Manifest.of(self._entries)

    def _wrong(self, path: str, found: str) -> None:
        self._problems.append(f"{printable(path)}: {found}")

    def _folder(self, fd: int, prefix: str, sink: Sink) -> None:
        for name in sorted(os.listdir(fd)):
            path = prefix + name
            problem = path_problem(path) or size_problem(path, MAX_PATH_BYTES)
            if problem:
                self._wrong(path, problem)
                continue
            mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                self._link(path, os.readlink(name, dir_fd=fd), sink)
            elif stat.S_ISREG(mode):
                self._file(fd, name, path, sink)
            elif not stat.S_ISDIR(mode):
                self._wrong(path, "a device, socket or pipe, expected files, folders and links")
            elif name != _SKIPPED:
                self._below(fd, name, path, sink)

    def _below(self, fd: int, name: str, path: str, sink: Sink) -> None:
        self._entries.append(Entry(path, DIR, DIR_MODE))
        sink.folder(path)
        below = os.open(name, _FOLDER, dir_fd=fd)
        try:
            self._folder(below, path + "/", sink)
        finally:
            os.close(below)

    def _link(self, path: str, target: str, sink: Sink) -> None:
        if path in self._links:
            there = os.path.normpath(os.path.join(self._path, os.path.dirname(path), target))
            if there != self._links[path]:
                self._wrong(path, f"a link to {printable(target)}, expected one to {self._links[path]}, as links: says")
            return
        problem = link_problem(path, target)
        if problem:
            self._wrong(path, f"{problem}; name it under links: of the service, if it is to stay")
            return
        self._entries.append(Entry(path, LINK, target=target))
        sink.link(path, target)

    def _file(self, folder_fd: int, name: str, path: str, sink: Sink) -> None:
        fd = os.open(name, _FILE, dir_fd=folder_fd)
        try:
            before = os.fstat(fd)
            found = self._why_not(before)
            if found:
                self._wrong(path, found)
                return
            plain, executable = FILE_MODES
            mode = executable if before.st_mode & 0o111 else plain
            digest = hashlib.sha256()
            sink.file(path, mode, _blocks(fd, digest))
            after = os.fstat(fd)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                self._wrong(path, "was written while it was read")
            self._entries.append(Entry(path, FILE, mode, after.st_size, digest.hexdigest()))
        finally:
            os.close(fd)

    def _why_not(self, found: os.stat_result) -> str:
        if not stat.S_ISREG(found.st_mode):
            return "was replaced while it was read"
        if found.st_mode & (stat.S_ISUID | stat.S_ISGID):
            return f"mode {stat.S_IMODE(found.st_mode):04o}, expected no setuid and no setgid file"
        if not found.st_mode & stat.S_IROTH:
            return (
                f"mode {stat.S_IMODE(found.st_mode):04o}, expected a file that all may read, as releases have them; "
                "move secrets out of the release and name them under links:"
            )
        if found.st_mtime > self._started_s:
            return (
                "was written after the service started, so it is not what runs; releases are read-only: let the "
                "service write elsewhere, or through links:"
            )
        return ""


def _blocks(fd: int, digest: Any) -> Iterator[bytes]:
    while True:
        block = os.read(fd, CHUNK_BYTES)
        if not block:
            return
        digest.update(block)
        yield block
