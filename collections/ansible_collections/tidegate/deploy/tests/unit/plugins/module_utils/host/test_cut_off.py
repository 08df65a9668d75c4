# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An enrolled host whose program is cut off before each of its durable operations: nothing is uncounted, nothing half written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.host import program
from ansible_collections.tidegate.deploy.plugins.module_utils.host.record import Record
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import TOKEN, PowerCut
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import (
    Enrolled,
    digest,
    look_up_signatures,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.test_warden import emergency

OTHER = "cd" * 32


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs without root and systemd, and signatures are looked up."""
    monkeypatch.setattr(program, "require_root_and_systemd", lambda: None)
    look_up_signatures(monkeypatch)


def test_an_activation_that_is_cut_off_was_counted_or_has_not_begun(tmp_path: Path) -> None:
    """The challenge goes first, the attempt is counted second, and only then the journal moves."""
    count = _ready_to_begin(tmp_path / "count")
    count[0].disk.count = 0
    assert count[0].answer("activate", **count[1])["ok"]
    for number in range(1, count[0].disk.count + 1):
        bench, asked, statement = _ready_to_begin(tmp_path / str(number))
        bench.disk.count, bench.disk.cut_at = 0, number
        with pytest.raises(PowerCut):
            bench.answer("activate", **asked)
        bench.disk.cut_at = None
        where = f"cut before {bench.disk.log[-1]}"
        counted = Record(bench.host, "web").doc["statements"].get(statement.id, {"attempts": 0})["attempts"]
        used = not os.path.lexists(bench.host.paths.challenge("web"))
        begun = bench.state != "steady"
        assert used or not counted, where
        assert counted or not begun, where
        bench.boot()
        assert (bench.state, bench.current) == ("steady", asked["previous"]), where
        assert bench.deploy("3.0") == bench.stands["change"], where


def test_an_approved_change_that_is_cut_off_anywhere_is_tried_again(tmp_path: Path) -> None:
    """From the activation to its confirmation: what was begun was counted, and the same statement brings it in afterwards."""
    count = _ready_to_begin(tmp_path / "count")
    count[0].disk.count = 0
    _bring_in(*count[:2])
    for number in range(1, count[0].disk.count + 1):
        bench, asked, statement = _ready_to_begin(tmp_path / str(number))
        bench.disk.count, bench.disk.cut_at = 0, number
        with pytest.raises(PowerCut):
            _bring_in(bench, asked)
        where = f"cut before {bench.disk.log[-1]}"
        bench.boot()
        counted = Record(bench.host, "web").doc["statements"].get(statement.id, {"attempts": 0})["attempts"]
        journal = bench.host.journal("web").read("absent")
        assert bench.state == "steady", where
        if journal["change"] == statement.change:
            assert (counted, bench.current) == (1, asked["release"]["id"]), where
            continue
        assert (counted <= 1, bench.current) == (True, asked["previous"]), where
        again = {"permit": bench.permit(statement), **bench.asked(statement, asked["release"])}
        _bring_in(bench, {**again, "token_sha256": digest(OTHER.encode())}, OTHER)
        assert Record(bench.host, "web").doc["statements"][statement.id]["attempts"] == counted + 1, where
        assert bench.stands["change"] == statement.change, where


@pytest.mark.parametrize("step", ["veto", "review", "challenge"])
def test_what_is_written_down_is_whole_or_not_there(tmp_path: Path, step: str) -> None:
    """A veto, a review and a challenge that were cut off: asked again, they hold; nothing goes forward meanwhile."""
    count, asked = _ready_to_be_told(tmp_path / "count", step)
    count.disk.count = 0
    count.ask(step, **asked)
    for number in range(1, count.disk.count + 1):
        bench, asked = _ready_to_be_told(tmp_path / str(number), step)
        before = (bench.current, Record(bench.host, "web").doc)
        bench.disk.count, bench.disk.cut_at = 0, number
        with pytest.raises(PowerCut):
            bench.answer(step, **asked)
        bench.boot()
        assert (bench.current, Record(bench.host, "web").doc) == before, f"cut before {bench.disk.log[-1]}"
        assert bench.ask(step, **asked)["changed"]


def _bring_in(bench: Enrolled, asked: dict[str, Any], token: str = TOKEN) -> None:
    assert bench.answer("activate", **asked)["ok"]
    bench.run_effects()
    bench.ask("confirm", service="web", change=asked["change"], token=token)


def _ready_to_be_told(top: Path, step: str) -> tuple[Enrolled, dict[str, Any]]:
    bench, _asked, statement = _ready_to_begin(top)
    if step == "veto":
        return bench, bench.signed(statement.as_type("veto", "no"), ["ada"])
    if step == "challenge":
        return bench, {"services": ["web"]}
    made = emergency(bench, bench.release("2.0"))
    _bring_in(bench, {"permit": bench.signed(made), **bench.asked(made, bench.release("2.0"))})
    seen = bench.mint()["seen"]["size"]
    index = bench.log.add("emergency.reviewed", {"statement": made.id})
    return bench, {"service": "web", **bench.log.proof(index, seen)}


def _ready_to_begin(top: Path) -> tuple[Enrolled, dict[str, Any], Statement]:
    bench = Enrolled(top)
    bench.deploy("1.0")
    release = bench.release("2.0")
    statement = bench.statement(bench.new_change(), release)
    return bench, {"permit": bench.permit(statement), **bench.asked(statement, release)}, statement
