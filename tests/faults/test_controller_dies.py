# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the controller: killed, stopped, told to end, its machine rebooted."""

from __future__ import annotations

from e2e.hosts import Fleetful
from e2e.project import Project
from faults.cells import cells
from faults.kinds import Cell, Row
from faults.play import play_rollout


@cells(1, 2, 3, 4, 5, 6, 7, 66)
def test_fault(site: Project, hosts: Fleetful, row: Row, cell: Cell) -> None:
    """The promises hold, and the same command again converges."""
    play_rollout(site, hosts, row, cell)
