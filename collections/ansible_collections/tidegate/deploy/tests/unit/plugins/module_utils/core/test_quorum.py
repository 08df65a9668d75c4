# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People are counted: once each, with their own valid keys, in their groups, and not for themselves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import (
    Absence,
    Bridge,
    Member,
    Span,
    Voice,
    standing,
    unfilled,
)

NOW = datetime(2026, 11, 28, 13, tzinfo=timezone(timedelta()))
EARLIER = NOW - timedelta(hours=1)
DAY = timedelta(days=1)
ALWAYS = Span()


def rule(**more):
    return {
        "name": "production",
        "groups": {"ops": 1},
        "any_of": [],
        "count": 0,
        "strength": "signed",
        "separation": ["requester"],
        "expires_after_s": 604800,
        **more,
    }


def member(name, *groups, keys=None, absences=()):
    return Member(name, frozenset(groups), {f"key-{name}": ALWAYS} if keys is None else keys, absences)


PEOPLE = {
    one.name: one
    for one in (member("ada", "ops"), member("bob", "ops", "security"), member("cyd", "security"), member("dan"))
}


def approves(name, key=None, at=EARLIER, **more):
    return Voice(name, "approve", at, key=f"key-{name}" if key is None else key, **more)


BOARD = Bridge("board", frozenset(["servicenow"]), {"key-board": ALWAYS})


def counted(voices, rules=None, people=None, duties=None, now=NOW, bridges=(BOARD,)):
    return standing(rules or [rule()], voices, people or PEOPLE, duties or {}, now, bridges)


def vouched(name, key="key-board", system="servicenow", **more):
    """An approval from elsewhere that a bridge countersigned."""
    return approves(name, key="", strength="countersigned", system=system, bridge_key=key, **more)


def test_one_person_of_the_group_is_enough_where_one_is_asked():
    """The plain case."""
    found = counted([approves("ada")])
    assert (True, "", {"ada": "signed"}, ()) == (found.granted, found.missing, found.counted, found.why)


def test_what_is_missing_is_said():
    """Whom to ask next, with the rule that asks."""
    found = counted([approves("ada")], [rule(groups={"ops": 2, "security": 1})])
    assert not found.granted
    assert "1 of ops, 1 of security (production)" == found.missing
    assert ["QUORUM"] == [finding.code for finding in found.why]


def test_a_person_fills_one_place():
    """Bob is in both groups, and one person is no two."""
    both = [rule(groups={"ops": 1, "security": 1})]
    assert not counted([approves("bob")], both).granted
    assert counted([approves("bob"), approves("cyd")], both).granted
    assert counted([approves("bob"), approves("ada")], both).granted


def test_any_of_several_groups():
    """Two people out of two groups, whichever."""
    two = [rule(groups={}, any_of=["ops", "security"], count=2)]
    assert counted([approves("ada"), approves("bob")], two).granted
    assert not counted([approves("bob"), approves("bob")], two).granted


def test_all_rules_hold():
    """A second rule adds people."""
    rules = [rule(), rule(name="security", groups={"security": 1})]
    assert "1 of security (security)" == counted([approves("ada")], rules).missing
    assert counted([approves("ada"), approves("cyd")], rules).granted


TWO_KEYS = {**PEOPLE, "ada": member("ada", "ops", keys={"key-ada": ALWAYS, "other": ALWAYS})}
WHY = {
    "requester": ([approves("ada")], {"duties": {"requester": "ada"}}, "SELF"),
    "author": ([approves("ada")], {"rules": [rule(separation=["author"])], "duties": {"author": "ada"}}, "SELF"),
    "operator": ([approves("ada")], {"rules": [rule(separation=["operator"])], "duties": {"operator": "ada"}}, "SELF"),
    "other group": ([approves("cyd")], {}, "QUORUM"),
    "no group": ([approves("dan")], {}, "QUORUM"),
    "nobody": ([approves("eve")], {}, "KEY"),
    "key of somebody else": ([approves("ada", key="key-bob")], {}, "KEY"),
    "key not yet": (
        [approves("ada")],
        {"people": {"ada": member("ada", "ops", keys={"key-ada": Span(NOW)})}},
        "KEY",
    ),
    "key no longer": (
        [approves("ada")],
        {"people": {"ada": member("ada", "ops", keys={"key-ada": Span(None, EARLIER)})}},
        "KEY",
    ),
    "key removed": ([approves("ada")], {"people": {"ada": member("ada", "ops", keys={})}}, "KEY"),
    "key of two": (
        [approves("ada")],
        {"people": {"ada": member("ada", "ops"), "eve": member("eve", keys={"key-ada": ALWAYS})}},
        "KEY",
    ),
    "removed from the group": ([approves("ada")], {"people": {"ada": member("ada")}}, "QUORUM"),
    "absent": (
        [approves("ada")],
        {"people": {"ada": member("ada", "ops", absences=(Absence(Span(EARLIER, NOW)),))}},
        "ABSENT",
    ),
    "too weak": ([approves("ada", key="", strength="recorded")], {}, "STRENGTH"),
    "signed without a key": ([approves("ada", key="")], {}, "KEY"),
    "too old": ([approves("ada", at=NOW - 8 * DAY)], {}, "EXPIRED"),
    "ended by itself": ([approves("ada", until=EARLIER)], {}, "EXPIRED"),
    "two keys of one": (
        [approves("ada"), approves("ada", key="other")],
        {"rules": [rule(groups={"ops": 2})], "people": TWO_KEYS},
        "QUORUM",
    ),
    "nine times the same": ([approves("ada")] * 9, {"rules": [rule(groups={"ops": 2})]}, "QUORUM"),
    "vetoed": ([approves("ada"), Voice("cyd", "veto", EARLIER, key="key-cyd")], {}, "VETO"),
    "withdrawn": ([approves("ada"), Voice("ada", "withdraw", EARLIER, key="key-ada")], {}, "WITHDRAWN"),
    "withdrawn, then pasted again": (
        [Voice("ada", "withdraw", EARLIER, key="key-ada"), approves("ada", at=NOW)],
        {},
        "WITHDRAWN",
    ),
}


@pytest.mark.parametrize(("voices", "how", "code"), WHY.values(), ids=WHY)
def test_what_does_not_count(voices, how, code):
    """Each has its code, and the change is not granted."""
    found = counted(voices, **how)
    assert not found.granted
    assert code == found.why[0].code, found.why


def test_a_veto_outranks_everybody():
    """Any number of approvals is not enough, and the veto does not run out; only who gave it takes it back."""
    voices = [*map(approves, PEOPLE), Voice("cyd", "veto", NOW - 100 * DAY, key="key-cyd")]
    assert ("cyd",) == counted(voices).vetoed_by
    assert not counted(voices).granted
    assert not counted([*voices, Voice("bob", "withdraw", NOW)]).granted
    assert counted([*voices, Voice("cyd", "withdraw", NOW)]).granted


def test_a_deputy_speaks_for_who_is_absent():
    """While ada is away dan has her groups, and only then; he is still one person."""
    away = Absence(Span(EARLIER - DAY, EARLIER + DAY), "dan")
    people = {**PEOPLE, "ada": member("ada", "ops", absences=(away,))}

    assert counted([approves("dan")], people=people).granted
    assert not counted([approves("dan", at=NOW - 3 * DAY)], people=people).granted
    assert not counted([approves("dan")], [rule(groups={"ops": 2})], people).granted


def test_the_strongest_approval_of_a_person_counts():
    """Recorded first, signed later: what counts is signed, and it is named."""
    voices = [approves("ada", key="", strength="recorded"), approves("ada")]
    assert {"ada": "signed"} == counted(voices).counted
    assert {"ada": "recorded"} == counted(voices[:1], [rule(strength="recorded")]).counted


def test_places_are_filled_by_whom_they_need():
    """The one who could fill either place takes the one that nobody else can."""
    asked = {"groups": {"ops": 1, "security": 1}, "any_of": [], "count": 0}
    assert [] == unfilled(asked, {"ops": ["bob", "ada"], "security": ["bob"]})
    assert [("security",)] == unfilled(asked, {"ops": ["bob", "ada"], "security": []})
    assert [("security",)] == unfilled(asked, {"ops": ["ada"], "security": ["bob"]}, without={"bob"})


ASKED = [rule(strength="countersigned")]


def test_a_countersigned_approval_counts_where_that_is_asked():
    """It is more than recorded, and less than signed; a signed one satisfies the rule, too."""
    assert {"ada": "countersigned"} == counted([vouched("ada")], ASKED).counted
    assert "STRENGTH" == counted([vouched("ada")]).why[0].code
    assert "STRENGTH" == counted([approves("ada", key="", strength="recorded")], ASKED).why[0].code
    assert {"ada": "signed"} == counted([vouched("ada"), approves("ada")], ASKED).counted


UNVOUCHED = {
    "no bridges": ({"bridges": ()}, vouched("ada")),
    "no key": ({}, vouched("ada", key="")),
    "nobody's key": ({}, vouched("ada", key="key-eve")),
    "a key of the person": ({}, vouched("ada", key="key-ada")),
    "another system": ({}, vouched("ada", system="awx")),
    "no system": ({}, vouched("ada", system="")),
    "not yet": ({"bridges": [Bridge("board", BOARD.systems, {"key-board": Span(NOW)})]}, vouched("ada")),
    "no longer": ({"bridges": [Bridge("board", BOARD.systems, {"key-board": Span(None, EARLIER)})]}, vouched("ada")),
    "a key of two bridges": ({"bridges": [BOARD, Bridge("other", BOARD.systems, BOARD.keys)]}, vouched("ada")),
    "a key of a person, too": (
        {"people": {**PEOPLE, "dan": member("dan", keys={"key-board": ALWAYS})}},
        vouched("ada"),
    ),
}


@pytest.mark.parametrize(("how", "voice"), UNVOUCHED.values(), ids=UNVOUCHED)
def test_what_no_bridge_vouches_for_counts_as_recorded(how, voice):
    """It holds where more is asked, with the reason first, and counts where no more is."""
    found = counted([voice], ASKED, **how)
    assert ["KEY", "STRENGTH", "QUORUM"] == [finding.code for finding in found.why]
    assert "the approval of ada counts as recorded only: " in found.why[0].message
    assert {"ada": "recorded"} == counted([voice], [rule(strength="recorded")], **how).counted


def test_a_bridge_is_nobody():
    """Neither its name nor its key approves or rejects anything."""
    for voice in (approves("board"), vouched("board"), approves("ada", key="key-board")):
        assert {} == counted([voice], ASKED).counted
    people = {**PEOPLE, "ada": member("ada", "ops", keys={"key-board": ALWAYS})}
    assert "KEY" == counted([approves("ada", key="key-board")], people=people).why[0].code


def test_duties_groups_and_absence_hold_for_what_is_countersigned():
    """A bridge vouches for what somebody said, not for whether they may."""
    away = {**PEOPLE, "ada": member("ada", "ops", absences=(Absence(Span(EARLIER, NOW)),))}
    assert "SELF" == counted([vouched("ada")], ASKED, duties={"requester": "ada"}).why[0].code
    assert "QUORUM" == counted([vouched("cyd")], ASKED).why[0].code
    assert "ABSENT" == counted([vouched("ada")], ASKED, people=away).why[0].code
    assert "EXPIRED" == counted([vouched("ada", at=NOW - 8 * DAY)], ASKED).why[0].code
