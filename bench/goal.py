# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bench is measured by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """What was promised, and what was measured; None where it was not."""

    says: str
    limit: float
    found: float | None
    unit: str = "×"
    note: str = ""

    @property
    def met(self) -> str:
        """In a word, and with what is to be said about it."""
        word = "not measured" if self.found is None else "yes" if self.found <= self.limit else "**no**"
        return f"{word}; {self.note}" if self.note else word

    def shown(self, value: float | None) -> str:
        """A value with its unit."""
        return "–" if value is None else f"{value:.2f} {self.unit}"
