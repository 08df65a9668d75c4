# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes a single host, by what it is that is struck."""

from __future__ import annotations

from faults.injections import machine, program, release, service, warden
from faults.injections.fault import Fault


def named(name: str) -> Fault:
    """The fault that a cell of the table names."""
    found = next(vars(module)[name] for module in (machine, program, release, service, warden) if name in vars(module))
    fault: Fault = found()
    return fault
