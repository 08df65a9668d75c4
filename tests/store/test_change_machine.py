# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine of changes, once more in PostgreSQL."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from store.server import Server

from ansible_collections.tidegate.deploy.tests.property.test_changes import Changes


class OnServer(Changes):
    server: ClassVar[Server]

    def address(self) -> str:
        return self.server.database()


@pytest.fixture
def machine(server):
    OnServer.server = server
    return OnServer


def test_no_change_is_implemented_that_nobody_approved(machine):
    """In any order of events, with each move in history and ledger."""
    run_state_machine_as_test(machine, settings=settings(max_examples=8, stateful_step_count=20, deadline=None))
