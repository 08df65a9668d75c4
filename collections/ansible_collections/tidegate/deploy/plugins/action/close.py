# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import (
    CLOSED,
    COMPLETED,
    ROLLED_BACK,
    Outcome,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import end_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks, telling
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.ending import end, outcome_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government, host_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import next_commands
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.permits import Challenges, Permits
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import run_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import FAILED, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import (
    CLOSE,
    RESUME,
    ROLLBACK,
    ROLLOUT,
    Run,
    change_of,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import Tokens, drop_scratch, write_json

_WANTED = {ROLLOUT: COMPLETED, RESUME: COMPLETED, ROLLBACK: ROLLED_BACK, CLOSE: CLOSED}


class ActionModule(RecordDoor):
    """End a run: the outcome of its change from what the hosts said, recorded and shown; fails unless all is as planned."""

    STEP = "close"
    FINISHES = True
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "verb": {"type": "str", "choices": [ROLLOUT, ROLLBACK, CLOSE], "default": ROLLOUT},
        "json_file": {"type": "path"},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = run_of(store, self.check)
        if (ROLLOUT if run.verb == RESUME else run.verb) != arguments["verb"]:
            raise Refusal(
                "DATA",
                f"found a run that is a {run.verb}, expected a {arguments['verb']}; is tidegate_verb set from outside?",
            )
        if not run.row.live:
            return self._ended_before(run)
        if self.check:
            return self._preview(store, run)
        outcome = outcome_of(run)
        end(run, outcome)
        for kept in (Tokens, Challenges, Permits):
            kept(store.folder, run.id).forget()
        self._tell_elsewhere(store, run, outcome)
        self.sign_off(store, run.change_id)
        Display().display(
            end_text(
                outcome,
                run.change_id,
                run.plan.release_id,
                self.store_path,
                next_commands(run, outcome),
                own_tasks.once_told(run),
            )
        )
        if arguments.get("json_file"):
            self._tell(arguments["json_file"], {"change": run.change_id, "outcome": outcome.doc()})
        if store.kept_in:
            Display().warning(f"the store is away: this is kept in {store.kept_in}, and recorded when it is back")
        good = outcome.verdict == _WANTED[run.verb]
        code = "" if good else (outcome.cause.partition(":")[0] or "BUDGET")
        return StepResult(
            self.STEP,
            "ok" if good else FAILED,
            f"{run.change_id} {outcome.verdict.replace('_', ' ')}",
            code=code,
            data={"outcome": outcome.doc(), "change": run.change_id},
        )

    def _tell(self, path: str, document: Mapping[str, Any]) -> None:
        """Write the outcome for programs; a file that cannot be written does not change what became of the change."""
        try:
            write_json(path, document)
        except Refusal as refusal:
            Display().warning(refusal.message)

    def _tell_elsewhere(self, store: Store, run: Run, outcome: Outcome) -> None:
        """Tell ServiceNow how the change ended; whatever is wrong there, or with what policy says of it, changes nothing here."""
        if store.kept_in:
            return
        try:
            policy = Government(self, host_of(self, run.plan)).policy
            warning = telling.ended(store, change_of(store, run.change_id), policy, outcome)
        except Refusal as refusal:
            warning = refusal.message
        if warning:
            Display().warning(warning)

    def _ended_before(self, run: Run) -> StepResult:
        if run.row.state == "completed":
            return StepResult(self.STEP, "ok", "nothing was to be done")
        return StepResult(self.STEP, FAILED, run.halted, code=run.row.code or "INTERRUPTED")

    def _preview(self, store: Store, run: Run) -> StepResult:
        store.end_run(run.id, "previewed")
        drop_scratch()
        say = f"it would stop: {run.halted}" if run.halted else "this is what would happen"
        verdict = FAILED if run.halted else "ok"
        return StepResult(self.STEP, verdict, f"{say}; nothing was written", code=run.row.code or "")
