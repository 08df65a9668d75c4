# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in a temporary folder, with a clock that tests turn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store


class TurnedClock:
    """Answers the same moment until it is turned."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def turn(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / ".tidegate/store.db")


@pytest.fixture
def store(path: str, clock: TurnedClock) -> Iterator[Store]:
    with Store.open(path, clock) as opened:
        yield opened
