# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the windows and freezes are, an answer agrees with the clocks on the wall, minute for minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.windows_schema import DAYS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.windows import HORIZON_DAYS, NEVER, Calendar

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham")
MINUTE = timedelta(minutes=1)

clock = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
windows = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.just("w"),
            "from": clock,
            "to": clock,
            "days": st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
            "zone": st.sampled_from(ZONES),
        }
    ),
    min_size=1,
    max_size=3,
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)).map(  # noqa: DTZ001 - hypothesis wants them bare
    lambda bare: bare.replace(second=0, microsecond=0, tzinfo=UTC)
)
freezes = st.lists(
    st.tuples(moments, st.integers(1, 60 * 24 * 30)).map(
        lambda pair: {
            "name": "f",
            "from": pair[0].strftime("%Y-%m-%dT%H:%MZ"),
            "until": (pair[0] + pair[1] * MINUTE).strftime("%Y-%m-%dT%H:%MZ"),
            "reason": "r",
        }
    ),
    max_size=2,
)


def shows(window, now):
    """Whether clocks show a time within a window, on a day on which nobody changed them."""
    local = now.astimezone(ZoneInfo(window["zone"]))
    text, today, yesterday = f"{local:%H:%M}", DAYS[local.weekday()], DAYS[(local - timedelta(days=1)).weekday()]
    if window["from"] < window["to"]:
        return today in window["days"] and window["from"] <= text < window["to"]
    return (today in window["days"] and text >= window["from"]) or (yesterday in window["days"] and text < window["to"])


def is_changed(window, now):
    """Whether clocks are put back or forward within a day of a moment."""
    zone = ZoneInfo(window["zone"])
    return (now - timedelta(days=1)).astimezone(zone).utcoffset() != (now + timedelta(days=1)).astimezone(
        zone
    ).utcoffset()


@given(windows, moments)
@settings(deadline=None)
def test_an_answer_is_what_clocks_show(entries, now):
    """Open exactly when a clock shows a time in some window."""
    if any(is_changed(window, now) for window in entries):
        return
    assert any(shows(window, now) for window in entries) == Calendar.of({"windows": entries}).ask(now, "s", "e").open


@given(windows, freezes, moments)
@example(  # always open, but for one minute
    [{"name": "w", "from": "00:00", "to": "00:00", "days": list(DAYS), "zone": "UTC"}],
    [{"name": "f", "from": "2026-01-01T00:00Z", "until": "2026-01-01T00:01Z", "reason": "r"}],
    datetime(2026, 1, 1, tzinfo=UTC),
)
@settings(deadline=None)
def test_ends_and_beginnings_are_exact(entries, frozen, now):
    """It is open up to the minute before the end that is told, and shut up to the minute before the next opening."""
    calendar = Calendar.of({"windows": entries, "freezes": frozen})
    answer = calendar.ask(now, "s", "e")
    if answer.open and answer.until is None:
        assert calendar.ask(now + timedelta(days=HORIZON_DAYS - 1), "s", "e").open
    elif answer.open:
        assert now < answer.until
        assert calendar.ask(answer.until - MINUTE, "s", "e").open
        assert not calendar.ask(answer.until, "s", "e").open
    else:
        assert answer.why
        assert now < answer.next[0]
        assert not calendar.ask(answer.next[0] - MINUTE, "s", "e").open
        opened = calendar.ask(answer.next[0], "s", "e")
        assert opened.open
        if answer.next[1] < NEVER:
            assert opened.until == answer.next[1]
        else:  # seen from a later moment, an end may have come within sight
            assert opened.until is None or opened.until >= now + timedelta(days=HORIZON_DAYS)


@given(windows, freezes, moments)
@settings(max_examples=50, deadline=None)
def test_a_freeze_only_ever_shuts(entries, frozen, now):
    """What is open with freezes is open without them; within a freeze nothing is."""
    with_freezes = Calendar.of({"windows": entries, "freezes": frozen}).ask(now, "s", "e")
    assert not with_freezes.open or Calendar.of({"windows": entries}).ask(now, "s", "e").open
    if any(freeze["from"] <= now.strftime("%Y-%m-%dT%H:%MZ") < freeze["until"] for freeze in frozen):
        assert not with_freezes.open
