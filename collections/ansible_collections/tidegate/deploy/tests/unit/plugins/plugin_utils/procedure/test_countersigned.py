# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge vouches with a real key for approvals that were given in ServiceNow, for as long as it is one; and for nothing else."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, countersigned, evidence
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey, Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.countersigning import VARIABLE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import with_bridges
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import history
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.trusting import Material, compiled
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.history import history_markdown, history_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import approving, consent, moving, permits
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.servicenow_server import (
    ServiceNowServer,
)

from ...module_utils.core.ssh_keys import a_key, public, signed
from .board import PEOPLE
from .board import Office as Board
from .conftest import a_plan


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two of the bridge, one of another bridge, one of ada, and one that is nobody's."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: a_key(folder, name=name) for name in ("board", "new", "other", "ada", "eve")}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv("TIDEGATE_TEST_SECRET", PASSWORD)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def snow():
    with ServiceNowServer() as server:
        yield server


class Office(Board):
    """A change that ada and ben have approved in ServiceNow, and a policy that asks for a bridge."""

    def __init__(self, site, snow, keys, strength="countersigned", **entry):
        super().__init__(site, snow, strength)
        self.keys = keys
        self.bridge(**entry)
        self.approve("ada.there", "ben.there")

    def bridge(self, name="board", key="board", systems=("servicenow",), people=PEOPLE, **dates):
        """The bridge of the site from now on."""
        entry = {"systems": list(systems), "keys": [{"key": public(self.keys[key]), **dates}]}
        self.by = replace(self.by, people=with_bridges(People.of(people), {name: entry}))

    def policy(self, strength):
        """Only for the count: what was planned stays."""
        rule = {**self.by.policy.doc["approvals"][0], "strength": strength}
        self.by = replace(self.by, policy=Policy.of({**self.by.policy.doc, "approvals": [rule]}))

    def row(self, person, key="board", namespace=evidence.NAMESPACE, sealed=None, **fields):
        """What is kept of an approval, countersigned for a person as it is or as it is not."""
        statement = statements.of_change(self.change)
        kept = self.kept(person)
        about = {"statement": statement.id, "person": person, "evidence": kept, **(sealed or {})}
        row = ApprovalRow(
            statement=statement.id,
            change_id=self.id,
            revision=1,
            person=person,
            decision="approve",
            strength="countersigned",
            key=PublicKey.of_line(public(self.keys[key])).fingerprint,
            document=statement.data.decode(),
            evidence=kept,
            signature=signed(self.keys[key], evidence.message(**about), namespace),
        )
        return replace(row, **fields)

    def withdraws(self, person):
        """As somebody does who takes it back there."""
        statement = statements.of_change(self.change, "withdrawal", "not now")
        row = replace(self.row(person), statement=statement.id, document=statement.data.decode())
        self.store.add_approval(replace(row, decision="withdraw", strength="recorded", key=None, signature=None))

    def kept(self, person, **fields):
        """Evidence."""
        there = {"system": "servicenow", "reference": "CHG0030001", "account": f"{person}.there"}
        return {**there, "given_at": "2026-11-28T13:00:00+00:00", "url": "https://x/CHG0030001", **fields}


@pytest.fixture
def office(site, snow, keys):
    return Office(site, snow, keys)


@pytest.fixture
def taken(office, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(office.keys["board"]))
    office.take()
    assert office.standing().granted
    return office


def test_a_bridge_countersigns_what_it_reads(taken):
    """Each approval is of that strength, in the ledger with the bridge's key, and no person is added."""
    assert {"ada": "countersigned", "ben": "countersigned"} == taken.standing().counted
    assert "approved" == taken.change.state
    key = PublicKey.of_line(public(taken.keys["board"])).fingerprint
    given = [entry for entry in taken.store.entries(taken.id) if entry.kind == "approval.given"]
    assert [("ada", "countersigned", key), ("ben", "countersigned", key)] == [
        (entry.actor, entry.body["strength"], entry.body["key"]) for entry in given
    ]
    assert None not in [entry.body["signature"] for entry in given]
    assert set(evidence.KEPT) == set(taken.store.approvals(taken.id)[0].evidence)


def test_enrolled_hosts_count_what_is_counted_here(taken):
    """The permit brings what the bridge signed, and a trust that is compiled of the same site hears the same people."""
    login = {"site": "acme", "rule": {"groups": {"ops": 1}}, "login_keys": [public(taken.keys["eve"])]}
    data = TrustData.of({**login, "countersigned_opens": True})
    log = (f"tidegate/{'a' * 32}", (public(taken.keys["new"]),))
    bundle = compiled(Material(data, taken.by.people, taken.by.policy, "production", {}, *log, "f" * 64), 1, taken.now)
    shown = permits.signed(taken.store, taken.change)
    given = countersigned.parse(shown["evidence"])
    statement = statements.of_change(taken.change).id
    heard = countersigned.voices(statement, given, bundle, taken.now, signing.verify)
    assert (["ada", "ben"], ()) == (sorted(voice.person for voice in heard.voices), heard.flaws)
    assert not countersigned.voices("0" * 64, given, bundle, taken.now, signing.verify).voices

    taken.withdraws("ada")
    assert ["ben"] == [one["person"] for one in permits.signed(taken.store, taken.change)["evidence"]]


def test_the_strength_is_in_record_and_history(taken):
    """For people and for programs, with the system, the bridge's key and what it signed."""
    whole = history.whole_of(taken.store, taken.id)
    assert "ada: approve (countersigned), revision 1, given in servicenow:CHG0030001" in history_text(whole)
    assert "` countersigned `" in history_markdown(whole)
    decision = whole["record"]["decisions"][0]
    assert Signature.parse(decision["signature"]).namespace == evidence.NAMESPACE
    assert decision["key"] == Signature.parse(decision["signature"]).key.fingerprint


def test_without_a_key_of_a_bridge_it_is_recorded(office):
    """The policy asks for more, and the message says where to run it; nothing is kept."""
    told = office.refusal(office.take, "STRENGTH")
    assert "is recorded, expected countersigned" in told
    assert f"run this where {VARIABLE} names the key of a bridge that may vouch for servicenow" in told
    assert [] == office.store.approvals(office.id)


def test_where_recorded_is_enough_no_key_is_needed(site, snow, keys):
    """A process without the key takes it in as before; one that has it makes it stronger afterwards."""
    office = Office(site, snow, keys, "recorded")
    office.take()
    assert {"ada": "recorded", "ben": "recorded"} == office.standing().counted


def test_a_key_makes_what_was_recorded_stronger(site, snow, keys, monkeypatch):
    """The same evidence, taken in once more by a bridge."""
    office = Office(site, snow, keys, "recorded")
    office.take()
    monkeypatch.setenv(VARIABLE, str(keys["board"]))
    assert office.take().new
    assert {"ada": "countersigned", "ben": "countersigned"} == office.standing().counted
    assert not office.take().new


def test_a_bridge_for_another_system_does_not_vouch(site, snow, keys, monkeypatch):
    """Its key is not even used."""
    office = Office(site, snow, keys, systems=("awx", "github"))
    monkeypatch.setenv(VARIABLE, str(keys["board"]))
    office.refusal(office.take, "STRENGTH")


def test_the_key_may_be_in_an_agent(office, monkeypatch):
    """The one key of the agent that is a bridge's; its public half may be named; several are not guessed among."""
    agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    found = dict(part.split("=", 1) for part in agent.replace("\n", ";").split(";") if part.startswith("SSH_"))
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    try:
        subprocess.run(["ssh-add", "-q", str(office.keys["eve"])], check=True)
        office.refusal(office.take, "STRENGTH")
        subprocess.run(["ssh-add", "-q", str(office.keys["board"])], check=True)
        office.take()
    finally:
        subprocess.run(["ssh-agent", "-k"], check=True, capture_output=True)
    assert {"ada": "countersigned", "ben": "countersigned"} == office.standing().counted


def open_to_others(office, tmp_path):
    path = tmp_path / "board"
    path.write_bytes(office.keys["board"].read_bytes())
    path.chmod(0o640)
    return path


KEYS = {
    "others can read it": (open_to_others, "SIGNING", "with mode 0640, expected a file of uid"),
    "it is not there": (lambda _office, folder: folder / "none", "SIGNING", "none: No such file or directory"),
    "its private half is nowhere": (lambda office, _folder: f"{office.keys['board']}.gone.pub", "SIGNING", VARIABLE),
    "it is nobody's": (lambda office, _folder: office.keys["eve"], "KEY", "expected one of a bridge"),
    "it is a person's": (lambda office, _folder: office.keys["ada"], "KEY", "expected one of a bridge"),
}


@pytest.mark.parametrize(("path", "code", "told"), KEYS.values(), ids=KEYS)
def test_a_key_that_cannot_be_used_is_said(office, tmp_path, monkeypatch, path, code, told):
    """Whoever names a key wants a countersignature, and does not get less without hearing of it."""
    monkeypatch.setenv(VARIABLE, str(path(office, tmp_path)))
    assert told in office.refusal(office.take, code)
    assert [] == office.store.approvals(office.id)


def test_a_key_that_has_run_out_does_not_countersign(office, monkeypatch):
    """As that of a person."""
    office.bridge(until="2020-01-01")
    monkeypatch.setenv(VARIABLE, str(office.keys["board"]))
    assert "lets vouch for servicenow now" in office.refusal(office.take, "KEY")


LATER = {
    "the bridge is removed": (lambda office: setattr(office, "by", without(office)), "is no key of a bridge now"),
    "its key is replaced": (lambda office: office.bridge(key="new"), "is no key of a bridge now"),
    "its key has run out": (lambda office: office.bridge(until="2020-01-01"), "is not valid now"),
    "its key is not valid yet": (lambda office: office.bridge(**{"from": "2999-01-01"}), "is not valid now"),
    "it vouches for others": (lambda office: office.bridge(systems=["awx"]), "may not vouch for servicenow now"),
}


def without(office):
    return replace(office.by, people=People.of(PEOPLE))


@pytest.mark.parametrize(("happens", "told"), LATER.values(), ids=LATER)
def test_what_no_bridge_vouches_for_any_more_counts_as_recorded(taken, happens, told):
    """ServiceNow still says it; so it is worth what it says without a bridge, and holds where more is asked."""
    happens(taken)
    found = taken.standing()
    assert not found.granted
    assert told in found.why[0].message
    assert ["KEY", "KEY", "STRENGTH", "STRENGTH", "QUORUM"] == [finding.code for finding in found.why]
    refusal = consent.why_not(taken.store, taken.change, taken.by, taken.now)
    assert "KEY" == refusal.code
    taken.policy("recorded")
    assert {"ada": "recorded", "ben": "recorded"} == taken.standing().counted


def test_an_account_that_is_somebody_elses_now_counts_for_nobody(taken):
    """A countersignature does not make a person of an account."""
    people = {**PEOPLE, "ada": {"groups": ["ops"], "accounts": {"servicenow": "ada.elsewhere"}}}
    taken.bridge(people=people)
    assert {"ben": "countersigned"} == taken.standing().counted


EDITED = {
    "another person's": {"sealed": {"person": "ben"}},
    "of another statement": {"sealed": {"statement": "0" * 64}},
    "of another record": {"reference": "CHG0030002"},
    "of another time": {"given_at": "2026-11-28T14:00:00+00:00"},
    "of another account": {"account": "rita.there"},
    "of another system": {"system": "awx"},
    "of another place": {"url": "https://y/CHG0030001"},
}


@pytest.mark.parametrize("fields", EDITED.values(), ids=EDITED)
def test_a_countersignature_of_something_else_does_not_count(office, fields):
    """A true one that was moved or copied in the store is refused, not counted as less: somebody put it there."""
    sealed = fields.get("sealed", {"evidence": office.kept("ada", **fields)})
    office.store.add_approval(office.row("ben"))
    office.store.add_approval(office.row("ada", sealed=sealed))
    office.policy("recorded")
    found = office.standing()
    assert {"ben": "countersigned"} == found.counted
    [why] = [finding for finding in found.why if finding.person]
    assert ("SIG_INVALID", "ada") == (why.code, why.person)
    assert "the evidence or the signature was changed" in why.message


FORGED = {
    "copied from ben": (lambda office: office.row("ada", signature=office.row("ben").signature), "SIG_INVALID"),
    "none": (lambda office: office.row("ada", signature=None), "SIG_INVALID"),
    "for approvals": (lambda office: office.row("ada", namespace="approval@tidegate"), "NAMESPACE"),
    "called signed": (lambda office: office.row("ada", strength="signed"), "NAMESPACE"),
    "evidence with more in it": (lambda office: office.row("ada", evidence=office.kept("ada", x="y")), "STATEMENT"),
    "under another statement": (lambda office: office.row("ada", statement="0" * 64), "STATEMENT"),
}


@pytest.mark.parametrize(("make", "code"), FORGED.values(), ids=FORGED)
def test_a_row_that_somebody_made_up_does_not_count(office, make, code):
    """Who can write into the store cannot make approvals of that strength."""
    office.store.add_approval(make(office))
    office.policy("recorded")
    found = office.standing()
    assert {} == found.counted
    assert code == found.why[0].code, found.why


@pytest.mark.parametrize("key", ["eve", "ada", "other"])
def test_a_countersignature_by_no_bridge_counts_as_recorded(office, key):
    """Whatever signed it, no bridge vouches for it: a key of ada's own does not either."""
    people = {**PEOPLE, "ada": {**PEOPLE["ada"], "keys": [{"key": public(office.keys["ada"])}]}}
    office.bridge(people=people)
    office.store.add_approval(office.row("ada", key=key))
    assert "KEY" == office.standing().why[0].code
    office.policy("recorded")
    assert {"ada": "recorded"} == office.standing().counted


def test_a_new_revision_is_not_countersigned(taken):
    """What was approved elsewhere and countersigned was another plan."""
    plan = a_plan(budget=1, rules=plans.recorded(taken.change.plan_bytes).rules)
    moved = moving.decider(taken.store, taken.change, "edit")
    taken.store.add_revision(taken.id, plan.content_digest, canonical.dumps(plan.doc), moved)
    assert {} == taken.standing().counted


def test_a_bridge_approves_nothing(office):
    """Its key over the statement that people sign is nobody's approval."""
    asked = approving.ask(office.store, office.change, "approve", "", office.by, office.now)
    signature = Signature.parse(signed(office.keys["board"], asked.statement.data))
    with pytest.raises(Refusal, match=r"KEY: .* is a key of the bridge board, which decides nothing"):
        approving.decide(office.store, asked, signature, office.by, office.now)


def test_what_was_taken_back_there_holds_all_the_same(taken):
    """A countersignature says what was read then; before each wave the other side is asked again."""
    taken.refresh()
    taken.snow.change.update(approval="rejected")
    taken.refusal(taken.refresh)
