# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals and the runs that begin by them: the tests of a file, once more in PostgreSQL."""

# ruff: noqa: F403
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.test_approvals import *

# in the words of SQLite; `test_roles` has who may edit a row in PostgreSQL
del test_each_decision_and_each_move_is_held_against_its_entry  # noqa: F821
