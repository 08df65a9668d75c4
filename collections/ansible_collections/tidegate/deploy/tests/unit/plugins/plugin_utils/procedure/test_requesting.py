# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever wants a change of enrolled hosts signs that with a real key; nobody else says it for them, and it approves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import requests, statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.compare import Comparison
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.history import content_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving, permits, requesting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import outlook_of

from ...module_utils.core.ssh_keys import public
from .conftest import OLD, a_plan
from .signers import Office, people_doc

WHY = "it is late"


class Enrolled(Office):
    """A draft for a host that is enrolled."""

    def plan(self, plan, id=None):  # noqa: A002 - the store's word
        super().plan(plan.as_found({"web1": OLD}, {"web1": "1" * 32}, 0), id)

    def hand_in(self):
        self.by = replace(self.by, operator="cyd")

    def outlook(self):
        return outlook_of(self.store, self.change, self.by, self.now)

    def edit(self, **more):
        other = a_plan(rules=self.rules.digest, **more).as_found({"web1": OLD}, {"web1": "1" * 32}, 0)
        move = moving.decider(self.store, self.change, "edit")
        self.store.add_revision(self.id, other.content_digest, canonical.dumps(other.doc), move)


@pytest.fixture
def enrolled(site, office_keys):
    return Enrolled(site, office_keys)


def refused(what, *arguments):
    with pytest.raises(Refusal) as caught:
        what(*arguments)
    return caught.value.code, caught.value.message


def test_it_is_kept_shown_and_no_approval(enrolled):
    """Beside the approvals, in the ledger, in the record and in what hosts are shown; it does not count as one, nor is it withdrawn."""
    enrolled.requests("cyd")
    assert ("submitted", "cyd") == (enrolled.change.state, enrolled.change.requested_by)
    assert [("cyd", "request", "signed")] == [
        (one["person"], one["decision"], one["strength"])
        for one in content_of(enrolled.store, enrolled.id)["decisions"]
    ]
    assert ["cyd"] == [entry.actor for entry in enrolled.store.entries(enrolled.id) if entry.kind == "request.given"]
    assert ({}, "2 of ops (production)") == (enrolled.standing().counted, enrolled.standing().missing)
    assert "cyd (signed)" == enrolled.outlook().wanted_by
    assert "NOT_OPEN" == refused(enrolled.signs, "cyd", "withdraw")[0]

    for name in ("ada", "bob"):
        enrolled.signs(name)
    assert enrolled.why_not is None
    permit = permits.signed(enrolled.store, enrolled.change)
    rows = enrolled.store.approvals(enrolled.change.id, enrolled.change.revision)
    signature = requests.signature_of(statements.of_change(enrolled.change), rows)
    assert (2, signature) == (len(permit["signatures"]), permit["request"])
    comparison = Comparison(enrolled.store)
    for entry in enrolled.store.entries():
        comparison.see(entry)
    assert comparison.finish() == []


def test_who_wants_it_is_whose_key_it_is(enrolled):
    """Neither the user of the process nor the change file makes it somebody else's; nothing is recorded then."""
    for name in ("ada", "eve"):
        code, message = refused(enrolled.requests, name)
        assert ("REQUEST", True) == (code, "is wanted by cyd, and the request is signed by" in message)
    enrolled.plan(a_plan(rules=enrolled.rules.digest, requester="bob"), enrolled.id)
    assert "REQUEST" == refused(enrolled.requests, "cyd")[0]
    assert ([], "draft") == (enrolled.store.approvals(enrolled.id), enrolled.change.state)
    enrolled.requests("bob")
    assert "bob" == enrolled.change.requested_by


@pytest.mark.parametrize("name", ["ci", "lea", "gil", ""])
def test_who_has_no_key_hands_nothing_in(enrolled, name):
    """A system, somebody whose key is of next year or of last year: one refusal, with what to do."""
    enrolled.by = replace(enrolled.by, operator=name)
    code, message = refused(enrolled.requests, "cyd")
    assert "REQUEST" == code
    assert f"is wanted by {name or 'nobody'}, who has no key in tidegate_people to sign that with" in message
    assert "or name a person who has one as requester: in /changes/web.yml, and plan it again" in message


def test_what_hosts_demand_of_signatures_is_told_at_once(enrolled):
    """Where they ask for a touch, a key of a file does not do."""
    doc = {"site": "a", "rule": {"groups": {"ops": 1}}, "login_keys": [public(enrolled.keys["ada"])]}
    trust = TrustData.of({**doc, "require_presence": True})
    assert "PRESENCE" == refused(enrolled.requests, "cyd", trust)[0]
    assert "draft" == enrolled.change.state


def test_without_it_nothing_goes_forward(enrolled):
    """However many have approved: by a store into which somebody wrote who wants it, or once its key is gone."""
    moving.move(enrolled.store, enrolled.id, "submit", actor="cyd", requested_by="cyd")
    for name in ("ada", "bob"):
        enrolled.signs(name)
    assert "REQUEST" == enrolled.why_not
    assert "cyd (recorded)" == enrolled.outlook().wanted_by
    assert enrolled.outlook().missing[-1].startswith(f"REQUEST: {enrolled.id} is wanted by cyd, found no signature")


def test_a_key_that_is_gone_requests_nothing(enrolled):
    """As it approves nothing."""
    enrolled.requests("cyd")
    for name in ("ada", "bob"):
        enrolled.signs(name)
    enrolled.without(cyd={**people_doc(enrolled.keys)["cyd"], "keys": [{"key": public(enrolled.keys["ada2"])}]}, ada={})
    assert requests.strength_of(enrolled.store, enrolled.change, enrolled.by.people, enrolled.now) == "recorded"


def test_other_content_is_requested_anew(enrolled):
    """Also while it is paused: by whoever wanted it, and then it goes on."""
    enrolled.requests("cyd")
    moving.move(enrolled.store, enrolled.id, "approve")
    moving.move(enrolled.store, enrolled.id, "pause", reason=WHY)
    enrolled.edit(budget=1)
    for name in ("ada", "bob"):
        enrolled.signs(name)
    assert ("paused", "REQUEST") == (enrolled.change.state, enrolled.why_not)
    assert (
        f"let them sign it: ansible-playbook tidegate.deploy.submit -e tidegate_change={enrolled.id}"
        in (enrolled.outlook().missing[-1])
    )
    enrolled.by = replace(enrolled.by, operator="dan")
    enrolled.requests("cyd")
    assert ("paused", "cyd", None) == (enrolled.change.state, enrolled.change.requested_by, enrolled.why_not)


def test_a_request_is_signed_on_another_machine(enrolled, tmp_path):
    """What is exported is what is signed, and it is one for the approval and the emergency of the plan."""
    request = requesting.ask(enrolled.store, enrolled.change, enrolled.by, enrolled.now)
    enrolled.requests("cyd")
    assert request == statements.of_change(enrolled.change).as_request()
    assert request.id == statements.of_change(enrolled.change).about


def test_where_no_host_is_enrolled_nothing_is_demanded(office):
    """It is recorded who wants it, as far as the controller knows; a signature says more."""
    for name in ("ada", "bob"):
        office.signs(name)
    assert office.why_not is None
    assert "cyd (recorded)" == outlook_of(office.store, office.change, office.by, office.now).wanted_by
    assert "NOT_OPEN" == refused(Enrolled.requests, office, "cyd")[0]
