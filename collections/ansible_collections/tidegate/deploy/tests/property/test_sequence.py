# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On any fleet, waves keep the floor and leave a failure domain untouched, or there are none (PCF 8.6.2.2)."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.sequence.back import back_batches
from ansible_collections.tidegate.deploy.plugins.plugin_utils.sequence.waves import Member, floor_of, plan_waves
from ansible_collections.tidegate.deploy.tests.property.sequence_strategies import fleets, floors, partitions, sizes


def broken_promise(members, waves, floor):
    """The promise of plan_waves that a sequence breaks, or None; written apart from the code that it judges."""
    domain_of = {member.name: member.domain for member in members}
    fleet = set(domain_of.values())
    if sorted(name for wave in waves for name in wave) != sorted(domain_of):
        return "each host once"
    for wave in waves:
        if not wave:
            return "no wave is empty"
        if len(domain_of) - len(wave) < floor:
            return "the floor"
        if len(fleet) > 1 and {domain_of[name] for name in wave} == fleet:
            return "a domain untouched"
    return None


@given(fleets(), floors, st.one_of(st.none(), sizes))
def test_no_sequence_breaks_a_promise(members, floor, spec):
    """Whatever is asked for: a sequence that keeps all promises, or a refusal of the waves."""
    try:
        found = plan_waves(members, spec, floor)
    except Refusal as refusal:
        assert "WAVES" == refusal.code  # noqa: PT017 - a refusal is one of the two right answers
        return

    assert broken_promise(members, found.waves, found.floor) is None
    assert floor_of(len(members), floor) == found.floor


@given(fleets())
def test_the_defaults_fit_every_fleet(members):
    """A change that says nothing about waves is never refused, and begins with one host: the inventory's first."""
    found = plan_waves(members)

    assert (members[0].name,) == found.canary
    assert broken_promise(members, found.waves, len(members) // 2) is None


@given(fleets(), floors, st.one_of(st.none(), sizes))
def test_the_same_question_has_the_same_answer(members, floor, spec):
    """Waves depend on nothing but the question."""

    def answer():
        try:
            return plan_waves(members, spec, floor)
        except Refusal as refusal:
            return refusal.message

    assert answer() == answer()


@given(fleets(least=2), st.data())
def test_the_canary_is_as_large_as_asked(members, data):
    """A number is exactly that many hosts when floor and domains allow it, else a refusal, never a smaller wave."""
    size = data.draw(st.integers(1, len(members)))
    domains = [member.domain for member in members]
    smallest = min(domains.count(domain) for domain in domains) if len(set(domains)) > 1 else 0
    possible = size <= len(members) - max(len(members) // 2, smallest)
    try:
        found = plan_waves(members, [size, "rest"])
    except Refusal as refusal:
        assert not possible
        assert refusal.message.startswith("waves[0]: found ")  # noqa: PT017
        return

    assert possible
    assert size == len(found.canary)


@given(fleets(), floors)
def test_hosts_of_a_domain_keep_their_order(members, floor):
    """Inside a domain, hosts change in the order of the inventory."""
    try:
        order = plan_waves(members, None, floor).order
    except Refusal:
        return

    for one, other in combinations(members, 2):
        if one.domain == other.domain:
            assert order.index(one.name) < order.index(other.name)


@given(fleets().flatmap(lambda members: st.tuples(st.just(members), partitions(members))), floors)
def test_lists_are_taken_as_they_are_or_refused(members_and_waves, floor):
    """Explicit waves come out exactly as they went in, and are refused exactly when they break a promise."""
    members, waves = members_and_waves
    try:
        kept = floor_of(len(members), floor)
    except Refusal:
        return
    try:
        found = plan_waves(members, waves, floor)
    except Refusal as refusal:
        assert "WAVES" == refusal.code  # noqa: PT017
        assert broken_promise(members, waves, kept) is not None
        return

    assert tuple(map(tuple, waves)) == found.waves
    assert broken_promise(members, waves, kept) is None


@given(fleets(), floors, st.one_of(st.none(), sizes))
def test_a_computed_sequence_is_a_list_that_is_accepted(members, floor, spec):
    """What was computed can be written into a change file as lists, and is the same sequence."""
    try:
        found = plan_waves(members, spec, floor)
    except Refusal:
        return

    assert found == plan_waves(members, found.waves, floor)


@given(fleets(), floors, st.data())
def test_the_way_back_keeps_the_floor(members, floor, data):
    """Each touched host goes back once, sick ones first; no batch of healthy ones breaks the floor if one can be kept."""
    total = len(members)
    try:
        kept = floor_of(total, floor)
    except Refusal:
        return
    names = [member.name for member in members]
    touched = [name for name in names if data.draw(st.booleans())]
    sick = {name for name in touched if data.draw(st.booleans())}
    batches = back_batches(touched, sick, total, kept)

    assert sorted(touched) == sorted(name for batch in batches for name in batch)
    assert not sick or sick == set(batches[0])
    for batch in batches[1 if sick else 0 :]:
        assert 0 < len(batch) <= total - kept


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=6))
def test_a_host_that_is_named_twice_is_found(names):
    """A fleet with a doubled name is refused before anything else."""
    try:
        plan_waves([Member(name) for name in names])
    except Refusal as refusal:
        assert "HOSTS" == refusal.code  # noqa: PT017
        assert len(set(names)) < len(names)
    else:
        assert len(set(names)) == len(names)
