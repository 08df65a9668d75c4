# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read on a terminal: the plan, the final block, the table of status. Pure text, no color."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

WIDTH = 100


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table with aligned columns."""
    cells = [[printable(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def printable(text: object) -> str:
    """A value on one line, with what a terminal would obey made visible."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(text))


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names in a row, cut where there are many."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def size(count: int) -> str:
    """Bytes as people say them."""
    for unit, step in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count} bytes"


def sign_command(namespace: str, file: str) -> str:
    """What is typed to sign the bytes of a file for a use on another machine."""
    return f"ssh-keygen -Y sign -n {namespace} -f ~/.ssh/id_ed25519 {shlex.quote(file)}"


def files(count: int) -> str:
    """How many there are, as people say it."""
    return "1 file" if count == 1 else f"{count} files"


def duration(seconds: int) -> str:
    """Seconds as people say them."""
    for unit, step in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= step and seconds % step == 0:
            return f"{seconds // step} {unit}"
    return f"{seconds} s"


def block(title: str, pairs: Iterable[tuple[str, Any]]) -> str:
    """A block of named lines that ends a run or shows a plan."""
    known = [(name, value) for name, value in pairs if value not in ("", None, [])]
    width = max((len(name) for name, _value in known), default=0)
    lines = [f"── {title} ".ljust(WIDTH, "─")]
    for name, value in known:
        parts = value if isinstance(value, list) else [value]
        for index, part in enumerate(parts):
            lines.append(f"  {(name if index == 0 else '').ljust(width)}  {printable(part)}".rstrip())
    return "\n".join([*lines, "─" * WIDTH])
