# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the steps of a run took, from its notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Note:
    """When a step ended on a host, and how long it had taken there."""

    step: str
    host: str
    ended: datetime
    took_ms: int


@dataclass(frozen=True)
class StepTime:
    """What one step of a run took.

    Attributes:
        step: the step's name.
        hosts: on how many hosts it ran.
        took_ms: during how long it ran on any host: what hosts do at the same time counts once.
        longest_ms: on the slowest host.
        slowest: that host.
    """

    step: str
    hosts: int
    took_ms: int
    longest_ms: int
    slowest: str

    def doc(self) -> dict[str, Any]:
        """The canonical document that the record keeps."""
        return {name: getattr(self, name) for name in ("step", "hosts", "took_ms", "longest_ms", "slowest")}


def times_of(notes: Iterable[Note]) -> tuple[StepTime, ...]:
    """What each step took, in the order in which they first ended."""
    by_step: dict[str, list[Note]] = {}
    for note in notes:
        by_step.setdefault(note.step, []).append(note)
    return tuple(_time_of(step, of_step) for step, of_step in by_step.items())


def _time_of(step: str, notes: list[Note]) -> StepTime:
    slowest = max(notes, key=lambda note: note.took_ms)
    hosts = len({note.host for note in notes})
    return StepTime(step, hosts, _covered_ms(notes), slowest.took_ms, slowest.host)


def _covered_ms(notes: list[Note]) -> int:
    """How long at least one of them was under way."""
    covered = timedelta()
    until: datetime | None = None
    for began, ended in sorted((note.ended - timedelta(milliseconds=note.took_ms), note.ended) for note in notes):
        start = began if until is None else max(began, until)
        if ended > start:
            covered += ended - start
        until = ended if until is None else max(until, ended)
    return covered // timedelta(milliseconds=1)
