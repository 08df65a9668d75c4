# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults between controller and hosts, of the store, and of one host among several."""

from __future__ import annotations

from e2e.hosts import Fleetful
from e2e.project import Project
from faults.cells import cells
from faults.kinds import Cell, Row
from faults.play import play_rollout


@cells(8, 9, 10, 14, 15, 20, 24, 48, 55, 57)
def test_fault(site: Project, hosts: Fleetful, row: Row, cell: Cell) -> None:
    """The promises hold, and the same command again converges."""
    play_rollout(site, hosts, row, cell)
