# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running other programs: what they said is in the error when they fail."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


class LabError(Exception):
    """Something that the lab cannot do; the message says what was found and what to do."""


def run(argv: Sequence[str], *, input_text: str | None = None, check: bool = True) -> str:
    """Run a program to its end and return its standard output.

    It inherits the locks that we hold: whoever waits for one also waits for what we began before we were killed.

    Args:
        argv: Program and arguments.
        input_text: What it reads; nothing by default.
        check: Whether an exit status other than 0 is an error.

    Raises:
        LabError: The program failed, or is not there.
    """
    try:
        done = subprocess.run(
            argv, input=input_text or "", capture_output=True, text=True, check=False, close_fds=False
        )
    except FileNotFoundError as missing:
        raise LabError(f"{argv[0]} is not installed") from missing
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def detach(argv: Sequence[str], log: Path, environment: dict[str, str]) -> None:
    """Start a program that outlives us and is nobody's child; what it says is appended to a file.

    It inherits no lock, unlike what `run` runs.
    """
    with log.open("ab") as said:
        subprocess.run(
            ["setsid", "--fork", *argv],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
            cwd="/",
            check=True,
        )
