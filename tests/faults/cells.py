# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cells of the table as parameters of tests."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest
from faults.table import ROWS, Row

EVERY = os.environ.get("FAULTS") == "all"


def cells(*numbers: int) -> Any:
    """Mark a test for the cells of some rows: the first of each, or all of them.

    Args:
        numbers: of the rows.
    """
    return pytest.mark.parametrize(("row", "cell"), list(_chosen(row for row in ROWS if row.number in numbers)))


def _chosen(rows: Iterable[Row]) -> Iterable[Any]:
    for row in rows:
        for cell in row.cells if EVERY else row.cells[:1]:
            yield pytest.param(row, cell, id=f"{row.number}-{cell.phase.replace(' ', '-')}")
