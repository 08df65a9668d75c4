# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.change_info."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Question
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government, host_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import outlook_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.timing import window_of


class ActionModule(Question):
    """Say what is known of a change: its plan, its state, who has approved it, what is missing, whether it may run now."""

    STEP = "change_info"
    ARGUMENTS: ClassVar[dict[str, Any]] = {"id": {"type": "str", "required": True}}

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        change, now = change_of(store, arguments["id"]), store.latest()
        plan = recorded(change.plan_bytes)
        governed = Government(self, host_of(self, plan)).governed
        found, window = outlook_of(store, change, governed, now), window_of(plan, governed.policy, now)
        data = {
            "service": change.service,
            "environment": change.environment,
            "release": plan.release_id,
            "hosts": list(plan.host_names),
            "plan_digest": plan.digest,
            "type": plan.type,
            "risk": plan.risk,
            "outlook": found.doc(),
            "window": {"open": window.open, "text": window.text},
            "moves": [
                {"event": move.event, "state": move.after, "at": move.at, "actor": move.actor, "reason": move.reason}
                for move in store.moves(change.id)
            ],
        }
        return StepResult(self.STEP, "ok", f"{change.id} is {change.state}, window {window.text}", data=data)
