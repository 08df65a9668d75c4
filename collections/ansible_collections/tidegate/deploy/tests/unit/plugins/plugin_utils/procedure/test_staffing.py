# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor says which services nobody can approve, before anybody has to."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.staffing import staffing

NOW = datetime(2026, 11, 28, 13, tzinfo=UTC)
PLACES = [("web", "production")]
POLICY = {"approvals": [{"name": "production", "groups": {"ops": 2}, "strength": "recorded"}]}


def told(policy, people):
    found = staffing(lambda: Governed(Policy.of(policy), People.of(people)), PLACES, NOW)
    return [(one["level"], one["found"]) for one in found]


def person(name, *groups):
    return {"groups": list(groups), "accounts": {"login": name, "awx": name}}


def test_enough_people_are_no_news():
    """Three of ops, of whom two are left whoever wants the change."""
    assert [] == told(POLICY, {name: person(name, "ops") for name in ("ada", "bob", "cyd")})


def test_a_service_that_nobody_can_approve():
    """One of ops where two are asked; and a group that nobody is in."""
    found = told(POLICY, {"ada": person("ada", "ops")})
    assert {"warn"} == {level for level, _text in found}
    assert any("normal changes of web in production can be approved by nobody" in text for _level, text in found)
    nobody = told({"approvals": [{"name": "db", "groups": {"dbas": 2}}]}, {"ada": person("ada", "ops")})
    assert any("dbas has nobody" in text for _level, text in nobody)


def test_a_name_in_the_policy_that_is_nowhere():
    """A rule, a window and a freeze for what is not here hold for nothing, and nobody would notice."""
    typo = {"name": "x", "match": {"service": ["web", "db"], "environment": ["prod"]}}
    policy = {
        "approvals": [{**typo, "groups": {"ops": 1}, "strength": "recorded"}],
        "windows": [{**typo, "from": "10:00", "to": "12:00"}],
        "freezes": [{**typo, "from": "2026-12-20", "until": "2026-12-30", "reason": "fair"}],
    }
    found = told(policy, {name: person(name, "ops") for name in ("ada", "bob")})
    said = "tidegate_policy: {} (x) is for service web, db and environment prod, which is nothing here"
    assert [("note", said.format(f"{kind}[0]")) for kind in ("approvals", "windows", "freezes")] == found


def test_who_is_absent_is_missed():
    """An absence without a deputy takes somebody away."""
    away = {**person("bob", "ops"), "absent": [{"from": "2026-11-27", "until": "2026-11-29"}]}
    people = {"ada": person("ada", "ops"), "bob": away}
    assert any("can be approved by nobody" in text for _level, text in told(POLICY, people))


def test_people_that_cannot_be_read():
    """One finding per mistake, with its place; it stops a rollout that needs approval."""
    found = staffing(lambda: Governed(Policy.of(POLICY), People.of({"*": {}})), PLACES, NOW)
    assert ["refuse"] == [one["level"] for one in found]
    assert "tidegate_people: " in found[0]["found"]


def test_whose_users_are_unknown():
    """Without users, whoever wants a change is not known as a person: that is said once."""
    people = {name: {"groups": ["ops"], "accounts": {"awx": name}} for name in ("ada", "bob", "cyd")}
    ((level, text),) = told(POLICY, people)
    assert "note" == level
    assert "could approve it under another name" in text


def test_without_a_policy_nothing_is_said():
    """A site that asks nobody needs nobody."""
    assert [] == told(None, None)
