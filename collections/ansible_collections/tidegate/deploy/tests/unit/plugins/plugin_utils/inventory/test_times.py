# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clocks of a zone show is turned into moments also where they are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.times import (
    instant,
    moment_of,
    utc_text,
    zone_of,
)

BERLIN, NEW_YORK, LORD_HOWE, APIA = map(
    ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
)

# zone, day, time, the last of two, moment in UTC
INSTANTS = [
    (BERLIN, "2026-01-15", "12:00", False, "2026-01-15T11:00:00Z"),
    (BERLIN, "2026-07-15", "12:00", False, "2026-07-15T10:00:00Z"),
    # clocks go forward at 02:00 on 2026-03-29: what they skip is the moment at which they do
    (BERLIN, "2026-03-29", "02:00", False, "2026-03-29T01:00:00Z"),
    (BERLIN, "2026-03-29", "02:30", False, "2026-03-29T01:00:00Z"),
    (BERLIN, "2026-03-29", "02:30", True, "2026-03-29T01:00:00Z"),
    (BERLIN, "2026-03-29", "03:00", False, "2026-03-29T01:00:00Z"),
    (NEW_YORK, "2026-03-08", "02:30", False, "2026-03-08T07:00:00Z"),
    # clocks go back at 03:00 on 2026-10-25: 02:30 is shown twice
    (BERLIN, "2026-10-25", "02:30", False, "2026-10-25T00:30:00Z"),
    (BERLIN, "2026-10-25", "02:30", True, "2026-10-25T01:30:00Z"),
    (BERLIN, "2026-10-25", "03:00", False, "2026-10-25T02:00:00Z"),
    # half an hour there, and a whole day that never was
    (LORD_HOWE, "2026-10-04", "02:15", False, "2026-10-03T15:30:00Z"),
    (APIA, "2011-12-30", "12:00", False, "2011-12-30T10:00:00Z"),
    (BERLIN, "2028-02-29", "00:00", False, "2028-02-28T23:00:00Z"),
]


@pytest.mark.parametrize(("zone", "day", "at", "last", "expected"), INSTANTS)
def test_a_time_of_a_day_is_one_moment(zone, day, at, last, expected):
    """Skipped times are the moment of the skip; of those that are shown twice it is the one that was asked for."""
    assert expected == utc_text(instant(date.fromisoformat(day), time.fromisoformat(at), zone, last))


# text, an end, moment in UTC; in Berlin
MOMENTS = [
    ("2026-12-20", False, "2026-12-19T23:00:00Z"),
    ("2026-12-20", True, "2026-12-20T23:00:00Z"),
    ("2028-02-29", True, "2028-02-29T23:00:00Z"),
    ("2026-12-20T18:00", False, "2026-12-20T17:00:00Z"),
    ("2026-12-20 18:00:30", True, "2026-12-20T17:00:30Z"),
    ("2026-10-25T02:30", True, "2026-10-25T01:30:00Z"),
    ("2026-12-20T18:00Z", False, "2026-12-20T18:00:00Z"),
    ("2026-12-20T18:00+05:30", False, "2026-12-20T12:30:00Z"),
]


@pytest.mark.parametrize(("text", "ends", "expected"), MOMENTS)
def test_a_date_as_an_end_is_over_with_its_day(text, ends, expected):
    """Dates are whole days, times are the zone's unless they say otherwise."""
    assert expected == utc_text(moment_of(text, BERLIN, "place", ends))


@pytest.mark.parametrize("text", ["2027-02-29", "2026-13-01", "2026-12-20T25:00", "9999-12-31"])
def test_a_day_that_there_is_not_is_named(text):
    """No day is moved silently to its neighbor, and nothing breaks at the end of all days."""
    with pytest.raises(Refusal, match=f"DATA: here: found '{text}', expected a day and time that there is"):
        moment_of(text, BERLIN, "here", ends=True)


@pytest.mark.parametrize("name", ["Europe/Berln", "../../etc/passwd", "/etc/localtime", "", "posix"])
def test_an_unknown_zone_is_named(name):
    """A zone is one of the database's, never a path out of it."""
    with pytest.raises(Refusal, match=r"DATA: here: found .* expected a time zone that this system knows"):
        zone_of(name, "here")


def test_an_offset_needs_no_zone():
    """The zone counts only for texts without an offset."""
    assert datetime(2026, 1, 1, tzinfo=UTC) == moment_of("2026-01-01T00:00Z", BERLIN, "place")
