# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of a release come from, what may be left of them, and who still needs the release that is there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ..core.errors import Refusal
from .extract import write_all
from .space import writing

PUSH, HAVE, URL = "push", "have", "url"
SILENCE_S = 60
_BLOCK_BYTES = 256 * 1024


class Push:
    """The bytes that follow a request on standard input.

    Args:
        stream: positioned at their first byte.
        size_bytes: how many there are.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        self._stream = stream
        self._size_bytes = size_bytes
        self._left_bytes = size_bytes

    def receive(self, folder_fd: int, shown: str, sha256: str) -> int:
        """Copy them to a private file that has no name, and hash them on the way.

        Args:
            folder_fd: the private folder.
            shown: a folder of the same file system, named when that is full.
            sha256: what they must be.

        Returns:
            A descriptor of the file.

        Raises:
            Refusal: DIGEST; fewer bytes, silence, or other bytes than promised. NO_SPACE.
        """
        with writing(shown):
            fd = _nameless_file(folder_fd)
        try:
            digest = hashlib.sha256()
            for block in self._blocks():
                digest.update(block)
                with writing(shown):
                    write_all(fd, block)
            self._require(digest.hexdigest(), sha256)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def drain(self) -> None:
        """Read what nobody took, so that the sender sees the answer and not a broken pipe."""
        with contextlib.suppress(Refusal):
            for _block in self._blocks():
                pass

    def _blocks(self) -> Iterator[bytes]:
        while self._left_bytes:
            received = self._size_bytes - self._left_bytes
            try:
                with _silence_limit(received, self._size_bytes):
                    block = self._stream.read(min(self._left_bytes, _BLOCK_BYTES))
                if not block:
                    raise self._short(received)
            except Refusal:
                self._left_bytes = 0  # nothing more will come
                raise
            self._left_bytes -= len(block)
            yield block

    def _short(self, received: int) -> Refusal:
        return Refusal(
            "DIGEST", f"received {received} bytes, expected {self._size_bytes}; run again", received=received
        )

    @staticmethod
    def _require(found: str, expected: str) -> None:
        if found != expected:
            raise Refusal(
                "DIGEST", f"received bytes with sha256 {found}, expected {expected}", found=found, expected=expected
            )


def drain(request: Mapping[str, Any], stream: BinaryIO) -> None:
    """Read what was pushed behind a request that is refused, so that the sender sees the answer and not a broken pipe."""
    artifact, source = request.get("artifact"), request.get("source")
    size = artifact.get("size_bytes") if isinstance(artifact, dict) else None
    if isinstance(source, dict) and source.get("kind") == PUSH and isinstance(size, int) and size > 0:
        Push(stream, size).drain()


def remove_partials(folder: str, keep: str | None) -> None:
    """Remove what is left of downloads, except for one digest."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(folder):
            if name != keep:
                os.unlink(os.path.join(folder, name))


def mention_of(release_id: str, service_folder: str) -> str | None:
    """The first of a service's documents (its journal, and all that it may become) that names a release, or None."""
    wanted = f'"{release_id}"'.encode()
    for folder, folders, names in os.walk(service_folder):
        folders[:] = sorted(set(folders) - {"manifests", "partial"})
        for name in sorted(set(names) - {"history"}):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                if wanted in file.read():
                    return path
    return None


def _nameless_file(folder_fd: int) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open("artifact", flags, 0o600, dir_fd=folder_fd)
    os.unlink("artifact", dir_fd=folder_fd)
    return fd


@contextlib.contextmanager
def _silence_limit(received: int, size_bytes: int) -> Iterator[None]:
    """A sender that vanished without closing the connection must not hold the staging lock for hours."""

    def over(_number: int, _frame: object) -> None:
        found = f"received {received} of {size_bytes} bytes, then too little for {SILENCE_S} s; run again"
        raise Refusal("DIGEST", found, received=received)

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, SILENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
