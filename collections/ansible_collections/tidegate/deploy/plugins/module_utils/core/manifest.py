# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest: every folder, file and link of a release, with the digest that names the release.

Modes are normalized: folders 0755, files 0644 or 0755. Parsed values keep these invariants: entries are sorted by path
and unique, every parent is a folder of the manifest, no path and no link leaves the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import canonical
from .errors import Refusal
from .names import (
    MAX_PATH_BYTES,
    link_problem,
    link_steps,
    link_through,
    parents,
    path_problem,
    printable,
    size_problem,
)
from .release import SHA256

FILE, DIR, LINK, SPECIAL = "file", "dir", "link", "special"
DIR_MODE = 0o755
FILE_MODES = (0o644, 0o755)

_KEYS = {FILE: ("mode", "size", "sha256"), DIR: ("mode",), LINK: ("target",)}


@dataclass(frozen=True)
class Entry:
    """One path of a release; which other fields are set depends on its type.

    Args:
        path: relative to the release, components joined by `/`.
        type: `file`, `dir` or `link`; `special` only for what a walk of a real tree may meet.
        mode: permission bits of a file or folder.
        size: of a file, in bytes.
        sha256: of a file.
        target: what a link holds.
    """

    path: str
    type: str
    mode: int | None = None
    size: int | None = None
    sha256: str | None = None
    target: str | None = None

    @property
    def doc(self) -> dict[str, Any]:
        """The entry as canonical JSON knows it."""
        return {"path": self.path, "type": self.type, **{key: getattr(self, key) for key in _KEYS[self.type]}}


@dataclass(frozen=True)
class Manifest:
    """All entries of a release, sorted by path."""

    entries: tuple[Entry, ...]
    _digest: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Manifest:
        """The manifest of entries in any order."""
        return cls(tuple(sorted(entries, key=lambda entry: entry.path)))

    @classmethod
    def parse(cls, doc: Any) -> Manifest:
        """The manifest that a document is.

        Raises:
            Refusal: DATA; names the place in the document, what was found and what was expected.
        """
        _expect(isinstance(doc, dict) and set(doc) == {"v", "entries"}, "manifest", doc, "an object with v, entries")
        _expect(doc["v"] == 1 and doc["v"] is not True, "v", doc["v"], "1")
        _expect(isinstance(doc["entries"], list), "entries", doc["entries"], "a list")
        folders = {""}
        entries: list[Entry] = []
        for index, item in enumerate(doc["entries"]):
            where = f"entries[{index}]"
            entry = _entry(item, where)
            _expect(not entries or entries[-1].path < entry.path, f"{where}.path", entry.path, "paths in sorted order")
            parent = entry.path.rpartition("/")[0]
            _expect(parent in folders, f"{where}.path", entry.path, f"a folder entry for {parent!r} before it")
            if entry.type == DIR:
                folders.add(entry.path)
            entries.append(entry)
        through = link_through({entry.path: entry.target for entry in entries if entry.target is not None})
        _expect(through is None, "entries", through, "links that pass through no other link")
        return cls(tuple(entries))

    @property
    def doc(self) -> dict[str, Any]:
        """The manifest as canonical JSON knows it."""
        return {"v": 1, "entries": [entry.doc for entry in self.entries]}

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical manifest; the release id begins with it."""
        if not self._digest:
            self._digest.append(canonical.digest(self.doc))
        return self._digest[0]

    @property
    def files(self) -> int:
        """How many files the release has."""
        return sum(1 for entry in self.entries if entry.type == FILE)

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(entry.size or 0 for entry in self.entries)

    def with_links(self, links: Mapping[str, str]) -> Manifest:
        """The tree that staging makes: this manifest, the shared links, and the folders that only the links need.

        Args:
            links: path in the release -> absolute target outside it.

        Raises:
            Refusal: ARCHIVE; a shared link takes the place of something in the release, or a link passes through it.
        """
        entries = {entry.path: entry for entry in self.entries}
        for path, target in sorted(links.items()):
            _check_shared(path, self.entries, entries)
            for folder in parents(path):
                entries.setdefault(folder, Entry(folder, DIR, DIR_MODE))
            entries[path] = Entry(path, LINK, target=target)
        return Manifest.of(entries.values())


@dataclass(frozen=True)
class Difference:
    """One way in which a tree is not what its manifest says.

    Args:
        kind: `missing`, `extra`, `type`, `mode`, `content`, `target` or `owner`.
    """

    path: str
    kind: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{printable(self.path)}: {self.kind} {self.found} found, expected {self.expected}"


def compare(expected: Manifest, actual: Manifest) -> list[Difference]:
    """How a tree differs from what it should be, sorted by path; empty when it does not."""
    wanted = {entry.path: entry for entry in expected.entries}
    there = {entry.path: entry for entry in actual.entries}
    differences: list[Difference] = []
    for path in sorted(set(wanted) | set(there)):
        if path not in there:
            differences.append(Difference(path, "missing", wanted[path].type, "nothing"))
        elif path not in wanted:
            differences.append(Difference(path, "extra", "nothing", there[path].type))
        elif wanted[path] != there[path]:
            differences.append(_difference(wanted[path], there[path]))
    return differences


@dataclass(frozen=True)
class Changes:
    """What a new release changes against an old one, as sorted paths."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def changes(old: Manifest, new: Manifest) -> Changes:
    """What differs between two releases, for people who want to see it before it happens."""
    before = {entry.path: entry for entry in old.entries}
    after = {entry.path: entry for entry in new.entries}
    return Changes(
        added=tuple(sorted(set(after) - set(before))),
        changed=tuple(sorted(path for path in set(before) & set(after) if before[path] != after[path])),
        removed=tuple(sorted(set(before) - set(after))),
    )


def _expect(condition: bool, where: str, found: Any, expected: str) -> None:
    if not condition:
        raise Refusal("DATA", f"manifest: {where}: {printable(repr(found))} found, expected {expected}", where=where)


def _entry(item: Any, where: str) -> Entry:
    _expect(isinstance(item, dict), where, item, "an object")
    kind = item.get("type")
    _expect(kind in _KEYS, f"{where}.type", kind, "file, dir or link")
    keys = {"path", "type", *_KEYS[kind]}
    _expect(set(item) == keys, where, sorted(item), f"exactly {sorted(keys)}")
    path = item["path"]
    _expect(isinstance(path, str), f"{where}.path", path, "a string")
    problem = path_problem(path) or size_problem(path, MAX_PATH_BYTES)
    _expect(problem is None, f"{where}.path", path, f"a path inside the release ({problem})")
    if kind == LINK:
        target = item["target"]
        _expect(isinstance(target, str), f"{where}.target", target, "a string")
        problem = link_problem(path, target)
        _expect(problem is None, f"{where}.target", target, f"a link that stays inside ({problem})")
        return Entry(path, LINK, target=target)
    modes = FILE_MODES if kind == FILE else (DIR_MODE,)
    _expect(_is_int(item["mode"]) and item["mode"] in modes, f"{where}.mode", item["mode"], f"one of {list(modes)}")
    if kind == DIR:
        return Entry(path, DIR, mode=item["mode"])
    size, sha256 = item["size"], item["sha256"]
    _expect(_is_int(size) and 0 <= size <= canonical.MAX_INTEGER, f"{where}.size", size, "a size in bytes")
    _expect(isinstance(sha256, str) and bool(SHA256.fullmatch(sha256)), f"{where}.sha256", sha256, "64 hex digits")
    return Entry(path, FILE, mode=item["mode"], size=size, sha256=sha256)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_shared(path: str, entries: tuple[Entry, ...], tree: Mapping[str, Entry]) -> None:
    problem = path_problem(path) or size_problem(path, MAX_PATH_BYTES)
    if problem:
        raise Refusal("DATA", f"shared link {printable(path)}: {problem}, expected a path inside the release")
    if path in tree:
        raise Refusal("ARCHIVE", f"shared link {path}: the release holds a {tree[path].type} there", member=path)
    blocked = [folder for folder in parents(path) if folder in tree and tree[folder].type != DIR]
    if blocked:
        found = tree[blocked[0]].type
        raise Refusal("ARCHIVE", f"shared link {path}: {blocked[0]} is a {found}, expected a folder", member=path)
    for entry in entries:
        if entry.target is not None and path in (link_steps(entry.path, entry.target) or [])[:-1]:
            raise Refusal("ARCHIVE", f"{entry.path}: link passes through the shared link {path}", member=entry.path)


def _difference(wanted: Entry, there: Entry) -> Difference:
    if wanted.type != there.type:
        return Difference(wanted.path, "type", wanted.type, there.type)
    if wanted.target != there.target:
        return Difference(wanted.path, "target", printable(str(wanted.target)), printable(str(there.target)))
    if wanted.sha256 != there.sha256 or wanted.size != there.size:
        expected, found = f"{wanted.size} bytes {wanted.sha256}", f"{there.size} bytes {there.sha256}"
        return Difference(wanted.path, "content", expected, found)
    return Difference(wanted.path, "mode", f"{wanted.mode or 0:04o}", f"{there.mode or 0:04o}")
