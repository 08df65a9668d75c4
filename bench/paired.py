# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one contender takes beside another, round by round: noise that a round has in common falls out, the rest is shown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.goal import Goal

Runs = Mapping[str, Sequence[Mapping[str, float]]]
"""Of each contender what each of its rounds took, by measure."""


@dataclass(frozen=True)
class Spread:
    """The middle of what the rounds came to, and between what half of them lie."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def alone(runs: Runs, name: str, key: str) -> Spread | None:
    """What a contender takes; None where it was not measured."""
    found = [run[key] for run in runs.get(name, ()) if key in run]
    return Spread.of(found) if found else None


def more(runs: Runs, name: str, other: str, key: str) -> Spread | None:
    """How much more a contender takes than another in the same round."""
    return _paired(runs, name, other, key, lambda one, two: one - two)


def times(runs: Runs, name: str, other: str, key: str) -> Spread | None:
    """How many times as much a contender takes as another in the same round."""
    return _paired(runs, name, other, key, lambda one, two: one / two)


def _paired(runs: Runs, name: str, other: str, key: str, do: Callable[[float, float], float]) -> Spread | None:
    pairs = zip(
        runs.get(name, ()), runs.get(other, ()), strict=False
    )  # one that takes long runs in the first rounds only
    found = [do(one[key], two[key]) for one, two in pairs]
    return Spread.of(found) if found else None


def goal(says: str, limit: float, found: Spread | None, unit: str = "×", room: float | None = None) -> Goal:
    """A goal, met by the middle of the rounds; it says so where these lie too far apart to tell.

    Args:
        says: what is measured.
        limit: of it.
        found: in the rounds.
        unit: of the limit.
        room: how far apart half of the rounds may lie; as far as the limit if it is left out.
    """
    apart = 0.0 if found is None else found.high - found.low
    blurred = apart > (limit if room is None else room)
    note = f"half of the rounds lie {apart:.2f} {unit} apart, too far to tell" if blurred else ""
    return Goal(says, limit, None if found is None else found.median, unit, note)
