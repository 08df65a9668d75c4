# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row of the tables of faults is made of."""

from __future__ import annotations

from dataclasses import dataclass

ALONE, CONTROLLER = "host", "controller"
ENROLLED, GOVERNED = "enrolled host", "controller of enrolled hosts"
PYTHON = "python"
"""A place: the fault is a file of tests, the collection's or the site's, which proves it without a host."""


@dataclass(frozen=True)
class Cell:
    """One fault at one phase.

    Args:
        phase: its letter; with a word after it where a phase has several cells.
        fault: what strikes; a class in `injections` (host) or in `outages` (controller).
        expected: what the host comes to, in the words of `table`.
        at: where the change is held when it strikes, if that is not the phase itself.
        then: the step that is asked for afterwards, on a host alone.
        code: of the refusal that somebody must get; two with ``or`` where either may be first.
        says: words of its message.
        attempts: how many an enrolled host has counted in the end.
    """

    phase: str
    fault: str
    expected: str
    at: str = ""
    then: str = ""
    code: str = ""
    says: str = ""
    attempts: int = 1

    @property
    def place(self) -> str:
        """Where the change is held."""
        return self.at or self.phase.partition(" ")[0]


@dataclass(frozen=True)
class Row:
    """One fault.

    Args:
        number: of the row.
        fault: in words.
        world: what it is tried on: a host alone, or a run of Ansible; enrolled ones, or not.
        cells: at its phases.
    """

    number: int
    fault: str
    world: str
    cells: tuple[Cell, ...]

    @property
    def key(self) -> str:
        """What tells it from the same fault in another world."""
        return f"{self.number} {self.world}"


def host(number: int, fault: str, *cells: Cell) -> Row:
    """A row that needs one host and no controller."""
    return Row(number, fault, ALONE, cells)


def controller(number: int, fault: str, *cells: Cell) -> Row:
    """A row that needs a run of Ansible."""
    return Row(number, fault, CONTROLLER, cells)


def enrolled(number: int, fault: str, *cells: Cell) -> Row:
    """A row on an enrolled host, which has more states that can be struck; no controller."""
    return Row(number, fault, ENROLLED, cells)


def governed(number: int, fault: str, *cells: Cell) -> Row:
    """A row that needs a run of Ansible, whose change people have signed for hosts that demand it."""
    return Row(number, fault, GOVERNED, cells)
