# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running service is taken over by one rename of `current`, or refused with everything as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import adopt
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import Bench, PowerCut

OLD = "20260101"
SHARED = "/srv/shared/site.yml"


class Found(Bench):
    """A host on which another tool has deployed a service that runs from `current`."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.folder = Path(self.root, "releases", OLD)
        (self.folder / "config").mkdir(parents=True)
        (self.folder / "VERSION").write_text("1.0")
        (self.folder / "run").write_text("#!/bin/sh\n")
        (self.folder / "run").chmod(0o775)
        (self.folder / "config/site.yml").symlink_to(SHARED)
        Path(self.root, "current").symlink_to(f"{self.root}/releases/{OLD}")
        self.units.runs, self.units.enabled = OLD, "enabled"
        self.links = {"config/site.yml": SHARED}

    def adopt(self, check: bool = False, source: str = "", version: str = OLD, **changes: Any) -> dict[str, Any]:
        doc = self.definition(links=self.links, **changes)
        return adopt.step(self.host, {"check": check, "definition": doc, "runs": {"version": version, "from": source}})

    def refusal(self, **changes: Any) -> Refusal:
        before = self.listing()
        with pytest.raises(Refusal) as caught:
            self.adopt(**changes)
        assert self.listing() == before
        return caught.value

    def listing(self) -> dict[str, tuple[int, int, int]]:
        """Every path below the root, with its mode, file and time."""
        paths = sorted(Path(self.root).rglob("*"))
        return {str(path): (path.lstat().st_mode, path.lstat().st_ino, path.lstat().st_mtime_ns) for path in paths}


@pytest.fixture
def found(tmp_path: Path) -> Found:
    tmp_path.chmod(0o755)
    return Found(tmp_path)


def test_what_runs_becomes_a_release_and_the_unit_is_left_alone(found: Found) -> None:
    """A copy with a manifest; the folder stays; journal and link say so; nothing was started or stopped."""
    told = found.adopt()
    release = told["release"]
    assert (told["changed"], told["files"], told["from"]) == (True, 2, str(found.folder))
    assert release.startswith(f"{OLD}-")
    assert (found.current, found.state, found.units.calls) == (release, "steady", [])
    copy = Path(found.root, "releases", release)
    assert {path.relative_to(copy).as_posix(): path.lstat().st_mode & 0o777 for path in copy.rglob("*")} == {
        "VERSION": 0o644,
        "config": 0o755,
        "config/site.yml": 0o777,
        "run": 0o755,
    }
    assert os.readlink(copy / "config/site.yml") == SHARED
    assert (found.folder / "run").exists()
    view = found.stands
    assert (view["current"], view["change"], view["releases"]) == (release, None, sorted([OLD, release]))


def test_check_mode_says_it_and_writes_nothing(found: Found) -> None:
    """The id is known before anything is written."""
    before = found.listing()
    told = found.adopt(check=True)
    assert told["changed"]
    assert told["would"][0] == f"copy {found.folder} to {found.root}/releases/{told['release']}"
    assert found.listing() == before
    assert not os.path.exists(found.host.paths.state)
    assert found.adopt()["release"] == told["release"]


def test_again_changes_nothing(found: Found) -> None:
    """Also without the variables of the first time."""
    release = found.adopt()["release"]
    before = found.listing()
    told = found.adopt(version="")
    assert (told["changed"], told["release"]) == (False, release)
    assert found.listing() == before


def test_a_rollout_and_its_way_back_lead_to_what_was_adopted(found: Found) -> None:
    """The adopted release is the previous one, by the definition with which it was taken over; then retention keeps it."""
    release = found.adopt()["release"]
    found.units.runs = release
    change = found.deploy("2.0")
    assert found.current.startswith("2.0-")
    assert found.back(change)["changed"]
    found.run_revert()
    assert (found.current, found.units.runs, found.state) == (release, release, "steady")
    found.run_prune()
    assert {OLD, release} <= set(os.listdir(f"{found.root}/releases"))


def test_a_power_cut_leaves_what_ran_or_what_was_adopted(tmp_path: Path) -> None:
    """Before each durable operation: `current` names the same content, and asking again finishes it."""
    for cut in range(1, 40):
        top = tmp_path / str(cut)
        top.mkdir()
        found = Found(top)
        found.disk.cut_at = cut
        try:
            release = found.adopt()["release"]
        except PowerCut:
            found.disk.cut_at = None
            assert Path(found.root, "current", "VERSION").read_text() == "1.0"
            release = found.adopt()["release"]
        else:
            assert cut > 5
            return
        assert (found.current, found.state) == (release, "steady")
    raise AssertionError("it never came to its end")


def test_a_release_that_lost_its_state_is_taken_as_it_is(found: Found) -> None:
    """After Tidegate was removed: the id stays, and `current` does not move."""
    release = found.adopt()["release"]
    before = found.listing()
    os.rename(found.host.paths.state, found.host.paths.state + ".gone")
    found.units.runs = release
    told = found.adopt(version="")
    assert (told["changed"], told["release"], found.state) == (True, release, "steady")
    same = {path: told for path, told in found.listing().items() if not path.endswith("/releases")}
    assert same == {path: told for path, told in before.items() if not path.endswith("/releases")}


def _away(found: Found) -> None:
    Path(found.root, "current").unlink()
    found.folder.rename(found.top / "app")
    found.units.refers_to_current = False


def test_a_folder_elsewhere_is_named(found: Found, monkeypatch: Any) -> None:
    """It has to be named with its version; what is left for people is told, also when asked again."""
    _away(found)
    source = str(found.top / "app")
    assert "tidegate_adopt_from" in found.refusal().message
    real = found.units.properties
    monkeypatch.setattr(
        found.units, "properties", lambda *names: {**real(*names), "ExecStart": f"{{ path={source}/run ; }}"}
    )
    assert "tidegate_adopt_version" in found.refusal(source=source, version="").message
    told = found.adopt(source=source)
    assert told["todo"] == [
        f"let web.service run {found.root}/current instead of {source}, and systemctl daemon-reload"
    ]
    assert found.current == told["release"]
    assert found.adopt()["todo"] == told["todo"]
    assert Path(source, "run").exists()


def test_a_unit_that_names_the_folder_itself_is_told(found: Found, monkeypatch: Any) -> None:
    """There is a `current`, but a restart would not follow it."""
    real = found.units.properties
    monkeypatch.setattr(
        found.units, "properties", lambda *names: {**real(*names), "ExecStart": f"{{ path={found.folder}/run ; }}"}
    )
    (told,) = found.adopt()["todo"]
    assert told.startswith(f"let web.service run {found.root}/current instead of {found.folder}, and")


def _write(name: str, mode: int = 0o644) -> Any:
    def spoil(found: Found) -> None:
        (found.folder / name).write_text("x")
        (found.folder / name).chmod(mode)

    return spoil


def _link(name: str, target: str) -> Any:
    return lambda found: (found.folder / name).symlink_to(target)


def _current(target: str) -> Any:
    def spoil(found: Found) -> None:
        Path(found.root, "current").unlink()
        Path(found.root, "current").symlink_to(target)

    return spoil


def _current_is_a_folder(found: Found) -> None:
    Path(found.root, "current").unlink()
    Path(found.root, "current").mkdir()


def _stopped(found: Found) -> None:
    found.units.runs = None


def _runs_elsewhere(found: Found) -> None:
    found.units.refers_to_current = False


def _release_is_a_link(found: Found) -> None:
    found.folder.rename(found.top / "app")
    found.folder.symlink_to(found.top / "app")


SPOILED = {
    "current is a folder": (_current_is_a_folder, "UNSAFE_PATH", "current: expected a link to releases/<id>, found no"),
    "current leads out": (_current("/srv/app"), "UNSAFE_PATH", "found '/srv/app'"),
    "current dangles": (_current("releases/gone"), "ADOPT", "releases/gone, which is not there"),
    "the folder is a link": (_release_is_a_link, "ADOPT", "expected a real folder, name its real path"),
    "the unit does not run": (_stopped, "ADOPT", "web.service: found inactive"),
    "it runs elsewhere": (_runs_elsewhere, "RUNS_ELSEWHERE", "neither its unit file nor its process names"),
    "a pipe": (lambda found: os.mkfifo(found.folder / "pipe"), "TREE", "pipe: a device, socket or pipe"),
    "a link out": (_link("log", "../../shared/log"), "TREE", "log: link to ../../shared/log, which leaves the release"),
    "an absolute link": (_link("tmp", "/tmp/x"), "TREE", "name it under links: of the service"),
    "a secret": (_write("key", 0o640), "TREE", "key: mode 0640, expected a file that all may read"),
    "setuid": (_write("su", 0o4755), "TREE", "su: mode 4755, expected no setuid"),
    "a root of others": (lambda found: Path(found.root).chmod(0o775), "UNSAFE_PATH", "mode 0775 found"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "code", "words"), SPOILED.values(), ids=SPOILED)
def test_what_is_refused(found: Found, spoil: Any, code: str, words: str) -> None:
    """It names the place, and changes nothing."""
    spoil(found)
    refusal = found.refusal()
    assert (refusal.code, words in refusal.message) == (code, True), refusal.message


def test_all_that_is_wrong_with_a_folder_is_told_at_once(found: Found) -> None:
    """The first few, and how many more."""
    for number in range(7):
        (found.folder / f"link{number}").symlink_to("/etc")
    message = found.refusal().message
    assert [f"link{number}:" in message for number in range(7)] == [True] * 5 + [False] * 2
    assert message.endswith("; and 2 more")


def test_what_was_written_after_the_start_is_not_what_runs(found: Found, monkeypatch: Any) -> None:
    """A file that is younger than the process is named; caches of Python are left out."""
    monkeypatch.setattr(adopt.Running, "of", classmethod(lambda cls, *_args: cls("web.service", _shown(found), 1.0)))
    assert "was moved to 20260101 after web.service was started" in found.refusal().message
    os.utime(Path(found.root, "current"), (0, 0), follow_symlinks=False)
    for path in (found.folder / "run", found.folder / "VERSION"):
        os.utime(path, (0, 0))
    (found.folder / "__pycache__").mkdir()
    (found.folder / "__pycache__/a.pyc").write_text("x")
    _write("log")(found)
    assert "cannot be a release: log: was written after the service started" in found.refusal().message
    (found.folder / "log").unlink()
    release = found.adopt()["release"]
    assert "__pycache__" not in os.listdir(f"{found.root}/releases/{release}")


def _shown(found: Found) -> dict[str, str]:
    return found.units.properties("web.service")


def test_another_version_than_the_one_that_runs(found: Found) -> None:
    """The probes decide."""
    refusal = found.refusal(version="9.9")
    assert (refusal.code, "tidegate_adopt_version" in refusal.message) == ("PROBE", True)


def test_while_an_activation_is_under_way(found: Found) -> None:
    """A service of Tidegate's is not taken over again, and least of all then."""
    found.adopt()
    found.begin(found.new_change(), found.release("2.0"))
    assert (found.refusal().code, found.state) == ("STATE", "pending")


def test_what_was_put_there_by_hand_is_taken_over_again(found: Found) -> None:
    """Tidegate learns what runs; the change that it had put there before can no longer be taken back."""
    found.adopt()
    change = found.deploy("2.0")
    _current(f"releases/{OLD}")(found)
    found.units.runs = OLD
    told = found.adopt()
    assert (told["changed"], found.current, found.stands["change"]) == (True, told["release"], None)
    with pytest.raises(Refusal, match="NOT_OURS"):
        found.back(change)
