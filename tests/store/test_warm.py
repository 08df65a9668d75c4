# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was compiled before the fork is there after it: a file's test once more, where TIDEGATE_STORE names a server."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.test_warm import (
    test_a_worker_compiles_nothing,  # noqa: F401 - collected here
)


@pytest.fixture(autouse=True)
def named(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_STORE", path)
