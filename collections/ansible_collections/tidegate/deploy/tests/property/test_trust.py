# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of all trust and every permit: weakening shows, approvals only add, a permit is one host's, strangers' bytes are refused."""

from __future__ import annotations

import base64
import copy
from itertools import chain, combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.logged import Logged, Seen
from ansible_collections.tidegate.deploy.plugins.module_utils.core.permit import (
    Permit,
    require_emergency,
    require_grant,
    require_statement,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import STRENGTHS, standing
from ansible_collections.tidegate.deploy.plugins.module_utils.core.rules import CHANGE_TYPES
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed, voices
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.core.succession import Unenroll, overlaps
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust_lint import findings, weakened
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.made_trust import (
    CHALLENGE,
    NOW,
    UID,
    Identity,
    body,
    bundle,
    by,
    line,
    log_of,
    logged,
    rule,
    shown,
    signed,
    statement,
    verify,
    wanted,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.opening import (
    given as approved_elsewhere,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.opening import opening

KEYS, GROUPS, RISKS = ("ada", "bob", "cy", "dan"), ("ops", "trust"), (None, "low", "high")
ENDS = st.sampled_from([None, None, "2026-11-27T00:00:00Z", "2026-12-01T00:00:00Z"])


def some(values, fewest=0):
    return st.lists(st.sampled_from(values), min_size=fewest, unique=True).map(sorted)


MATCHES = [
    {},
    {},
    {"type": ["normal"]},
    {"type": ["emergency"]},
    {"type": ["emergency", "standard"]},
    {"risk": ["high"]},
    {"risk": ["low"], "type": ["normal"]},
]


@st.composite
def rules(draw, matched=True):
    asked = draw(st.dictionaries(st.sampled_from(GROUPS), st.integers(1, 2), max_size=1))
    any_of = draw(some(GROUPS, 1)) if not asked or draw(st.booleans()) else []
    match = draw(st.sampled_from(MATCHES))
    return rule(
        draw(st.sampled_from(["a", "b"])),
        match if matched else None,
        groups=asked,
        any_of=any_of,
        count=len(any_of) and draw(st.integers(1, 2)),
        strength=draw(st.sampled_from(STRENGTHS)),
        separation=draw(st.sampled_from([[], ["requester"]])),
    )


PERSON = st.fixed_dictionaries({"groups": some(GROUPS, 1), "until": ENDS})
PEOPLE = st.fixed_dictionaries({"ada": PERSON, "bob": PERSON}, optional={"eve": PERSON})
PARTS = {
    "rules": st.lists(rules(), min_size=1, max_size=2),
    "trust_rule": rules(matched=False),
    "require_presence": st.sampled_from([False, False, False, True]),
    "people": PEOPLE,
    "owners": st.permutations(KEYS),
}


def bundle_of(parts, number=3):
    """The bundle of some parts: its people have the keys in the order of the owners, one each and ada two."""
    keys = iter(parts["owners"])
    people = {
        name: {
            "groups": person["groups"],
            "keys": [
                {"line": line(next(keys)), "from": None, "until": person["until"]}
                for _key in range(2 if name == "ada" else 1)
            ],
        }
        for name, person in sorted(parts["people"].items())
    }
    return bundle(
        **{key: value for key, value in parts.items() if key != "owners"} | {"people": people, "number": number}
    )


@st.composite
def successions(draw):
    """A bundle, and one of which some parts are others."""
    old = {name: draw(part) for name, part in PARTS.items()}
    changed = draw(st.sets(st.sampled_from(list(PARTS)), min_size=1, max_size=2))
    return bundle_of(old), bundle_of({**old, **{name: draw(PARTS[name]) for name in sorted(changed)}}, 4)


DATA = b"what is signed"
SIGNATURES = [signed(key, DATA) for key in KEYS]
SUBSETS = list(chain.from_iterable(combinations(range(len(KEYS)), size) for size in range(len(KEYS) + 1)))
QUESTIONS = [(change_type, risk) for change_type in CHANGE_TYPES for risk in RISKS]


def accepted(found):
    """All that a bundle accepts: by which keys, for which changes wanted by whom, and for trust itself."""
    asked = {"trust": [found.trust_rule]}
    for question in QUESTIONS:
        try:
            asked[question] = found.rules_for("web", *question)
        except Refusal:
            continue
    members = found.members()
    by_key = [voices(DATA, "approval@tidegate", [one], found, NOW, verify).voices for one in SIGNATURES]
    return {
        (question, subset, requester)
        for question, all_rules in asked.items()
        for subset in SUBSETS
        for requester in ("ada", "gus")
        if standing(
            all_rules, [v for key in subset for v in by_key[key]], members, {"requester": requester}, NOW
        ).granted
    }


@given(successions())
def test_whatever_a_bundle_lets_through_that_the_one_before_did_not_is_named(both):
    """H09, A13, B16: nobody signs a weaker bundle without hearing of it; and of one that is the same there is nothing to hear."""
    old, new = both
    if accepted(new) - accepted(old):
        assert weakened(old, new)
    assert [] == weakened(old, Bundle.of({**old.doc, "number": 4}))


NAMES = ("ada", "bob", "cy", "dan", "eve", "mallory")
STATEMENT = statement()
HANDED = st.lists(
    st.sampled_from([*by(NAMES, STATEMENT), *(signed(name, b"other") for name in NAMES), "hello", ""]), max_size=8
)


def granted(signatures):
    try:
        asked = (bundle(), Identity(), "web", NOW, verify)
        return require_statement(STATEMENT, signatures, wanted(STATEMENT), *asked).granted
    except Refusal:
        return False


@given(HANDED, HANDED, st.data())
def test_more_signatures_never_make_a_statement_less_signed(signatures, more, data):
    """Also those that are false, twice, or nobody's, in any order."""
    if granted(signatures):
        assert granted(data.draw(st.permutations([*signatures, *more])))


# --- one host's -------------------------------------------------------------------------------------------------------

HOSTS = {"web1": "1" * 32, "web2": "2" * 32, "web3": "3" * 32}
SHORT = {"not_before": "2026-11-28T13:00:00Z", "not_after": "2026-11-28T14:00:00Z"}
CHALLENGES = {"web1": "a" * 64, "web2": "b" * 64, "web3": "c" * 64}


@given(
    st.sampled_from(list(HOSTS)),
    st.sets(st.sampled_from(list(HOSTS))),
    st.sampled_from(list(HOSTS)),
    st.sampled_from(list(HOSTS)),
)
def test_a_permit_for_one_host_never_passes_for_another(mine, others, name, uid_of):
    """Whatever else the statement names, and whosever name the other one has: it has another uid, and another challenge."""
    other = Identity(name, HOSTS[uid_of])
    assume(other != Identity(mine, HOSTS[mine]))
    named = [
        {"name": host, "uid": HOSTS[host], "previous": "absent", "challenge": ""} for host in sorted({mine, *others})
    ]
    of = statement(hosts=named)
    grant = logged(log_of(6, body=body(of, {HOSTS[mine]: CHALLENGES[mine]})))
    alone = statement(hosts=[host for host in named if host["name"] == mine], window=SHORT)

    assert opens(of, grant, Identity(mine, HOSTS[mine]), CHALLENGES[mine])
    assert not opens(of, grant, other, CHALLENGES[mine])
    assert not opens(of, grant, other, CHALLENGES[uid_of])
    with pytest.raises(Refusal, match="CHALLENGE"):
        require_emergency(alone.as_emergency(CHALLENGES, "now"), other, CHALLENGES[mine])


def opens(of, grant, host, challenge):
    """Whether a host activates by a permit."""
    try:
        require_statement(of, by(("ada", "bob"), of), wanted(of), bundle(), host, "web", NOW, verify)
        require_grant(grant, of, host, challenge, Seen(), bundle(), NOW, verify)
    except Refusal:
        return False
    return True


# --- strangers' bytes -------------------------------------------------------------------------------------------------

LEAVES = {
    "v": 1,
    "type": "unenroll",
    "hosts": [{"name": "web1", "uid": UID}],
    "trust": 3,
    "not_after": "2026-11-28T14:00:00Z",
    "reason": "the fleet moves",
}
GRANTED = log_of(6, body=body(STATEMENT))
OPENED = bundle(**opening())
SIGNED_BY_ADA = Signed(STATEMENT.data, tuple(by(("ada",), STATEMENT))).doc()
SEEN_OF_BOB = [approved_elsewhere(STATEMENT, "bob").doc()]
PERMIT = {**SIGNED_BY_ADA, "evidence": SEEN_OF_BOB, "request": wanted(STATEMENT), "grant": shown(GRANTED)}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    """Every place in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def with_another(doc, path, value):
    """A document in which something else stands at a place."""
    if not path:
        return value
    changed = copy.deepcopy(doc)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def used(found):
    """All that a host and its people ask of a bundle."""
    for ask in (findings, overlaps, Bundle.members, Bundle.bridges, Bundle.log_keys):
        read_or_refused(ask, found)
    read_or_refused(lambda one: one.rules_for("web", "emergency"), found)
    read_or_refused(lambda one: weakened(bundle(), one), found)


def read_or_refused(read, data):
    """What was read, or None; any other error than ours fails the test."""
    try:
        return read(data)
    except Refusal:
        return None


@given(st.sampled_from(list(places(OPENED.doc))), VALUES)
def test_any_value_at_any_place_of_a_bundle(path, value):
    """A bundle that was read is its own canonical form, and can be asked everything."""
    found = read_or_refused(Bundle.of, with_another(OPENED.doc, path, value))
    if found is not None:
        assert canonical.dumps(found.doc) == found.data
        used(found)


@given(st.sampled_from(list(places(LEAVES))), VALUES)
def test_any_value_at_any_place_of_a_statement_to_leave(path, value):
    """It is read whole or refused."""
    read_or_refused(Unenroll.of, with_another(LEAVES, path, value))


@given(st.sampled_from(list(places(PERMIT))), VALUES)
def test_any_value_at_any_place_of_a_permit(path, value):
    """What still passes is the permit as it was."""

    def passes(doc):
        permit = Permit.parse(doc)
        asked = (OPENED, Identity(), "web", NOW, verify, permit.evidence)
        require_statement(permit.statement, permit.signatures, permit.request, *asked)
        return require_grant(permit.grant, permit.statement, Identity(), CHALLENGE, Seen(), bundle(), NOW, verify)

    found = read_or_refused(passes, with_another(PERMIT, path, value))
    if found is not None:
        assert passes(PERMIT) == found


def permit_in(data):
    """The permit in the bytes of a request, which are JSON before anybody looks at them."""
    try:
        doc = canonical.loads(data)
    except ValueError:
        return None
    return Permit.parse(doc)


READERS = {
    "bundle": (Bundle.parse, OPENED.data),
    "statement": (Statement.parse, STATEMENT.data),
    "leaving": (Unenroll.parse, canonical.dumps(LEAVES)),
    "permit": (permit_in, canonical.dumps(PERMIT)),
    "entry": (lambda data: Logged.parse({**PERMIT["grant"], "entry": base64.b64encode(data).decode()}), GRANTED[-1]),
    "checkpoint": (
        lambda data: Logged.parse({**PERMIT["grant"], "checkpoint": data.decode("latin-1")}),
        PERMIT["grant"]["checkpoint"].encode(),
    ),
}


@pytest.mark.parametrize(("read", "good"), READERS.values(), ids=READERS)
@given(st.data())
def test_mutated_bytes(read, good, data):
    """Cut, doubled, replaced: read or refused."""
    at, until = sorted((data.draw(st.integers(0, len(good))), data.draw(st.integers(0, len(good)))))
    read_or_refused(read, good[:at] + data.draw(st.binary(max_size=20) | st.just(good[at:until] * 2)) + good[until:])


@pytest.mark.parametrize(("read", "_good"), READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "data", [b"[" * 200_000, b'{"a":' * 200_000, b"9" * 5_000, b'"' + b"x" * 5_000_000], ids=range(4)
)
def test_bytes_that_are_meant_to_take_long(read, _good, data):
    """Deep, long, large: refused before anything is made of them."""
    assert read_or_refused(read, data) is None
