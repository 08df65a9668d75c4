# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People hear what is wrong with a bundle, and whatever it lets through that the one before did not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust_lint import findings, lapses, weakened

from .made_log import LOG
from .made_trust import BUNDLE, NOW, PEOPLE, bundle, line, person, rule
from .opening import BRIDGE, EVIDENCE, RULES, opening
from .test_definition import GOOD

API = {"api": [{"definition": {**GOOD, "service": "api", "root": "/opt/api", "unit": "api.service"}, "hosts": []}]}
TWICE = {"line": line("ada"), "from": None, "until": None}
FOUND = {
    "runs out before it was made": (
        {"expires_at": "2026-01-01T00:00:00Z"},
        "it runs out at 2026-01-01T00:00:00Z, and was",
    ),
    "a key that ends before it begins": (
        {"people": {**PEOPLE, "eve": person("eve", since="2026-02-01T00:00:00Z", until="2026-01-01T00:00:00Z")}},
        "people.eve.keys[0]: it ends at 2026-01-01T00:00:00Z, before it begins",
    ),
    "A14 a weak key": (
        {"people": {**PEOPLE, "eve": {"groups": [], "keys": [{**TWICE, "line": "ssh-dss AAAA"}]}}},
        "people.eve.keys[0]: found the kind of key",
    ),
    "B05 one key, two people": (
        {"people": {**PEOPLE, "eve": {"groups": [], "keys": [TWICE]}}},
        "people.eve.keys[0]: SHA256:",
    ),
    "a person's key signs checkpoints": ({"log": {**BUNDLE["log"], "keys": [line("ada")]}}, "log.keys[0]: SHA256:"),
    "H12 services that overlap": (
        {"services": {**BUNDLE["services"], "api": [{"definition": {**GOOD, "service": "api"}, "hosts": []}]}},
        "api and web both have the unit web.service",
    ),
    "nobody can satisfy a rule": (
        {"rules": [*BUNDLE["rules"], rule("board", {}, groups={"board": 2})]},
        "the rule 'board' asks 2 of board, and 2 more people with keys are needed",
    ),
    "too few have keys": (
        {"people": {**PEOPLE, "dan": {"groups": ["trust"], "keys": []}}},
        "the rule 'trust' asks 2 of trust, and 1 more people with keys are needed",
    ),
    "H13 a rule that is content with less": (
        {"rules": [*BUNDLE["rules"], rule("clicks", {}, strength="recorded")]},
        "the rule 'clicks' is content with recorded approvals, which open no enrolled host",
    ),
    "H13 a rule that bridges satisfy, where none does": (
        {"rules": [*BUNDLE["rules"], rule("board", {}, strength="countersigned")]},
        "the rule 'board' is content with countersigned approvals, which open no enrolled host unless countersigned_opens",
    ),
    "H13 records open nothing, whoever vouches for others": (
        opening([*RULES, rule("clicks", {}, strength="recorded")]),
        "the rule 'clicks' is content with recorded approvals, which open no enrolled host",
    ),
    "nobody countersigns": (opening(bridges={}), "countersigned_opens: there is no bridge"),
    "a bridge that would have to touch its key": (
        {**opening(), "require_presence": True},
        "a bridge has nobody who touches its key, and require_presence is asked for",
    ),
    "H13i a bridge with a person's key": (
        opening(bridges={"board": {**BRIDGE, "keys": [TWICE]}}),
        "evidence.bridges.board.keys[0]: SHA256:",
    ),
    "nobody whom a bridge could vouch for": (
        {**opening(accounts={}), "people": {**PEOPLE, "bob": {**PEOPLE["bob"], "keys": []}, "cy": person("cy")}},
        "the rule 'two of ops' asks 2 of ops, and 1 more people with keys are needed",
    ),
    "a service without a rule": (
        {"services": {**BUNDLE["services"], **API}, "rules": [rule("web", {"service": ["web"]})]},
        "no rule that asks 1 person for normal changes of api",
    ),
}


@pytest.mark.parametrize(("change", "says"), FOUND.values(), ids=FOUND)
def test_what_is_wrong_with_a_bundle(change, says):
    """Each is a line that names its place."""
    lines = findings(bundle(**change))
    assert any(says in one for one in lines), lines


def test_a_bundle_with_nothing_wrong():
    """It is quiet."""
    assert [] == findings(bundle())
    assert [] == findings(bundle(**opening()))
    nobody_signs = {name: {"groups": ["ops"], "keys": []} for name in ("ada", "bob")}
    assert [] == findings(bundle(**opening(), people={**PEOPLE, "cy": person("cy", "trust"), **nobody_signs}))


def rules(*changed):
    """The rules of the bundle, of which the first is another one, or several, or none."""
    return {"rules": [*changed, *BUNDLE["rules"][1:]]}


NORMALLY = {"type": ["normal", "standard"]}
WEAKER = {
    "a rule is gone": (rules(), "no rule asks any more what 'two of ops' asked: 2 of ops (type normal, standard)"),
    "fewer people": (rules(rule("two of ops", NORMALLY, groups={"ops": 1})), "no rule asks any more what 'two of ops'"),
    "of another group": (rules(rule("two of ops", NORMALLY, groups={"trust": 2})), "no rule asks any more"),
    "B18 for fewer types": (rules(rule("two of ops", {"type": ["normal"]})), "no rule asks any more"),
    "for one risk": (rules(rule("two of ops", {**NORMALLY, "risk": ["high"]})), "no rule asks any more"),
    "less strong": (rules(rule("two of ops", NORMALLY, strength="recorded")), "no rule asks any more"),
    "the requester counts": (rules(rule("two of ops", NORMALLY, separation=[])), "no rule asks any more"),
    "trust by one": (
        {"trust_rule": rule("trust", groups={"trust": 1})},
        "trust itself can be changed by less: 1 of trust, before it was 2 of trust",
    ),
    "a group more": ({"people": {**PEOPLE, "eve": person("eve", "ops")}}, "eve counts for ops"),
    "somebody new": ({"people": {**PEOPLE, "mallory": person("mallory", "ops")}}, "mallory counts for ops"),
    "another key": (
        {"people": {**PEOPLE, "ada": {"groups": ["ops"], "keys": [{**TWICE, "line": line("ada2")}]}}},
        "ada may sign with SHA256:",
    ),
    "a log key more": (
        {"log": {**BUNDLE["log"], "keys": sorted([line("log"), line("x")])}},
        "the log may sign with SHA256:",
    ),
    "another log": ({"log": {**BUNDLE["log"], "origin": f"tidegate/{'f' * 32}"}}, f"before it was tidegate/{LOG}"),
    "H13 what bridges countersigned": (opening(BUNDLE["rules"]), "approvals given in other systems open hosts, once"),
    "a program more": ({"programs": ["a" * 64, "b" * 64]}, "host program bbbbbbbbbbbb may run there, and decide"),
    "a source more": ({"sources": ["cdn.example.org"]}, "cdn.example.org may be asked for artifacts"),
}


@pytest.mark.parametrize(("change", "says"), WEAKER.values(), ids=WEAKER)
def test_what_is_weaker_is_named(change, says):
    """In words that say what it was before."""
    lines = weakened(bundle(), bundle(number=4, **change))
    assert any(says in one for one in lines), lines


def test_flags_and_dates_and_rules_that_begin_to_let_through():
    """What only another old bundle can lose."""
    strict = bundle(require_presence=True, require_verification=True)
    assert ["require_presence is no longer asked for", "require_verification is no longer asked for"] == weakened(
        strict, bundle()
    )
    ended = bundle(people={**PEOPLE, "ada": person("ada", "ops", until="2026-12-01T00:00:00Z")})
    (longer,) = weakened(ended, bundle())
    assert longer.startswith("ada may sign with SHA256:")
    calm = bundle(rules=BUNDLE["rules"][:1])
    assert "emergency changes of web can be approved now, which could not before" in weakened(calm, bundle())


MORE_EVIDENCE = {
    "a bridge": (
        opening(bridges={**EVIDENCE["bridges"], "forge": {**BRIDGE, "keys": [{**TWICE, "line": line("forge")}]}}),
        ["the bridge forge may vouch for servicenow", "the bridge forge may countersign with SHA256:"],
    ),
    "a system": (
        opening(bridges={"board": {**BRIDGE, "systems": ["gitlab", "servicenow"]}}),
        ["the bridge board may vouch for gitlab"],
    ),
    "another account": (
        opening(accounts={**EVIDENCE["accounts"], "ada": {"servicenow": "mallory"}}),
        ["what mallory approves in servicenow counts as approved by ada"],
    ),
    "somebody who signs nothing": (
        {**opening(), "people": {**PEOPLE, "gus": {"groups": ["ops"], "keys": []}}},
        ["gus counts for ops"],
    ),
    "fewer": (opening(accounts={"ada": EVIDENCE["accounts"]["ada"]}), []),
}


@pytest.mark.parametrize(("change", "says"), MORE_EVIDENCE.values(), ids=MORE_EVIDENCE)
def test_whom_bridges_let_through(change, says):
    """Where what they countersign opens hosts already, each thing more that they may is named."""
    people = {**PEOPLE, "gus": person("gus")}
    lines = weakened(bundle(people=people, **opening()), bundle(number=4, **{"people": people, **change}))
    assert len(says) == len(lines)
    assert all(any(one.startswith(text) for one in lines) for text in says), lines


def test_when_keys_run_out():
    """A rule that could not be satisfied by then is named with the moment; one that could is not."""
    ends = {name: person(name, "trust", until=until) for name, until in (("cy", "2026-12-10T00:00:00Z"), ("dan", None))}
    soon = bundle(people={**PEOPLE, **ends, "ada": person("ada", "ops", until="2026-12-05T00:00:00Z")})
    assert [] == lapses(bundle(), NOW, timedelta(days=30)) == lapses(soon, NOW, timedelta(days=5))
    trust, ops, _fire = lapses(soon, NOW, timedelta(days=30))
    needed = "on 1 more people whose keys are valid are needed"
    assert f"the rule 'trust' asks 2 of trust, and from 2026-12-10T00:00:01Z {needed}" == trust
    assert f"the rule 'two of ops' asks 2 of ops, and from 2026-12-05T00:00:01Z {needed}" == ops
    over = lapses(soon, NOW + timedelta(days=20), timedelta(0))
    assert "from 2026-12-18T13:01:00Z on" in over[0]


STRONGER = {
    "nothing": {},
    "a rule more": {"rules": [*BUNDLE["rules"], rule("dba", {}, groups={"ops": 1})]},
    "more people": rules(rule("renamed", NORMALLY, groups={"ops": 3, "security": 1})),
    "for all types": rules(rule("two of ops", {})),
    "a group less": {"people": {**PEOPLE, "bob": person("bob", "ops")}},
    "a key ends": {"people": {**PEOPLE, "ada": person("ada", "ops", until="2026-12-01T00:00:00Z")}},
    "somebody leaves": {"people": {name: one for name, one in PEOPLE.items() if name != "eve"}},
    "presence": {"require_presence": True},
    "a service more": {"services": {**BUNDLE["services"], **API}},
}


@pytest.mark.parametrize("change", STRONGER.values(), ids=STRONGER)
def test_what_is_not_weaker_is_not_named(change):
    """Nobody is to get used to lines that mean nothing."""
    assert [] == weakened(bundle(), bundle(number=4, **change))
