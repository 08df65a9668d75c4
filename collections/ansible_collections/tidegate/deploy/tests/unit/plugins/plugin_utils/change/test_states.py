# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a change: every pair of state and event, what its guards ask for, and what the table promises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import (
    EVENTS,
    OPEN,
    ROWS,
    STATES,
    TERMINAL,
    Facts,
    decide,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow

DRAFT = ChangeRow("CHG-2026-0007", "web", "production", "draft", "x", "", 1, "", "", b"", None, None)
PASSES = {
    "submit": Facts(asked=True, enrolled=True),
}
"""Facts that let an event pass where no facts at all do not."""


def change(state="draft", before=None, **more):
    return replace(DRAFT, state=state, before=before, **more)


def refusal_of(row, event, facts):
    with pytest.raises(Refusal) as caught:
        decide(row, event, facts)
    return caught.value


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_every_pair_has_a_row_or_is_refused_by_name(state, event):
    """An event that does not fit is refused with the state, the event, and the states that it fits."""
    row = change(state, review_due_at="2026-11-28T00:00:00.000000Z")
    rows = [found for found in ROWS if found.event == event and state in found.states]
    if rows:
        move = decide(row, event, PASSES.get(event, Facts()))
        assert move.event == event
        assert move.state in {found.next or state for found in rows}
        assert move.ended == (move.state not in OPEN)
        return
    refusal = refusal_of(row, event, Facts(asked=True))
    assert (refusal.code, refusal.facts["state"], refusal.facts["event"]) == ("NOT_OPEN", state, event)
    assert refusal.message.startswith(f"CHG-2026-0007 is {state}: ")
    assert states.expected(event) in refusal.message
    assert refusal.message.endswith("plan it anew with -e tidegate_change_file=x") == (state in TERMINAL)


@pytest.mark.parametrize("verb", ["approve", "reject", "withdraw"])
def test_a_refused_decision_is_called_as_it_was_typed(verb):
    """Not by what the diagram calls what follows from it."""
    assert f"CHG-2026-0007 is completed: {verb} does not fit" in refusal_of(change("completed"), verb, Facts()).message


def test_the_way_back_asks_nobody():
    """From every state a change can become what it was before, whatever is known or missing."""
    for state in STATES:
        for event in ("rolled_back", "failed"):
            assert decide(change(state), event, Facts(asked=True, emergency=True, overdue=("CHG-2026-0001",)))


def test_nothing_leads_on_from_an_end():
    """But the way back, and the review of an emergency."""
    for row in ROWS:
        if set(row.states) & set(TERMINAL):
            assert row.event in ("rolled_back", "failed", "review")


def test_only_a_rollout_leads_to_implementing():
    """And never from a draft that somebody has to approve, or from what was handed in and not approved."""
    assert {row.event for row in ROWS if row.next == "implementing"} == {"begin"}
    assert refusal_of(change("draft"), "begin", Facts(asked=True)).code == "APPROVAL"
    assert refusal_of(change("submitted"), "begin", Facts(asked=True)).code == "NOT_OPEN"


@pytest.mark.parametrize("state", ["draft", "submitted", "approved", "implementing"])
def test_other_content_begins_anew(state):
    """Whatever was decided about the content before is void."""
    assert decide(change(state), "edit", Facts(asked=True)).state == "draft"


def test_a_paused_change_stays_paused_when_its_plan_is_filled_in():
    """Its content is what it was; also where a resume was interrupted."""
    assert decide(change("paused"), "edit", Facts(asked=True)).state == "paused"
    assert decide(change("implementing", "paused"), "edit", Facts(asked=True)).state == "paused"
    assert decide(change("partial"), "edit", Facts(asked=True)).state == "partial"


@pytest.mark.parametrize("before", ["draft", "approved", "paused"])
def test_a_rollout_that_touched_nothing_leaves_the_change_as_it_was(before):
    """Approvals included."""
    row = change("implementing", before)
    assert states.resting(row) == before
    assert decide(row, "not_begun", Facts()).state == before


def test_a_veto_ends_what_has_not_begun_and_holds_what_has():
    """Hosts that were touched need somebody who decides what becomes of them."""
    for state in ("submitted", "approved"):
        assert decide(change(state), "reject", Facts()).state == "rejected"
        assert decide(change(state), "reject", Facts(touched=True)).state == "paused"
    assert decide(change("implementing"), "reject", Facts()).state == "paused"


def test_an_approval_that_is_taken_back_holds_a_rollout():
    """Before it began the change waits for approval again."""
    assert decide(change("approved"), "withdraw", Facts()).state == "submitted"
    assert decide(change("implementing"), "withdraw", Facts()).state == "paused"


def test_what_has_begun_on_hosts_is_not_given_up():
    """It is taken back or closed."""
    assert decide(change("draft"), "cancel", Facts()).state == "cancelled"
    refusal = refusal_of(change("draft"), "cancel", Facts(touched=True))
    assert (refusal.code, "rollback" in refusal.message, "close" in refusal.message) == ("STATE", True, True)


def test_nobody_is_asked_where_policy_asks_nobody():
    """Such a change is rolled out at once, and there is nothing to hand in."""
    assert decide(change(), "begin", Facts()).state == "implementing"
    assert refusal_of(change(), "submit", Facts()).code == "STATE"


@pytest.mark.parametrize(("state", "event"), [("draft", "submit"), ("draft", "begin"), ("approved", "begin")])
def test_an_overdue_review_blocks_the_next_emergency(state, event):
    """Not other changes; and the refusal says which review, and how it is recorded."""
    facts = Facts(asked=event == "submit", emergency=True, overdue=("CHG-2026-0003",))
    refusal = refusal_of(change(state), event, facts)
    assert refusal.code == "REVIEW"
    assert "tidegate.deploy.review -e tidegate_change=CHG-2026-0003" in refusal.message
    assert decide(change(state), event, replace(facts, emergency=False))


def test_only_an_emergency_that_began_is_reviewed_and_once():
    """Anything else has no review that is due."""
    assert "no emergency" in refusal_of(change("completed"), "review", Facts()).message
    due = change("completed", review_due_at="2026-11-28T00:00:00.000000Z")
    assert decide(due, "review", Facts()).state == "completed"
    done = replace(due, reviewed_at="2026-11-27T00:00:00.000000Z")
    assert "was reviewed at 2026-11-27" in refusal_of(done, "review", Facts()).message


def test_an_unknown_event_is_a_bug():
    """No refusal, for nobody could do anything about it."""
    with pytest.raises(ValueError, match="no such event: launch"):
        decide(change(), "launch", Facts())


def test_the_table_names_only_what_there_is():
    """States, events, guards and conditions of its rows are in their tables, and each of those is used."""
    assert {row.event for row in ROWS} == set(EVENTS)
    assert {state for row in ROWS for state in (*row.states, *([row.next] if row.next else []))} == set(STATES)
    assert {guard for row in ROWS for guard in row.guards} == set(states.GUARDS)
    assert {row.when for row in ROWS} - {""} == set(states.CONDITIONS)


def test_the_diagram_has_every_move_and_every_end():
    """One line per state and move; what leads from everywhere is told beside it."""
    diagram = states.mermaid()
    assert diagram.startswith("stateDiagram-v2\n    [*] --> draft\n")
    assert "    approved --> implementing: rollout or resume [of an emergency  no review is overdue]\n" in diagram
    for state in TERMINAL:
        assert f"    {state} --> [*]\n" in diagram
