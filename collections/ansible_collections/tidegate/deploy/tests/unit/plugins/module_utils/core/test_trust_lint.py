# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People hear what is wrong with a bundle, and whatever it lets through that the one before did not."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust_lint import findings, weakened

from .made_log import LOG
from .made_trust import BUNDLE, PEOPLE, bundle, line, person, rule
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
