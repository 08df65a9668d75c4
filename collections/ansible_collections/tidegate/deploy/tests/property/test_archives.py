# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is in an archive, nothing that is taken leads out of its release; what is ordinary comes out as it went in."""

from __future__ import annotations

import gzip
import lzma
import os
import posixpath
import tarfile
import tempfile
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.module_utils.core.archive import Limits, Member, Placement, Rules
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import DIR_MODE, Manifest
from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import collision_key
from ansible_collections.tidegate.deploy.plugins.module_utils.host import tree
from ansible_collections.tidegate.deploy.plugins.module_utils.host.extract import (
    Nowhere,
    Reading,
    Sink,
    Tree,
    read_artifact,
)
from ansible_collections.tidegate.deploy.tests.property.archive_strategies import Node, sequences, tar_of, trees

LIMITS = Limits(max_bytes=10_000_000)


def _read(data: bytes, sink: Sink) -> Reading:
    with tempfile.TemporaryFile() as artifact:
        artifact.write(data)
        artifact.flush()
        return read_artifact(artifact.fileno(), "artifact", 0, LIMITS, sink)


def _unpack(data: bytes, folder: str) -> Reading:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with Tree(fd, None) as sink:
            return _read(data, sink)
    finally:
        os.close(fd)


def _taken(members: list[Member]) -> list[Placement]:
    """What the rules let through of a sequence, up to the first refusal."""
    rules = Rules(Limits())
    placements = []
    for member in members:
        try:
            placement = rules.admit(member)
        except Refusal:
            continue
        if placement is not None:
            placements.append(placement)
    return placements


@given(sequences)
@example([Member(b"a", "link", target=b"."), Member(b"a/b", "file")])
@example([Member(b"a/b", "link", target=b"../c"), Member(b"c", "link", target=b".."), Member(b"a/b/d", "file")])
def test_no_member_is_written_outside(members: list[Member]) -> None:
    """Even with every refusal ignored, no place that was given lies outside, below a link, or where something is."""
    made: dict[str, str] = {"": "dir"}
    for placement in _taken(members):
        for folder in placement.folders:
            assert folder not in made
            made[folder] = "dir"
        path = placement.path
        assert posixpath.normpath(path) == path
        assert not path.startswith(("/", "../"))
        assert made[posixpath.dirname(path)] == "dir"
        assert path not in made or made[path] == placement.kind == "dir"
        made[path] = placement.kind
    assert len({collision_key(path) for path in made}) == len(made)


def _follow(start: str, target: str, links: dict[str, str], hops: int = 0) -> str | None:
    """Where a path leads when every link on the way is followed as a kernel does it; None when it never arrives.

    Written apart from the code that it judges. Raises when it leaves the top.
    """
    if hops > 40:
        return None
    here = posixpath.dirname(start)
    for part in target.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                raise AssertionError(f"{start} leaves the release by {target}")
            here = posixpath.dirname(here)
            continue
        here = posixpath.join(here, part)
        if here in links:
            arrived = _follow(here, links[here], links, hops + 1)
            if arrived is None:
                return None
            here = arrived
    return here


@settings(max_examples=400)
@given(sequences)
@example([Member(b"a", "link", target=b"b/c"), Member(b"b", "link", target=b"..")])
@example(
    [Member(b"d/a", "link", target=b"../b"), Member(b"b", "link", target=b"c/e"), Member(b"c/e", "link", target=b"..")]
)
def test_no_link_of_a_taken_archive_leads_outside(members: list[Member]) -> None:
    """Followed hop by hop as a kernel does it, every link ends inside, and none is a circle."""
    rules = Rules(Limits())
    links = {}
    try:
        for member in members:
            placement = rules.admit(member)
            if placement is not None and placement.kind == "link":
                links[placement.path] = placement.target
        rules.finish()
    except Refusal:
        return
    for path, target in links.items():
        assert _follow(path, target, links) is not None


COMPRESSIONS: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, lzma.compress]
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


@settings(deadline=None, max_examples=60)
@given(trees(), st.sampled_from(FORMATS), st.sampled_from(["", "./"]), st.sampled_from(COMPRESSIONS))
def test_an_ordinary_tree_comes_out_as_it_went_in(
    nodes: list[Node], tar_format: int, prefix: str, compress: Callable[[bytes], bytes]
) -> None:
    """Derived, unpacked and read back from the disk, its manifest is the same, whatever wrote the archive."""
    data = compress(tar_of(nodes, tar_format, prefix))
    derived = _read(data, Nowhere()).manifest
    with tempfile.TemporaryDirectory() as folder:
        assert _unpack(data, folder).manifest == derived
        os.chmod(folder, DIR_MODE)
        fd = os.open(folder, os.O_RDONLY)
        try:
            assert tree.differences(fd, derived, {}, None) == []
        finally:
            os.close(fd)
        for node in nodes:
            if node.content is not None:
                with open(os.path.join(folder, node.path), "rb") as file:
                    assert file.read() == node.content
    found = {entry.path: (entry.target, entry.mode) for entry in derived.entries}
    modes = {True: 0o755, False: 0o644}
    assert found == {
        node.path: (node.target, None if node.target else 0o755 if node.content is None else modes[node.executable])
        for node in nodes
    }
    assert Manifest.parse(derived.doc) == derived


def _outcome(read: Callable[[], Reading]) -> object:
    """The manifest, or the code and message of the refusal; anything else is an error."""
    try:
        return read().manifest
    except Refusal as refusal:
        return refusal.code, refusal.message


@settings(deadline=None, max_examples=150)
@given(trees(), st.sampled_from(FORMATS), st.sampled_from(COMPRESSIONS), st.data())
def test_damage_is_refused_and_nothing_else_happens(
    nodes: list[Node], tar_format: int, compress: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    """However bytes are changed or cut, controller and host say the same, and nothing is written beside the tree."""
    damaged = bytearray(compress(tar_of(nodes, tar_format, "")))
    for _hit in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(1, len(damaged)))]
    with tempfile.TemporaryDirectory() as top:
        folder = os.path.join(top, "tree")
        os.mkdir(folder)
        on_host = _outcome(lambda: _unpack(bytes(damaged), folder))
        assert on_host == _outcome(lambda: _read(bytes(damaged), Nowhere()))
        assert os.listdir(top) == ["tree"]
