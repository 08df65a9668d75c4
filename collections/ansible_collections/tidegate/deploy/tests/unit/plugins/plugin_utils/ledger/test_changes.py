# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes: ids, revisions, and the moves of their states."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow, Move, MoveRow

PLAN = b'{"service":"web"}'
DIGEST = "c" * 64


def to(state, ended=None, begins=False, event="moves"):
    """A table that lets every change become one state."""
    return lambda _row: Move(event, state, state not in ("draft", "paused") if ended is None else ended, begins)


def never(row):
    """A table that lets no change become anything."""
    raise Refusal("NOT_OPEN", f"{row.id} is {row.state}", state=row.state)


def plan(store, service="web", environment="production", id=None, plan_bytes=PLAN):  # noqa: A002 - as the store calls it
    return store.new_change(service, environment, DIGEST, plan_bytes, "changes/web.yml", id, 2026)


def test_a_new_change_is_kept_as_it_was_planned(store):
    """Everything that was handed in is read back, with digest, state and time."""
    assert plan(store) == ("CHG-2026-0001", 1)
    assert store.change("CHG-2026-0001") == ChangeRow(
        id="CHG-2026-0001",
        service="web",
        environment="production",
        state="draft",
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
    store.move_change(change, to("completed"), {"hosts": 3})
    with pytest.raises(Refusal, match=r"was closed at 2026-11-24T12:00:00\.000000Z \(completed\)") as caught:
        plan(store, id=change)
    assert caught.value.code == "NOT_OPEN"
    with pytest.raises(Refusal, match="is completed"):
        store.add_revision(change, DIGEST, PLAN, never)
    assert store.change(change).revision == 1


def test_a_revision_of_no_change_is_refused(store):
    """A revision needs a change."""
    with pytest.raises(Refusal, match="knows no change CHG-2026-0009") as caught:
        store.add_revision("CHG-2026-0009", DIGEST, PLAN, to("draft"))
    assert caught.value.code == "NO_CHANGE"


def test_open_changes_are_those_without_outcome(store):
    """A change is open, in whatever state, until it has an outcome."""
    first, second = plan(store)[0], plan(store)[0]
    plan(store, service="worker")
    plan(store, environment="staging")
    store.move_change(first, to("paused"), {})
    assert [change.id for change in store.open_changes("web", "production")] == [first, second]
    store.move_change(first, to("completed"), {})
    assert [change.id for change in store.open_changes("web", "production")] == [second]
    assert (store.change(first).outcome, store.change(first).closed_at) == ({}, "2026-11-24T12:00:00.000000Z")


def test_the_latest_change_is_found_by_state_too(store, clock):
    """Newest first, of a service, and of one state if asked."""
    first = plan(store)[0]
    clock.turn(1)
    second = plan(store)[0]
    assert store.latest_change("web", "production").id == second
    store.move_change(first, to("completed"), {})
    assert store.latest_change("web", "production", "completed").id == first
    assert store.latest_change("web", "production", "failed") is None
    assert [change.id for change in store.changes(1)] == [second]


def test_what_the_table_refuses_changes_nothing(store):
    """The table is asked within the transaction; its refusal leaves change, history and ledger as they were."""
    change, _revision = plan(store)
    before, entries = store.change(change), store.log_size()
    with pytest.raises(Refusal, match=f"{change} is draft") as caught:
        store.move_change(change, never, {"x": 1})
    assert caught.value.facts["state"] == "draft"
    assert (store.change(change), store.moves(change), store.log_size()) == (before, [], entries)


def test_a_move_is_kept_with_who_when_and_why_and_entered_in_the_ledger(store, clock):
    """The reason itself is in the history; the ledger has its digest, as it has of all that people write freely."""
    change, _revision = plan(store)
    clock.turn(60)
    store.move_change(change, to("submitted", False, event="submit"), actor="ada", reason="it is time")
    (move,) = store.moves(change)
    assert move == MoveRow(
        change, 1, "2026-11-24T12:01:00.000000Z", "submit", "draft", "submitted", 1, "ada", "it is time"
    )
    planned, moved = store.entries(change)
    assert (planned.kind, moved.kind, moved.actor) == ("change.planned", "change.moved", "ada")
    assert moved.body == {
        "event": "submit",
        "before": "draft",
        "after": "submitted",
        "revision": 1,
        "reason": hashlib.sha256(b"it is time").hexdigest(),
    }


def test_a_change_that_is_worked_on_knows_what_it_was_before(store):
    """Until it is something else again."""
    change, _revision = plan(store)
    store.move_change(change, to("approved", False))
    assert store.move_change(change, to("implementing", False, begins=True)).before == "approved"
    assert store.move_change(change, to("implementing", False, begins=True)).before == "approved"
    assert store.move_change(change, to("paused")).before is None


def test_a_revision_moves_the_change_in_the_same_transaction(store):
    """What was handed in is not wanted by anybody any more once its content is another."""
    change, _revision = plan(store)
    store.move_change(change, to("submitted", False), noted={"requested_by": "ada"})
    assert store.change(change).requested_by == "ada"
    assert store.add_revision(change, DIGEST, b"{}", to("draft", event="edit")) == 2
    found = store.change(change)
    assert (found.state, found.revision, found.requested_by) == ("draft", 2, None)
    assert [(move.event, move.revision) for move in store.moves(change)] == [("moves", 1), ("edit", 2)]


def test_only_a_draft_is_planned_again_under_its_id(store):
    """What was decided on is revised by the table alone."""
    change, _revision = plan(store)
    store.move_change(change, to("approved", False))
    with pytest.raises(Refusal, match=f"change {change} is approved: plan it under another id") as caught:
        plan(store, id=change)
    assert caught.value.code == "NOT_OPEN"
    assert store.change(change).revision == 1


def test_reviews_that_nobody_recorded_in_time_are_found(store, clock):
    """Of one service, and only once their time is over."""
    change, _revision = plan(store)
    plan(store, service="worker")
    store.move_change(change, to("completed"), noted={"review_due_at": "2026-11-24T13:00:00.000000Z"})
    assert store.overdue_reviews("web", "production") == []
    clock.turn(3601)
    assert store.overdue_reviews("web", "production") == [change]
    assert store.overdue_reviews("worker", "production") == []
    store.move_change(change, to("completed"), noted={"reviewed_at": "2026-11-24T13:00:02.000000Z"})
    assert store.overdue_reviews("web", "production") == []


def test_a_closed_change_can_get_another_outcome(store, clock):
    """Going back later writes the outcome that holds now, and when."""
    change, _revision = plan(store)
    store.move_change(change, to("completed"), {"good": 3})
    clock.turn(60)
    store.move_change(change, to("rolled_back"), {"good": 0})
    found = store.change(change)
    assert (found.state, found.outcome, found.closed_at) == ("rolled_back", {"good": 0}, "2026-11-24T12:01:00.000000Z")


def test_catching_up_again_does_not_prolong_the_time_for_it(store, clock):
    """A change that stays partial keeps the time at which it first ended."""
    change, _revision = plan(store)
    store.move_change(change, to("partial"), {"behind": 2})
    clock.turn(60)
    store.move_change(change, to("partial"), {"behind": 1})
    found = store.change(change)
    assert (found.outcome, found.closed_at) == ({"behind": 1}, "2026-11-24T12:00:00.000000Z")


def test_only_going_on_revises_a_partial_change(store):
    """What a host says that was silent is added; planning under its id is still another change."""
    change, _revision = plan(store)
    store.move_change(change, to("partial"), {})
    assert store.add_revision(change, DIGEST, b"{}", to("partial")) == 2
    with pytest.raises(Refusal, match=r"\(partial\)") as caught:
        plan(store, id=change)
    assert caught.value.code == "NOT_OPEN"


def test_changes_of_one_state(store, clock):
    """The paused ones can be listed apart from the others."""
    first = plan(store)[0]
    clock.turn(1)
    plan(store)
    store.move_change(first, to("paused"), {})
    assert [change.id for change in store.changes(10, "paused")] == [first]
