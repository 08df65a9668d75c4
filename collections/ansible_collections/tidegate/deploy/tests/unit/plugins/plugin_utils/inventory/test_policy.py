# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading ``tidegate_policy``: what is wrong with it is told with its place, and without it nothing is asked."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.rules import people_asked
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy

PLACE = "tidegate_policy of host web1"
RULE = {"name": "production", "groups": {"ops": 1, "security": 1}}


def refusal_of(value):
    with pytest.raises(Refusal) as caught:
        Policy.of(value, PLACE)
    assert caught.value.code == "DATA"
    return caught.value.message


def rules(*more):
    return {"approvals": [{**RULE, **one} for one in more]}


def test_no_policy_asks_nothing():
    """The variable need not be there."""
    assert Policy.of(None).approvals == Policy.of({}).approvals == ()
    assert Policy.of(None).review_within is None


def test_rules_are_read_as_they_are_written():
    """In their order, and with how soon an emergency is reviewed."""
    policy = Policy.of({**rules({}, {"name": "others"}), "emergency": {"review_within": "2d"}}, PLACE)
    assert [rule["name"] for rule in policy.approvals] == ["production", "others"]
    assert policy.review_within == "2d"


WRONG = {
    "no mapping": ([], "the document: found an empty list, expected a mapping with approvals"),
    "unknown key": ({"aprovals": []}, "aprovals: found an unknown key, expected one of"),
    "no name": (
        {"approvals": [{"groups": {"ops": 1}}]},
        "approvals[0].name: found nothing, expected a name of its own",
    ),
    "nobody": (
        {"approvals": [{"name": "x"}]},
        "approvals[0]: found a rule that asks nobody, expected groups, or any_of",
    ),
    "no count": (rules({"any_of": ["ops"]}), "approvals[0].count: found nothing, expected it beside any_of"),
    "no any_of": (rules({"count": 2}), "approvals[0].any_of: found nothing, expected it beside count"),
    "none of a group": (rules({"groups": {"ops": 0}}), "approvals[0].groups.ops: found 0, expected a number of people"),
    "an empty group": (rules({"groups": {}}), "approvals[0].groups: found an empty mapping, expected a mapping from"),
    "a pattern": (
        rules({"groups": {"*": 1}}),
        "approvals[0].groups[\"*\"]: found the name '*', expected the name of a",
    ),
    "a pattern of services": (
        rules({"match": {"service": ["*"]}}),
        "approvals[0].match.service[0]: found '*', expected the name of one service, no pattern",
    ),
    "a pattern of environments": (
        rules({"match": {"environment": ["!test"]}}),
        "approvals[0].match.environment[0]: found '!test', expected the name of one environment, no pattern",
    ),
    "another strength": (rules({"strength": "weak"}), "approvals[0].strength: found 'weak', expected recorded, "),
    "another duty": (rules({"separation": ["boss"]}), "approvals[0].separation[0]: found 'boss', expected one of"),
    "another type": (rules({"match": {"type": ["big"]}}), "approvals[0].match.type[0]: found 'big', expected one of"),
    "no time": (rules({"expires_after": "soon"}), "approvals[0].expires_after: found 'soon', expected a time such as"),
    "twice a name": (rules({}, {}), "approvals[1].name: found 'production' again, expected a name of its own"),
    "alone": (
        rules({"groups": {"ops": 1}, "match": {"type": ["emergency"]}}),
        "approvals[0]: found a rule that asks 1 person, expected at least 2 where it is for emergencies",
    ),
    "review": ({"emergency": {"review_within": 3}}, "emergency.review_within: found 3, expected how soon"),
}


@pytest.mark.parametrize(("value", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_place(value, told):
    """One message names the variable, whose it is, the path in it, what was found and what was expected."""
    assert refusal_of(value).startswith(f"{PLACE}: {told}")


def test_people_of_a_rule_are_counted_over_groups_and_any_of():
    """Each is another person."""
    assert people_asked({"groups": {"ops": 2, "security": 1}, "any_of": ["a", "b"], "count": 2}) == 5
