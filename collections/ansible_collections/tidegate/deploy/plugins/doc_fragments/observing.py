# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callbacks for any playbook have in common, for their pages."""

from __future__ import annotations


class ModuleDocFragment:
    """What both of them read and write."""

    DOCUMENTATION = r"""
options: {}
notes:
  - The store is C(.tidegate/store.db) beside the inventory, or what the environment variable E(TIDEGATE_STORE) names.
  - Of a run it keeps the name of the playbook's file, who runs it, names of hosts and modules, numbers and times. It never keeps
    arguments, results, differences, output, names of tasks and plays, or texts of errors.
"""
