# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of faults and the table of cells hold every row, and each cell names something that can strike."""

from __future__ import annotations

import re
from pathlib import Path

from faults.table import ALONE, PYTHON, ROWS

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
    assert [] == [row.number for row in ROWS if len({cell.phase for cell in row.cells}) != len(row.cells)]


def test_every_row_is_on_the_page():
    """The page that `make faults` wrote tells every row and every phase."""
    told = [
        (int(number), phases) for number, phases in re.findall(r"^\| (\d+) \| [^|]* \| ([^|]*) \|", PAGE, re.MULTILINE)
    ]
    phases = {number: {one.strip() for n, text in told if n == number for one in text.split(",")} for number, _ in told}

    assert {row.number: {cell.phase for cell in row.cells} for row in ROWS} == phases


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
    for row in ROWS:
        folder = "injections" if row.world == ALONE else "outages"
        assert {cell.fault for cell in row.cells if cell.at != PYTHON} <= known[folder], row.number
        assert {word for cell in row.cells for word in cell.expected.split()} <= EXPECTATIONS, row.number
