# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of the releases that it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import ask
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A host that keeps 1.0 and 2.0."""
    made = Bench(tmp_path)
    made.deploy("1.0")
    made.deploy("2.0")
    return made


def kept(bench: Bench, wanted: str) -> list[dict[str, Any]]:
    """The answer of the step."""
    asked = {"check": False, "services": [bench.definition()], "retained": wanted}
    found: list[dict[str, Any]] = ask.step(bench.host, asked)["services"]["web"]["retained"]
    return found


def test_an_intact_release_is_told_by_its_manifest(bench: Bench) -> None:
    """By version and by id; another version is not there."""
    [one] = kept(bench, "2.0")
    assert (one["id"], one["damage"]) == (bench.current, "")
    assert one["manifest"].startswith(bench.current.rpartition("-")[2])
    assert one["files"] > 0
    assert kept(bench, bench.current) == [one]
    assert kept(bench, "3.0") == []


def test_a_damaged_release_is_told_with_its_damage(bench: Bench) -> None:
    """Nobody binds what is not what its manifest says."""
    (Path(bench.definition()["root"]) / "releases" / bench.current / "extra").write_text("x")
    [one] = kept(bench, "2.0")
    assert "extra" in one["damage"]
    assert "manifest" not in one


def damage(bench: Bench, **changes: Any) -> str:
    """What the step says of the release that the service rests on."""
    asked = {"check": False, "services": [bench.definition(**changes)], "intact": True}
    return str(ask.step(bench.host, asked)["services"]["web"]["damage"])


def test_what_a_service_rests_on_is_looked_at(bench: Bench) -> None:
    """By the definition with which it was activated, whatever the inventory says now; a release that was never staged
    has nothing to be held against."""
    assert damage(bench) == damage(bench, links={"shared": "/var/lib/web"}) == ""
    current = Path(bench.root, "releases", bench.current)
    (current / "VERSION").write_text("2.1")
    assert "VERSION" in damage(bench)
    current.rename(current.with_name("aside"))
    assert damage(bench) != ""
    Path(bench.root, "current").unlink()
    Path(bench.root, "current").symlink_to("releases/9.9-aaaaaaaaaaaa")
    assert damage(bench) == ""


def test_what_is_no_version_is_refused(bench: Bench) -> None:
    """Nothing that comes in becomes part of a path unproved."""
    with pytest.raises(Refusal) as caught:
        kept(bench, "../x")
    assert caught.value.code == "DATA"
