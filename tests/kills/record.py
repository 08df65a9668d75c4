# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was killed and what became of it: one line of JSON each, over all runs."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kills.loop import Kill


class Record:
    """The file of all kills, and the progress of this run.

    Args:
        path: the file.
        seed: of this run.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self.seed = seed
        self.stop = threading.Event()
        self.failed = False
        self._path = path
        self._lock = threading.Lock()
        self._now: list[dict[str, Any]] = []
        path.parent.mkdir(exist_ok=True)

    def done(self, seed: int) -> int:
        """The highest number that was played of a seed."""
        return max((one["number"] for one in self._all() if one["seed"] == seed), default=0)

    def next_of(self, left: Iterator[int]) -> int | None:
        """The next number that no fleet has taken."""
        with self._lock:
            return next(left, None)

    def add(self, kill: Kill, seconds: float, told: str, reruns: int, violation: str) -> None:
        """Keep and tell what became of one."""
        one = {
            "seed": kill.seed, "number": kill.number, "verb": kill.verb, "kind": kill.kind, "moment": kill.moment,
            "struck": told, "reruns": reruns, "seconds": round(seconds, 1), "violation": violation,
        }  # fmt: skip
        with self._lock:
            self._now.append(one)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(one) + "\n")
            end = "VIOLATION" if violation else "held" if told else "ended before it could be struck"
            sys.stdout.write(f"kills: {kill.number:5}  {seconds:5.1f} s  {kill}  {told or '-'}: {end}\n")
            sys.stdout.flush()

    def fail(self, text: str) -> None:
        """Something went wrong that ends the run."""
        with self._lock:
            self.failed = True
            sys.stdout.write(f"\nkills: {text}\n\n")
            sys.stdout.flush()
        self.stop.set()

    def summary(self) -> str:
        """Counts by kind, of this run and of all that are recorded."""
        return f"this run: {_counted(self._now)}\nkills: all runs: {_counted(self._all())}"

    def _all(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]


def _counted(kills: list[dict[str, Any]]) -> str:
    struck = [one for one in kills if one["struck"]]
    kinds = Counter(f"{one['kind']} in a {one['verb']}" for one in struck)
    broken = sum(1 for one in kills if one["violation"])
    lines = [
        f"{len(struck)} kills, {broken} violations",
        *(f"  {count:5} {kind}" for kind, count in sorted(kinds.items())),
    ]
    return "\n".join(lines)
