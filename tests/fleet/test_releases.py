# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Practice releases are the same bytes each time, and hold what their version promises."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

from lab import releases


def _digests(paths: list[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_same_bytes_each_time(tmp_path: Path) -> None:
    """Built twice, with another umask, they do not differ; no two of them are equal."""
    first = _digests(releases.build(tmp_path / "one"))
    before = os.umask(0o077)
    second = _digests(releases.build(tmp_path / "two"))
    os.umask(before)

    assert first == second
    assert len(set(first.values())) == len(first) == 10


def test_content(tmp_path: Path) -> None:
    """A release holds its version and program; a bad one also what goes wrong with it."""
    releases.build(tmp_path)

    with tarfile.open(tmp_path / "web-3.0.0.tar.gz") as archive:
        assert archive.getnames() == ["bin", "TROUBLE", "VERSION", "bin/web"]
        assert {entry.name: oct(entry.mode) for entry in archive}["bin/web"] == "0o755"
        assert {(entry.uid, entry.gid, entry.mtime) for entry in archive} == {(0, 0, releases.BUILT_AT)}
        assert archive.extractfile("VERSION").read() == b"3.0.0\n"
        assert archive.extractfile("TROUBLE").read() == b"crash\n"
    with tarfile.open(tmp_path / "worker-1.0.0.tar.gz") as archive:
        assert archive.getnames() == ["bin", "VERSION", "bin/worker"]
