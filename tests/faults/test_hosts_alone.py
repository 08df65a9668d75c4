# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a host that nobody helps: power, memory, Python, sessions, timers, and time itself."""

from __future__ import annotations

import pytest
from e2e.hosts import Fleetful
from faults.cells import cells
from faults.kinds import Cell, Row
from faults.play import play
from host.driver import Release


@pytest.mark.usefixtures("baseline")
@cells(11, 12, 17, 35, 42, 50, 51, 52, 58, 59, 60, 61, 62, 63, 64, 65, 67, 68, 70)
def test_fault(hosts: Fleetful, bulky: Release, row: Row, cell: Cell) -> None:
    """The promises hold on the host, and the next change gets through."""
    play(hosts, bulky, row, cell)
