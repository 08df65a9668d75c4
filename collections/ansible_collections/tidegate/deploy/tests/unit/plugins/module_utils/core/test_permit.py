# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolled host demands: people's statement, the store's grant, and that neither is used up or closed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.logged import Logged, Seen
from ansible_collections.tidegate.deploy.plugins.module_utils.core.permit import (
    Permit,
    attempted,
    require_emergency,
    require_forward,
    require_grant,
    require_review,
    require_statement,
    require_veto,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed

from .made_trust import (
    BUNDLE,
    CHALLENGE,
    NOW,
    PEOPLE,
    UID,
    Identity,
    body,
    bundle,
    by,
    line,
    log_of,
    logged,
    person,
    rule,
    seen_of,
    shown,
    signed,
    statement,
    verify,
    wanted,
)

HOST = Identity()
GRANTED = log_of(6, body=body(statement()))


def standing(of, signatures, found=None, host=HOST, service="web", now=NOW):
    return require_statement(of, signatures, wanted(of), found or bundle(), host, service, now, verify)


def test_enough_of_the_right_people():
    """They are named with how strong that is."""
    found = standing(statement(), by(("ada", "bob"), statement()))
    assert ("ada (signed)", "bob (signed)") == found.approved_by


def other(**changes):
    """Another statement, and the signatures of two people under it."""
    of = statement(**changes)
    return of, by(("ada", "bob"), of)


STATEMENT_HOSTS = statement().doc["hosts"]
REFUSED = {
    "one person": (statement(), by(("ada",), statement()), "QUORUM", "missing 1 of ops (two of ops)"),
    "H13 clicks, or nobody's signature": (statement(), [], "QUORUM", "missing 2 of ops"),
    "A02 other bytes": (statement(risk="low"), by(("ada", "bob"), statement()), "SIG_INVALID", "not of these bytes"),
    "A13 not in the group": (
        statement(),
        by(("ada", "eve"), statement()),
        "QUORUM",
        "eve is in none of the groups ops",
    ),
    "B01 the requester": (*other(requester="ada"), "SELF", "ada is the requester of this change"),
    "wanted by nobody": (*other(requester=""), "REQUEST", "is wanted by nobody, and the request is signed by"),
    "wanted by somebody whom nobody knows": (*other(requester="ci"), "REQUEST", "which is no key of theirs"),
    "B08 another service": (*other(service="api"), "PERMIT", "about deploy of api"),
    "B10 another environment": (
        *other(environment="staging"),
        "PERMIT",
        "is for staging, and this host is in production",
    ),
    "a site's own playbook": (*other(action="run"), "PERMIT", "about run of web"),
    "a request": (*other(type="request"), "PERMIT", "found a request, expected an approval"),
    "B09 another host": (*other(hosts=STATEMENT_HOSTS[1:]), "PERMIT", f"does not name web1 with the uid {UID}"),
    "installed anew": (*other(hosts=[{**STATEMENT_HOSTS[0], "uid": "9" * 32}]), "PERMIT", "does not name web1"),
    "planned before it was enrolled": (
        *other(hosts=[{**STATEMENT_HOSTS[0], "uid": ""}]),
        "PERMIT",
        "does not name web1",
    ),
    "trust is older": (*other(min_trust=4), "TRUST_STALE", "at version 3 of trust, and the statement needs 4"),
    "H04 another definition": (*other(definitions=["f" * 64]), "DEFINITION", "is not the one of the trust bundle 3"),
    "B18 low where it is high": (*other(risk="high", requester="bob"), "SELF", "missing 1 of security (security too)"),
    "B17 an emergency by one": (
        statement(change_type="emergency"),
        by(("ada",), statement(change_type="emergency")),
        "QUORUM",
        "missing 1 of ops or security (fire)",
    ),
}


@pytest.mark.parametrize(("of", "signatures", "code", "says"), REFUSED.values(), ids=REFUSED)
def test_what_a_host_refuses(of, signatures, code, says):
    """Each with its own code, and what was found."""
    with pytest.raises(Refusal) as caught:
        standing(of, signatures)
    assert code == caught.value.code
    assert says in caught.value.message


@pytest.mark.parametrize("minutes", [-2, 180])
def test_b11_outside_of_the_window(minutes):
    """Before and after, by the host's clock."""
    with pytest.raises(Refusal) as caught:
        standing(statement(), by(("ada", "bob"), statement()), now=NOW + timedelta(minutes=minutes))
    assert "WINDOW" == caught.value.code
    assert (
        "from 2026-11-28T13:00:00Z until 2026-11-28T16:00:00Z, and by this host's clock it is" in caught.value.message
    )


def test_a_fewer_of_its_hosts_are_covered():
    """The other host of the statement may activate, too, and needs nothing of the first."""
    assert standing(statement(), by(("ada", "bob"), statement()), host=Identity("web2", "2" * 32)).granted


def test_a11_a_key_that_ended_does_not_sign_any_more():
    """By the host's clock, whenever it says that it signed."""
    left = bundle(people={**PEOPLE, "bob": person("bob", "ops", until="2026-11-28T12:00:00Z")})
    with pytest.raises(Refusal, match=r"KEY: .* of bob is not valid now"):
        standing(statement(), by(("ada", "bob"), statement()), left)


WORDS = {
    "nobody's": (lambda _of: "", "REQUEST", "is wanted by gus, found no signature that says so"),
    "an approver's": (lambda of: wanted(of, by="ada"), "REQUEST", "which is no key of theirs"),
    "a stranger's": (lambda of: wanted(of, by="mallory"), "REQUEST", "which is no key of theirs"),
    "about another plan": (lambda of: wanted(statement(plan="0" * 64)), "SIG_INVALID", "not of these bytes"),
    "about another change": (lambda of: wanted(statement(change="CHG-2026-0008")), "SIG_INVALID", "not of these bytes"),
    "for another use": (lambda of: signed("gus", of.as_request().data), "NAMESPACE", "approval@tidegate"),
    "no signature": (lambda _of: "gus", "SIG_INVALID", "signature"),
}


@pytest.mark.parametrize(("word", "code", "says"), WORDS.values(), ids=WORDS)
def test_b01_a_controller_does_not_say_who_wants_it(word, code, says):
    """Only whoever it is does, about this plan and no other, however many have approved it."""
    of = statement()
    with pytest.raises(Refusal) as caught:
        require_statement(of, by(("ada", "bob"), of), word(of), bundle(), HOST, "web", NOW, verify)
    assert code == caught.value.code
    assert says in caught.value.message


def test_who_wants_it_signs_by_a_key_that_holds():
    """By the host's clock; and with a touch where the trust asks for one."""
    of = statement()
    left = bundle(people={**PEOPLE, "gus": person("gus", until="2026-11-28T12:00:00Z")})
    with pytest.raises(Refusal, match=r"KEY: .* of gus, which signed the request, is not valid now"):
        standing(of, by(("ada", "bob"), of), left)
    with pytest.raises(Refusal, match=r"PRESENCE"):
        standing(of, by(("ada", "bob"), of), bundle(require_presence=True))


# --- grants -----------------------------------------------------------------------------------------------------------


def granted(documents=GRANTED, seen=None, challenge=CHALLENGE, host=HOST, now=NOW, of=None, **proof):
    kept = Seen() if seen is None else seen
    return require_grant(logged(documents, **proof), of or statement(), host, challenge, kept, bundle(), now, verify)


def test_a_grant_that_is_in_the_log():
    """Its entry's index is the fence; the host keeps the checkpoint, and shows it to auditors."""
    found = granted()
    assert (6, 7) == (found.index, found.seen.size)
    assert seen_of(GRANTED).root == found.seen.root
    assert found.seen == Seen.of(found.seen.doc())
    assert found.seen.note == shown(GRANTED)["checkpoint"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_a_grant_in_a_log_that_grew(size):
    """From whatever the host saw."""
    assert 7 == granted(seen=seen_of(GRANTED[:size]), since=size).seen.size


GRANTS = {
    "H03 of a forked log": ({"seen": seen_of(log_of(3, said="fork")), "since": 3}, "has not grown out of the 3"),
    "H03 older than what the host saw": ({"seen": seen_of(log_of(9)), "since": 0}, "has seen the log at 9"),
    "H03 proved from another size": ({"seen": seen_of(GRANTED[:3]), "since": 2}, "a proof from size 2"),
    "H03 as if nothing had been seen": ({"seen": seen_of(GRANTED[:3]), "since": 0}, "a proof from size 0"),
    "by another key": ({"key": "other"}, "signed the checkpoint, and is no key of the log"),
    "by a person's key": ({"key": "ada"}, "signed the checkpoint, and is no key of the log"),
    "of another log": ({"log": "f" * 32}, "expected one of tidegate/0123"),
    "another entry": ({"index": 2}, "found an entry denied, expected one grant"),
    "for another statement": ({"of": statement(revision=2)}, "for another statement or service"),
    "B09 without this host": ({"host": Identity("web1", "3" * 32)}, "for wave 0, without web1"),
    "H02 the lease is over": (
        {"documents": log_of(6, body=body(statement(), lease_until="2026-11-28T13:01:00Z"))},
        "ended",
    ),
    "another service": (
        {"documents": log_of(6, body=body(statement(), service="api"))},
        "for another statement or service",
    ),
    "with more": ({"documents": log_of(6, body=body(statement(), at="now"))}, "entry 6: found other fields"),
    "without a moment": ({"documents": log_of(6, body=body(statement(), lease_until="soon"))}, "names no moment"),
    "names instead of uids": (
        {"documents": log_of(6, body=body(statement(), {"web1": CHALLENGE}))},
        "hosts is not as it",
    ),
}


@pytest.mark.parametrize(("change", "says"), GRANTS.values(), ids=GRANTS)
def test_grants_that_a_host_refuses(change, says):
    """It believes only what is in the one log that it has seen grow."""
    with pytest.raises(Refusal) as caught:
        granted(**change)
    assert "GRANT" == caught.value.code
    assert says in caught.value.message


def test_h03_a_grant_that_was_never_entered():
    """Its bytes are an entry, and the proof of another one does not make it part of the log."""
    forged = {**shown(GRANTED), "entry": shown(log_of(6, body=body(statement(), wave=1)))["entry"]}
    with pytest.raises(Refusal, match="GRANT: entry 6 is not in the log of 7 entries"):
        require_grant(Logged.parse(forged), statement(), HOST, CHALLENGE, Seen(), bundle(), NOW, verify)


def test_h02_without_a_grant():
    """Approvals alone open nothing."""
    with pytest.raises(Refusal, match="GRANT: the permit has no grant"):
        require_grant(None, statement(), HOST, CHALLENGE, Seen(), bundle(), NOW, verify)


@pytest.mark.parametrize("challenge", ["", "d" * 64, CHALLENGE[:-1], CHALLENGE.upper()])
def test_h01_another_challenge_or_none(challenge):
    """That of another host, and one that was used up."""
    with pytest.raises(Refusal) as caught:
        granted(challenge=challenge)
    assert "CHALLENGE" == caught.value.code


CLOCKS = {
    "H11 ten minutes ahead of the store": ({"now": NOW + timedelta(minutes=10)}, "more than 300 s apart"),
    "H11 ten minutes behind it": ({"now": NOW - timedelta(minutes=10)}, "more than 300 s apart"),
}


@pytest.mark.parametrize(("change", "says"), CLOCKS.values(), ids=CLOCKS)
def test_clocks_that_cannot_be_believed(change, says):
    """A window is only as good as the clock by which it is judged."""
    with pytest.raises(Refusal) as caught:
        granted(**change)
    assert "CLOCK" == caught.value.code
    assert says in caught.value.message


PARSED = {
    "nothing": (None, "found other fields"),
    "no base64": ({**shown(GRANTED), "entry": "?"}, "grant.entry: found something else"),
    "no entry": ({**shown(GRANTED), "entry": "e30="}, "expected an entry and a checkpoint"),
    "no checkpoint": ({**shown(GRANTED), "checkpoint": "tidegate/\n"}, "expected an entry and a checkpoint"),
    "a checkpoint that is no text": ({**shown(GRANTED), "checkpoint": 7}, "expected an entry and a checkpoint"),
    "a signature that is none": (
        {**shown(GRANTED), "checkpoint": shown(GRANTED)["checkpoint"].split("\n\n")[0] + "\n\nhello"},
        "the checkpoint: ",
    ),
    "a path that is none": ({**shown(GRANTED), "inclusion": ["00"]}, "grant.inclusion: found something else"),
    "a long path": ({**shown(GRANTED), "consistency": ["0" * 64] * 65}, "grant.consistency: found something else"),
    "a size": ({**shown(GRANTED), "from": -1}, "grant.from: found something else"),
}


@pytest.mark.parametrize(("doc", "says"), PARSED.values(), ids=PARSED)
def test_what_is_no_grant(doc, says):
    """What travels is read strictly."""
    with pytest.raises(Refusal) as caught:
        Logged.parse(doc).require("grant", Seen(), bundle(), verify)
    assert "GRANT" == caught.value.code
    assert says in caught.value.message


def test_a_permit_is_read_whole():
    """With a grant, and without where an emergency needs none."""
    whole = {**Signed(statement().data, tuple(by(("ada",), statement()))).doc(), "request": wanted(statement())}

    assert logged(GRANTED) == Permit.parse({**whole, "grant": shown(GRANTED)}).grant
    assert Permit.parse({**whole, "grant": None}).grant is None
    for doc in (None, whole, {**whole, "grant": None, "force": True}):
        with pytest.raises(Refusal, match="PERMIT: found no permit"):
            Permit.parse(doc)
    with pytest.raises(Refusal, match=r"PERMIT: permit\.request: found something else"):
        Permit.parse({**whole, "request": None, "grant": None})


# --- emergencies ------------------------------------------------------------------------------------------------------

URGENT = statement(
    change_type="emergency",
    hosts=STATEMENT_HOSTS[:1],
    window={"not_before": "2026-11-28T13:00:00Z", "not_after": "2026-11-28T15:00:00Z"},
).as_emergency({"web1": CHALLENGE}, "customers cannot pay")


def test_an_emergency_is_signed_by_two_people_under_its_own_name():
    """An approval of the same plan is none, and an emergency by another use is none either."""
    assert standing(URGENT, by(("ada", "bob"), URGENT)).granted
    with pytest.raises(Refusal, match="NAMESPACE"):
        standing(URGENT, [signed(name, URGENT.data) for name in ("ada", "bob")])


def test_an_emergency_needs_the_rule_for_emergencies_whatever_type_it_says():
    """What it calls itself beside that does not count."""
    calm = statement(hosts=STATEMENT_HOSTS[:1], window=URGENT.doc["window"]).as_emergency({"web1": CHALLENGE}, "now")
    lax = bundle(rules=[rule("one", {"type": ["normal"]}, groups={"ops": 1}), *BUNDLE["rules"][1:]])
    with pytest.raises(Refusal, match=r"missing 1 of ops or security \(fire\)"):
        standing(calm, by(("ada",), calm), lax)


def test_an_emergency_holds_the_challenge_of_this_host():
    """It is for one use; an approval without a grant is no emergency."""
    require_emergency(URGENT, HOST, CHALLENGE)
    for of, challenge, code in (
        (URGENT, "f" * 64, "CHALLENGE"),
        (URGENT, "", "CHALLENGE"),
        (statement(), CHALLENGE, "GRANT"),
    ):
        with pytest.raises(Refusal) as caught:
            require_emergency(of, HOST, challenge)
        assert code == caught.value.code


def test_a_review_is_shown_from_the_log():
    """It is of this emergency and no other."""
    reviewed = log_of(6, "emergency.reviewed", {"statement": URGENT.id})

    assert 7 == require_review(logged(reviewed), URGENT.id, Seen(), bundle(), verify).size
    for documents, says in ((reviewed, "of another emergency"), (GRANTED, "found an entry grant")):
        with pytest.raises(Refusal, match=says):
            require_review(logged(documents), "f" * 64, Seen(), bundle(), verify)


# --- vetoes, attempts --------------------------------------------------------------------------------------------------

VETO = statement().as_type("veto", "it breaks search")


def test_whoever_may_approve_may_veto():
    """One person is enough, the requester too; the veto is about whatever is about the same plan."""
    assert ("bob",) == require_veto(VETO, by(("eve", "bob"), VETO), bundle(), "web", NOW, verify)
    assert URGENT.about != VETO.about == statement().about != statement(hosts=STATEMENT_HOSTS[:1]).about


VETOES = {
    "not entitled": (VETO, by(("eve",), VETO), "QUORUM", "eve is in no group that a rule for web names"),
    "nobody": (VETO, [], "QUORUM", "nobody signed the veto"),
    "a stranger": (VETO, by(("mallory",), VETO), "KEY", "is no key of anybody"),
    "an approval": (statement(), by(("ada",), statement()), "PERMIT", "found approval of web, expected veto of web"),
    "of another service": (
        statement(service="api").as_type("veto"),
        [],
        "PERMIT",
        "found veto of api, expected veto of web",
    ),
}


@pytest.mark.parametrize(("of", "signatures", "code", "says"), VETOES.values(), ids=VETOES)
def test_what_is_no_veto(of, signatures, code, says):
    """Whoever could not have approved does not stop anybody."""
    with pytest.raises(Refusal) as caught:
        require_veto(of, signatures, bundle(), "web", NOW, verify)
    assert code == caught.value.code
    assert says in caught.value.message


NOTHING = {"statements": {}, "next_seq": 1, "vetoed": {}}


def test_h07_a_statement_is_used_as_often_as_it_says():
    """Each use counts, also one that the host took back by itself."""
    record = NOTHING
    for _attempt in range(3):
        require_forward(record, statement())
        record = attempted(record, statement())

    with pytest.raises(Refusal, match=r"ATTEMPTS: .* was used 3 times here"):
        require_forward(record, statement())


def test_h07_a_statement_that_a_later_one_followed():
    """The later one was confirmed; the earlier one is over, its attempts notwithstanding."""
    record = attempted(attempted(NOTHING, statement()), statement(revision=2))

    require_forward(record, statement(), confirmed=1)
    require_forward(record, statement(revision=2), confirmed=2)
    with pytest.raises(Refusal, match="CLOSED: a statement that came after the one of CHG-2026-0007 was confirmed"):
        require_forward(record, statement(), confirmed=2)


def test_h07_the_place_of_a_statement_is_that_of_its_first_use():
    """Using it again does not bring it behind others."""
    record = attempted(attempted(attempted(NOTHING, statement()), statement(revision=2)), statement())
    assert {statement().id: {"attempts": 2, "seq": 1}, statement(revision=2).id: {"attempts": 1, "seq": 2}} == record[
        "statements"
    ]
    assert 3 == record["next_seq"]


def test_a_vetoed_statement_goes_nowhere():
    """Nor does the emergency about the same plan; who has vetoed it is named where that was kept."""
    for who, said in (("ada", "ada"), ("", "somebody")):
        record = {**NOTHING, "vetoed": {URGENT.about: {"by": who}}}
        with pytest.raises(Refusal, match=f"VETO: {said} has rejected CHG-2026-0007 on this host"):
            require_forward(record, URGENT)
        require_forward(record, statement(revision=2))


def test_the_log_of_a_bundle_may_have_several_keys():
    """While one hands over to the next."""
    both = bundle(log={**BUNDLE["log"], "keys": sorted([line("log"), line("next")])})
    for key in ("log", "next"):
        found = logged(GRANTED, key=key)
        assert require_grant(found, statement(), HOST, CHALLENGE, Seen(), both, NOW, verify).index == 6
