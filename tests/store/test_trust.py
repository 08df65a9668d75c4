# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust and enrolled hosts: the tests of a file, once more in PostgreSQL."""

# ruff: noqa: F403
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.test_trust import *
