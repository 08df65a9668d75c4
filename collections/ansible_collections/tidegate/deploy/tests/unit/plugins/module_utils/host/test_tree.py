# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees on disk are opened, read, written and removed without following anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import Manifest
from ansible_collections.tidegate.deploy.plugins.module_utils.host import tree
from ansible_collections.tidegate.deploy.plugins.module_utils.host.extract import Tree
from ansible_collections.tidegate.deploy.plugins.module_utils.host.tree import Authority

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
NOBODY = 65534


@pytest.fixture
def top(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def authority(top: Path) -> Authority:
    return Authority(uid=os.getuid(), top=str(top), chown=False)


def _fd(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def _read(path: Path) -> Manifest:
    fd = _fd(path)
    try:
        return tree.look(fd).manifest
    finally:
        os.close(fd)


# --- opening ---------------------------------------------------------------------------------------------------------


def test_missing_folders_are_made_for_root_only_to_change(top: Path, authority: Authority) -> None:
    """Readable by all, whatever the umask is."""
    before = os.umask(0o077)
    try:
        os.close(tree.open_folder(str(top / "a" / "b"), authority, make=True))
    finally:
        os.umask(before)
    assert (top / "a" / "b").stat().st_mode & 0o7777 == 0o755


def test_without_make_a_missing_folder_is_named(top: Path, authority: Authority) -> None:
    """The first one that is missing."""
    with pytest.raises(Refusal, match=f"UNSAFE_PATH: {top}/a: missing, expected a folder"):
        tree.open_folder(str(top / "a" / "b"), authority)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_folder_that_others_can_change_is_refused(top: Path, authority: Authority, mode: int) -> None:
    """Group, others, and also with the sticky bit, as of /tmp."""
    (top / "a").mkdir()
    (top / "a").chmod(mode)
    with pytest.raises(Refusal, match=f"{top}/a: mode {mode:04o} found.*chmod go-w {top}/a"):
        tree.open_folder(str(top / "a" / "b"), authority, make=True)
    assert list((top / "a").iterdir()) == []


@as_root
def test_a_folder_of_somebody_else_is_refused(top: Path) -> None:
    """Its owner could replace what lies in it at any time."""
    (top / "a" / "b").mkdir(parents=True)
    os.chown(top / "a", NOBODY, 0)
    with pytest.raises(Refusal, match=f"{top}/a: owned by uid {NOBODY}, expected root"):
        tree.open_folder(str(top / "a" / "b"), Authority(top=str(top)))


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_is_no_folder_is_refused(top: Path, authority: Authority, kind: str) -> None:
    """A link to a good folder, too: it can be turned."""
    (top / "good").mkdir()
    if kind == "link":
        (top / "a").symlink_to("good")
    else:
        (top / "a").write_bytes(b"")
    with pytest.raises(Refusal, match=f"UNSAFE_PATH: {top}/a: a link"):
        tree.open_folder(str(top / "a"), authority, make=True)


def test_all_of_the_path_is_looked_at() -> None:
    """By default from the root of the file system on: a folder in /tmp is never safe."""
    with pytest.raises(Refusal, match="UNSAFE_PATH: /tmp: mode 1777 found"):
        tree.open_folder("/tmp/tidegate-test/releases", Authority())


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_tree_is_read_as_it_is(top: Path) -> None:
    """Modes as they are, links by their target, and things that no release holds as what they are."""
    (top / "d").mkdir(mode=0o700)
    (top / "d" / "f").write_bytes(b"x")
    (top / "d" / "f").chmod(0o4600)
    (top / "l").symlink_to("/etc/passwd")
    os.mkfifo(top / "p")
    found = {entry.path: (entry.type, entry.mode, entry.size, entry.target) for entry in _read(top).entries}
    assert found == {
        "d": ("dir", 0o700, None, None),
        "d/f": ("file", 0o4600, 1, None),
        "l": ("link", None, None, "/etc/passwd"),
        "p": ("special", None, None, None),
    }


def test_a_fifo_does_not_stop_the_reader(top: Path) -> None:
    """It is an extra entry, and nobody waits for a writer."""
    os.mkfifo(top / "p")
    fd = _fd(top)
    differences = tree.differences(fd, Manifest(()), {}, None)
    os.close(fd)
    assert [str(difference) for difference in differences] == ["p: extra special found, expected nothing"]


def test_endless_nesting_is_refused(top: Path) -> None:
    """No release is that deep, and descriptors are few."""
    deep = top
    for _level in range(140):
        deep = deep / "d"
    deep.mkdir(parents=True)
    with pytest.raises(Refusal, match="nested deeper than 128"):
        _read(top)


def test_a_missing_release_is_named(top: Path, authority: Authority) -> None:
    """With what to do about it."""
    with pytest.raises(Refusal, match=r"TREE: .*/gone: no such release folder; stage the release first"):
        tree.require_intact(str(top / "gone"), Manifest(()), {}, None, authority)


def test_many_differences_are_counted(top: Path, authority: Authority) -> None:
    """Three are shown, the rest is a number; programs get up to twenty paths."""
    release = top / "r"
    release.mkdir()
    for number in range(30):
        (release / f"{number:02}").write_bytes(b"")
    with pytest.raises(Refusal) as caught:
        tree.require_intact(str(release), Manifest(()), {}, None, authority)
    assert "00: extra file found, expected nothing; 01: extra" in caught.value.message
    assert caught.value.message.endswith("and 27 more")
    assert len(caught.value.facts["differences"]) == 20  # type: ignore[arg-type]


# --- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", ["file", "link", "folder"])
def test_nothing_that_is_there_is_written_to(top: Path, planted: str) -> None:
    """Somebody who could plant a name in the private folder gains nothing by it."""
    (top / "tree").mkdir()
    (top / "victim").write_bytes(b"victim")
    if planted == "file":
        os.link(top / "victim", top / "tree" / "a")
    elif planted == "link":
        (top / "tree" / "a").symlink_to("../victim")
    else:
        (top / "tree" / "a").mkdir()
    with Tree(_fd(top / "tree"), None) as sink, pytest.raises(FileExistsError):
        sink.file("a", 0o644, iter([b"evil"]))
    assert (top / "victim").read_bytes() == b"victim"


def test_nothing_is_written_through_a_planted_folder(top: Path) -> None:
    """A link in place of a folder is not entered."""
    (top / "tree").mkdir()
    (top / "elsewhere").mkdir()
    (top / "tree" / "d").symlink_to("../elsewhere")
    with Tree(_fd(top / "tree"), None) as sink, pytest.raises(NotADirectoryError):
        sink.file("d/a", 0o644, iter([b"evil"]))
    assert list((top / "elsewhere").iterdir()) == []


# --- removing --------------------------------------------------------------------------------------------------------


def test_removing_a_tree_stays_in_it(top: Path) -> None:
    """Links are removed, not followed; a name that is missing is no error."""
    (top / "victim").mkdir()
    (top / "victim" / "keep").write_bytes(b"")
    (top / "tree" / "d").mkdir(parents=True)
    (top / "tree" / "d" / "out").symlink_to(top / "victim")
    (top / "tree" / "d" / "f").write_bytes(b"")
    (top / "alone").symlink_to("victim")
    fd = _fd(top)
    for name in ("tree", "alone", "missing"):
        tree.remove_tree(fd, name)
    os.close(fd)
    assert [path.name for path in top.iterdir()] == ["victim"]
    assert (top / "victim" / "keep").exists()


def test_syncing_works_on_any_folder(top: Path) -> None:
    """And an error of the system is not swallowed."""
    fd = _fd(top)
    tree.sync_file_system(fd)
    os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        tree.sync_file_system(fd)
