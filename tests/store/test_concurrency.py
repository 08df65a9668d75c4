# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many processes at one store: the tests of a file, once more in PostgreSQL."""

# ruff: noqa: F403
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.test_concurrency import *

# of a folder; `test_server` has its own
del test_processes_that_open_it_first_at_once_share_one_store  # noqa: F821
