# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release counts as intact without being read only while nobody can have written to it since it was staged."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.host import staging, tree
from ansible_collections.tidegate.deploy.plugins.module_utils.host.intact import damage
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.folder_host import FolderHost, read
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.raw_tar import file, folder, gz, tar

DATA = gz(tar(folder(b"bin"), file(b"bin/web", b"#!/bin/sh\n", 0o755), file(b"VERSION", b"1.0\n")))
MANIFEST = read(DATA, {}).manifest
RELEASE = f"1.0-{MANIFEST.digest[:12]}"


class Staged:
    """A host in a folder with one staged release, and how often its files were read since."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = FolderHost(str(top))
        request = self.host.request(DATA, MANIFEST.digest, {}, links={})
        self.definition = request["definition"]
        staging.stage(request, io.BytesIO(DATA), self.host.host)
        self.release = top / "opt" / "releases" / RELEASE
        self.seal = top / "state" / "services" / "web" / "manifests" / f"{RELEASE}.seal"
        self.reads = 0
        self._hash = tree._hash
        monkeypatch.setattr(tree, "_hash", self._counted)

    def damage(self, sealed: bool = True) -> str:
        self.reads = 0
        return damage(self.host.host, self.definition, RELEASE, MANIFEST.digest, sealed=sealed)

    def _counted(self, folder_fd: int, name: str) -> tuple[int, str]:
        self.reads += 1
        return self._hash(folder_fd, name)


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staged:
    tmp_path.chmod(0o755)
    return Staged(tmp_path, monkeypatch)


def test_what_was_just_staged_is_not_read_again(staged: Staged) -> None:
    """Neither by staging itself, which has hashed all on its way, nor by a step that has to be quick."""
    assert staged.reads == 0
    assert (staged.damage(), staged.reads) == ("", 0)


def test_who_looks_for_damage_reads(staged: Staged) -> None:
    """Without being told that a seal will do, every file is read."""
    assert (staged.damage(sealed=False), staged.reads) == ("", 2)


def _other_bytes_of_the_same_size(path: Path) -> None:
    path.write_bytes(b"6.6\n")


def _through_another_name(path: Path) -> None:
    """As one who means to hide it."""
    aside = path.parent.parent / "aside"
    os.link(path, aside)
    aside.write_bytes(b"6.6\n")
    aside.unlink()


def _another_file_in_its_place(path: Path) -> None:
    path.with_name("new").write_bytes(b"6.6\n")
    path.with_name("new").rename(path)


@pytest.mark.parametrize("write", [_other_bytes_of_the_same_size, _through_another_name, _another_file_in_its_place])
def test_a_file_that_was_written_to_is_found(staged: Staged, write: Callable[[Path], None]) -> None:
    """Also when size, name and both times that can be set are put back as they were."""
    path = staged.release / "VERSION"
    before = path.stat()
    write(path)
    path.chmod(before.st_mode & 0o7777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert "VERSION: content 4 bytes" in staged.damage()
    assert staged.reads == 2


def test_what_needs_no_reading_is_looked_at_all_the_same(staged: Staged) -> None:
    """Modes, and files that are missing or too many, are found although what is there is sealed."""
    (staged.release / "bin" / "web").chmod(0o777)
    (staged.release / "extra").write_bytes(b"")
    (staged.release / "VERSION").unlink()

    found = staged.damage()

    assert all(words in found for words in ("VERSION: missing", "bin/web: mode 0777", "extra: extra"))


def _of_another_boot(seal: Path) -> None:
    seal.write_bytes(seal.read_bytes().replace(b'"boot_id":"', b'"boot_id":"0'))


def _of_another_release(seal: Path) -> None:
    seal.write_bytes(seal.read_bytes().replace(MANIFEST.digest.encode(), b"0" * 64))


def _torn(seal: Path) -> None:
    seal.write_bytes(seal.read_bytes()[:-5])


def _no_document(seal: Path) -> None:
    seal.write_bytes(b"[]")


@pytest.mark.parametrize("spoil", [Path.unlink, _of_another_boot, _of_another_release, _torn, _no_document])
def test_without_a_seal_to_believe_all_is_read(staged: Staged, spoil: Callable[[Path], None]) -> None:
    """A seal counts within the boot in which it was made, for the manifest for which it was made, and whole."""
    spoil(staged.seal)

    assert (staged.damage(), staged.reads) == ("", 2)


def test_a_seal_that_cannot_be_kept_costs_only_time(staged: Staged) -> None:
    """A disk that is full just then does not undo a staging that has come through."""
    staged.seal.unlink()
    staged.seal.with_name(staged.seal.name + ".new").mkdir()
    aside = staged.release.rename(staged.release.with_name("aside"))
    request = staged.host.request(DATA, MANIFEST.digest, {}, links={})

    assert staging.stage(request, io.BytesIO(DATA), staged.host.host)["changed"] is True

    assert aside.exists()
    assert (staged.damage(), staged.reads) == ("", 2)
