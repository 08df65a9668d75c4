# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each cell: kept while `make faults` runs, so that it can go on, and shown as docs/faults.md."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from faults.enrolled_table import ENROLLED_ROWS
from faults.kinds import Cell, Row
from faults.table import ROWS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/faults.md"
SOURCES = ("collections/ansible_collections/tidegate/deploy/plugins",
           "collections/ansible_collections/tidegate/deploy/playbooks",
           "collections/ansible_collections/tidegate/deploy/roles", "lab", "tests/faults", "tests/host")  # fmt: skip
HELD, BROKEN, NOT_RUN = "held", "**broken**", "not run"
TABLES = {"results": ROWS, "results on enrolled hosts": ENROLLED_ROWS}
"""The tables of the page, by the mark before each."""


@dataclass(frozen=True)
class Outcome:
    """What became of one cell.

    Args:
        row: key of the row.
        phase: of the cell.
        held: whether everything was as expected.
        seconds: that it took.
    """

    row: str
    phase: str
    held: bool
    seconds: float


def version_of_code() -> str:
    """A digest of everything that a result depends on."""
    digest = hashlib.sha256()
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*")):
            if path.is_file() and path.suffix not in (".pyc",):
                digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def add(file: Path, outcome: Outcome) -> None:
    """Keep an outcome; two processes may do so at once."""
    with file.open("a", encoding="utf-8") as kept:
        kept.write(json.dumps(asdict(outcome)) + "\n")


def read(file: Path) -> dict[tuple[str, str], Outcome]:
    """The last outcome of each cell."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    outcomes = [Outcome(**json.loads(line)) for line in lines]
    return {(one.row, one.phase): one for one in outcomes}


def table(rows: Iterable[Row], outcomes: dict[tuple[str, str], Outcome]) -> str:
    """The outcomes as a table in Markdown: a line for the cells of a row of which the same is expected."""
    lines = ["| # | fault | phases | expected | result | seconds |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        for expected in dict.fromkeys(cell.expected for cell in row.cells):
            cells = [cell for cell in row.cells if cell.expected == expected]
            lines.append(_line(row, cells, [outcomes.get((row.key, cell.phase)) for cell in cells]))
    return "\n".join(lines) + "\n"


def _line(row: Row, cells: list[Cell], found: list[Outcome | None]) -> str:
    phases = ", ".join(cell.phase for cell in cells)
    seconds = sorted(round(one.seconds) for one in found if one is not None)
    span = "–".join(dict.fromkeys(str(one) for one in (seconds[:1] + seconds[-1:])))
    return f"| {row.number} | {row.fault} | {phases} | {cells[0].expected} | {_result(cells, found)} | {span} |"


def _result(cells: list[Cell], found: list[Outcome | None]) -> str:
    words = []
    for word, chosen in (
        (HELD, [cell.phase for cell, one in zip(cells, found, strict=True) if one is not None and one.held]),
        (BROKEN, [cell.phase for cell, one in zip(cells, found, strict=True) if one is not None and not one.held]),
        (NOT_RUN, [cell.phase for cell, one in zip(cells, found, strict=True) if one is None]),
    ):
        if chosen:
            words.append(word if len(chosen) == len(cells) else f"{word}: {', '.join(chosen)}")
    return "; ".join(words)


def write_page(outcomes: dict[tuple[str, str], Outcome]) -> None:
    """Put the tables into their page."""
    page = PAGE.read_text(encoding="utf-8")
    for mark, rows in TABLES.items():
        marked = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- end -->)", re.DOTALL)
        page = marked.sub(rf"\g<1>{summary(rows, outcomes)}\n\n{table(rows, outcomes)}\g<2>", page)
    PAGE.write_text(page, encoding="utf-8")


def summary(rows: Iterable[Row], outcomes: dict[tuple[str, str], Outcome]) -> str:
    """How many cells of some rows held."""
    found = [outcomes.get((row.key, cell.phase)) for row in rows for cell in row.cells]
    held, run = sum(one is not None and one.held for one in found), sum(one is not None for one in found)
    return f"{held} of {len(found)} cells held when they were last run; {run - held} did not, {len(found) - run} were not run yet."
