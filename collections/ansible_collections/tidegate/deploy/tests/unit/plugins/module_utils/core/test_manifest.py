# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest is parsed strictly, has one digest, and says how trees differ."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import (
    DIR,
    FILE,
    LINK,
    Changes,
    Entry,
    Manifest,
    changes,
    compare,
)

SHA = hashlib.sha256(b"x").hexdigest()
BIN = {"path": "bin", "type": "dir", "mode": 0o755}
WEB = {"path": "bin/web", "type": "file", "mode": 0o755, "size": 1, "sha256": SHA}
LNK = {"path": "l", "type": "link", "target": "bin/web"}
DOC: dict[str, Any] = {"v": 1, "entries": [BIN, WEB, LNK]}


def manifest(*entries: dict[str, Any]) -> Manifest:
    return Manifest.parse({"v": 1, "entries": list(entries)})


def test_a_manifest_is_read_back_as_it_was() -> None:
    """Document, value and digest agree; sizes are those of its files."""
    value = Manifest.parse(DOC)
    assert value.doc == DOC
    assert value.digest == canonical.digest(DOC)
    assert (value.files, value.size_bytes) == (1, 1)


def test_the_order_of_entries_does_not_matter_when_it_is_made() -> None:
    """They are sorted by path."""
    value = Manifest.parse(DOC)
    assert Manifest.of(reversed(value.entries)) == value


WRONG = {
    "no object": ([], "manifest: ", "an object with v, entries"),
    "more keys": ({**DOC, "x": 1}, "manifest: ", "an object with v, entries"),
    "other version": ({**DOC, "v": 2}, "manifest: v: 2 found", "expected 1"),
    "true as version": ({**DOC, "v": True}, "manifest: v: True found", "expected 1"),
    "no list": ({"v": 1, "entries": {}}, "manifest: entries: ", "a list"),
    "no entry": ({"v": 1, "entries": [7]}, "manifest: entries[0]: 7 found", "an object"),
    "unknown type": ([{**WEB, "type": "fifo"}], "entries[0].type: 'fifo' found", "file, dir or link"),
    "missing key": ([{"path": "a", "type": "file"}], "entries[0]: ", "exactly"),
    "one key more": ([{**BIN, "size": 1}], "entries[0]: ", "exactly"),
    "mode": ([BIN, {**WEB, "mode": 0o4755}], "entries[1].mode: 2541 found", "one of [420, 493]"),
    "mode as text": ([{**BIN, "mode": "0755"}], "entries[0].mode", "one of [493]"),
    "true as size": ([BIN, {**WEB, "size": True}], "entries[1].size: True found", "a size in bytes"),
    "negative size": ([BIN, {**WEB, "size": -1}], "entries[1].size: -1 found", "a size in bytes"),
    "digest": ([BIN, {**WEB, "sha256": SHA.upper()}], "entries[1].sha256", "64 hex digits"),
    "path": ([{**BIN, "path": "../x"}], "entries[0].path: '../x' found", "path with a '..' component"),
    "absolute": ([{**BIN, "path": "/x"}], "entries[0].path: '/x' found", "absolute path"),
    "path as number": ([{**BIN, "path": 1}], "entries[0].path: 1 found", "a string"),
    "long path": ([{**BIN, "path": "a" * 300}], "entries[0].path", "longer than 255 bytes"),
    "not sorted": ([LNK, BIN], "entries[1].path: 'bin' found", "sorted order"),
    "twice": ([BIN, BIN], "entries[1].path: 'bin' found", "sorted order"),
    "no parent": ([WEB], "entries[0].path: 'bin/web' found", "a folder entry for 'bin'"),
    "parent is a file": ([{**WEB, "path": "a"}, {**WEB, "path": "a/b"}], "entries[1].path", "a folder entry for 'a'"),
    "link out": ([{**LNK, "target": "../x"}], "entries[0].target: '../x' found", "leaves the release"),
    "absolute link": ([{**LNK, "target": "/x"}], "entries[0].target: '/x' found", "absolute path"),
    "link through link": (
        [{"path": "a", "type": "link", "target": "b/c"}, {"path": "b", "type": "link", "target": "d"}],
        "entries: ",
        "links that pass through no other link",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_manifest_is_refused_with_its_place(name: str) -> None:
    """The message names the place, what was found and what was expected."""
    doc, place, expected = WRONG[name]
    with pytest.raises(Refusal) as caught:
        Manifest.parse({"v": 1, "entries": doc} if isinstance(doc, list) and doc else doc)
    assert caught.value.code == "DATA"
    assert place in caught.value.message
    assert expected in caught.value.message


A = {"path": "a", "type": "file", "mode": 0o644, "size": 1, "sha256": SHA}


@pytest.mark.parametrize(
    ("there", "kind", "shown"),
    [
        ([], "missing", "a: missing nothing found, expected file"),
        ([A, {**A, "path": "b"}], "extra", "b: extra file found, expected nothing"),
        ([{"path": "a", "type": "dir", "mode": 0o755}], "type", "a: type dir found, expected file"),
        ([{**A, "mode": 0o755}], "mode", "a: mode 0755 found, expected 0644"),
        ([{**A, "size": 2}], "content", f"a: content 2 bytes {SHA} found, expected 1 bytes {SHA}"),
        ([{**A, "sha256": "0" * 64}], "content", f"a: content 1 bytes {'0' * 64} found, expected 1 bytes {SHA}"),
    ],
)
def test_each_difference_is_named(there: list[dict[str, Any]], kind: str, shown: str) -> None:
    """By path, kind, what was found and what was expected."""
    (difference,) = compare(manifest(A), manifest(*there))
    assert (difference.kind, str(difference)) == (kind, shown)


def test_another_link_target_is_a_difference() -> None:
    """A link is its target."""
    (difference,) = compare(manifest(LNK), manifest({**LNK, "target": "other"}))
    assert str(difference) == "l: target other found, expected bin/web"


def test_equal_trees_do_not_differ() -> None:
    """Nothing is reported where nothing is wrong."""
    assert compare(Manifest.parse(DOC), Manifest.parse(DOC)) == []


def test_names_that_a_terminal_could_misread_are_escaped() -> None:
    """What lies on a disk may be called anything."""
    (difference,) = compare(Manifest(()), Manifest((Entry("a\x1b[2J\udcff", FILE, 0o644, 1, SHA),)))
    assert str(difference) == r"a\x1b[2J\xff: extra file found, expected nothing"


def test_what_a_new_release_changes_is_listed() -> None:
    """Added, changed and removed paths, sorted."""
    old = manifest(A, {**A, "path": "gone"}, LNK)
    new = manifest({**A, "size": 2}, BIN, WEB, LNK)
    assert changes(old, new) == Changes(added=("bin", "bin/web"), changed=("a",), removed=("gone",))


def test_shared_links_come_with_the_folders_that_they_need() -> None:
    """Folders of the release are used, others are made, and the digest is that of another tree."""
    value = Manifest.parse(DOC).with_links({"bin/conf": "/etc/conf", "var/log/web": "/var/log/web"})
    assert {entry.path: (entry.type, entry.target) for entry in value.entries} == {
        "bin": (DIR, None),
        "bin/conf": (LINK, "/etc/conf"),
        "bin/web": (FILE, None),
        "l": (LINK, "bin/web"),
        "var": (DIR, None),
        "var/log": (DIR, None),
        "var/log/web": (LINK, "/var/log/web"),
    }


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ({"bin/web": "/x"}, "shared link bin/web: the release holds a file there"),
        ({"bin": "/x"}, "shared link bin: the release holds a dir there"),
        ({"l/x": "/x"}, "shared link l/x: l is a link, expected a folder"),
        ({"bin/web/x": "/x"}, "shared link bin/web/x: bin/web is a file, expected a folder"),
        ({"../x": "/x"}, "path with a '..' component"),
    ],
)
def test_a_shared_link_takes_nothing_away(links: dict[str, str], message: str) -> None:
    """It is refused where the release has something itself, or no folder."""
    with pytest.raises(Refusal) as caught:
        Manifest.parse(DOC).with_links(links)
    assert message in caught.value.message


def test_two_shared_links_do_not_lie_in_each_other() -> None:
    """The second would be made below what the first points at."""
    with pytest.raises(Refusal, match="conf is a link, expected a folder"):
        Manifest.parse(DOC).with_links({"conf": "/etc/web", "conf/site.yml": "/etc/site.yml"})


def test_no_link_of_a_release_passes_through_a_shared_one() -> None:
    """It may end at one, but not go on behind it."""
    through = manifest({"path": "l", "type": "link", "target": "conf/site.yml"})
    with pytest.raises(Refusal, match="l: link passes through the shared link conf"):
        through.with_links({"conf": "/etc/web"})
    assert manifest({"path": "l", "type": "link", "target": "conf"}).with_links({"conf": "/etc/web"}).files == 0
