# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clocks of a host. Deadlines know only the boot clock; the wall clock serves ``back_until`` and people."""

from __future__ import annotations

import time

UTC_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Clock:
    """Reads the kernel's clocks; tests hand in another one."""

    def now_ms(self) -> int:
        """Milliseconds since boot, time asleep included."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def boot_id(self) -> str:
        """Which boot this is; a container has its own."""
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()

    def utc(self) -> str:
        """The wall clock as ``YYYY-MM-DDThh:mm:ssZ``; text order is time order."""
        return time.strftime(UTC_FORMAT, time.gmtime())

    def now_s(self) -> float:
        """The wall clock in seconds, as files are dated."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
