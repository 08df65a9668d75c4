# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trust bundle is whole and right or refused, and a host asks by it no less than by what is said of a change."""

from __future__ import annotations

import base64
import hashlib

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.rules import CHANGE_TYPES, RISKS
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle

from .made_trust import BUNDLE, NOW, PEOPLE, bundle, line, person, rule
from .opening import BRIDGE, EVIDENCE, opening
from .ssh_keys import blob_of
from .test_definition import GOOD


def names(rules):
    return [one["name"] for one in rules]


def test_a_bundle_is_named_by_its_bytes():
    """Parsing gives back what was written, and a host's own copy is the same without being checked again."""
    data = canonical.dumps(BUNDLE)
    parsed = Bundle.parse(data)

    assert hashlib.sha256(data).hexdigest() == parsed.digest
    assert parsed == Bundle.of(BUNDLE) == Bundle(data, canonical.loads(data))
    assert (3, "acme", "production", "deploy") == (parsed.number, parsed.site, parsed.environment, parsed.login)
    assert parsed.expires_at > NOW


VARIANT = BUNDLE["services"]["web"][0]
WRONG = {
    "another field": ({"more": 1}, "found other fields"),
    "a version as truth": ({"v": True}, "v is not as it must be"),
    "number": ({"number": 0}, "number is not as it must be"),
    "no such day": ({"made_at": "2026-02-30T00:00:00Z"}, "made_at is not as it must be"),
    "log": ({"log": {"origin": "other/log", "keys": [line("log")]}}, "log: origin is not as it must be"),
    "a log without keys": ({"log": {**BUNDLE["log"], "keys": []}}, "log: keys is not as it must be"),
    "a name that is a pattern": ({"people": {"*": PEOPLE["ada"]}}, "people is not as it must be"),
    "a person with more": ({"people": {"ada": {**PEOPLE["ada"], "x": 1}}}, "people.ada: found other fields"),
    "a key without end": (
        {"people": {"ada": {"groups": [], "keys": [{"line": line("ada"), "from": None}]}}},
        "people.ada.keys[0]: found other fields",
    ),
    "groups unsorted": (
        {"people": {"ada": {"groups": ["b", "a"], "keys": []}}},
        "people.ada: groups is not as it must",
    ),
    "a rule that asks nobody": ({"rules": [rule(match={}, groups={})]}, "rules[0]: found a rule that asks nobody"),
    "any of nobody": ({"rules": [rule(match={}, count=2)]}, "rules[0]: found a rule that asks nobody"),
    "a rule that asks 0": ({"rules": [rule(match={}, groups={"ops": 0})]}, "rules[0]: groups is not as it must be"),
    "a rule without match": ({"rules": [rule()]}, "rules[0]: found other fields"),
    "a match of more": ({"rules": [rule(match={"day": ["monday"]})]}, "rules[0].match: found something else"),
    "an empty match": ({"rules": [rule(match={"service": []})]}, "rules[0].match: found something else"),
    "a strength": ({"rules": [rule(match={}, strength="said")]}, "rules[0]: strength is not as it must be"),
    "no rule for trust": ({"trust_rule": None}, "trust_rule: found other fields"),
    "a service without variants": ({"services": {"web": []}}, "services.web: found no list"),
    "another's definition": ({"services": {"api": [VARIANT]}}, "services.api[0].definition: found one of web"),
    "half a definition": (
        {"services": {"web": [{"definition": {**GOOD, "unit": 1}, "hosts": []}]}},
        "services.web[0].definition.unit: found",
    ),
    "a host in two variants": (
        {"services": {"web": [{**VARIANT, "hosts": ["web1"]}, {**VARIANT, "hosts": ["web1", "web2"]}]}},
        "services.web: found a host in two of its variants",
    ),
    "two variants for the others": ({"services": {"web": [VARIANT, VARIANT]}}, "found a host in two of its variants"),
    "no program": ({"programs": []}, "programs is not as it must be"),
    "H13 it may, and nobody says who": ({"countersigned_opens": True}, "the bundle: found other fields"),
    "H13 bridges that open nothing": ({"evidence": EVIDENCE}, "the bundle: found other fields"),
    "H13 nearly true": ({"countersigned_opens": 1}, "countersigned_opens is not as it must be, expected true or false"),
    "H13 a bridge without keys": (
        opening(bridges={"board": {"systems": ["servicenow"], "keys": []}}),
        "evidence.bridges.board: keys is not as it must be",
    ),
    "H13 a bridge for nothing": (
        opening(bridges={"board": {**BRIDGE, "systems": []}}),
        "evidence.bridges.board: systems is not as it must be",
    ),
    "H13 a bridge that is somebody": (opening(bridges={"ada": BRIDGE}), "evidence: found a bridge that is somebody"),
    "H13 an account of nobody": (opening(accounts={"zoe": {"servicenow": "zoe"}}), "or an account of nobody"),
    "H13 an account of two": (
        opening(accounts={name: {"servicenow": "ops"} for name in ("ada", "bob")}),
        "evidence: found a bridge that is somebody, or an account of nobody or of two",
    ),
    "a float": ({"number": 1.5}, "expected a document that can be signed"),
}


@pytest.mark.parametrize(("change", "says"), WRONG.values(), ids=WRONG)
def test_what_is_no_bundle(change, says):
    """Every field is checked, and none may be added."""
    with pytest.raises(Refusal) as caught:
        bundle(**change)
    assert "TRUST" == caught.value.code
    assert says in caught.value.message


@pytest.mark.parametrize("data", [b"", b"[]", canonical.dumps(BUNDLE) + b"\n", b"[" * 100_000, b"\xff"])
def test_bytes_that_are_no_bundle(data):
    """Only the canonical bytes are."""
    with pytest.raises(Refusal) as caught:
        Bundle.parse(data)
    assert "TRUST" == caught.value.code


def test_a_host_has_the_variant_that_names_it_else_the_one_for_all_others():
    """And without either the service is not defined there."""
    own = {**GOOD, "root": "/srv/web"}
    both = bundle(services={"web": [VARIANT, {"definition": own, "hosts": ["web2"]}]})

    assert ("/opt/web", "/srv/web") == tuple(both.definition_for("web", name).root for name in ("web1", "web2"))
    for found, service, host in (
        (both, "api", "web1"),
        (bundle(services={"web": [{**VARIANT, "hosts": ["x"]}]}), "web", "web1"),
    ):
        with pytest.raises(Refusal) as caught:
            found.definition_for(service, host)
        assert "DEFINITION" == caught.value.code
        assert f"has no definition of {service} for {host}" in caught.value.message


ASKED = {
    ("normal", "low"): ["two of ops"],
    ("standard", "low"): ["two of ops"],
    ("normal", "high"): ["two of ops", "security too"],
    ("normal", None): ["two of ops", "security too"],
    ("emergency", "low"): ["fire"],
    ("emergency", None): ["security too", "fire"],
}


@pytest.mark.parametrize(("said", "expected"), ASKED.items(), ids=map(str, ASKED))
def test_rules_by_what_is_said_of_a_change(said, expected):
    """A risk adds rules, and one that nobody judged adds those of any; an emergency has rules of its own."""
    assert expected == names(bundle().rules_for("web", *said))


def test_b18_what_is_said_only_adds():
    """A change that is called standard is asked no less than a normal one, whatever is said of its risk."""
    lax = bundle(rules=[*BUNDLE["rules"], rule("one", {"type": ["standard"]}, groups={"ops": 1})])
    asked = set(names(lax.rules_for("web", "normal", "low")))

    for change_type in CHANGE_TYPES[:2]:
        for risk in (None, *RISKS):
            assert asked <= set(names(lax.rules_for("web", change_type, risk)))


def test_rules_for_another_environment_hold_nowhere():
    """The bundle says where its hosts are, not the change."""
    elsewhere = bundle(rules=[*BUNDLE["rules"], rule("staging", {"environment": ["staging"]})])
    assert "staging" not in names(elsewhere.rules_for("web"))


NOBODY = {
    "no rule for the service": (
        [rule("api", {"service": ["api"]})],
        "normal",
        "no rule that asks 1 person for normal changes",
    ),
    "B17 one person in an emergency": ([rule("one", {}, groups={"ops": 1})], "emergency", "no rule that asks 2 people"),
}


@pytest.mark.parametrize(("rules", "change_type", "says"), NOBODY.values(), ids=NOBODY)
def test_without_a_rule_nobody_can_approve(rules, change_type, says):
    """Nothing asked is not everything allowed."""
    with pytest.raises(Refusal) as caught:
        bundle(rules=rules).rules_for("web", change_type)
    assert "QUORUM" == caught.value.code
    assert says in caught.value.message


def test_whoever_may_approve_may_veto():
    """Groups that any rule for the service names, also those of types and risks that this change does not have."""
    rules = [*BUNDLE["rules"], rule("api", {"service": ["api"]}, groups={"dba": 1})]
    assert {"ops", "security"} == bundle(rules=rules).entitled("web")


def test_people_have_their_groups_and_keys_with_dates():
    """As counting knows them."""
    dated = bundle(people={"ada": person("ada", "ops", since="2026-01-01T00:00:00Z", until="2026-12-01T00:00:00Z")})
    ada = dated.members()["ada"]
    (span,) = ada.keys.values()

    assert ada.groups == {"ops"}
    assert span.holds(NOW)
    assert "2026-12-01" == f"{span.until:%F}"


def _ed25519(height):
    return f"ssh-ed25519 {base64.b64encode(blob_of(b'ssh-ed25519', height.to_bytes(32, 'little'))).decode()}"


KEYS = {
    "A15 of low order": (_ed25519(1), "ALG", "no proper point"),
    "A15 not in its one form": (_ed25519(2**255 - 19 + 2), "ALG", "no proper point"),
    "A08 a certificate": ("ssh-ed25519-cert-v01@openssh.com AAAA ada", "ALG", "a certificate"),
    "A14 DSA": ("ssh-dss AAAA ada", "ALG", "may not sign"),
    "no key": ("ssh-ed25519 hello", "SIG_INVALID", "cannot be read"),
    "B05 somebody else's": (line("ada"), "KEY", "is a key of ada already"),
}


@pytest.mark.parametrize(("text", "code", "says"), KEYS.values(), ids=KEYS)
def test_keys_that_may_not_sign(text, code, says):
    """The bundle can be read, so that people see what is wrong with it; none of its people count."""
    key = {"line": text, "from": None, "until": None}
    found = bundle(people={"ada": PEOPLE["ada"], "bob": {"groups": ["ops"], "keys": [key]}})

    with pytest.raises(Refusal) as caught:
        found.members()
    assert code == caught.value.code
    assert caught.value.message.startswith("people.bob.keys[0]: ")
    assert says in caught.value.message


def test_a_key_is_listed_once():
    """With two times that it is good for, nobody could say which one holds."""
    (key,) = PEOPLE["ada"]["keys"]
    with pytest.raises(Refusal, match=r"KEY: people.ada.keys\[1\]: .* is a key of ada already"):
        bundle(people={"ada": {"groups": [], "keys": [key, {**key, "until": "2026-12-01T00:00:00Z"}]}}).members()


def test_a_key_of_the_log_is_checked_as_well():
    """With its place."""
    with pytest.raises(Refusal, match=r"ALG: log.keys\[0\]: "):
        bundle(log={**BUNDLE["log"], "keys": [_ed25519(0)]}).log_keys()
