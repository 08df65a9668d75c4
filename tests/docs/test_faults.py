# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of faults and the table of cells hold every row, and each cell names something that can strike."""

from __future__ import annotations

import re
from pathlib import Path

from faults.injections.warden import waiting
from faults.kinds import CONTROLLER, GOVERNED, PYTHON
from faults.record import TABLES
from faults.table import ROWS

EVERY_ROW = [row for rows in TABLES.values() for row in rows]
PAGE = (Path(__file__).parents[2] / "docs/faults.md").read_text(encoding="utf-8")
SOURCES = Path(__file__).parents[1] / "faults"
ROWS_ASKED_FOR = {
    *range(1, 5),
    *range(6, 13),
    14,
    15,
    *range(17, 20),
    21,
    *range(23, 29),
    31,
    35,
    38,
    42,
    *range(47, 53),
    55,
    57,
}
ROWS_ASKED_FOR |= {5, 20, *range(58, 71)}
EXPECTATIONS = {"OLD", "OLD*", "NEW", "EITHER", "ELSEWHERE", "BLOCK", "REC"}


def test_every_row_has_cells():
    """No fault is missing from the table, and none of its phases has two cells of one name."""
    assert sorted(ROWS_ASKED_FOR) == [row.number for row in ROWS]
    assert [] == [row.key for row in EVERY_ROW if len({cell.phase for cell in row.cells}) != len(row.cells)]
    assert len({row.key for row in EVERY_ROW}) == len(EVERY_ROW)


def test_every_row_is_on_the_page():
    """The page that `make faults` wrote tells every row and every phase."""
    for mark, rows in TABLES.items():
        table = PAGE.partition(f"<!-- {mark} -->")[2].partition("<!-- end -->")[0]
        told = [(int(number), phases) for number, phases in re.findall(r"(?m)^\| (\d+) \| [^|]* \| ([^|]*) \|", table)]
        found = {
            number: {one.strip() for n, text in told if n == number for one in text.split(",")} for number, _ in told
        }

        assert {row.number: {cell.phase for cell in row.cells} for row in rows} == found


def test_every_cell_names_a_fault_and_an_expectation():
    """What strikes is a class in its world's folder, and what is expected is in words that the page explains."""
    known = {
        folder: {
            name
            for path in (SOURCES / folder).glob("*.py")
            for name in re.findall(r"(?m)^class (\w+)", path.read_text())
        }
        for folder in ("injections", "outages")
    }
    for row in EVERY_ROW:
        folder = "outages" if row.world in (CONTROLLER, GOVERNED) else "injections"
        assert {cell.fault for cell in row.cells if cell.at != PYTHON} <= known[folder], row.key
        assert {word for cell in row.cells for word in cell.expected.split()} <= EXPECTATIONS, row.key


def test_host_program_can_be_made_to_wait():
    """The lines at which faults of enrolled hosts strike are there, each of them once."""
    assert waiting().digest
