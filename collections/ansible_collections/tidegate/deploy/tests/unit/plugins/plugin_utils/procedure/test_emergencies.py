# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emergency is what people sign while it lasts, and what hosts are shown; its review is shown to those that wait for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, requested
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.logged import Logged, Seen
from ansible_collections.tidegate.deploy.plugins.module_utils.core.permit import Permit, require_review
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Kind, rules_for
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import (
    consent,
    emergencies,
    moving,
    opening,
    permits,
    reviewing,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.availability import Wave
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.permits import Permits
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run, change_of

from .conftest import OLD, a_plan
from .signers import Office
from .test_permits import CHALLENGES, UIDS, bundle

WAVES = (("web1", "web2"),)
WAVE = Wave(0, ("web1", "web2"), ())
WHY = "customers cannot pay"


class Hosts:
    """Enrolled hosts that mint challenges, each with what it says of itself."""

    def __init__(self):
        self.due = {}
        self.silent = {}
        self.reviewed = {}

    def look(self, _door, names):
        return {name: self.silent.get(name) or Said("ok", fields={"enrolled": self.about(name)}) for name in names}

    def about(self, name):
        due = [self.due[name]] if name in self.due else []
        return {"uid": UIDS[name], "checkpoint": None, "reviews_due": due}

    def mint(self, _door, names, check, _ask):
        challenges = {name: {} if check else {"web": CHALLENGES[name]} for name in names}
        return {name: Said("ok", fields={"challenges": challenges[name]}) for name in names}

    def show(self, _door, requests, _check, _ask):
        self.reviewed.update(requests)
        return {name: Said("ok") for name in requests}

    def went_forward(self, statement, *names):
        """Let these have let it through."""
        doc = {"service": "web", "statement": statement.id, "change": statement.change, "at": "2026-11-28T12:00:00Z"}
        self.due.update(dict.fromkeys(names, doc))


@pytest.fixture
def hosts(monkeypatch):
    made = Hosts()
    monkeypatch.setattr(emergencies, "look", made.look)
    monkeypatch.setattr(emergencies, "each", made.mint)
    monkeypatch.setattr(reviewing, "look", made.look)
    monkeypatch.setattr(reviewing, "each", made.show)
    return made


class Urgent(Office):
    """A change of enrolled hosts that cannot wait."""

    def __init__(self, site, keys, **more):
        self.more = {"type": "emergency", "reason": WHY, **more}
        super().__init__(site, keys)

    def plan(self, _plan):
        rules = rules_for(self.by.policy, Kind("web", "production", self.more["type"])).digest
        made = a_plan(waves=WAVES, floor=0, rules=rules, **self.more).as_found(dict.fromkeys(UIDS, OLD), self.uids, 0)
        data = canonical.dumps(made.doc)
        self.id, _revision = self.store.new_change(
            "web", "production", made.content_digest, data, "/changes/web.yml", None, 2026
        )

    uids = UIDS

    def hand_in(self):
        self.by = replace(self.by, operator="cyd")
        self.requests("cyd")
        self.by = replace(self.by, operator=None)

    def ask(self, check=False):
        return emergencies.ask(SimpleNamespace(check=check), self.store, self.change, self.store.now())

    def in_force(self):
        return statements.in_force(self.store, self.change, self.store.now())


@pytest.fixture
def urgent(site, office_keys, hosts):
    return Urgent(site, office_keys)


def refused(what):
    with pytest.raises(Refusal) as caught:
        what()
    return caught.value


def test_an_emergency_is_what_people_sign_while_it_lasts(urgent):
    """With the challenges of all hosts and the reason of its plan; what was signed before does not count for it, nor it after."""
    urgent.signs("ada")
    statement = urgent.ask()
    assert [host["challenge"] for host in statement.doc["hosts"]] == list(CHALLENGES.values())
    assert (statement.doc["reason"], statement.namespace, statement.about) == (
        WHY,
        "emergency@tidegate",
        statements.of_change(urgent.change).about,
    )
    assert (urgent.asked().statement, urgent.asked().standing.counted) == (statement, {})
    assert [urgent.signs(name).state for name in ("ada", "bob")] == ["submitted", "approved"]
    assert consent.why_not(urgent.store, urgent.change, urgent.by, urgent.store.now()) is None
    urgent.site.later = timedelta(hours=4)
    assert urgent.in_force() == statements.of_change(urgent.change)
    assert "QUORUM" == urgent.why_not


def test_check_mode_asks_for_no_challenge(urgent):
    assert urgent.ask(check=True) is None
    assert urgent.store.runs(urgent.id) == []


def test_what_is_no_emergency_is_refused(site, office_keys, hosts):
    """Another type of change, and one with a host that asks for no permit."""
    normal = refused(Urgent(site, office_keys, type="normal").ask)
    assert (normal.code, "is normal, expected emergency" in normal.message) == ("DATA", True)


def test_a_host_that_is_not_enrolled_is_planned_apart(site, office_keys, hosts):
    partly = Urgent.__new__(Urgent)
    partly.uids = {"web1": UIDS["web1"]}
    partly.__init__(site, office_keys)
    found = refused(partly.ask)
    assert (found.code, "web2: not enrolled" in found.message) == ("NOT_ENROLLED", True)


def test_a_host_that_gives_no_challenge_is_named(urgent, hosts):
    """A statement names every host of its plan."""
    hosts.silent["web2"] = Said("unknown", "UNREACHABLE", "cannot be reached")
    found = refused(urgent.ask)
    assert (found.code, "web2: UNREACHABLE: cannot be reached" in found.message) == ("UNREACHABLE", True)


def test_one_that_was_made_of_another_plan_is_found(urgent):
    """Somebody has edited the store."""
    other = replace(urgent.change, plan_bytes=canonical.dumps(a_plan(version="9").doc))
    other = replace(other, plan_digest=canonical.digest(a_plan(version="9").doc))
    urgent.ask()
    assert refused(lambda: statements.in_force(urgent.store, other, urgent.store.now())).code == "STATEMENT"


def begun(urgent):
    """The run that rolls it out, with its first wave open."""
    store = urgent.store
    urgent.site.begin(a_plan(waves=WAVES, floor=0))
    store.bind_run(Run.current(store).id, urgent.id, 1)
    held = opening.lets_out(Run.current(store))
    store.open_wave(held.id, 0)
    return held


def test_hosts_are_shown_the_emergency_without_any_grant(urgent):
    """Its signatures alone; nothing is granted, no fence is kept, and a way back names it also when it has ended."""
    urgent.signs("ada")
    statement = urgent.ask()
    for name in ("ada", "bob"):
        urgent.signs(name)
    run = begun(urgent)
    assert permits.grant(None, run, WAVE) == []
    kept = Permits(run.store.folder, run.id)
    permit = Permit.parse(kept.of("web2"))
    assert (permit.statement, len(permit.signatures), permit.grant) == (statement, 2, None)
    members, moment = urgent.by.people.by_name, urgent.store.now()
    assert requested.require_request(statement, permit.request, members, moment, signing.verify)
    assert kept.index_of("web2") is None
    assert not [entry for entry in run.store.entries() if entry.kind == "grant"]
    urgent.site.later = timedelta(days=1)
    assert statements.put_by(run.store, change_of(run.store, urgent.id)) == statement.id


def test_no_other_one_is_asked_for_until_the_review_was_shown(urgent, hosts):
    """The refusal says what to type: for the change where this store has it, else for the statement."""
    statement = urgent.ask()
    hosts.went_forward(statement, "web2")
    found = refused(urgent.ask)
    assert found.code == "REVIEW_DUE"
    assert (
        f"web2 waits for the review of the emergency before; record it first: {found.facts['next'][0]}" in found.message
    )
    assert f"tidegate.deploy.review -e tidegate_change={urgent.id}" in found.message
    hosts.due["web2"] = {**hosts.due["web2"], "statement": "f" * 64}
    assert f"tidegate_statement={'f' * 64}" in refused(urgent.ask).message


def test_a_review_is_proved_to_each_host_that_waits_for_it(urgent, hosts):
    """By one entry, also when it is shown again to a host that was away; what others said without the store is entered too."""
    store, statement = urgent.store, urgent.ask()
    hosts.went_forward(statement, "web1", "web2")
    hosts.silent["web2"] = Said("unknown", "UNREACHABLE", "cannot be reached")
    door = SimpleNamespace(check=False)
    found, silent = reviewing.waiting(door, store, UIDS, [statement.id])
    assert (list(found), list(silent)) == (["web1"], ["web2"])
    reviewing.show(door, store, found, "it was needed")
    hosts.silent = {}
    later, _silent = reviewing.waiting(door, store, ["web2"], [statement.id])
    reviewing.show(door, store, later, "it was needed")
    trusted = bundle(store)
    for name in UIDS:
        request = {key: value for key, value in hosts.reviewed[name].items() if key != "service"}
        assert require_review(Logged.parse(request, "review"), statement.id, Seen(), trusted, signing.verify).size
    reviews = [entry.body["statement"] for entry in store.entries() if entry.kind == "emergency.reviewed"]
    assert reviews == [statement.id]
    assert {entry.body["host"] for entry in store.entries() if entry.kind == "host.said"} == {"web1", "web2"}


def test_a_review_by_statement_is_for_emergencies_of_other_stores(urgent, hosts):
    """That of a change of this store is reviewed by that: whoever wanted it may not."""
    statement = urgent.ask()
    hosts.went_forward(statement, "web1")
    found, silent = reviewing.waiting(SimpleNamespace(check=True), urgent.store, UIDS, [statement.id])
    ours = refused(lambda: reviewing.require_due(urgent.store, found, silent, statement.id))
    assert (ours.code, f"is the emergency of {urgent.id}" in ours.message) == ("STATE", True)
    nobody = refused(lambda: reviewing.require_due(urgent.store, {}, silent, "f" * 64))
    assert "no host that answers waits for the review" in nobody.message
    for event in ("approve", "begin"):
        moving.move(urgent.store, urgent.id, event)
    moving.move(urgent.store, urgent.id, "review", actor="ada", reason="it was needed")
    reviewing.require_due(urgent.store, found, silent, statement.id)
