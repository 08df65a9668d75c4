# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact of a change, read once on the controller: its digest, its size and the manifest of what is in it.

Digest and manifest are of the same bytes: a file that changes while it is read is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.archive import Limits
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import Manifest
from ansible_collections.tidegate.deploy.plugins.module_utils.host.extract import manifest_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.download import download as over_http
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file import ArtifactSource, ChangeFile

Download = Callable[[ArtifactSource, Path, int], int]
"""Puts what a source's URL gives, at most that many bytes, into a folder, under its digest; answers a descriptor."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class ResolvedArtifact:
    """An artifact whose bytes were read.

    Args:
        source: where it comes from.
        sha256: the digest of its bytes.
        size_bytes: how many there are.
        manifest: of what is in it.
        local_path: where the controller has it; None when it was only read through.
    """

    source: ArtifactSource
    sha256: str
    size_bytes: int
    manifest: Manifest
    local_path: Path | None

    @property
    def doc(self) -> dict[str, Any]:
        """The artifact as a plan describes it."""
        return {
            "kind": self.source.kind,
            "name": self.source.name,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "strip": self.source.strip,
            "url": self.source.url or None,
            "allow_hosts": list(self.source.allow_hosts),
        }


def resolve(
    change: ChangeFile, cache: Path | None, limits: Mapping[str, int], download: Download = over_http
) -> ResolvedArtifact:
    """Read the artifact of a change.

    Args:
        change: names the artifact.
        cache: the folder in which downloads are kept, by digest; None keeps nothing, as check mode wants it.
        limits: of unpacking, as the plan holds them; a download has at most ``max_bytes``.
        download: how to get the bytes of a URL.

    Raises:
        Refusal: ARTIFACT_MISSING, DIGEST, FETCH, or what is wrong with the archive.
        ValueError: the change carries no artifact.
    """
    source, parsed = change.artifact, Limits.parse(dict(limits))
    if source is None:
        raise ValueError(f"{change.place} carries no artifact")
    if source.kind == "file":
        path = Path(source.path)
        with _opened(path, change.place) as fd:
            return _read(fd, source, path, parsed)
    if cache is None:
        with tempfile.TemporaryDirectory() as folder, _closing(download(source, Path(folder), parsed.max_bytes)) as fd:
            return _read(fd, source, None, parsed)
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone_in(cache):
        return _cached(source, cache, parsed, download)


def _cached(source: ArtifactSource, cache: Path, limits: Limits, download: Download) -> ResolvedArtifact:
    path = cache / str(source.sha256)
    if path.exists():
        with _opened(path, str(path)) as fd:
            if _hash(fd)[0] == source.sha256:
                return _read(fd, source, path, limits)
    with _closing(download(source, cache, limits.max_bytes)) as fd:
        return _read(fd, source, path, limits)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    with _closing(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as fd:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _opened(path: Path, place: str) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _missing(path, place, error.strerror) from None
    with _closing(fd):
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _missing(path, place, "not a regular file")
        yield fd


def _missing(path: Path, place: str, found: str | None) -> Refusal:
    return Refusal(
        "ARTIFACT_MISSING",
        f"{place}: artifact.file: {path}: {found}; expected the artifact there (relative paths start at the change file)",
        path=str(path),
    )


def _read(fd: int, source: ArtifactSource, path: Path | None, limits: Limits) -> ResolvedArtifact:
    before = _stamp(fd)
    sha256, size_bytes = _hash(fd)
    name = source.shown
    if source.sha256 not in (None, sha256):
        raise Refusal(
            "DIGEST",
            f"{name}: found SHA-256 {sha256}, expected {source.sha256}, as the change file says",
            found=sha256,
            expected=source.sha256,
        )
    if source.size_bytes not in (None, size_bytes):
        raise Refusal(
            "DIGEST", f"{name}: found {size_bytes} bytes, expected {source.size_bytes}, as the change file says"
        )
    manifest = manifest_of(fd, source.name, source.strip, limits)
    if _stamp(fd) != before:
        raise Refusal("DIGEST", f"{name}: changed while it was read; expected a finished file, try again when it is")
    return ResolvedArtifact(source, sha256, size_bytes, manifest, path)


def _stamp(fd: int) -> tuple[int, int, int]:
    found = os.fstat(fd)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _hash(fd: int) -> tuple[str, int]:
    digest, offset = hashlib.sha256(), 0
    while block := os.pread(fd, _BLOCK, offset):
        digest.update(block)
        offset += len(block)
    return digest.hexdigest(), offset
