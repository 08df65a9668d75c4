# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest start as the README tells it, so that tests write exactly its files and run exactly its commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
_FENCE = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PATH = re.compile(r"# (\S+)\n")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: after its fence.
        text: what is in it.
    """

    language: str
    text: str

    @property
    def path(self) -> str:
        """The file that it is, by the comment that is its first line; empty for commands."""
        found = _PATH.match(self.text)
        return found[1] if found and self.language != "sh" else ""

    @property
    def commands(self) -> list[str]:
        """The command lines in it, for a shell; none for a file."""
        lines = self.text.replace("\\\n", " ").splitlines() if self.language == "sh" else []
        return [line for line in lines if line.strip() and not line.startswith("#")]


def blocks(section: str = "The smallest start") -> list[Block]:
    """The blocks of a section of the README, in their order."""
    page = README.read_text(encoding="utf-8")
    return blocks_in(page.partition(f"\n## {section}\n")[2].partition("\n## ")[0])


def blocks_in(text: str) -> list[Block]:
    """The blocks of a text, in their order."""
    return [Block(language, text) for language, text in _FENCE.findall(text)]


def files() -> dict[str, str]:
    """Path -> text of each file that the smallest start shows."""
    return {block.path: block.text for block in blocks() if block.path}


def commands() -> list[str]:
    """Every command line of the smallest start, in order, for a shell in the folder of `files`."""
    return [command for block in blocks() for command in block.commands]
