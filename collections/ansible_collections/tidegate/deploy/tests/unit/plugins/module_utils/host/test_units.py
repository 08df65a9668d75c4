# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd is told about the unit of an activation."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.host.bounded import Ended
from ansible_collections.tidegate.deploy.plugins.module_utils.host.paths import Paths
from ansible_collections.tidegate.deploy.plugins.module_utils.host.units import Units


@pytest.fixture
def at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that systemd runs when the effects of an activation are over; the launcher tells its arguments."""
    launcher = tmp_path / "current" / "tidegate-host"
    launcher.parent.mkdir()
    launcher.write_text('#!/bin/sh\necho "$@"\n')
    launcher.chmod(0o755)
    asked: list[list[str]] = []

    def run(command: list[str], _limit_s: int) -> Any:
        asked.append(command)
        return Ended(0, b"", b"", False, 0)

    monkeypatch.setattr(Units, "_run", staticmethod(run))
    Units(Paths(state=str(tmp_path), lib=str(tmp_path))).start_effects("web", "0123456789abcdef", 30)
    (text,) = [word for word in asked[-1] if word.startswith("--property=ExecStopPost=")]
    assert "$" not in text, "systemd writes it into a unit's file as it cannot read it again"
    return shlex.split(text.partition("ExecStopPost=")[2])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("0", ""),
        ("1", "ended web 0123456789abcdef"),
        ("10", "ended web 0123456789abcdef"),
        ("TERM", "ended web 0123456789abcdef"),
        (None, "ended web 0123456789abcdef"),
    ],
)
def test_effects_that_left_a_result_start_no_program_to_say_so(
    at_the_end: list[str], status: str | None, said: str
) -> None:
    """However else they end, and where systemd does not tell how, the program looks whether the host has to go back."""
    environment = {"PATH": "/usr/bin:/bin", "SERVICE_RESULT": "success"}
    environment.update({"EXIT_STATUS": status} if status else {})
    done = subprocess.run(at_the_end, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, said)
