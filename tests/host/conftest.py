# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two practice hosts for all tests of this folder; each test finds release 1.0.0 of `web` running and confirmed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from host.driver import Driver, Release

from lab.command import LabError
from lab.fleet import Fleet


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Two freshly booted hosts, apart from those of tests that run at the same time."""
    try:
        made = Fleet.up(2, name=f"host-tests-{os.getpid()}")
    except LabError as error:
        pytest.skip(f"no practice hosts here: {error}")
    with made:
        yield made


@pytest.fixture
def driver(fleet: Fleet) -> Driver:
    """A host with release 1.0.0, whatever the test before has left."""
    driver = Driver(fleet["web1"])
    driver.host.free_disk()
    stands = driver.service()
    if stands["state"] in ("pending", "ready", "reverting", "failed"):
        driver.back(stands["change"])
    if driver.service()["current"] != Release.of("1.0.0").id:
        driver.deploy("1.0.0")
    return driver


@pytest.fixture
def untouched(fleet: Fleet) -> Driver:
    """A host that nobody has ever deployed to; only one test may."""
    return Driver(fleet["web2"])
