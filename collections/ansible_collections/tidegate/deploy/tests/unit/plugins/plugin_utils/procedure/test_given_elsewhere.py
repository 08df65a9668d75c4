# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in a real store and a ServiceNow that answers as published: what was approved there counts, while it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import HostEnd, Outcome
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import (
    approving,
    consent,
    given_elsewhere,
    telling,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import HOLDS
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import FAULTS, PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.servicenow_server import (
    ServiceNowServer,
    utc,
)

from .board import NAME, Office


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("TIDEGATE_TEST_SECRET", PASSWORD)


@pytest.fixture
def snow():
    with ServiceNowServer() as server:
        yield server


@pytest.fixture
def office(site, snow):
    return Office(site, snow)


def test_two_people_who_approved_there_approve_the_change(office):
    """It is approved at once, and record and ledger name system, reference, account and strength."""
    office.approve("ada.there", "ben.there")
    decided = office.take()
    assert ("ada, ben", True, "approved") == (decided.person, decided.new, decided.state)
    assert {"ada": "recorded", "ben": "recorded"} == office.standing().counted
    rows = office.store.approvals(office.id)
    assert [("servicenow", "CHG0030001", "ada.there"), ("servicenow", "CHG0030001", "ben.there")] == [
        (row.evidence["system"], row.evidence["reference"], row.evidence["account"]) for row in rows
    ]
    kinds = [entry.kind for entry in office.store.entries(office.id)]
    assert ["evidence.seen", "approval.given", "approval.given"] == [
        kind for kind in kinds if kind[:3] in ("evi", "app")
    ]
    assert consent.why_not(office.store, office.change, office.by, office.now) is None


def test_taken_twice_it_counts_once(office):
    """The same evidence again changes nothing."""
    office.approve("ada.there", "ben.there")
    office.take()
    assert not office.take().new
    assert 2 == len(office.store.approvals(office.id))


def test_one_of_two_leaves_it_submitted(office):
    """Who is missing is said."""
    office.approve("ada.there")
    decided = office.take()
    assert ("ada", "submitted", "1 of ops (production)") == (decided.person, decided.state, decided.standing.missing)


def test_the_requester_does_not_count(office):
    """Although the other side let her approve: rita wants the change."""
    office.snow.change["requested_by"] = office.snow.change["opened_by"] = "f" * 32
    office.approve("rita.there")
    assert f"wants {office.id}, and may not approve it" in office.refusal(office.take, "SELF")
    assert [] == office.store.approvals(office.id)


def test_somebody_who_is_not_asked_does_not_count(office):
    """Otto is in no group that the rule asks."""
    office.approve("otto.there")
    office.refusal(office.take, "QUORUM")
    assert [] == office.store.approvals(office.id)


def test_where_policy_asks_for_signatures_a_click_is_not_enough(site, snow):
    """It is refused with its strength, and the ledger keeps that it was seen."""
    office = Office(site, snow, strength="signed")
    office.approve("ada.there", "ben.there")
    assert "recorded" in office.refusal(office.take, "STRENGTH")
    assert "submitted" == office.change.state
    assert "evidence.seen" in [entry.kind for entry in office.store.entries(office.id)]


def test_only_approvals_come_from_elsewhere(office):
    """A rejection is signed, or given there."""
    asked = approving.ask(office.store, office.change, "reject", "no", office.by, office.now)
    with pytest.raises(Refusal, match="only approvals come from elsewhere"):
        given_elsewhere.take(office.store, asked, NAME, office.by, office.now)


def test_what_still_holds_is_let_through(office):
    """At each gate the other side is asked again."""
    office.approve("ada.there", "ben.there")
    office.take()
    asked = len(office.snow.requests)
    office.refresh()
    assert len(office.snow.requests) > asked


CHANGED = [
    ({"approval": "rejected"}, "is not approved there, and will not be"),
    ({"approval": "requested"}, "waits for approval there"),
    ({"on_hold": "true"}, "waits for approval there"),
    ({"state": "4"}, "is not approved there, and will not be"),
]


@pytest.mark.parametrize(("fields", "told"), CHANGED)
def test_what_was_taken_back_there_holds(office, fields, told):
    """The record here still says approved: the gate does not believe it."""
    office.approve("ada.there", "ben.there")
    office.take()
    office.snow.change.update(fields)
    assert told in office.refusal(office.refresh)


def test_one_person_who_took_it_back_there_holds(office):
    """The change is approved there, and somebody whom it relies on is gone."""
    office.approve("ada.there", "ben.there")
    office.take()
    office.snow.approvers.pop()
    assert f"{NAME} no longer shows the approval of ben, which {office.id} relies on" in office.refusal(office.refresh)


def withdrawn(office):
    """Of each withdrawal who, and from where; in the store and in the ledger."""
    rows = [row for row in office.store.approvals(office.id) if row.decision == "withdraw"]
    entered = [entry for entry in office.store.entries(office.id) if entry.kind == "approval.withdrawn"]
    assert [(row.person, row.evidence["account"]) for row in rows] == [
        (entry.actor, entry.body["account"]) for entry in entered
    ]
    return [row.person for row in rows]


@pytest.mark.parametrize("whole", [{}, {"approval": "rejected"}])
def test_what_a_person_took_back_there_is_withdrawn_here_once(office, whole):
    """The gate that sees it enters it and holds; the change waits for approval again; the next one refuses by the record."""
    office.approve("ada.there", "ben.there")
    office.take()
    office.snow.approvers[1].update(state="rejected", sys_updated_on=utc(office.later))
    office.snow.change.update(whole)

    office.refusal(lambda: consent.require(office.store, office.change, office.by, office.now))
    assert ("submitted", ["ben"]) == (office.change.state, withdrawn(office))
    office.refusal(lambda: consent.require(office.store, office.change, office.by, office.now), "WITHDRAWN")
    if not whole:
        office.refresh()
    assert (["ben"], ["ada"]) == (withdrawn(office), list(office.standing().counted))
    office.snow.approvers[1].update(state="approved")
    office.snow.change.update(approval="approved")
    office.refusal(office.take, "WITHDRAWN")


@pytest.mark.parametrize("fields", [{"approval": "requested"}, {"on_hold": "true"}, {"state": "4"}])
def test_nobody_has_withdrawn_what_only_waits_or_was_given_up_there(office, fields):
    """The gate holds, and what people decided stays theirs."""
    office.approve("ada.there", "ben.there")
    office.take()
    office.snow.change.update(fields)
    office.refusal(lambda: consent.require(office.store, office.change, office.by, office.now))
    assert ("approved", []) == (office.change.state, withdrawn(office))


def test_the_planned_end_holds(office):
    """No wave opens after the time for which it was approved there."""
    office.approve("ada.there", "ben.there")
    office.take()
    office.snow.change["end_date"] = utc(office.now - timedelta(minutes=1))
    assert "is planned to" in office.refusal(office.refresh, "WINDOW")


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"drip"}))
def test_an_outage_at_the_gate_holds(office, fault):
    """Nobody can say whether it still holds: it holds the rollout."""
    office.approve("ada.there", "ben.there")
    office.take()
    office.snow.fault = fault
    office.refusal(office.refresh)


def test_a_system_that_policy_names_no_more_holds(office):
    """What cannot be asked any more is not believed."""
    office.approve("ada.there", "ben.there")
    office.take()
    office.by = replace(office.by, policy=Policy.of({}))
    assert "tidegate_policy.elsewhere.servicenow: found nothing" in office.refusal(office.refresh)


@pytest.mark.parametrize("settings", [{}, {"create": {}}])
def test_a_credential_that_is_gone_holds(site, snow, monkeypatch, settings):
    """In mid-rollout that is no reason to take hosts back."""
    office = Office(site, snow, **settings)
    office.approve("ada.there", "ben.there")
    office.take()
    monkeypatch.delenv("TIDEGATE_TEST_SECRET")
    assert "found nothing in the environment variable TIDEGATE_TEST_SECRET" in office.refusal(office.refresh)
    assert "ELSEWHERE" in HOLDS


def test_nothing_is_asked_where_nothing_was_given_elsewhere(office):
    """A change that nobody approved elsewhere needs no other system."""
    office.refresh()
    assert [] == office.snow.requests


def test_the_secret_is_in_no_record(office, tmp_path):
    """Neither in the store nor in what was sent as text."""
    office.approve("ada.there", "ben.there")
    office.take()
    telling.begun(office.store, office.change, office.by.policy, "otto")
    said = json.dumps([body for _method, _path, _query, body in office.snow.requests])
    for path in tmp_path.glob("store.db*"):
        assert PASSWORD.encode() not in path.read_bytes()
    assert PASSWORD not in said


# --- what ServiceNow is told -----------------------------------------------------------------------------------------


@pytest.fixture
def creating(site, snow):
    snow.changes.clear()
    return Office(site, snow, create={"environments": ["production"], "type": "normal"})


def test_planning_makes_the_change_there(creating):
    """Once; the gate holds until it is approved there."""
    assert "written to ServiceNow as CHG0030001" == telling.ensure(creating.change, creating.by.policy)
    assert "is in ServiceNow as CHG0030001" == telling.ensure(creating.change, creating.by.policy)
    assert "servicenow:CHG0030001 waits for approval there: new" in creating.refusal(creating.refresh)


def test_a_change_that_was_not_made_there_holds(creating):
    """Policy asks for one, and there is none."""
    told = creating.refusal(creating.refresh)
    assert f"found no change with the correlation_id {creating.id}" in told
    assert "plan it again with -e tidegate_change_file=/changes/web.yml" in told


def test_other_environments_are_not_made_there(site, snow):
    """Policy says for which."""
    office = Office(site, snow, create={"environments": ["staging"]})
    assert telling.ensure(office.change, office.by.policy) is None
    office.refresh()
    assert [] == snow.requests


def test_notes_and_close_code(office):
    """It goes to implement when work begins, has a note for what happens, and is closed with what came out."""
    office.approve("ada.there", "ben.there")
    office.take()
    policy = office.by.policy
    assert telling.begun(office.store, office.change, policy, "otto") is None
    assert telling.noted(office.store, office.change, policy, "wave 1 of 2 opens") is None
    ends = [HostEnd("web1", "old", True, True, "x", "secret cause"), HostEnd("web2", "untouched", False, False, "x")]
    outcome = Outcome("rolled_back", "PROBE: a secret cause", ends)
    assert telling.ended(office.store, office.change, policy, outcome) is None
    assert [
        f"{office.id} begins, by otto; plan sha256 {office.change.plan_digest}",
        f"{office.id}: wave 1 of 2 opens",
    ] == (office.snow.notes)
    closed = office.snow.change
    assert ("3", "unsuccessful") == (closed["state"], closed["close_code"])
    assert f"{office.id} rolled back (PROBE); hosts: 1 old, 1 untouched" == closed["close_notes"]


CODES = [
    ("completed", "3", "successful"),
    ("partial", "3", "successful_issues"),
    ("kept", "3", "successful_issues"),
    ("closed", "3", "successful_issues"),
    ("rolled_back", "3", "unsuccessful"),
    ("failed", "3", "unsuccessful"),
    ("paused", "-2", ""),
    ("not_started", "-2", ""),
    ("refused", "-2", ""),
]


@pytest.mark.parametrize(("verdict", "state", "code"), CODES)
def test_each_verdict_has_its_close_code(office, verdict, state, code):
    """What goes on stays open there."""
    office.approve("ada.there", "ben.there")
    office.take()
    outcome = Outcome(verdict, "", [HostEnd("web1", "new", True, False, "x")])
    assert telling.ended(office.store, office.change, office.by.policy, outcome) is None
    assert (state, code) == (office.snow.change["state"], office.snow.change["close_code"])


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_note_that_cannot_be_told_is_a_warning(site, snow, fault, monkeypatch):
    """A rollout goes on: nothing is raised, and the warning holds no secret."""
    office = Office(site, snow)
    office.approve("ada.there", "ben.there")
    office.take()
    office.snow.fault = fault
    monkeypatch.setattr(telling, "NOTE_S", 1)
    told = telling.noted(office.store, office.change, office.by.policy, "wave 1")
    assert told is not None
    assert told.startswith("ServiceNow was not told: servicenow (http://127.0.0.1:")
    assert PASSWORD not in told


def test_nobody_is_told_where_policy_names_no_servicenow(office):
    """A site without it hears nothing of it."""
    assert telling.noted(office.store, office.change, Policy.of({}), "wave 1") is None
    assert [] == office.snow.requests
