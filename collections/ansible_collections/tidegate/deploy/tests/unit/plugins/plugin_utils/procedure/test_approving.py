# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real keys sign real statements about a change in a real store; what should not count is refused, and changes nothing."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey, Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen, statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving, signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import command

from ...module_utils.core.ssh_keys import a_key, public, signed
from .conftest import a_plan
from .signers import Office, people_doc

WEAKER = {"approvals": [{"name": "production", "groups": {"ops": 1}, "separation": ["requester", "operator"]}]}


def test_two_people_approve_and_the_change_is_approved(office):
    """The first signature says who is missing, the second approves; both are entries of the ledger."""
    first = office.signs("ada")
    assert ("ada", "submitted", "1 of ops (production)") == (first.person, first.state, first.standing.missing)
    assert "QUORUM" == office.why_not

    second = office.signs("bob")
    assert ("bob", "approved", True) == (second.person, second.state, second.standing.granted)
    assert office.why_not is None
    given = [entry for entry in office.store.entries(office.id) if entry.kind == "approval.given"]
    assert ["ada", "bob"] == [entry.actor for entry in given]
    assert {"signed"} == {entry.body["strength"] for entry in given}


def test_the_person_is_found_from_the_key(office, tmp_path):
    """Neither the comment of a key nor the name of its file says who signed."""
    copied = tmp_path / "bob"
    copied.write_bytes(office.keys["ada"].read_bytes())
    copied.chmod(0o600)
    (tmp_path / "bob.pub").write_text(f"{PublicKey.of_line(public(office.keys['ada'])).line} bob\n")
    statement = office.asked().statement

    assert "ada" == office.decide(signed(copied, statement.data, statement.namespace)).person


def flipped(office):
    blob = bytearray(Signature.parse(signed(office.keys["ada"], office.asked().statement.data)).blob)
    blob[-40] ^= 1
    return Signature.of_blob(bytes(blob))


def by(name, office, namespace="approval@tidegate", verb="approve", **fields):
    statement = office.asked(verb).statement
    data = Statement.of({**statement.doc, **fields}).data
    return signed(office.keys[name], data, namespace)


REFUSED = {
    "A01 flipped": (flipped, "SIG_INVALID"),
    "A02 another field": (partial(by, "ada", back_for_s=1), "SIG_INVALID"),
    "A03 for files": (partial(by, "ada", namespace="file"), "NAMESPACE"),
    "A03 for an older version": (partial(by, "ada", namespace="approval@tidegate-v0"), "NAMESPACE"),
    "A05 nobody": (partial(by, "eve"), "KEY"),
    "A09 later": (partial(by, "late"), "KEY"),
    "A09 earlier": (partial(by, "gone"), "KEY"),
    "A14 rsa of 2048 bits": (partial(by, "rsa"), "ALG"),
    "A18 a request": (partial(by, "ada", namespace="request@tidegate", type="request"), "NAMESPACE"),
    "A18 a veto": (partial(by, "ada", namespace="veto@tidegate", verb="reject"), "NAMESPACE"),
    "A18 a veto in the namespace": (partial(by, "ada", verb="reject"), "SIG_INVALID"),
    "A20 a commit": (partial(by, "ada", namespace="git"), "NAMESPACE"),
    "B01 the requester": (partial(by, "cyd"), "SELF"),
    "another group": (partial(by, "dan"), "QUORUM"),
    "junk behind it": (lambda office: by("ada", office) + "junk\n", "SIG_INVALID"),
}


@pytest.mark.parametrize(("make", "code"), REFUSED.values(), ids=REFUSED)
def test_refused_decisions(office, make, code):
    """Each has its code, and nothing is recorded as given."""
    with pytest.raises(Refusal) as caught:
        office.decide(make(office))

    assert code == caught.value.code, caught.value
    assert [] == office.store.approvals(office.id)
    assert "submitted" == office.change.state


def test_two_keys_are_one_person(office):
    """Both of ada's keys are hers: she counts once."""
    office.signs("ada")
    office.signs("ada2")
    assert {"ada": "signed"} == office.standing().counted
    assert not office.standing().granted


def test_the_same_again_changes_nothing(office):
    """A signature that is handed in again is as it was before: one row, one entry."""
    signature = by("ada", office)
    assert office.decide(signature).new
    assert not any(office.decide(signature).new for _time in range(8))
    assert 1 == len(office.store.approvals(office.id))
    assert not office.standing().granted


OTHERS = {
    "B08 artifact": {"artifact": "f" * 64},
    "B08 manifest": {"manifest": "f" * 64},
    "B09 a host more": {
        "hosts": [
            {"name": name, "uid": "", "previous": "absent", "challenge": ""}
            for name in ("web1", "web2", "web3", "web4")
        ]
    },
    "B09 another host": {"hosts": [{"name": "db1", "uid": "", "previous": "absent", "challenge": ""}]},
    "B10 environment": {"environment": "staging"},
    "B10 service": {"service": "api"},
    "B11 window": {"window": {"not_before": None, "not_after": "2999-01-01T00:00:00Z"}},
    "another change": {"change": "CHG-2026-0009"},
    "another revision": {"revision": 9},
    "other rules": {"rules": "f" * 64},
}


@pytest.mark.parametrize("fields", OTHERS.values(), ids=OTHERS)
def test_approvals_of_something_else(office, fields):
    """What was signed for another plan is refused, and does not count where somebody put it into the store."""
    signature = by("ada", office, **fields)
    with pytest.raises(Refusal, match="SIG_INVALID"):
        office.decide(signature)

    office.signs("bob")
    statement = Statement.of({**office.asked().statement.doc, **fields})
    row = replace(
        office.store.approvals(office.id)[0],
        person="ada",
        statement=statement.id,
        document=statement.data.decode(),
        signature=signature,
    )
    office.store.add_approval(row)
    assert {"bob": "signed"} == office.standing().counted
    assert "STATEMENT" in {finding.code for finding in office.standing().why}


def remove_person(office):
    office.without(ada={"groups": ["ops"]})


def leave_group(office):
    office.without(ada={**people_doc(office.keys)["ada"], "groups": []})


def date_out(office):
    old = {"key": public(office.keys["ada"]), "until": "2020-01-01"}
    office.without(ada={"groups": ["ops"], "keys": [old]})


STOPS = {
    "A11 key removed": (remove_person, None, "KEY"),
    "A12 dated out": (date_out, None, "KEY"),
    "A13 not in the group": (leave_group, None, "QUORUM"),
    "B03 rolls out": (lambda _office: None, "bob", "SELF"),
    "expired": (lambda office: setattr(office.site, "later", timedelta(days=8)), None, "EXPIRED"),
}


@pytest.mark.parametrize(("happens", "operator", "code"), STOPS.values(), ids=STOPS)
def test_an_approval_stops_counting(office, happens, operator, code):
    """What was approved is looked at again with the people and keys of the moment."""
    office.signs("ada")
    office.signs("bob")
    assert office.standing().granted

    happens(office)
    found = office.standing(operator)
    assert not found.granted
    assert code == found.why[0].code, found.why


def test_a_signature_that_was_edited_in_the_store_does_not_count(office):
    """Who can write into the store cannot make approvals."""
    office.signs("bob")
    row = office.store.approvals(office.id)[0]
    office.store.add_approval(replace(row, person="ada", signature=row.signature))
    false = by("eve", office)
    office.store.add_approval(replace(row, person="cyd", signature=false, key="SHA256:x"))

    assert {"bob": "signed"} == office.standing().counted


def test_a_new_revision_asks_again(office):
    """Any other content voids what was approved; approving again shows the difference only."""
    office.signs("ada")
    office.signs("bob")
    first = plans.recorded(office.change.plan_bytes)
    for plan, differs in (
        (a_plan(budget=1, rules=office.rules.digest), "budget: 0 → 1"),
        (first, "nothing: it is the same plan again"),
    ):
        moved = moving.decider(office.store, office.change, "edit")
        office.store.add_revision(office.id, plan.content_digest, canonical.dumps(plan.doc), moved)

        assert "draft" == office.change.state
        assert {} == office.standing().counted
        moving.move(office.store, office.id, "submit", actor="cyd", requested_by="cyd")
        asked = office.asked()
        assert (1, (differs,)) == (asked.before, asked.differs)


def test_a_veto_stops_what_was_approved(office):
    """One veto outranks the quorum, and the change is rejected."""
    office.signs("ada")
    office.signs("bob")
    decided = office.signs("ada", "reject")

    assert ("rejected", ("ada",)) == (decided.state, decided.standing.vetoed_by)
    assert "approval.vetoed" in [entry.kind for entry in office.store.entries(office.id)]


def test_what_was_withdrawn_stays_so(office):
    """Whoever withdrew does not count, and the old signature handed in again does not either."""
    signature = by("ada", office)
    office.decide(signature)
    office.signs("bob")
    decided = office.signs("ada", "withdraw")
    assert ("submitted", {"bob": "signed"}) == (decided.state, decided.standing.counted)

    with pytest.raises(Refusal, match="WITHDRAWN"):
        office.decide(signature)
    assert not office.standing().granted


def test_nobody_withdraws_for_somebody_else(office):
    """Bob can take back what bob decided, and he has decided nothing."""
    office.signs("ada")
    with pytest.raises(Refusal, match="bob has decided nothing"):
        office.signs("bob", "withdraw")


def test_weaker_rules_void_the_approval(office):
    """What was approved under other rules is planned and approved again."""
    office.signs("ada")
    office.signs("bob")
    office.by = replace(office.by, policy=Policy.of(WEAKER))
    assert "RULES" == office.why_not


def test_a_plan_that_was_edited_in_the_store_is_not_signed(office):
    """Every digest is computed anew from what would be shown."""
    change = office.change
    edited = canonical.dumps({**plans.recorded(change.plan_bytes).doc, "budget": 9})
    with pytest.raises(Refusal, match=r"STATEMENT.*somebody has edited the store"):
        statements.of_change(replace(change, plan_bytes=edited))


def test_rejecting_needs_a_reason(office):
    """A veto says why, and that is part of what is signed."""
    with pytest.raises(Refusal, match="tidegate_reason: found nothing"):
        office.asked("reject", "  ")
    assert "too risky" == office.asked("reject", " too \n risky ").statement.doc["reason"]


def test_a_draft_is_not_approved(site, office_keys):
    """What nobody has handed in cannot be approved or rejected; the message says what to type first."""
    office = Office(site, office_keys)
    office.plan(a_plan("3.0.0", rules=office.rules.digest))
    for verb in ("approve", "reject"):
        with pytest.raises(Refusal, match=r"is a draft; hand it in first") as caught:
            office.asked(verb, "too risky")
        assert ("NOT_OPEN", [command("submit", office.change.id)]) == (caught.value.code, caught.value.facts["next"])


def test_one_way_to_sign_is_named():
    """A key beside a signature of somebody else's would be passed over in silence."""
    with pytest.raises(Refusal, match="found both tidegate_key and tidegate_signature; name one of them"):
        signing.signature_of({"key": "id", "signature": "x.sig", "sign": True}, b"", "n", (), "approve", "it")


def test_a_key_without_its_passphrase_is_said(office, tmp_path):
    """Where nobody can be asked for the passphrase, the message says what to do."""

    path = a_key(tmp_path)
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-N", "secret", "-P", "", "-f", str(path)], check=True, stdout=subprocess.DEVNULL
    )
    with pytest.raises(Refusal, match=r"SIGNING.*(ssh-add|tidegate_export)"):
        ssh_keygen.sign(b"x", "approval@tidegate", str(path))
    with pytest.raises(Refusal, match=r"SIGNING.*there is no such key"):
        ssh_keygen.sign(b"x", "approval@tidegate", str(tmp_path / "none"))


def test_without_an_agent_the_message_says_how_else(office, monkeypatch):
    """No agent, no key named: two ways on are shown."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(Refusal, match=r"SIGNING.*tidegate_key=FILE.*tidegate_export"):
        ssh_keygen.sign_with_agent(b"x", "approval@tidegate", office.by.people.keys)


def test_evidence_counts_where_recorded_is_enough(office):
    """An approval from elsewhere has the person whose account it is, as long as it is theirs."""
    policy = {"approvals": [{"name": "production", "groups": {"ops": 1}, "strength": "recorded"}]}
    office.by = replace(office.by, policy=Policy.of(policy))
    statement = statements.of_change(office.change)

    office.store.add_approval(
        ApprovalRow(
            statement.id,
            office.id,
            1,
            "bob",
            "approve",
            "recorded",
            None,
            statement.data.decode(),
            {"system": "awx", "reference": "17", "account": "bob"},
        )
    )
    assert {"bob": "recorded"} == office.standing().counted
    office.without(bob={**people_doc(office.keys)["bob"], "accounts": {"awx": "robert"}})
    assert {} == office.standing().counted
