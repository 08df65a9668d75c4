# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes a single host: made ready before the change begins, struck at its phase, mended before it is looked at."""

from __future__ import annotations

import time

from faults import promises
from faults.alone import Alone
from faults.hold import until


class Fault:
    """Nothing; faults replace what they need."""

    def prepare(self, alone: Alone) -> None:
        """Before the change begins."""

    def strike(self, alone: Alone) -> None:
        """At the phase, while it is held."""

    def mend(self, alone: Alone) -> None:
        """Once what was held has gone on, before anybody looks."""

    def inspect(self, alone: Alone) -> None:
        """What else must be so in the end."""


def wait_out(alone: Alone) -> None:
    """Let the deadline pass, on the boot clock that this machine and its hosts share."""
    deadline_ms = int(promises.journal(alone.host)["deadline_ms"])
    until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) * 1000 > deadline_ms, "the deadline", 60)
