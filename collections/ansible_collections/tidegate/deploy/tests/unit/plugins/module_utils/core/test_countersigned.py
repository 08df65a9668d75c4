# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals given in other systems open a host only where its trust says so, and as far as a bridge of it vouches for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import countersigned
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import require_quorum

from .made_trust import NOW, PEOPLE, bundle, by, line, rule, signed, statement, verify
from .opening import BRIDGE, given, opening, seen

OF = statement()
OPEN = bundle(**opening())


def standing(evidence, found=OPEN, signers=(), of=OF, now=NOW):
    """How a statement stands by signatures and evidence."""
    heard = countersigned.voices(of.id, evidence, found, now, verify)
    rules, duties = found.rules_for("web"), {"requester": "gus"}
    return require_quorum(of.data, of.namespace, by(signers, of), rules, duties, found, now, verify, heard)


def test_two_people_whom_a_bridge_saw():
    """They count as strong as that is; so does one beside somebody who signed."""
    assert ("ada (countersigned)", "bob (countersigned)") == standing([given(OF, "ada"), given(OF, "bob")]).approved_by
    assert ("ada (countersigned)", "cy (signed)") == standing([given(OF, "ada")], signers=("cy",)).approved_by


def test_what_comes_is_what_was_sent():
    """A permit holds it as a document."""
    one = given(OF, "ada")
    assert (one,) == countersigned.parse([one.doc()])


OTHER_HOST = statement(hosts=[{"name": "web1", "uid": "9" * 32, "previous": "absent", "challenge": ""}])
ENDED = {**BRIDGE, "keys": [{**BRIDGE["keys"][0], "until": "2026-11-28T12:00:00Z"}]}
BEGINS = {**BRIDGE, "keys": [{**BRIDGE["keys"][0], "from": "2026-11-29T00:00:00Z"}]}
SIGNED = bundle(**opening([rule("two of ops", {}, strength="signed")]))
RECORDED = bundle(**opening([rule("two of ops", {}, strength="recorded")]))
FLAWS = {
    "H13g of another plan": (given(statement(plan="c" * 64), "ada"), OPEN, "SIG_INVALID", "ada: the signature by"),
    "B09 of another host": (given(OTHER_HOST, "ada"), OPEN, "SIG_INVALID", "is not of these bytes"),
    "H13g of somebody else": (
        given(OF, "bob")._replace(person="ada"),
        OPEN,
        "QUORUM",
        "bob.there of servicenow is no account",
    ),
    "H13g another reference": (
        given(OF, "ada")._replace(evidence=seen("ada", reference="CHG9")),
        OPEN,
        "SIG_INVALID",
        "is not of these bytes",
    ),
    "H13g made for another use": (
        given(OF, "ada")._replace(signature=signed("board", OF.data)),
        OPEN,
        "NAMESPACE",
        "ada: found a signature",
    ),
    "H13h by no bridge": (given(OF, "ada", by="mallory"), OPEN, "QUORUM", "is no key of a bridge now"),
    "H13h by a person": (given(OF, "ada", by="bob"), OPEN, "QUORUM", "is no key of a bridge now"),
    "H13h by a bridge whose key ended": (
        given(OF, "ada"),
        bundle(**opening(bridges={"board": ENDED})),
        "QUORUM",
        "is not valid now",
    ),
    "H13h by a bridge whose key begins": (
        given(OF, "ada"),
        bundle(**opening(bridges={"board": BEGINS})),
        "QUORUM",
        "is not valid now",
    ),
    "H13h for another system": (
        given(OF, "ada", system="gitlab"),
        bundle(**opening(accounts={"ada": {"gitlab": "ada.there"}})),
        "QUORUM",
        "the bridge board may not vouch for gitlab now",
    ),
    "H13 where signatures are asked for": (given(OF, "ada"), SIGNED, "STRENGTH", "is countersigned, expected signed"),
    "H13h nobody's record counts where records would do": (
        given(OF, "ada", by="mallory"),
        RECORDED,
        "QUORUM",
        "missing 1 of ops",
    ),
    "B01 the requester": (
        given(OF, "gus"),
        bundle(**opening(), people={**PEOPLE, "gus": {"groups": ["ops"], "keys": []}}),
        "SELF",
        "gus is the requester",
    ),
    "no signature at all": (given(OF, "ada")._replace(signature="x"), OPEN, "SIG_INVALID", "ada: "),
    "H13 turned off": (
        given(OF, "ada"),
        bundle(),
        "QUORUM",
        "countersigned evidence does not open this host: version 3 of its trust",
    ),
}


@pytest.mark.parametrize(("one", "found", "code", "says"), FLAWS.values(), ids=FLAWS)
def test_what_opens_nothing(one, found, code, says):
    """Beside one person who signed, and would be one of the two."""
    with pytest.raises(Refusal) as caught:
        standing([one], found, signers=("cy",))
    assert code == caught.value.code, caught.value
    assert says in caught.value.message


def test_nobody_counts_twice():
    """Neither who signed as well, nor who was countersigned twice, by whichever bridge."""
    forge = {**BRIDGE, "keys": [{**BRIDGE["keys"][0], "line": line("forge")}]}
    found = bundle(**opening(bridges={"board": BRIDGE, "forge": forge}))
    for evidence, signers in (
        ([given(OF, "ada")], ("ada",)),
        ([given(OF, "ada"), given(OF, "ada", reference="CHG2"), given(OF, "ada", by="forge")], ()),
    ):
        with pytest.raises(Refusal, match="QUORUM: missing 1 of ops"):
            standing(evidence, found, signers)


def test_a_bridge_is_nobody():
    """Its own signature under the statement is a stranger's."""
    with pytest.raises(Refusal, match="is no key of anybody in the trust bundle"):
        standing([given(OF, "ada")], signers=("board",))


def test_a_false_one_spoils_no_other():
    """In whatever order they come; nor where signatures suffice, and nothing countersigned is heard."""
    false = given(OF, "ada")._replace(evidence=seen("ada", reference="CHG9"))
    assert standing([false, given(OF, "ada"), given(OF, "bob")]).granted
    assert standing([given(OF, "ada")], bundle(), signers=("ada", "bob")).granted


def test_by_the_hosts_clock():
    """A key of a bridge ends when its time is over, whenever it signed."""
    ends = {**BRIDGE, "keys": [{**BRIDGE["keys"][0], "until": "2026-11-28T14:00:00Z"}]}
    found, evidence = bundle(**opening(bridges={"board": ends})), [given(OF, "ada"), given(OF, "bob")]
    assert standing(evidence, found).granted
    with pytest.raises(Refusal, match="is not valid now"):
        standing(evidence, found, now=NOW + timedelta(hours=1))


NO_LIST = {
    "nothing": (None, "permit.evidence: found something else, expected up to 64"),
    "too many": ([given(OF, "ada").doc()] * 65, "permit.evidence: found something else"),
    "no mapping": (["ada"], "permit.evidence[0]: found other fields"),
    "no name": ([{**given(OF, "ada").doc(), "person": ""}], "permit.evidence[0]: person is not as it must be"),
    "a field more": (
        [{**given(OF, "ada").doc(), "evidence": seen("ada", comment="yes")}],
        "permit.evidence[0].evidence: found other fields",
    ),
    "an account as a list": (
        [{**given(OF, "ada").doc(), "evidence": seen("ada", account=["ada"])}],
        "permit.evidence[0].evidence: account is not as it must be",
    ),
}


@pytest.mark.parametrize(("doc", "says"), NO_LIST.values(), ids=NO_LIST)
def test_what_is_no_evidence(doc, says):
    """With the place."""
    with pytest.raises(Refusal) as caught:
        countersigned.parse(doc)
    assert "PERMIT" == caught.value.code
    assert says in caught.value.message
