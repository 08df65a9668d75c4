# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile archives are refused by name and leave nothing; ordinary ones are taken; on every Python that is here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host import corpus

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13") if sys.version_info < (3, 10) else ("3.9",)
"""Under the oldest Python, all the others; under these the oldest."""


def _python(version: str) -> str | None:
    """An interpreter of a version, from PATH or from pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [which(f"python{version}"), *(str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python")))]
    for candidate in candidates:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


@pytest.mark.parametrize("name", corpus.HOSTILE)
def test_a_hostile_archive_is_refused_alike_everywhere_and_leaves_nothing(name: str) -> None:
    """Controller and host refuse it with the same code and message, and nothing of it stays on the disk."""
    assert corpus.problem_of_hostile(name) is None


@pytest.mark.parametrize("name", corpus.FRIENDLY)
def test_an_ordinary_archive_is_taken_as_it_is(name: str) -> None:
    """What people's tools write is read as they meant it, and what is staged has the manifest that was derived."""
    assert corpus.problem_of_friendly(name) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_every_python_that_hosts_may_have_decides_alike(version: str) -> None:
    """The whole corpus holds under each interpreter from 3.9 on that is present."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        pytest.skip(f"Python {version} runs these tests itself")
    python = _python(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    run = subprocess.run([python, "-I", "-B", corpus.__file__], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(corpus.HOSTILE) + len(corpus.FRIENDLY)} archives, 0 problems" in run.stdout
