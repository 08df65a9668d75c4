# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what runs once per change runs now: by what is written down of it, and what its check says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.deploy.plugins.action import once
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.once import ASKED, BEGUN, DONE, FAILED
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import OnceRow


class Store:
    """A store that knows one task in some state, and what its check said."""

    def __init__(self, state, there):
        self.row = OnceRow("CHG-2026-0001", "migrate", 1, state, "run", "db1", 1, there, "") if state else None
        self.moves = []

    def once(self, _change_id):
        return {"migrate": self.row} if self.row else {}

    def move_once(self, _change_id, _name, _run_id, _host, state, under_way):
        self.moves.append((state, under_way))


def a_run(state, there=None):
    return SimpleNamespace(store=Store(state, there), change_id="CHG-2026-0001", id="run", halted="")


def one(check=True):
    return {"name": "migrate", "on": "db1", "check": {"root": "0-db", "entry": "check.yml"} if check else None}


@pytest.fixture
def door():
    action = once.ActionModule.__new__(once.ActionModule)
    action._task = SimpleNamespace(check_mode=False)
    return action


BEGINS, IS_THERE = (True, [(BEGUN, True)]), (False, [(DONE, False)])
CASES = {
    "the first time, without a check": (ASKED, None, False, BEGINS),
    "the first time, and the check finds nothing": (ASKED, 0, True, BEGINS),
    "the first time, and the check finds it": (ASKED, 1, True, IS_THERE),
    "cut off, and the check finds it": (BEGUN, 1, True, IS_THERE),
    "cut off, and the check finds nothing": (BEGUN, 0, True, BEGINS),
    "failed, and the check finds nothing": (FAILED, 0, True, BEGINS),
}


@pytest.mark.parametrize(("state", "there", "check", "expected"), CASES.values(), ids=CASES)
def test_what_runs_and_what_does_not(door, state, there, check, expected):
    """It begins only if nothing says that it was done, and that it begins is written down first."""
    run = a_run(state, there)

    result = door._begin(run, one(check))

    assert (result.data["needed"], run.store.moves) == expected


@pytest.mark.parametrize("state", [BEGUN, FAILED])
def test_nothing_is_repeated_blindly(door, state):
    """Without a check, one that began earlier is refused, with what to do; nothing is written."""
    run = a_run(state)

    with pytest.raises(Refusal) as caught:
        door._begin(run, one(check=False))

    assert caught.value.code == "ONCE"
    assert "take it out of the change file if it was done, or give it a check" in caught.value.message
    assert run.store.moves == []


def test_a_check_that_says_nothing_is_no_answer(door):
    """Neither there nor not there: nothing begins."""
    with pytest.raises(Refusal) as caught:
        door._begin(a_run(ASKED), one())

    assert caught.value.code == "CHECK"


def test_it_is_done_only_when_its_check_finds_it(door):
    """Tasks that went well and left nothing behind have failed."""
    run = a_run(BEGUN, there=0)

    with pytest.raises(Refusal, match="does not find it"):
        door._end(run, one())

    assert run.store.moves == [(FAILED, False)]
    assert door._end(a_run(BEGUN, there=1), one()).changed
    assert door._end(a_run(BEGUN), one(check=False)).verdict == "ok"
