# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes: ids, revisions, and the moves of their states."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.changes import (
    FAILED,
    MOVES,
    OPEN,
    PLANNED,
    ROLLED_BACK,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow

PLAN = b'{"service":"web"}'
DIGEST = "c" * 64


def plan(store, service="web", environment="production", id=None, plan_bytes=PLAN):  # noqa: A002 - as the store calls it
    return store.new_change(service, environment, DIGEST, plan_bytes, "changes/web.yml", id, 2026)


def test_a_new_change_is_kept_as_it_was_planned(store):
    """Everything that was handed in is read back, with digest, state and time."""
    assert plan(store) == ("CHG-2026-0001", 1)
    assert store.change("CHG-2026-0001") == ChangeRow(
        id="CHG-2026-0001",
        service="web",
        environment="production",
        state="planned",
        source="changes/web.yml",
        created_at="2026-11-24T12:00:00.000000Z",
        revision=1,
        content_digest=DIGEST,
        plan_digest=hashlib.sha256(PLAN).hexdigest(),
        plan_bytes=PLAN,
        closed_at=None,
        outcome=None,
    )


def test_an_unknown_change_is_none(store):
    """A change that was never planned is answered with None."""
    assert store.change("CHG-2026-0001") is None


def test_ids_go_on_after_the_largest_of_the_year(store):
    """The next id is one more than the largest of its year, also past four digits."""
    plan(store, id="CHG-2026-9999")
    assert plan(store) == ("CHG-2026-10000", 1)
    assert plan(store) == ("CHG-2026-10001", 1)
    assert store.new_change("web", "production", DIGEST, PLAN, "x", None, 2027) == ("CHG-2027-0001", 1)


def test_without_a_year_the_clock_says_it(store):
    """The year of the next id is the clock's."""
    assert store.new_change("web", "production", DIGEST, PLAN, "x") == ("CHG-2026-0001", 1)


def test_a_pinned_open_change_gets_a_revision(store):
    """Planning under an id that is open adds a revision; every revision's plan stays readable."""
    assert plan(store, id="CHG-2026-0042") == ("CHG-2026-0042", 1)
    assert plan(store, id="CHG-2026-0042", plan_bytes=b"{}") == ("CHG-2026-0042", 2)
    assert store.change("CHG-2026-0042").plan_bytes == b"{}"
    assert store.plan_bytes("CHG-2026-0042", 1) == PLAN
    assert store.plan_bytes("CHG-2026-0042", 3) is None


@pytest.mark.parametrize("wrong", ["", "CHG-26-1", "CHG-2026-1", "chg-2026-0001", "CHG-2026-0001\n", "CHG-2026-0001 "])
def test_an_id_of_another_form_is_refused(store, wrong):
    """Only ids like CHG-2026-0007 are taken."""
    with pytest.raises(Refusal, match="is not of the form CHG-2026-0007") as caught:
        plan(store, id=wrong)
    assert caught.value.code == "DATA"
    assert store.changes() == []


def test_a_pinned_id_of_another_service_is_refused(store):
    """An id names one service in one environment."""
    plan(store, id="CHG-2026-0001")
    with pytest.raises(Refusal, match="is a change of web in production, not of worker in production") as caught:
        plan(store, service="worker", id="CHG-2026-0001")
    assert caught.value.code == "DATA"


def test_a_closed_change_takes_no_revision(store):
    """What has an outcome is not planned again."""
    change, _revision = plan(store)
    store.move_change(change, "completed", {"hosts": 3})
    for again in (lambda: plan(store, id=change), lambda: store.add_revision(change, DIGEST, PLAN)):
        with pytest.raises(Refusal, match=r"was closed at 2026-11-24T12:00:00\.000000Z \(completed\)") as caught:
            again()
        assert caught.value.code == "NOT_OPEN"
    assert store.change(change).revision == 1


def test_a_revision_of_no_change_is_refused(store):
    """A revision needs a change."""
    with pytest.raises(Refusal, match="knows no change CHG-2026-0009") as caught:
        store.add_revision("CHG-2026-0009", DIGEST, PLAN)
    assert caught.value.code == "NO_CHANGE"


def test_open_changes_are_those_without_outcome(store):
    """A change is open, in whatever state, until it has an outcome."""
    first, second = plan(store)[0], plan(store)[0]
    plan(store, service="worker")
    plan(store, environment="staging")
    store.move_change(first, "paused", {})
    assert [change.id for change in store.open_changes("web", "production")] == [first, second]
    store.move_change(first, "completed", {})
    assert [change.id for change in store.open_changes("web", "production")] == [second]
    assert (store.change(first).outcome, store.change(first).closed_at) == ({}, "2026-11-24T12:00:00.000000Z")


def test_the_latest_change_is_found_by_state_too(store, clock):
    """Newest first, of a service, and of one state if asked."""
    first = plan(store)[0]
    clock.turn(1)
    second = plan(store)[0]
    assert store.latest_change("web", "production").id == second
    store.move_change(first, "completed", {})
    assert store.latest_change("web", "production", "completed").id == first
    assert store.latest_change("web", "production", "failed") is None
    assert [change.id for change in store.changes(1)] == [second]


@pytest.mark.parametrize(("state", "new"), [(a, b) for a in MOVES for b in MOVES])
def test_a_state_leads_only_where_the_table_says(store, state, new):
    """Every pair of states: a move of the table happens, any other refuses and leaves everything as it was."""
    change = _in_state(store, state)
    before = store.change(change)
    if new in MOVES[state]:
        store.move_change(change, new, {"x": 1})
        found = store.change(change)
        assert (found.state, found.outcome, found.closed_at is None) == (new, {"x": 1}, new in OPEN)
        return
    with pytest.raises(Refusal, match=f"change {change} is {state}: it cannot become {new}") as caught:
        store.move_change(change, new, {"x": 1})
    assert (caught.value.code, caught.value.facts["state"]) == ("NOT_OPEN", state)
    assert store.change(change) == before


def _in_state(store, state):
    change, _revision = plan(store)
    if state != PLANNED:
        assert state in MOVES[PLANNED]
        store.move_change(change, state, {})
    return change


def test_nothing_leads_back_to_planned_and_every_state_can_be_taken_back():
    """A change begins once; the way back is open from everywhere."""
    assert all(PLANNED not in moves for moves in MOVES.values())
    assert all({ROLLED_BACK, FAILED} <= set(moves) for moves in MOVES.values())


def test_a_closed_change_can_get_another_outcome(store, clock):
    """Going back later writes the outcome that holds now, and when."""
    change, _revision = plan(store)
    store.move_change(change, "completed", {"good": 3})
    clock.turn(60)
    store.move_change(change, "rolled_back", {"good": 0})
    found = store.change(change)
    assert (found.state, found.outcome, found.closed_at) == ("rolled_back", {"good": 0}, "2026-11-24T12:01:00.000000Z")


def test_catching_up_again_does_not_prolong_the_time_for_it(store, clock):
    """A change that stays partial keeps the time at which it first ended."""
    change, _revision = plan(store)
    store.move_change(change, "partial", {"behind": 2})
    clock.turn(60)
    store.move_change(change, "partial", {"behind": 1})
    found = store.change(change)
    assert (found.outcome, found.closed_at) == ({"behind": 1}, "2026-11-24T12:00:00.000000Z")


def test_only_going_on_revises_a_partial_change(store):
    """What a host says that was silent is added; planning under its id is still another change."""
    change, _revision = plan(store)
    store.move_change(change, "partial", {})
    assert store.add_revision(change, DIGEST, b"{}") == 2
    with pytest.raises(Refusal, match=r"\(partial\)") as caught:
        plan(store, id=change)
    assert caught.value.code == "NOT_OPEN"


def test_changes_of_one_state(store, clock):
    """The paused ones can be listed apart from the others."""
    first = plan(store)[0]
    clock.turn(1)
    plan(store)
    store.move_change(first, "paused", {})
    assert [change.id for change in store.changes(10, "paused")] == [first]
