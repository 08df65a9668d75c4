# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every count: it is of people, more of them never hurt, and a veto always does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import (
    STRENGTHS,
    Absence,
    Bridge,
    Member,
    Span,
    Voice,
    unfilled,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import standing as standing_with

NOW = datetime(2026, 11, 28, 13, tzinfo=timezone(timedelta()))
NAMES, GROUPS = "abcde", ("ops", "security", "dba")
KEYS = [f"{name}{number}" for name in NAMES for number in (1, 2)]
MOMENTS = st.integers(-10, 0).map(lambda days: NOW + timedelta(days=days))
SPANS = st.builds(Span, st.none() | MOMENTS, st.none() | MOMENTS)


@st.composite
def people(draw):
    return {
        name: Member(
            name,
            draw(st.frozensets(st.sampled_from(GROUPS))),
            {f"{name}{number}": draw(st.just(Span()) | SPANS) for number in (1, 2)},
            tuple(draw(st.lists(st.builds(Absence, SPANS, st.sampled_from(NAMES)), max_size=1))),
        )
        for name in NAMES
    }


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.just("r"),
            "groups": st.dictionaries(st.sampled_from(GROUPS), st.integers(1, 2), max_size=2),
            "any_of": st.lists(st.sampled_from(GROUPS), unique=True, max_size=2),
            "count": st.integers(0, 3),
            "strength": st.sampled_from(STRENGTHS),
            "separation": st.lists(st.sampled_from(["requester", "author", "operator"]), unique=True),
            "expires_after_s": st.sampled_from([86400, 604800]),
        }
    ),
    min_size=1,
    max_size=2,
)
VOICES = st.lists(
    st.builds(
        Voice,
        st.sampled_from([*NAMES, "stranger"]),
        st.just("approve"),
        MOMENTS,
        st.sampled_from(STRENGTHS),
        st.sampled_from(["", *KEYS]),
        system=st.sampled_from(["", "awx", "gitlab"]),
        bridge_key=st.sampled_from(["", "bridge", "bridge2", *KEYS]),
    ),
    max_size=12,
)
BRIDGES = [Bridge("stranger", frozenset(["awx"]), {"bridge": Span(), "bridge2": Span(None, NOW - timedelta(days=5))})]
DUTIES = st.dictionaries(st.sampled_from(["requester", "author", "operator"]), st.sampled_from(NAMES))


def standing(rules, voices, members, duties, now):
    """With a bridge, whose name is that of nobody."""
    return standing_with(rules, voices, members, duties, now, BRIDGES)


@given(RULES, VOICES, VOICES, people(), DUTIES)
def test_more_approvals_never_hurt(rules, some, more, members, duties):
    """What is granted stays granted whoever else approves, and whatever else they hand in."""
    if standing(rules, some, members, duties, NOW).granted:
        assert standing(rules, [*some, *more], members, duties, NOW).granted


@given(RULES, VOICES, people(), DUTIES, st.randoms())
def test_order_and_repetition_change_nothing(rules, voices, members, duties, random):
    """The same signature pasted again counts as often as before, in whatever order they come."""
    again = [*voices, *voices]
    random.shuffle(again)
    one, other = (standing(rules, heard, members, duties, NOW) for heard in (voices, again))
    assert (one.granted, one.missing, one.counted) == (other.granted, other.missing, other.counted)


@given(RULES, VOICES, people(), DUTIES)
def test_who_counts_is_a_person_and_not_barred(rules, voices, members, duties):
    """Nobody counts who is no member; and as many people count as the largest rule has places for, at least."""
    found = standing(rules, voices, members, duties, NOW)
    assert set(found.counted) <= set(NAMES) & {voice.person for voice in voices}
    if found.granted:
        asked = max(sum(rule["groups"].values()) + (rule["count"] if rule["any_of"] else 0) for rule in rules)
        assert len(found.counted) >= asked
    barred = [{duties.get(duty) for duty in rule["separation"]} for rule in rules]
    assert not set(found.counted) & set.intersection(*barred)


@given(RULES, VOICES, people(), DUTIES, st.sampled_from(NAMES))
def test_a_veto_always_holds(rules, voices, members, duties, name):
    """Whoever else approves."""
    assert not standing(rules, [*voices, Voice(name, "veto", NOW)], members, duties, NOW).granted


@given(st.lists(st.sets(st.integers(0, 4), max_size=3), max_size=4))
def test_as_many_places_are_filled_as_can_be(seats):
    """Compared with trying every order of people."""
    groups = {f"g{index}": sorted(map(str, able)) for index, able in enumerate(seats)}
    rule = {"groups": dict.fromkeys(groups, 1), "any_of": [], "count": 0}
    everybody = sorted({name for names in groups.values() for name in names})
    padded = everybody + [""] * len(groups)
    most = max(
        sum(name in groups[f"g{index}"] for index, name in enumerate(order))
        for order in {order[: len(groups)] for order in permutations(padded, min(len(groups), len(padded)))} | {()}
    )
    assert len(groups) - most == len(unfilled(rule, groups))
