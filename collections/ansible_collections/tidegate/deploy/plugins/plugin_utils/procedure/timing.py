# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan may run at a moment: windows and freezes of the policy, and the plan's own window."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.windows import Answer, Calendar, own_window


def window_of(plan: Plan, policy: Policy, now: datetime) -> Answer:
    """Whether a plan may run now, by the windows and freezes of a policy and by its own window.

    Raises:
        Refusal: DATA, a window or freeze of the policy cannot be understood.
    """
    calendar = Calendar.of(policy.doc, policy.place)
    return calendar.ask(now, plan.service, plan.environment, own_window(plan.window))


def told(plan: Plan, policy: Policy, now: datetime) -> list[str]:
    """Whether a plan may run now, or when, and the windows that are meant for it; or what is wrong with those."""
    try:
        return window_of(plan, policy, now).lines
    except Refusal as refusal:
        return [refusal.message]


def require_window(plan: Plan, policy: Policy, now: datetime, change_id: str) -> Answer:
    """See that a plan may run now. A way back never asks.

    Raises:
        Refusal: WINDOW, with why not and when it may; DATA.
    """
    answer = window_of(plan, policy, now)
    if not answer.open:
        raise Refusal("WINDOW", f"{change_id} may not run now: {answer.text}", change=change_id)
    return answer
