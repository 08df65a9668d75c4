# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import COMPLETED, ROLLED_BACK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import end_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.availability import finish_waves
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.ending import end, next_command, outcome_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import ROLLBACK, Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import Tokens, drop_scratch


class ActionModule(RecordDoor):
    """End a run: the outcome of its change from what the hosts said, recorded and shown; fails unless all is as planned."""

    STEP = "close"

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = Run.current(store)
        if not run.row.live:
            return StepResult(self.STEP, "ok", "nothing was to be done")
        if self.check:
            store.end_run(run.id, "previewed")
            drop_scratch()
            say = f"it would stop: {run.halted}" if run.halted else "this is what would happen"
            return StepResult(
                self.STEP,
                "failed" if run.halted else "ok",
                f"{say}; nothing was written",
                code=run.row.code or "",
            )
        finish_waves(run)
        outcome = outcome_of(run)
        end(run, outcome)
        Tokens(store.path, run.id).forget()
        Display().display(
            end_text(outcome, run.change_id, run.plan.release_id, self.store_path, next_command(run, outcome))
        )
        good = outcome.verdict == (ROLLED_BACK if run.verb == ROLLBACK else COMPLETED)
        code = "" if good else (outcome.cause.partition(":")[0] or "BUDGET")
        return StepResult(
            self.STEP,
            "ok" if good else "failed",
            f"{run.change_id} {outcome.verdict.replace('_', ' ')}",
            code=code,
            data={"outcome": outcome.doc(), "change": run.change_id},
        )
