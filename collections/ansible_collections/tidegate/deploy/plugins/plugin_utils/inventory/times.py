# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local times of a zone as moments: what a date, a time of day and a zone stand for when clocks are changed.

A time of day that clocks skip stands for the moment at which they skip it. One that they show twice stands for the first
time, unless the last is asked for.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SECOND = timedelta(seconds=1)


def zone_of(name: str, place: str) -> zoneinfo.ZoneInfo:
    """The time zone of that name.

    Args:
        name: as in the IANA database.
        place: where the name stands, for the error.

    Raises:
        Refusal: DATA, this system knows no such zone.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal(
            "DATA",
            f"{place}: found {name!r}, expected a time zone that this system knows, such as Europe/Berlin or UTC",
        ) from None


def instant(day: date, at: time, zone: zoneinfo.ZoneInfo, last: bool = False) -> datetime:
    """The moment at which clocks in a zone show a time on a day.

    Args:
        last: the last one, where they show it twice.
    """
    wall = datetime.combine(day, at)
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if before.astimezone(zone).replace(tzinfo=None, fold=0) != wall:
        return _skip(after, before, zone)
    return max(before, after) if last else min(before, after)


def _skip(low: datetime, high: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """The moment between two at which the clocks of a zone are put forward."""
    old = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == old else (low, middle)
    return high


def moment_of(text: str, zone: zoneinfo.ZoneInfo, place: str, ends: bool = False) -> datetime:
    """The moment that a text stands for, in UTC.

    Args:
        text: a date, or a date and a time; with an offset or ``Z``, or as clocks in the zone show it.
        zone: whose clocks.
        place: where the text stands, for the error.
        ends: it is an end, which a date reaches when its day is over and a time that is shown twice the second time.

    Raises:
        Refusal: DATA, there is no such day or time.
    """
    try:
        if _DATE.fullmatch(text):
            return instant(date.fromisoformat(text) + timedelta(days=int(ends)), time(), zone, ends)
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            return instant(found.date(), found.time(), zone, ends)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal("DATA", f"{place}: found {text!r}, expected a day and time that there is ({error})") from None


def utc_text(moment: datetime) -> str:
    """A moment as documents hold it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
