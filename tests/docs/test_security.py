# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of attacks names tests that are there, and each attack once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from attacks.table import CLASSES, NOTHING_OF_IT, ROWS
from attacks.test_surfaces import SURFACES

ROOT = Path(__file__).parents[2]
COLLECTION = "collections/ansible_collections/tidegate/deploy/"


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_every_test_of_an_attack_is_there(row):
    """A test that was renamed is missed here."""
    assert row.tests
    for named in row.tests:
        path, _colons, function = named.partition("::")
        tree = ast.parse((ROOT / path.replace("collection:", COLLECTION)).read_text(encoding="utf-8"))
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, named


def test_each_attack_is_there_once():
    """No number twice, none that has nothing to attack and is tested, and each of a class that there is."""
    numbers = [row.id for row in ROWS]
    assert sorted(set(numbers)) == sorted(numbers)
    assert not {*numbers} & {*NOTHING_OF_IT}
    assert {*SURFACES} == {*NOTHING_OF_IT}
    assert {number[0] for number in numbers} <= {*CLASSES}
