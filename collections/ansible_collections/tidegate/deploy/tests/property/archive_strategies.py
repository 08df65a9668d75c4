# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random trees, and members of archives as strangers might write them."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass

from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.module_utils.core.archive import Member
from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import collision_key

letters = st.characters(whitelist_categories=("Lu", "Ll", "Lo", "Nd", "Mn", "Pd", "Zs"), whitelist_characters="._+\\ ")
ordinary_names = st.text(letters, min_size=1, max_size=20).filter(lambda name: name not in (".", ".."))

# few names, so that members meet, and many that mean something
hostile_parts = st.sampled_from(["a", "b", "A", "c", "..", ".", "", "\u00e9", "e\u0301", "a\0", "d" * 300, "-", "a\\b"])
hostile_names = st.lists(hostile_parts, min_size=1, max_size=5).map("/".join)
calm_parts = st.sampled_from(["a", "b", "c", "d"])
calm_names = st.lists(calm_parts, min_size=1, max_size=4).map("/".join)
calm_targets = st.lists(st.sampled_from(["a", "b", "c", "d", "..", "..", "."]), min_size=1, max_size=5).map("/".join)

hostile_members = st.builds(
    Member,
    name=st.one_of(hostile_names, calm_names).map(lambda name: name.encode()),
    kind=st.sampled_from(["file", "dir", "link", "hard link", "fifo", "member of unknown type 'Z'"]),
    mode=st.sampled_from([0o644, 0o755, 0o4755, 0o2755, 0o1777, 0o666, 0]),
    size=st.sampled_from([0, 0, 1, 2**40]),
    target=st.one_of(hostile_names, calm_targets, st.just("/etc")).map(lambda name: name.encode()),
)
calm_members = st.builds(
    Member,
    name=calm_names.map(lambda name: name.encode()),
    kind=st.sampled_from(["file", "dir", "link", "link"]),
    mode=st.just(0o644),
    target=calm_targets.map(lambda name: name.encode()),
)
# runs of members that get far, with some that should not
sequences = st.lists(st.one_of(calm_members, calm_members, calm_members, hostile_members), max_size=12)


@dataclass(frozen=True)
class Node:
    """A file with content and mode, a link with a target, or a folder with neither."""

    path: str
    content: bytes | None = None
    executable: bool = False
    target: str | None = None


@st.composite
def trees(draw: st.DrawFn) -> list[Node]:
    """Ordinary trees: folders before what is in them, no two names that meet, links to files beside them."""
    nodes: list[Node] = []
    folders = [""]
    taken: set[str] = set()
    for name in draw(st.lists(ordinary_names, min_size=1, max_size=12)):
        path = draw(st.sampled_from(folders)) + name
        if collision_key(path) in taken:
            continue
        taken.add(collision_key(path))
        kind = draw(st.sampled_from(["file", "file", "dir", "link"]))
        beside = [node.path for node in nodes if node.content is not None and _parent(node.path) == _parent(path)]
        if kind == "dir":
            nodes.append(Node(path))
            folders.append(path + "/")
        elif kind == "link" and beside:
            nodes.append(Node(path, target=draw(st.sampled_from(beside)).rpartition("/")[2]))
        else:
            nodes.append(Node(path, draw(st.binary(max_size=1500)), draw(st.booleans())))
    return nodes


def tar_of(nodes: list[Node], tar_format: int, prefix: str) -> bytes:
    """What Python's own tarfile writes for a tree."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tar_format) as archive:
        for node in nodes:
            info = tarfile.TarInfo(prefix + node.path)
            info.mode = 0o755 if node.executable else 0o644
            if node.target is not None:
                info.type, info.linkname = tarfile.SYMTYPE, node.target
            elif node.content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(node.content)
            archive.addfile(info, io.BytesIO(node.content or b""))
    return packed.getvalue()


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
