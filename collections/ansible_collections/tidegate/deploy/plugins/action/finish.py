# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.finish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.availability import finish_waves
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import run_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import SKIPPED, StepResult


class ActionModule(RecordDoor):
    """See that every wave is through. One that is not, for whatever reason, stops the rollout: its hosts go back."""

    STEP = "finish"
    FINISHES = True

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = run_of(store, self.check)
        if run.row.state == "completed":
            return StepResult(self.STEP, "ok", "nothing was to be done")
        if run.halted:
            return StepResult(self.STEP, SKIPPED, f"the rollout stopped: {run.halted}")
        try:
            finish_waves(run)
        except Refusal as refusal:
            store.halt(run.id, refusal.code, refusal.message)
            return StepResult(self.STEP, SKIPPED, f"the rollout stops: {refusal.message}", code=refusal.code)
        return StepResult(self.STEP, "ok", f"all {len(run.plan.waves)} waves are through")
