# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cells of the table as parameters of tests."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest
from faults.enrolled_table import ENROLLED_ROWS
from faults.kinds import Row
from faults.table import ROWS

EVERY = os.environ.get("FAULTS") == "all"
IN_EVERY_RUN = (12, 19, 35, 50, 67, 72)
"""Rows of enrolled hosts of which the first cell runs in every test run."""


def cells(*numbers: int) -> Any:
    """Mark a test for the cells of some rows: the first of each, or all of them.

    Args:
        numbers: of the rows.
    """
    return _of(row for row in ROWS if row.number in numbers)


def cells_of_enrolled() -> Any:
    """Mark a test for the cells of enrolled hosts: the first of each of some rows, or all of all."""
    return _of(row for row in ENROLLED_ROWS if EVERY or row.number in IN_EVERY_RUN)


def _of(rows: Iterable[Row]) -> Any:
    return pytest.mark.parametrize(("row", "cell"), list(_chosen(rows)))


def _chosen(rows: Iterable[Row]) -> Iterable[Any]:
    for row in rows:
        for cell in row.cells if EVERY else row.cells[:1]:
            yield pytest.param(row, cell, id=f"{row.number}-{cell.phase.replace(' ', '-')}")
