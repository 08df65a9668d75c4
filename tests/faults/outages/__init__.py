# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strikes a rollout, by what it is that is struck."""

from __future__ import annotations

from faults.outages import controller, failure, network
from faults.outages.outage import Outage


def named(name: str) -> Outage:
    """The outage that a cell of the table names."""
    found = next(vars(module)[name] for module in (controller, failure, network) if name in vars(module))
    outage: Outage = found()
    return outage
