# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Eighty booted hosts in one inventory: `make many`. Their boot alone takes longer than most tests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on, booted
from e2e.project import Project, Result

MANY = int(os.environ.get("MANY", "80"))
LIMIT_S = 1800.0
LIMITS = {"drain_s": 5, "hook_s": 2, "restart_s": 60, "probe_s": 60, "confirm_s": 300}
PATIENT = {"ANSIBLE_TIMEOUT": "60"}
"""Eighty hosts on one machine: what takes long there says nothing of a fleet."""


@pytest.fixture(scope="module")
def everybody() -> Iterator[Fleetful]:
    """Booted hosts without any service."""
    with booted(MANY, "many") as fleet:
        yield fleet


def test_a_change_goes_to_all_and_comes_back(everybody: Fleetful, ansible_home: Path, tmp_path: Path) -> None:
    """First deployment, status, a second release in three waves, and back; how long each took is printed."""
    (tmp_path / "site").mkdir()
    project = Project(tmp_path / "site", everybody, ansible_home)
    project.services(limits=LIMITS)
    took: dict[str, float] = {}

    def timed(name: str, play: Callable[[], Result]) -> Result:
        began = time.monotonic()
        result = play()
        took[name] = time.monotonic() - began
        assert result.rc == 0, result.text
        return result

    try:
        timed("first rollout", lambda: _rollout(project, V1))
        assert_all_on(everybody.see(), V1)
        status = timed("status", lambda: project.begin("status", env=PATIENT).end(LIMIT_S))
        assert status.stdout.count(f"  {V1}-") == MANY
        done = timed("rollout", lambda: _rollout(project, V2))
        assert_all_on(everybody.see(), V2)
        timed("rollback", lambda: project.begin("rollback", env=PATIENT, change=done.change).end(LIMIT_S))
        assert_all_on(everybody.see(), V1)
    finally:
        project.stop()
    sys.stdout.write(
        f"\n{MANY} hosts: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in took.items()) + "\n"
    )


def _rollout(project: Project, version: str) -> Result:
    return project.begin("rollout", env=PATIENT, change_file=project.change(version)).end(LIMIT_S)
