# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import BEFORE, TIMES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import BEGUN, DONE, OnceRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks, previewing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.availability import require_budget
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import run_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import SKIPPED, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run

ASK, BEGIN, END, BROKEN, ALL = "ask", "begin", "end", "failed", "all"


class ActionModule(RecordDoor):
    """Stand around tasks that run once per change: were they done, may they begin, are they done now?"""

    STEP = "once"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "name": {"type": "str"},
        "at": {"type": "str", "choices": [ASK, BEGIN, END, BROKEN, ALL], "required": True},
        "task": {"type": "str"},
        "time": {"type": "str", "choices": list(TIMES), "default": BEFORE},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = run_of(store, self.check)
        if arguments["at"] == ALL:
            return self._all(run, arguments["time"])
        name = arguments.get("name")
        one = next((one for one in run.plan.once if one["name"] == name), None)
        if one is None:
            raise Refusal("DATA", f"found {name!r}, expected what the plan runs once")
        try:
            if arguments["at"] == BROKEN:
                return self._broken(run, one, str(arguments.get("task") or "a task without a name"))
            return {ASK: self._ask, BEGIN: self._begin, END: self._end}[arguments["at"]](run, one)
        except Refusal as refusal:
            store.halt(run.id, refusal.code, f"{name}: {refusal.message}")
            raise

    def _all(self, run: Run, when: str) -> StepResult:
        """See that nothing is left; it stops the rollout in the store and does not fail, since the play goes on."""
        if run.halted:
            return self._say(f"the rollout stopped: {run.halted}", SKIPPED)
        try:
            own_tasks.require_once(run, when)
        except Refusal as refusal:
            run.store.halt(run.id, refusal.code, refusal.message)
            Display().warning(f"{refusal.code}: {refusal.message}")
            return self._say(refusal.message, SKIPPED)
        return self._say(f"all that runs once {when} the waves is done")

    def _ask(self, run: Run, one: Mapping[str, Any]) -> StepResult:
        if run.halted:
            return self._say(f"not begun, the rollout stopped with {run.halted.partition(':')[0]}", SKIPPED)
        require_budget(run)
        _fence = run.fence
        row = self._row(run, one)
        if row is not None and row.done:
            return self._say(f"{one['name']} is done", SKIPPED)
        self._move(run, one, None, True)
        return self._say(f"whether {one['name']} was done is asked", needed=True)

    def _begin(self, run: Run, one: Mapping[str, Any]) -> StepResult:
        row = self._row(run, one)
        if one["check"] and row is not None and row.there:
            self._move(run, one, DONE, False)
            return self._say(f"{one['name']} is there already, nothing is repeated")
        if one["check"] and (row is None or row.there is None) and not self.check:
            raise Refusal("CHECK", "its check said nothing, expected it to end with tidegate.deploy.found")
        if not one["check"] and row is not None and row.state in (BEGUN, "failed"):
            raise Refusal(
                "ONCE",
                f"it has {'begun' if row.state == BEGUN else 'failed'} in an earlier run, and nobody knows how far it came; "
                "without a check nothing is repeated. Look for yourself, then take it out of the change file if it was done, "
                "or give it a check there (a paused change is ended with close before that)",
            )
        self._move(run, one, BEGUN, True)
        real = previewing.why_not_begun(run, self.store_folder) if self.check else ""
        return self._say(real or f"{one['name']} begins", changed=True, needed=not real)

    def _end(self, run: Run, one: Mapping[str, Any]) -> StepResult:
        row = self._row(run, one)
        if one["check"] and not self.check and (row is None or not row.there):
            self._move(run, one, "failed", False)
            raise Refusal("CHECK", "its check does not find it after its tasks went well")
        self._move(run, one, DONE, False)
        return self._say(f"{one['name']} is done", changed=True)

    def _broken(self, run: Run, one: Mapping[str, Any], task: str) -> StepResult:
        row = self._row(run, one)
        if self.check:
            return self._say(f"what {one['name']} would do can be seen up to the task {task!r}")
        if row is not None and row.under_way:
            self._move(run, one, "failed" if row.state == BEGUN else None, False)
        if not run.halted:
            raise Refusal("ONCE", f"the task {task!r} failed")
        return self._say(f"it did not go well: {run.halted}", "failed")

    def _say(self, say: str, verdict: str = "ok", changed: bool = False, needed: bool = False) -> StepResult:
        return StepResult(self.STEP, verdict, say, changed=changed, data={"needed": needed})

    def _row(self, run: Run, one: Mapping[str, Any]) -> OnceRow | None:
        return run.store.once(run.change_id).get(one["name"])

    def _move(self, run: Run, one: Mapping[str, Any], state: str | None, under_way: bool) -> None:
        run.store.move_once(run.change_id, one["name"], run.id, one["on"], state, under_way)
