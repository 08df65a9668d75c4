# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table of attacks is made of."""

from __future__ import annotations

from typing import NamedTuple

UNIT = "collection:tests/unit/plugins"


class Row(NamedTuple):
    """One attack.

    Attributes:
        id: its number; its letter is the class.
        attack: what is tried.
        expected: what becomes of it.
        tests: of it, as file::function.
    """

    id: str
    attack: str
    expected: str
    tests: tuple[str, ...]
