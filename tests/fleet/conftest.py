# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice fleet under test: fleets of names that no other test or person uses, and the machine before and after."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from lab import fleet as fleets  # noqa: E402
from lab.fleet import Fleet  # noqa: E402


@pytest.fixture
def fleet_name() -> Iterator[str]:
    """A name for one fleet of this test; whatever has it is taken down afterwards."""
    if os.geteuid():
        pytest.skip("a practice fleet needs root")
    name = f"test-{os.getpid()}"
    yield name
    fleets.down(name)


@pytest.fixture(scope="module")
def pair() -> Iterator[Fleet]:
    """Two hosts that the tests of one module share; each test leaves them as they were."""
    if os.geteuid():
        pytest.skip("a practice fleet needs root")
    with Fleet.up(2, f"pair-{os.getpid()}") as fleet:
        yield fleet
