# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: the tests of a file, once more in PostgreSQL."""

# ruff: noqa: F403
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.test_log import *

# in the words of SQLite; `test_roles` has those of PostgreSQL
del test_entries_stay_as_they_are  # noqa: F821
del test_a_second_entry_behind_the_same_one_is_refused_by_the_table  # noqa: F821
