# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a host that is enrolled: in the states that it has more than others, and in what it needs to let anything forward."""

from __future__ import annotations

import pytest
from e2e.hosts import Fleetful
from faults.cells import cells_of_enrolled
from faults.kinds import GOVERNED, Cell, Row
from faults.play import play, play_rollout
from host.driver import Release


@pytest.mark.usefixtures("baseline")
@cells_of_enrolled()
def test_fault(request: pytest.FixtureRequest, hosts: Fleetful, bulky: Release, row: Row, cell: Cell) -> None:
    """The promises hold, attempts are counted once, no permit is good twice, and the next change gets through with a new one."""
    if row.world == GOVERNED:
        play_rollout(request.getfixturevalue("site"), hosts, row, cell)
    else:
        play(hosts, bulky, row, cell)
