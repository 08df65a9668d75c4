# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many processes at one store."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import Move
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

from .processes import at_once


def test_processes_that_open_it_first_at_once_share_one_store(path, clock):
    """Everyone gets an id of their own from the same store, and nothing is left beside it."""

    def work(_number):
        with Store.open(path, clock) as store:
            return store.new_change("web", "production", "c" * 64, b"{}", "x")[0]

    assert sorted(at_once(work, 12)) == [f"CHG-2026-{number:04d}" for number in range(1, 13)]
    assert sorted(os.listdir(Path(path).parent)) == [".gitignore", "store.db"]


def test_of_processes_that_ask_for_a_lease_at_once_exactly_one_gets_it(path, clock):
    """All others are refused and told who has it."""
    Store.open(path, clock).close()

    def work(number):
        with Store.open(path, clock) as store:
            try:
                return store.take_lease("web", "production", f"run{number}", {"pid": number}, 60, lambda _holder: False)
            except Refusal as refusal:
                return refusal.facts["pid"]

    answers = at_once(work, 8)
    (winner,) = [number for number, answer in enumerate(answers) if answer > 1000]
    assert {answer for number, answer in enumerate(answers) if number != winner} == {winner}


def test_of_processes_that_take_over_a_dead_lease_exactly_one_gets_it(path, clock):
    """The number rises once."""
    with Store.open(path, clock) as store:
        number = store.take_lease("web", "production", "dead", {"pid": 0}, 60, lambda _holder: False)

    def work(which):
        with Store.open(path, clock) as store:
            try:
                return store.take_lease("web", "production", f"run{which}", {"pid": 1}, 60, lambda h: h["pid"] == 0)
            except Refusal:
                return None

    assert [answer for answer in at_once(work, 8) if answer] == [number + 1]


def test_no_note_of_twenty_processes_is_lost(path, clock):
    """Every event is there once, numbered without gaps, and every row shows its last."""
    hosts = [f"web{number}" for number in range(20)]
    with Store.open(path, clock) as store:
        change = store.new_change("web", "production", "c" * 64, b"{}", "x")[0]
        store.begin_run("run", change, 1, "rollout", {}, [hosts], False)

    def work(number):
        for step in ("stage", "activate", "confirm"):
            with Store.open(path, clock) as store:
                store.note("run", hosts[number], step, "ok")

    assert at_once(work, 20) == [None] * 20
    with Store.open(path, clock) as store:
        events = store.events("run")
        assert [event.number for event in events] == list(range(1, 61))
        assert sorted((event.host, event.step) for event in events) == sorted(
            (host, step) for host in hosts for step in ("stage", "activate", "confirm")
        )
        assert {row.step for row in store.host_rows("run")} == {"confirm"}


def test_of_processes_that_move_a_change_exactly_one_does(path, clock):
    """Compare and set holds between processes."""
    with Store.open(path, clock) as store:
        change = store.new_change("web", "production", "c" * 64, b"{}", "x")[0]

    def complete(row):
        if row.state != "draft":
            raise Refusal("NOT_OPEN", f"{row.id} is {row.state}")
        return Move("completed", "completed", True)

    def work(number):
        with Store.open(path, clock) as store:
            try:
                store.move_change(change, complete, {"by": number})
            except Refusal as refusal:
                return refusal.code
            return "moved"

    assert sorted(at_once(work, 6)) == ["NOT_OPEN"] * 5 + ["moved"]
