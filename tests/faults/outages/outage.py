# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes a rollout: before it begins, while it is held, and what is so afterwards."""

from __future__ import annotations

from contextlib import ExitStack

from faults.rollouts import Rollout


class Outage:
    """Nothing; outages replace what they need.

    Attributes:
        ends: whether the struck run comes to an end by itself, and with which exit statuses.
        again: the exit status of the same command afterwards, and what becomes of the change then.
        concerned: the hosts that must be on the old release where that is expected; by default all.
        untouched: hosts that no wave may have begun on.
        deadlines: the places at which a deadline has to pass.
    """

    ends: tuple[int, ...] = (2,)
    again: tuple[int, str] = (0, "completed")
    untouched: tuple[str, ...] = ("web2",)
    concerned: tuple[str, ...] = ()
    deadlines: str = ""

    def prepare(self, rollout: Rollout, undo: ExitStack) -> None:
        """Before it begins."""

    def strike(self, rollout: Rollout, undo: ExitStack) -> None:
        """While it is held."""

    def follow(self, rollout: Rollout) -> None:
        """Once what was held goes on: by default the run is waited for."""
        result = rollout.end()
        assert result.rc in self.ends, result.text

    def mend(self, rollout: Rollout) -> None:
        """Before anybody looks."""

    def inspect(self, rollout: Rollout) -> None:
        """What else must be so, before the command is run again."""

    def conclude(self, rollout: Rollout) -> None:
        """What else must be so, after that."""
