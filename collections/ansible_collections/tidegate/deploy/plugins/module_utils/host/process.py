# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of a unit that runs: since when, and from which folder."""

from __future__ import annotations

import os
import re
import time

from ..core import vitals
from ..core.errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .clock import Clock
    from .units import Units

_OF_PROCESS = ("MainPID", "ExecMainStartTimestampMonotonic")
_SLACK_S = 1.0  # a clock that was set meanwhile moves the start a little


class Running:
    """A unit that is active.

    Args:
        unit: its name.
        shown: what systemd shows of it.
        started_s: when its process was started, on the wall clock; endless where systemd does not say.
        proc: where proc(5) is mounted.
    """

    def __init__(self, unit: str, shown: Mapping[str, str], started_s: float, proc: str = "/proc") -> None:
        self._unit = unit
        self.shown = shown
        self.started_s = started_s
        self._proc = proc

    @classmethod
    def of(cls, units: Units, clock: Clock, unit: str) -> Running:
        """What systemd and the kernel say of a unit.

        Raises:
            Refusal: ADOPT; systemd does not know it, or it does not run.
        """
        shown = units.properties(unit, *vitals.UNIT_PROPERTIES, *_OF_PROCESS)
        if shown.get("LoadState") != "loaded":
            raise Refusal(
                "ADOPT", f"{unit}: found LoadState={shown.get('LoadState')}, expected a unit that systemd knows"
            )
        if shown.get("ActiveState") != "active":
            state = f"{shown.get('ActiveState')} ({shown.get('SubState')})"
            raise Refusal("ADOPT", f"{unit}: found {state}, expected a unit that runs: start it first")
        started_us = int(shown.get("ExecMainStartTimestampMonotonic") or 0)
        elapsed_s = time.clock_gettime(time.CLOCK_MONOTONIC) - started_us / 1e6
        return cls(unit, shown, clock.now_s() - elapsed_s + _SLACK_S if started_us else float("inf"))

    def runs_from(self, folder: str) -> bool:
        """Whether its unit file names a folder, or its process works, was started or reads its program there."""
        return self.is_told_to_run(folder) or _names(folder, self._process_texts())

    def is_told_to_run(self, folder: str) -> bool:
        """Whether its unit file names a folder."""
        told = ("LoadState", "ActiveState", "SubState", "UnitFileState", "FragmentPath")
        return _names(folder, [text for name, text in self.shown.items() if name not in told])

    @property
    def told(self) -> str:
        """Where it runs from, for people."""
        texts = [text for text in self._process_texts() if text]
        return f"ExecStart={self.shown.get('ExecStart', '')[:200]}, its process {', '.join(texts) or 'unknown'}"

    def _process_texts(self) -> list[str]:
        """Its working folder, its program, and its arguments."""
        pid = self.shown.get("MainPID") or "0"
        if pid == "0":
            return []
        folder = os.path.join(self._proc, pid)
        return [_link(folder, "cwd"), _link(folder, "exe"), _arguments(folder)]


def _names(folder: str, texts: Iterable[str]) -> bool:
    named = re.compile(rf"(?<![A-Za-z0-9._/]){re.escape(folder)}(?![A-Za-z0-9._-])")
    return any(named.search(text) for text in texts)


def _link(folder: str, name: str) -> str:
    try:
        return os.readlink(os.path.join(folder, name))
    except OSError:
        return ""


def _arguments(folder: str) -> str:
    try:
        with open(os.path.join(folder, "cmdline"), "rb") as file:
            return " ".join(file.read(4096).decode("utf-8", "replace").split("\0")).strip()
    except OSError:
        return ""
