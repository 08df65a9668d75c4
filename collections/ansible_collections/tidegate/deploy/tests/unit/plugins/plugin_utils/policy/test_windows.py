# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows, freezes and the plan's own window give one answer: open or not, until when, when next, and why not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import problems
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.windows_schema import FREEZES, WINDOWS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.windows import Calendar, own_window

NIGHTS = {
    "name": "nights",
    "days": ["mon", "tue", "wed", "thu"],
    "from": "22:00",
    "to": "04:00",
    "zone": "Europe/Berlin",
}
PATCHES = {"name": "patches", "days": ["sun"], "of_month": ["last"], "from": "06:00", "to": "10:00"}
YEAR_END = {
    "name": "year end",
    "from": "2026-12-20",
    "until": "2027-01-03",
    "zone": "Europe/Berlin",
    "reason": "nobody is there",
}


def at(text):
    """A moment in UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


def ask(now, *windows, freezes=(), own=None, service="web", environment="production"):
    """What a calendar answers."""
    calendar = Calendar.of({"windows": list(windows), "freezes": list(freezes)})
    return calendar.ask(at(now), service, environment, own_window(own))


WORDS = [
    (NIGHTS, "nights, every Monday to Thursday 22:00–04:00 Europe/Berlin"),
    (PATCHES, "patches, on the last Sunday of the month 06:00–10:00 UTC"),
    (
        {**PATCHES, "of_month": ["third", "first"], "days": ["sat", "tue"]},
        "patches, on the first and third Tuesday and Saturday of the month 06:00–10:00 UTC",
    ),
    ({"name": "tuesdays", "days": ["tue"], "from": "22:00", "to": "02:00"}, "tuesdays, every Tuesday 22:00–02:00 UTC"),
    (
        {"name": "some", "days": ["fri", "mon", "wed"], "from": "00:00", "to": "00:00"},
        "some, every Monday, Wednesday and Friday 00:00–00:00 UTC",
    ),
    (
        {"name": "daily", "from": "01:00", "to": "02:00", "zone": "Asia/Tokyo"},
        "daily, every day 01:00–02:00 Asia/Tokyo",
    ),
]


@pytest.mark.parametrize(("window", "words"), WORDS)
def test_a_window_in_words(window, words):
    """As people would say it, with its zone; beside the answer, whether it is open or not."""
    assert [ask("2026-12-04T12:00", window).text, words] == ask("2026-12-04T12:00", window).lines
    assert (words,) == ask("2026-12-03T23:30", NIGHTS, window).windows[1:]


def test_only_the_windows_that_are_meant_for_a_change_are_told():
    """Without any it may run at any time."""
    other = {**NIGHTS, "match": {"service": ["db"]}}
    assert ["open at any time"] == ask("2026-12-04T12:00", other).lines


# now, open, until or next beginning
TABLE = [
    ("2026-11-30T20:59", False, "2026-11-30T21:00"),
    ("2026-11-30T21:00", True, "2026-12-01T03:00"),
    ("2026-12-01T02:59", True, "2026-12-01T03:00"),
    ("2026-12-01T03:00", False, "2026-12-01T21:00"),
    ("2026-12-04T02:00", True, "2026-12-04T03:00"),  # Thursday's window reaches into Friday
    ("2026-12-04T21:00", False, "2026-12-07T21:00"),  # Friday has none of its own
    ("2026-07-06T20:00", True, "2026-07-07T02:00"),  # the same hours in summer
]


@pytest.mark.parametrize(("now", "is_open", "then"), TABLE)
def test_a_window_over_midnight(now, is_open, then):
    """It belongs to the day on which it begins, and it is open up to but not at its end."""
    answer = ask(now, NIGHTS)

    assert (is_open, at(then)) == (answer.open, answer.until if is_open else answer.next[0])


# zone, from, to, day, begins and ends in UTC; None where it does not open on that day
CHANGED_CLOCKS = [
    ("Europe/Berlin", "01:30", "03:30", "2026-03-29", ("00:30", "01:30")),  # an hour is missing in it
    ("Europe/Berlin", "02:30", "03:30", "2026-03-29", ("01:00", "01:30")),  # it begins with what is skipped
    ("Europe/Berlin", "02:00", "03:00", "2026-03-29", None),  # all of it is skipped
    ("Europe/Berlin", "01:30", "03:30", "2026-10-25", ("23:30", "02:30")),  # an hour more
    ("Europe/Berlin", "02:00", "03:00", "2026-10-25", ("00:00", "02:00")),  # both of the two
    ("Europe/Berlin", "02:15", "02:45", "2026-10-25", ("00:15", "00:45")),  # the first of the two
    ("America/New_York", "01:00", "02:00", "2026-11-01", ("05:00", "07:00")),
    ("Asia/Kolkata", "00:00", "00:00", "2028-02-29", ("18:30", "18:30")),  # a whole leap day
]


@pytest.mark.parametrize(("zone", "begins", "ends", "day", "expected"), CHANGED_CLOCKS)
def test_windows_where_clocks_change(zone, begins, ends, day, expected):
    """A window begins when clocks first show its beginning and ends when they first show its end."""
    window = Calendar.of({"windows": [{"name": "w", "from": begins, "to": ends, "zone": zone}]}).windows[0]
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=window.zone)

    of_day = [
        (f"{span[0]:%H:%M}", f"{span[1]:%H:%M}")
        for span in window.spans(noon.replace(hour=0, minute=0), noon)
        if span[0].astimezone(window.zone).date() == noon.date()
    ]

    assert ([expected] if expected else []) == of_day


# now, next day on which it opens
MONTHS = [
    ("2026-11-29T11:00", "2026-12-27"),
    ("2027-02-01T00:00", "2027-02-28"),
    ("2028-02-01T00:00", "2028-02-27"),  # a leap year, whose 29th is a Tuesday
    ("2032-02-01T00:00", "2032-02-29"),  # one whose 29th is a Sunday
]


@pytest.mark.parametrize(("now", "day"), MONTHS)
def test_the_last_sunday_of_a_month(now, day):
    """Leap days count as what they are: the last day of February."""
    assert at(f"{day}T06:00") == ask(now, PATCHES).next[0]


def test_the_first_and_third_tuesday():
    """Days of a month are counted by their weekday."""
    window = {"name": "w", "days": ["tue"], "of_month": ["first", "third"], "from": "06:00", "to": "07:00"}

    assert [at("2026-12-01T06:00"), at("2026-12-15T06:00"), at("2027-01-05T06:00")] == [
        ask(now, window).next[0] for now in ("2026-11-20T00:00", "2026-12-02T00:00", "2026-12-16T00:00")
    ]


def test_without_windows_it_is_always_open():
    """Little is needed to begin: what nobody restricts is free."""
    answer = ask("2026-11-28T13:00")

    assert (True, None, "open at any time") == (answer.open, answer.until, answer.text)


def test_windows_of_others_do_not_count():
    """A window that is meant for other changes neither opens nor restricts."""
    others = {**NIGHTS, "match": {"service": ["db"]}}

    assert ask("2026-11-28T13:00", others).open
    assert not ask("2026-11-28T13:00", others, service="db").open
    assert not ask("2026-11-28T13:00", {**NIGHTS, "match": {"environment": ["production"]}}).open


def test_two_windows_that_touch_are_one():
    """Until when it is open is told over the seam."""
    early = {"name": "early", "from": "06:00", "to": "08:00"}
    late = {"name": "late", "from": "08:00", "to": "09:00"}

    assert at("2026-11-28T09:00") == ask("2026-11-28T07:00", early, late).until


def test_a_freeze_shuts_windows_and_is_named():
    """Why not, until when, and the first opening after it."""
    answer = ask("2026-12-21T23:00", NIGHTS, freezes=[YEAR_END])

    assert not answer.open
    assert ("freeze 'year end' until Sun 2027-01-03 23:00 UTC: nobody is there",) == answer.why
    assert (at("2027-01-04T21:00"), at("2027-01-05T03:00")) == answer.next


def test_a_freeze_ends_an_open_window_early():
    """Until when is until the freeze."""
    freeze = {**YEAR_END, "from": "2026-12-01T00:00Z"}

    assert at("2026-12-01T00:00") == ask("2026-11-30T22:00", NIGHTS, freezes=[freeze]).until


def test_a_freeze_of_another_environment_does_not_count():
    """Staging goes on while production is frozen."""
    freeze = {**YEAR_END, "match": {"environment": ["production"]}}

    assert ask("2026-12-25T12:00", freezes=[freeze], environment="staging").open
    assert not ask("2026-12-25T12:00", freezes=[freeze]).open


def test_the_plans_own_window_narrows_all_others():
    """Both must be open; each that is not is told."""
    own = {"not_before": "2026-12-01T00:00:00Z", "not_after": "2026-12-02T00:00:00Z"}

    before, within, after = (
        ask(now, NIGHTS, own=own) for now in ("2026-11-30T22:00", "2026-12-01T01:00", "2026-12-02T00:00")
    )

    assert (("the change's own window begins Tue 2026-12-01 00:00 UTC",), at("2026-12-01T00:00")) == (
        before.why,
        before.next[0],
    )
    assert at("2026-12-01T03:00") == within.until
    assert not after.open
    assert "the change's own window ended Wed 2026-12-02 00:00 UTC; nothing opens within 400 days" == after.text


def test_half_an_own_window_is_open_at_the_other_end():
    """Not before a moment, for ever after."""
    own = {"not_before": "2026-12-01T00:00:00Z", "not_after": None}

    assert None is ask("2026-12-05T00:00", own=own).until
    assert "opens Tue 2026-12-01 00:00 UTC" == ask("2026-11-28T00:00", own=own).next_text


WRONG = {
    "of_month": (
        [{**PATCHES, "of_month": ["5th"]}],
        WINDOWS,
        "[0].of_month[0]: found '5th', expected one of first, second",
    ),
    "sexagesimal": ([{**PATCHES, "from": 1320}], WINDOWS, "[0].from: found 1320, expected a time of day in quotes"),
    "hour": ([{**PATCHES, "to": "24:00"}], WINDOWS, "[0].to: found '24:00', expected a time of day in quotes"),
    "no days": ([{**PATCHES, "days": []}], WINDOWS, "[0].days: found an empty list, expected a list of mon"),
    "no reason": ([{key: YEAR_END[key] for key in ("name", "from", "until")}], FREEZES, "[0].reason: found nothing"),
    "escape": ([{**YEAR_END, "reason": "\x1b[2J"}], FREEZES, "[0].reason: found '\\x1b[2J', expected one line"),
    "match": ([{**YEAR_END, "match": {"host": ["a"]}}], FREEZES, "[0].match.host: found an unknown key"),
}


@pytest.mark.parametrize(("value", "schema", "message"), WRONG.values(), ids=WRONG)
def test_wrong_entries_are_named_with_their_place(value, schema, message):
    """A schema says what was found and what was expected."""
    assert message in [problem.text()[: len(message)] for problem in problems(value, schema)]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"windows": [{**PATCHES, "zone": "Mars/Base"}]}, r"policy: windows\[0\].zone: found 'Mars/Base'"),
        ({"freezes": [{**YEAR_END, "until": "2026-02-30"}]}, r"policy: freezes\[0\].until: found '2026-02-30'"),
        ({"freezes": [{**YEAR_END, "until": "2026-12-01"}]}, r"policy: freezes\[0\].until: .* expected a time after"),
    ],
)
def test_what_a_schema_cannot_see_is_named_too(policy, message):
    """Zones and days that there are not, and freezes that end before they begin."""
    with pytest.raises(Refusal, match=message):
        Calendar.of(policy, "policy")


def test_the_zone_of_the_policy_is_the_default():
    """It is said once, and each entry may differ."""
    calendar = Calendar.of({"zone": "Europe/Berlin", "windows": [{"name": "w", "from": "12:00", "to": "13:00"}]})

    assert datetime(2026, 11, 28, 11, tzinfo=UTC) == calendar.ask(at("2026-11-28T00:00"), "web", "x").next[0]
