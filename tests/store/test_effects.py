# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effects and refusals in the ledger: the tests of a file, once more in PostgreSQL."""

# ruff: noqa: F403
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.test_effects import *

# a full disk in the words of SQLite
del test_what_cannot_be_recorded_is_refused_all_the_same  # noqa: F821
