# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine of leases, once more in PostgreSQL, where each run is of a controller of its own."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from store.server import Server

from ansible_collections.tidegate.deploy.tests.property.test_leases import Leases


class OnServer(Leases):
    server: ClassVar[Server]

    def address(self) -> str:
        return self.server.database()


@pytest.fixture
def machine(server):
    OnServer.server = server
    return OnServer


def test_at_most_one_run_holds_a_lease(machine):
    """In any order of taking, dying, waiting, giving back, and losing the store."""
    run_state_machine_as_test(machine, settings=settings(max_examples=12, stateful_step_count=20, deadline=None))
