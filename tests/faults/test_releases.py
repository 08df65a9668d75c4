# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that are no good, and hosts that are not as they should be when one comes."""

from __future__ import annotations

import pytest
from e2e.hosts import Fleetful
from faults.cells import cells
from faults.kinds import Cell, Row
from faults.play import play
from host.driver import Release


@pytest.mark.usefixtures("baseline")
@cells(18, 19, 21, 23, 25, 26, 27, 28, 31, 38, 47, 49, 69)
def test_fault(hosts: Fleetful, bulky: Release, row: Row, cell: Cell) -> None:
    """The promises hold on the host, and the next change gets through."""
    play(hosts, bulky, row, cell)
