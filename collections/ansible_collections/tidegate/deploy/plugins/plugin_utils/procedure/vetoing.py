# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A veto, pushed to the enrolled hosts of a change: from then on they refuse what was signed for it, whoever shows it."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Done, call
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each


def push(door: Door, plan: Plan, statement: Statement, signature: Signature) -> Done:
    """Tell every enrolled host of a plan that somebody rejects it.

    Args:
        door: the action that asks.
        plan: whose hosts are told.
        statement: the veto.
        signature: under it.
    """
    request = Signed(statement.data, (signature.armored,)).doc()
    return Done(each(door, plan.enrolled, False, lambda _name, program: call(program, "veto", request)))
