# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging brings a verified release into its place, or leaves everything as it was."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import staging, supply
from ansible_collections.tidegate.deploy.plugins.module_utils.host.locks import Lock
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.folder_host import FolderHost, read
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.raw_tar import file, folder, gz, link, tar

DATA = gz(
    tar(folder(b"bin"), file(b"bin/web", b"#!/bin/sh\n", 0o755), file(b"VERSION", b"1.0\n"), link(b"w", b"bin/web"))
)
MANIFEST = read(DATA, {}).manifest
RELEASE = f"1.0-{MANIFEST.digest[:12]}"
LINKS = {"config/site.yml": "/etc/web/site.yml"}


class Bench:
    """A host in a folder, with short words for what the tests do to it."""

    def __init__(self, top: Path) -> None:
        self.host = FolderHost(str(top))
        self.releases = top / "opt" / "releases"
        self.release = self.releases / RELEASE
        self.service = top / "state" / "services" / "web"

    def stage(self, data: bytes = DATA, source: str = "push", check: bool = False, **changes: Any) -> dict[str, Any]:
        request = self.host.request(DATA, MANIFEST.digest, {}, links=LINKS)
        request["source"] = {"kind": source}
        request["check"] = check
        for path, value in changes.items():
            place, _dot, key = path.partition("__")
            request[place][key] = value
        return staging.stage(request, io.BytesIO(data), self.host.host)

    def refusal(self, **changes: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            self.stage(**changes)
        return caught.value

    def put_current(self) -> None:
        (self.releases.parent / "current").symlink_to(f"releases/{RELEASE}")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    tmp_path.chmod(0o755)
    return Bench(tmp_path)


def _snapshot(top: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every path below a folder with mode, inode and content."""
    found = {}
    for path in sorted(top.rglob("*")):
        state = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
        found[str(path)] = (state.st_mode, state.st_ino, data)
    return found


# --- a release comes into its place --------------------------------------------------------------------------------


def test_pushed_bytes_become_a_release_with_shared_links(bench: Bench) -> None:
    """The tree has the archive's files with normalized modes, the definition's links, and its manifest is kept."""
    answer = bench.stage()
    assert set(answer.pop("timings")) == {"receive_ms", "unpack_ms", "sync_ms"}
    assert answer == {
        "changed": True,
        "bytes_received": len(DATA),
        "files": 2,
        "ignored": {"write_bits": 0, "metadata": 0},
    }
    assert (bench.release / "bin" / "web").read_bytes() == b"#!/bin/sh\n"
    assert stat.S_IMODE((bench.release / "bin" / "web").stat().st_mode) == 0o755
    assert stat.S_IMODE((bench.release / "VERSION").stat().st_mode) == 0o644
    assert stat.S_IMODE(bench.release.stat().st_mode) == 0o755
    assert os.readlink(bench.release / "config" / "site.yml") == "/etc/web/site.yml"
    assert os.readlink(bench.release / "w") == "bin/web"
    assert (bench.service / "manifests" / f"{RELEASE}.json").exists()
    assert [path.name for path in bench.releases.iterdir()] == [RELEASE]


def test_the_state_of_the_host_program_is_private(bench: Bench) -> None:
    """Nobody but root can read or change what the host program keeps."""
    bench.stage()
    for path in (bench.service, bench.service / "manifests"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((bench.service / "staging.lock").stat().st_mode) == 0o600


def test_an_intact_release_is_not_touched(bench: Bench) -> None:
    """Staging again changes nothing on the disk, whatever the source, and reads the pushed bytes to their end."""
    bench.stage()
    before = _snapshot(bench.release)
    stream = io.BytesIO(DATA + b"rest")
    request = bench.host.request(DATA, MANIFEST.digest, {}, links=LINKS)
    answer = staging.stage(request, stream, bench.host.host)
    assert answer == {"changed": False, "bytes_received": 0, "files": 2}
    assert stream.read() == b"rest"
    assert bench.stage(data=b"", source="have") == answer
    assert _snapshot(bench.release) == before


def test_a_release_that_is_asked_for_again_counts_as_the_newest(bench: Bench) -> None:
    """So that retention does not remove it before it is activated."""
    bench.stage()
    release_id = bench.host.request(DATA, MANIFEST.digest, {}, links=LINKS)["release"]["id"]
    manifest = bench.host.host.paths.manifest("web", release_id)
    os.utime(manifest, (1, 1))
    bench.stage(data=b"", source="have")
    assert os.stat(manifest).st_mtime > 1


def test_without_the_release_have_asks_for_bytes(bench: Bench) -> None:
    """A controller that hopes for the release to be there is told to send it."""
    refusal = bench.refusal(source="have", data=b"")
    assert refusal.code == "NEED_BYTES"
    assert "send the artifact" in refusal.message


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_everything_gets_the_owner_of_the_definition(tmp_path: Path) -> None:
    """Files, folders, links and the release itself belong to the definition's owner and group, never to the sender's."""
    bench = Bench(tmp_path)
    tmp_path.chmod(0o755)
    request = bench.host.request(DATA, MANIFEST.digest, {}, links=LINKS, owner="nobody", group="daemon")
    bench.host.host.authority = staging.Authority(top=str(tmp_path))
    staging.stage(request, io.BytesIO(DATA), bench.host.host)
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in [bench.release, *bench.release.rglob("*")]}
    assert owners == {staging.owner_ids(request["definition"])}
    assert (bench.releases.stat().st_uid, bench.releases.stat().st_gid) == (0, 0)
    assert staging.stage(request, io.BytesIO(DATA), bench.host.host)["changed"] is False
    os.chown(bench.release / "VERSION", 0, 0)
    assert staging.stage(request, io.BytesIO(DATA), bench.host.host)["changed"] is True


# --- a damaged release ---------------------------------------------------------------------------------------------


def _edit(release: Path) -> None:
    (release / "VERSION").write_bytes(b"6.6\n")


def _add(release: Path) -> None:
    (release / "extra").write_bytes(b"")


def _remove(release: Path) -> None:
    (release / "VERSION").unlink()


def _chmod(release: Path) -> None:
    (release / "VERSION").chmod(0o666)


def _relink(release: Path) -> None:
    (release / "config" / "site.yml").unlink()
    (release / "config" / "site.yml").symlink_to("/etc/passwd")


def _open_up(release: Path) -> None:
    release.chmod(0o777)


def _become_a_file(release: Path) -> None:
    os.rename(release, release.parent / ".aside")
    release.write_bytes(b"")


DAMAGES = [_edit, _add, _remove, _chmod, _relink, _open_up, _become_a_file]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_release_is_replaced(bench: Bench, damage: Any) -> None:
    """Whatever was done to it, staging puts the promised tree in its place and leaves nothing of the damaged one."""
    bench.stage()
    damage(bench.release)
    assert bench.refusal(source="have", data=b"").code == "NEED_BYTES"
    assert bench.stage()["changed"] is True
    assert bench.stage()["changed"] is False
    assert not list(bench.releases.glob(".new-*"))


def test_a_damaged_release_that_runs_is_refused(bench: Bench) -> None:
    """What current resolves to is never swapped under the service; the refusal says what differs and who needs it."""
    bench.stage()
    bench.put_current()
    _edit(bench.release)
    before = _snapshot(bench.releases)
    refusal = bench.refusal()
    assert refusal.code == "TREE"
    assert "VERSION: content" in refusal.message
    assert "opt/current needs this release" in refusal.message
    assert bench.refusal(check=True).code == "TREE"
    assert _snapshot(bench.releases) == before


@pytest.mark.parametrize("place", ["journal.json", "0123abcd/steady-old"])
def test_a_damaged_release_that_a_way_back_needs_is_refused(bench: Bench, place: str) -> None:
    """The journal and everything that an activation may become can name a release."""
    bench.stage()
    (bench.service / place).parent.mkdir(exist_ok=True)
    (bench.service / place).write_text(f'{{"old":"{RELEASE}"}}')
    _edit(bench.release)
    refusal = bench.refusal()
    assert refusal.code == "TREE"
    assert f"{place} needs this release" in refusal.message


def test_a_release_whose_manifest_was_lost_is_verified_against_the_bytes(bench: Bench) -> None:
    """Even when it runs: the tree is proved by the artifact, stays as it is, and its manifest is saved again."""
    bench.stage()
    bench.put_current()
    before = _snapshot(bench.release)
    (bench.service / "manifests" / f"{RELEASE}.json").unlink()
    assert bench.refusal(source="have", data=b"").code == "NEED_BYTES"
    assert bench.stage()["changed"] is True
    assert _snapshot(bench.release) == before
    assert bench.stage(source="have", data=b"")["changed"] is False


@pytest.mark.parametrize("content", [b"", b"{}", b'{"v":1,"entries":[]}'])
def test_a_manifest_that_was_changed_is_not_believed(bench: Bench, content: bytes) -> None:
    """The digest in the request decides what the saved manifest is worth."""
    bench.stage()
    (bench.service / "manifests" / f"{RELEASE}.json").write_bytes(content)
    assert bench.refusal(source="have", data=b"").code == "NEED_BYTES"
    assert bench.stage()["changed"] is True


# --- what is refused, and leaves nothing -----------------------------------------------------------------------------

TREE_ZERO = {"release__id": "1.0-" + "0" * 12, "release__manifest": "0" * 64}
REFUSED = {
    "other bytes": ({"data": b"x" * len(DATA)}, "DIGEST", "received bytes with sha256"),
    "too few bytes": ({"data": DATA[:50]}, "DIGEST", f"received 50 bytes, expected {len(DATA)}"),
    "no bytes": ({"data": b""}, "DIGEST", "received 0 bytes"),
    "other manifest": (TREE_ZERO, "TREE", f"unpacks to manifest {MANIFEST.digest}, expected {'0' * 64}"),
    "id of another manifest": ({"release__id": "1.0-" + "0" * 12}, "DATA", "release.id"),
    "id of another version": ({"release__version": "1.1"}, "DATA", "release.id"),
    "version with a slash": ({"release__version": "../1"}, "DATA", "release version"),
    "weak digest": ({"artifact__sha256": "d41d8cd98f00b204e9800998ecf8427e"}, "DATA", "artifact.sha256"),
    "negative size": ({"artifact__size_bytes": -1}, "DATA", "artifact.size_bytes"),
    "unknown source": ({"source": "ftp"}, "DATA", "source.kind: 'ftp' found, expected push, have or url"),
    "unknown limit": ({"limits__max_depth": 1}, "DATA", "limits"),
    "low limit": ({"limits__max_bytes": 100}, "ARCHIVE_LIMIT", "max_bytes"),
    "link over a file": ({"definition__links": {"VERSION": "/etc/x"}}, "ARCHIVE", "the release holds a file there"),
    "link below a link": ({"definition__links": {"w/x": "/etc/x"}}, "ARCHIVE", "w is a link, expected a folder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_staging_leaves_nothing(bench: Bench, name: str) -> None:
    """The refusal has its code and says what was found; no byte of what was sent stays."""
    changes, code, message = REFUSED[name]
    refusal = bench.refusal(**changes)
    assert (refusal.code, message in refusal.message) == (code, True), refusal
    assert bench.host.left() == []


def test_unknown_owner_is_refused_before_anything(tmp_path: Path) -> None:
    """A user that the host does not have is named."""
    bench = Bench(tmp_path)
    tmp_path.chmod(0o755)
    request = bench.host.request(DATA, MANIFEST.digest, {}, owner="no-such-user")
    bench.host.host.authority = staging.Authority(top=str(tmp_path))
    with pytest.raises(Refusal, match="DATA: owner: this host has no user 'no-such-user'"):
        staging.stage(request, io.BytesIO(DATA), bench.host.host)
    assert bench.host.left() == []


@pytest.mark.parametrize("place", ["opt", "opt/releases"])
def test_a_folder_that_others_can_write_to_is_refused(bench: Bench, place: str) -> None:
    """Whoever can write to a parent could swap the release after it was verified."""
    folder_path = Path(bench.host.top) / place
    folder_path.mkdir(parents=True)
    folder_path.chmod(0o775)
    refusal = bench.refusal()
    assert refusal.code == "UNSAFE_PATH"
    assert f"{folder_path}: mode 0775 found" in refusal.message
    assert bench.refusal(check=True).code == "UNSAFE_PATH"


def test_a_linked_root_is_refused(bench: Bench, tmp_path: Path) -> None:
    """A link on the way could be turned between check and use."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "opt").symlink_to("elsewhere")
    refusal = bench.refusal()
    assert refusal.code == "UNSAFE_PATH"
    assert "name its real path" in refusal.message
    assert list((tmp_path / "elsewhere").iterdir()) == []


# --- interrupted, at once, without space -----------------------------------------------------------------------------


def test_leftovers_of_an_interrupted_staging_are_removed(bench: Bench) -> None:
    """What a killed staging left is gone after the next one, also when that has nothing to do."""
    bench.stage()
    leftover = bench.releases / ".new-0123456789abcdef" / "tree" / "bin"
    leftover.mkdir(parents=True)
    (leftover / "web").write_bytes(b"half")
    (bench.service / "partial").mkdir()
    (bench.service / "partial" / ("0" * 64)).write_bytes(b"half")
    assert bench.stage()["changed"] is False
    assert [path.name for path in bench.releases.iterdir()] == [RELEASE]
    assert list((bench.service / "partial").iterdir()) == []


def test_two_stagings_of_a_service_do_not_meet(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits a bounded time, says who is in its way, and touches nothing of the first."""
    bench.stage()
    under_way = bench.releases / ".new-0123456789abcdef"
    under_way.mkdir()
    monkeypatch.setattr(staging, "Lock", lambda path, clock: Lock(path, clock, wait_ms=50))
    with (bench.service / "staging.lock").open("r") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refusal = bench.refusal()
    assert refusal.code == "BUSY"
    assert under_way.exists()


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "NO_SPACE"), (errno.EDQUOT, "NO_SPACE"), (errno.EROFS, "UNSAFE_PATH")]
)
@pytest.mark.parametrize("place", ["copy", "mkdir", "link", "sync", "manifest"])
def test_a_full_disk_is_named_and_left_clean(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, place: str, number: int, code: str
) -> None:
    """Wherever it shows, a full or read-only file system is a refusal, and the bytes so far are removed."""

    def full(*_arguments: Any, **_more: Any) -> Any:
        raise OSError(number, os.strerror(number))

    target: Any = {
        "copy": (supply, "write_all"),
        "mkdir": (staging.Tree, "folder"),
        "link": (staging.Tree, "link"),
        "sync": (staging.tree, "sync_file_system"),
        "manifest": (type(bench.host.host.disk), "write"),
    }[place]
    with monkeypatch.context() as patched:
        patched.setattr(*target, full)
        refusal = bench.refusal()
    assert refusal.code == code, refusal
    assert bench.host.left() == []
    assert bench.stage()["changed"] is True


def test_a_silent_sender_does_not_hold_the_lock(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller that lost power in the middle of a push is given up, and the next one can stage."""
    monkeypatch.setattr(supply, "SILENCE_S", 0.2)
    reading, writing = os.pipe()
    os.write(writing, DATA[:100])
    request = bench.host.request(DATA, MANIFEST.digest, {}, links=LINKS)
    with os.fdopen(reading, "rb") as stream, pytest.raises(Refusal, match=r"too little for 0\.2 s") as caught:
        staging.stage(request, stream, bench.host.host)
    os.close(writing)
    assert caught.value.code == "DIGEST"
    assert bench.host.left() == []
    assert bench.stage()["changed"] is True


# --- check mode ------------------------------------------------------------------------------------------------------


@pytest.fixture
def untouched(bench: Bench) -> Iterator[None]:
    """Fails when anything on the disk changed during a test."""
    before = _snapshot(Path(bench.host.top))
    yield
    assert _snapshot(Path(bench.host.top)) == before


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("source", ["push", "have"])
def test_check_mode_says_what_would_happen_and_writes_nothing(bench: Bench, source: str) -> None:
    """On a host that never saw the service not even a folder is made."""
    answer = bench.stage(source=source, check=True, data=b"")
    assert answer["changed"] is True
    assert answer["would"] == [f"take {len(DATA)} bytes", f"unpack and verify {bench.release}"]


def test_check_mode_knows_an_intact_release(bench: Bench) -> None:
    """It verifies what is there as a real run would."""
    bench.stage()
    before = _snapshot(Path(bench.host.top))
    answer = bench.stage(check=True, data=b"")
    assert answer == {"changed": False, "bytes_received": 0, "files": 2, "would": []}
    assert _snapshot(Path(bench.host.top)) == before
