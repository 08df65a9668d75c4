# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real server, started once; for each test a database of its own, and a store in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from store.server import Server

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.conftest import TurnedClock

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))  # as in the collection's tests/property


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    started = Server()
    try:
        yield started
    finally:
        started.end()


@pytest.fixture(scope="session")
def another_server() -> Iterator[Server]:
    started = Server()
    try:
        yield started
    finally:
        started.end()


@pytest.fixture
def stoppable(another_server: Server) -> Iterator[Server]:
    """A server that the test may stop."""
    yield another_server
    another_server.start()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def path(server: Server) -> str:
    """The address of a store that is not there yet; the name is that of the same fixture for a file."""
    return server.database()


@pytest.fixture
def store(path: str, clock: TurnedClock, tmp_path: Path) -> Iterator[Store]:
    with Store.open(path, clock, folder=str(tmp_path / ".tidegate")) as opened:
        yield opened
