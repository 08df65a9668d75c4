# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When changes may run: recurring windows, freezes, and the window of a plan itself.

- Without a window that is meant for a change, it may run at any time; with some, while one of them is open.
- A freeze that is meant for it shuts all of them, and so does the time outside its plan's own window.
- A window begins when clocks in its zone first show its `from`, and ends when they first show its `to`; of a freeze the
  last time counts. What clocks skip takes no time, so a window that lies within that does not open on that day.
- None of it is ever asked for a way back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.times import instant, moment_of, zone_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.windows_schema import DAYS, OF_MONTH

SOON_DAYS, HORIZON_DAYS = 8, 400
"""How far ahead the next opening is looked for: first, and at most."""

_NUMBERS = {word: index + 1 for index, word in enumerate(OF_MONTH)} | {"last": -1}
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

EVER = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)

Span = tuple[datetime, datetime]
"""A time from its beginning to before its end."""


@dataclass(frozen=True)
class Scope:
    """Which changes a window or a freeze is meant for; without names all.

    Args:
        services: names of services.
        environments: names of environments.
    """

    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()

    def meant_for(self, service: str, environment: str) -> bool:
        """Whether a change of a service in an environment is one of them."""
        return (not self.services or service in self.services) and (
            not self.environments or environment in self.environments
        )


@dataclass(frozen=True)
class Window:
    """A time of day on days of the week at which changes may run.

    Args:
        name: what people call it.
        days: numbers of days of the week, Monday is 0.
        of_month: of these days of a month, which count: 1 to 4, and -1 for the last; empty for all.
        begins: when clocks show this.
        ends: until they show this; at or before `begins` it is the next day's.
        zone: whose clocks.
        scope: the changes that it is meant for.
    """

    name: str
    days: frozenset[int]
    of_month: frozenset[int]
    begins: time
    ends: time
    zone: ZoneInfo
    scope: Scope = field(default_factory=Scope)

    @property
    def text(self) -> str:
        """It in words, such as ``nights, every Monday to Thursday 22:00–04:00 Europe/Berlin``."""
        names = _in_a_row(sorted(self.days))
        if self.of_month:
            order = [word for word in OF_MONTH if _NUMBERS[word] in self.of_month]
            when = f"on the {' and '.join(order)} {names} of the month"
        else:
            when = f"every {names if len(self.days) < len(DAYS) else 'day'}"
        return f"{self.name}, {when} {self.begins:%H:%M}–{self.ends:%H:%M} {self.zone.key}"

    def spans(self, since: datetime, until: datetime) -> Iterator[Span]:
        """The times at which it is open that touch the time between two moments, in order."""
        day = since.astimezone(self.zone).date() - timedelta(days=2)
        last = until.astimezone(self.zone).date()
        overnight = timedelta(days=int(self.ends <= self.begins))
        while day <= last:
            if day.weekday() in self.days and self._counts(day.day, (day + timedelta(days=7)).month != day.month):
                begins = instant(day, self.begins, self.zone)
                ends = instant(day + overnight, self.ends, self.zone)
                if begins < ends and since < ends:
                    yield begins, ends
            day += timedelta(days=1)

    def _counts(self, day: int, is_last: bool) -> bool:
        return not self.of_month or (day - 1) // 7 + 1 in self.of_month or (is_last and -1 in self.of_month)


@dataclass(frozen=True)
class Freeze:
    """A time in which no change may begin.

    Args:
        name: what people call it.
        begins: from this moment.
        ends: until before this one.
        reason: for people.
        scope: the changes that it is meant for.
    """

    name: str
    begins: datetime
    ends: datetime
    reason: str
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True)
class Answer:
    """Whether a change may run at a moment.

    Args:
        open: it may.
        until: when that ends, if it may; None for no end within sight.
        next: when it may next, if it may not now, up to `NEVER` where no end is within sight; None where nothing opens.
        why: why it may not now, one reason each.
        windows: those that are meant for it, in words.
    """

    open: bool
    until: datetime | None = None
    next: Span | None = None
    why: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The answer in one line."""
        if self.open:
            return f"open until {shown(self.until)}" if self.until else "open at any time"
        return f"{'; '.join(self.why)}; {self.next_text}"

    @property
    def lines(self) -> list[str]:
        """The answer, and each window that is meant for it."""
        return [self.text, *self.windows]

    @property
    def next_text(self) -> str:
        """When it opens next, in words."""
        if self.next is None:
            return f"nothing opens within {HORIZON_DAYS} days"
        begins, ends = self.next
        return f"opens {shown(begins)}" + (f" until {shown(ends)}" if ends < NEVER else "")


@dataclass(frozen=True)
class Calendar:
    """All windows and freezes of a policy.

    Args:
        windows: the recurring ones.
        freezes: the times without change.
    """

    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()

    @classmethod
    def of(cls, policy: Mapping[str, Any], place: str = "tidegate_policy") -> Calendar:
        """The calendar in a policy that its schema has checked.

        Args:
            policy: with ``windows``, ``freezes`` and ``zone``, where it has them.
            place: the variable, and whose it is, for errors.

        Raises:
            Refusal: DATA, naming the place: no such zone or day, a freeze that ends before it begins.
        """
        zone = policy.get("zone", "UTC")
        windows = [
            _window(entry, zone, f"{place}: windows[{index}]") for index, entry in enumerate(policy.get("windows", ()))
        ]
        freezes = [
            _freeze(entry, zone, f"{place}: freezes[{index}]") for index, entry in enumerate(policy.get("freezes", ()))
        ]
        return cls(tuple(windows), tuple(freezes))

    def ask(self, now: datetime, service: str, environment: str, own: Span = (EVER, NEVER)) -> Answer:
        """Whether a change may run now.

        Args:
            now: the moment, aware.
            service: the change's.
            environment: the change's.
            own: the window of its plan.
        """
        windows = [window for window in self.windows if window.scope.meant_for(service, environment)]
        freezes = [freeze for freeze in self.freezes if freeze.scope.meant_for(service, environment)]
        told = tuple(window.text for window in windows)
        for days in (SOON_DAYS, HORIZON_DAYS):
            horizon = now + timedelta(days=days)
            spans = _less(_within(_open_spans(windows, now, horizon), own), freezes)
            span = next((span for span in spans if now < span[1]), None)
            if span is not None and (span[1] < horizon or not windows):
                break
        if span is not None and windows and span[1] >= horizon:
            span = (span[0], NEVER)  # no end within sight
        if span is None or now < span[0]:
            return Answer(False, next=span, why=tuple(_reasons(now, windows, freezes, own)), windows=told)
        return Answer(True, span[1] if span[1] < NEVER else None, windows=told)


def own_window(document: Mapping[str, Any] | None) -> Span:
    """The window of a plan, as its document has it."""
    found = document or {}
    not_before, not_after = found.get("not_before"), found.get("not_after")
    return (
        datetime.fromisoformat(not_before) if not_before else EVER,
        datetime.fromisoformat(not_after) if not_after else NEVER,
    )


def shown(moment: datetime | None) -> str:
    """A moment as people read it."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%a %Y-%m-%d %H:%M UTC")


# --- reading ---------------------------------------------------------------------------------------------------------


def _window(entry: Mapping[str, Any], zone: str, place: str) -> Window:
    return Window(
        entry["name"],
        frozenset(DAYS.index(day) for day in entry.get("days", DAYS)),
        frozenset(_NUMBERS[word] for word in entry.get("of_month", ())),
        time.fromisoformat(entry["from"]),
        time.fromisoformat(entry["to"]),
        zone_of(entry.get("zone", zone), f"{place}.zone"),
        _scope(entry),
    )


def _in_a_row(days: list[int]) -> str:
    """Days of the week in words: three and more that follow each other from the first to the last of them."""
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{_WEEK[days[0]]} to {_WEEK[days[-1]]}"
    *first, last = (_WEEK[day] for day in days)
    return f"{', '.join(first)} and {last}" if first else last


def _freeze(entry: Mapping[str, Any], zone: str, place: str) -> Freeze:
    clocks = zone_of(entry.get("zone", zone), f"{place}.zone")
    begins = moment_of(entry["from"], clocks, f"{place}.from")
    ends = moment_of(entry["until"], clocks, f"{place}.until", ends=True)
    if ends <= begins:
        raise Refusal("DATA", f"{place}.until: found {entry['until']!r}, expected a time after {entry['from']!r}")
    return Freeze(entry["name"], begins, ends, entry["reason"], _scope(entry))


def _scope(entry: Mapping[str, Any]) -> Scope:
    match = entry.get("match", {})
    return Scope(tuple(match.get("service", ())), tuple(match.get("environment", ())))


# --- spans of time ---------------------------------------------------------------------------------------------------


def _open_spans(windows: Sequence[Window], now: datetime, horizon: datetime) -> list[Span]:
    """When any of the windows is open, from now to the horizon; always without windows."""
    if not windows:
        return [(EVER, NEVER)]
    return _merged(span for window in windows for span in window.spans(now, horizon))


def _merged(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for begins, ends in sorted(spans):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        else:
            found.append((begins, ends))
    return found


def _within(spans: Iterable[Span], own: Span) -> list[Span]:
    cut = [(max(begins, own[0]), min(ends, own[1])) for begins, ends in spans]
    return [(begins, ends) for begins, ends in cut if begins < ends]


def _less(spans: list[Span], freezes: Iterable[Freeze]) -> list[Span]:
    for freeze in freezes:
        parts = [((begins, min(ends, freeze.begins)), (max(begins, freeze.ends), ends)) for begins, ends in spans]
        spans = [part for pair in parts for part in pair if part[0] < part[1]]
    return spans


def _reasons(now: datetime, windows: Sequence[Window], freezes: Sequence[Freeze], own: Span) -> Iterator[str]:
    if now < own[0]:
        yield f"the change's own window begins {shown(own[0])}"
    if own[1] <= now:
        yield f"the change's own window ended {shown(own[1])}"
    for freeze in freezes:
        if freeze.begins <= now < freeze.ends:
            yield f"freeze {freeze.name!r} until {shown(freeze.ends)}: {freeze.reason}"
    if windows and not any(span[0] <= now < span[1] for span in _open_spans(windows, now, now)):
        yield f"no window is open ({', '.join(window.name for window in windows)})"
