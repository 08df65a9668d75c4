# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules hold for which change, what a weaker policy does to them, and what nobody could ever satisfy."""

from __future__ import annotations

from itertools import product

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.rules import asked_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import (
    Kind,
    findings,
    require_satisfiable,
    rules_for,
)

GROUPS = {"ops": ["ada", "grace"], "security": ["grace", "edsger"], "board": ["ada"]}
ALL = {"name": "all", "groups": {"ops": 1}}
PRODUCTION = {"name": "production", "match": {"environment": ["production"]}, "groups": {"security": 1}}
NORMAL = {"name": "normal", "match": {"type": ["normal"]}, "groups": {"board": 1}}
HIGH = {"name": "high", "match": {"risk": ["high"]}, "groups": {"board": 1}}
EMERGENCY = {"name": "fire", "match": {"type": ["emergency"]}, "any_of": ["ops", "security"], "count": 2}
WEB = Kind("web", "production")


def members(**groups):
    """The people of each group, whatever strength is asked for."""
    return lambda strength: {**GROUPS, **groups}


def policy(*rules, **more):
    return Policy.of({"approvals": list(rules), **more})


def names(policy, kind):
    return [rule["name"] for rule in rules_for(policy, kind).docs]


def refusal_of(function, *arguments):
    with pytest.raises(Refusal) as caught:
        function(*arguments)
    assert caught.value.code == "DATA"
    return caught.value.message


MATRIX = {
    ("web", "production", "normal", None): ["all", "production", "normal", "high"],
    ("web", "production", "standard", "low"): ["all", "production"],
    ("web", "production", "standard", "high"): ["all", "production", "high"],
    ("web", "staging", "normal", "low"): ["all", "normal"],
    ("web", "staging", "standard", "medium"): ["all"],
    ("web", "staging", "emergency", "low"): ["all", "fire"],
    ("web", "production", "emergency", None): ["all", "production", "high", "fire"],
}


@pytest.mark.parametrize(("kind", "expected"), MATRIX.items(), ids=lambda value: "-".join(map(str, value)))
def test_every_rule_that_matches_holds(kind, expected):
    """By environment, type and risk; a risk that nobody has judged may be any."""
    assert names(policy(ALL, PRODUCTION, NORMAL, HIGH, EMERGENCY), Kind(*kind)) == expected


def test_a_rule_for_services_holds_for_those():
    """Others have rules of their own, or none."""
    rule = {"name": "web", "match": {"service": ["web", "api"]}, "groups": {"ops": 1}}
    assert names(policy(rule), WEB) == ["web"]
    assert not rules_for(policy(rule), Kind("worker", "production")).asked


def test_what_a_change_says_of_itself_never_takes_away_what_others_ask():
    """Type and risk only add rules to those without such a match."""
    site = policy(ALL, PRODUCTION, HIGH, EMERGENCY)
    for type_, risk in product(("standard", "normal", "emergency"), (None, "low", "medium", "high")):
        assert {"all", "production"} <= set(names(site, Kind("web", "production", type_, risk)))


def test_no_rule_is_no_digest():
    """Where nobody's approval is asked, the plan says so."""
    assert (rules_for(Policy(), WEB).asked, rules_for(Policy(), WEB).digest) == (False, None)


WEAKER = {
    "fewer people": {**PRODUCTION, "groups": {"ops": 1}},
    "a weaker approval": {**PRODUCTION, "strength": "recorded"},
    "longer": {**PRODUCTION, "expires_after": "90d"},
    "fewer duties": PRODUCTION,
}


@pytest.mark.parametrize("weaker", WEAKER.values(), ids=WEAKER)
def test_rules_that_are_weakened_have_another_digest(weaker):
    """So that what was planned under the stronger ones is not approved by the weaker."""
    strong = {**PRODUCTION, "groups": {"security": 2}, "separation": ["author"]}
    assert rules_for(policy(strong), WEB).digest != rules_for(policy(weaker), WEB).digest


def test_rules_for_other_changes_change_nothing():
    """Edits elsewhere in the policy void no approval; a default that is written out does not, either."""
    before = rules_for(policy(PRODUCTION), WEB).digest
    other = {"name": "other", "match": {"service": ["worker"]}, "groups": {"ops": 2}}
    wider = {**PRODUCTION, "match": {"environment": ["production", "staging"]}, "strength": "signed"}
    assert rules_for(policy(other, wider, emergency={"review_within": "1d"}), WEB).digest == before


@pytest.mark.parametrize("rules", [(PRODUCTION,), (ALL, NORMAL)], ids=["by environment", "by type"])
def test_an_emergency_needs_two_people_of_its_own(rules):
    """Where other changes are approved, an emergency without a rule of two is refused with the way to one."""
    message = refusal_of(rules_for, policy(*rules), Kind("web", "production", "emergency"))
    assert "no rule that asks 2 people for emergencies of web in production" in message
    assert "match: {type: [emergency]}" in message
    assert names(policy(*rules, EMERGENCY), Kind("web", "production", "emergency"))[-1] == "fire"


def test_an_emergency_where_nobody_is_asked_asks_nobody():
    """Little is needed to begin."""
    assert not rules_for(Policy(), Kind("web", "production", "emergency")).asked


def test_a_rule_is_told_in_words():
    """Groups first, then any of some."""
    (rule,) = rules_for(policy({**ALL, "any_of": ["board", "security"], "count": 2}), WEB).docs
    assert asked_of(rule) == "1 of ops, 2 of board or security"


def test_a_person_fills_one_place():
    """Two people are not three, in however many groups they are."""
    (rule,) = rules_for(policy({"name": "x", "groups": {"ops": 2, "board": 1}}), WEB).docs
    message = refusal_of(require_satisfiable, rule, members(), "tidegate_policy")
    assert message == (
        "tidegate_policy.approvals: the rule 'x' asks 1 of board, 2 of ops, and 1 more person is needed whose approval would be signed "
        "(ops has ada, grace; board has ada); add people to tidegate_people, or let the rule ask others"
    )
    require_satisfiable(rule, members(board=["barbara"]), "tidegate_policy")


def test_only_who_can_approve_as_strongly_as_a_rule_asks_counts():
    """People who have an account elsewhere and no key cannot sign."""
    recorded, signed = policy({**ALL, "strength": "recorded"}), policy(ALL)

    def able(strength):
        return GROUPS if strength == "recorded" else {}

    assert [] == findings(recorded, [], able)
    assert "1 more person is needed whose approval would be signed (ops has nobody)" in findings(signed, [], able)[0]


def test_who_may_not_approve_is_left_out():
    """Whoever wants a change does not count, and is named."""
    (rule,) = rules_for(policy({"name": "x", "groups": {"board": 1}}), WEB).docs
    require_satisfiable(rule, members(), "tidegate_policy", ["grace"])
    assert "; ada may not)" in refusal_of(require_satisfiable, rule, members(), "tidegate_policy", ["ada"])


def test_rules_and_services_that_nobody_can_approve_are_found():
    """Before anybody needs them: a rule of a group without people, a service whose only approver may want it."""
    site = policy(ALL, {**NORMAL, "match": {"type": ["normal"], "service": ["web"]}}, EMERGENCY)
    found = findings(site, [("web", "production"), ("worker", "production")], members(security=[]))
    alone = (
        "tidegate_policy: {} changes of {} in production cannot be approved when they are wanted by {} (the rule {})"
    )
    assert found == [
        alone.format("normal", "web", "ada", "'normal'"),
        alone.format("emergency", "web", "ada or grace", "'fire'"),
        alone.format("emergency", "worker", "ada or grace", "'fire'"),
    ]
    nobody = findings(policy({"name": "x", "groups": {"nobody": 1}}), [("web", "production")], members())
    assert nobody[0] == (
        "tidegate_policy.approvals: the rule 'x' asks 1 of nobody, and 1 more person is needed whose approval would be signed (nobody has nobody)"
    )
    assert "normal changes of web in production can be approved by nobody" in "\n".join(nobody)
    assert findings(Policy(), [("web", "production")], members()) == []
