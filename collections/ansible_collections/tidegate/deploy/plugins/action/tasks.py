# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import WITHOUT
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks, previewing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import (
    BACK,
    FAILED,
    SKIPPED,
    UNKNOWN,
    StepResult,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import CLOSE, ROLLBACK, Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable

CHECK, APPLY, REVERT = "check", "apply", "revert"
BEGIN, END, BROKEN = "begin", "end", "failed"

_STEPS = {CHECK: "precheck", APPLY: "apply", REVERT: "back"}


class ActionModule(HostStep):
    """Stand around a site's own tasks on a host: may they run, what did they come to, is the change there now?"""

    STEP = "tasks"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "part": {"type": "str", "choices": [CHECK, APPLY, REVERT], "required": True},
        "at": {"type": "str", "choices": [BEGIN, END, BROKEN], "required": True},
        "task": {"type": "str"},
    }

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        self.STEP = _STEPS[arguments["part"]]  # type: ignore[misc]
        self._part, self._at = arguments["part"], arguments["at"]
        return super().perform(arguments)

    def reason_to_skip(self, run: Run, host: str) -> str:
        if self._at == END:
            return "" if run.known_of(host).get("needed") else "not begun"
        if self._at == BROKEN or self._part == REVERT:
            return ""
        if run.verb not in (ROLLBACK, CLOSE):
            return run.reason_to_skip(host)
        row = run.store.host_row(run.id, host)
        return row.message or UNKNOWN if row is not None and row.verdict == UNKNOWN else ""

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        if self._at == BROKEN:
            return self._broken(run, host, str(arguments.get("task") or "a task without a name"))
        steps = {
            (CHECK, BEGIN): self._begin_check,
            (APPLY, BEGIN): self._begin_apply,
            (REVERT, BEGIN): self._begin_revert,
            (CHECK, END): self._end_check,
            (APPLY, END): self._end_apply,
            (REVERT, END): self._end_revert,
        }
        return steps[self._part, self._at](run, host)

    # -- begin --------------------------------------------------------------------------------------------------------

    def _begin_check(self, run: Run, host: str) -> StepResult:
        row = run.store.host_row(run.id, host)
        sick = row is not None and row.verdict == FAILED
        return self._needed(run, host, True, "the site's check is asked", sick=sick)

    def _begin_apply(self, run: Run, host: str) -> StepResult:
        run.require_open_wave(host)
        _fence = run.fence
        if run.known_of(host).get("current") == run.plan.release_id:
            say = "was there before this change" if run.is_there(host) else "is there already, from an earlier run"
            return self._needed(run, host, False, say)
        self._require_answer(run, host)
        run.mark_touched(host)
        real = previewing.why_not_begun(run, self.store_folder) if self.check else ""
        return self._needed(run, host, not real, real or "the site's tasks begin")

    def _begin_revert(self, run: Run, host: str) -> StepResult:
        if run.plan.doc["tasks"]["revert"] is None:
            return StepResult(self.STEP, SKIPPED, "stays as it is, these tasks have no way back")
        self._count_unknown_failure(run, host)
        row = run.store.host_row(run.id, host)
        touched = row is not None and row.touched
        has_it = run.known_of(host).get("current") == run.plan.release_id
        if run.is_there(host) or not (touched or (run.verb == ROLLBACK and has_it)):
            return self._needed(run, host, False, "stays as it is, the change was not made there")
        _fence = run.fence
        self._require_answer(run, host)
        run.mark_touched(host)
        real = previewing.why_not_begun(run, self.store_folder) if self.check else ""
        return self._needed(run, host, not real, real or "the site's tasks take it back")

    def _needed(self, run: Run, host: str, needed: bool, say: str, **more: Any) -> StepResult:
        where = {**run.known_of(host), "needed": needed, **more}
        return StepResult(self.STEP, "ok", say, where=where, data={"needed": needed})

    def _require_answer(self, run: Run, host: str) -> None:
        """See that a host answers, before its tasks begin: one that does not would leave them all undone."""
        definition = run.plan.definition_of(host)
        self.program().call("ask", {"services": [definition]}).or_refuse()

    # -- end ----------------------------------------------------------------------------------------------------------

    def _end_check(self, run: Run, host: str) -> StepResult:
        there = self._there(run, host)
        say = "the change is there" if there else "the change is not there"
        if there is None:
            say = "its check says nothing in check mode"
        return StepResult(self.STEP, "ok", say, where={**run.known_of(host), "needed": None})

    def _end_apply(self, run: Run, host: str) -> StepResult:
        if self.check:
            return StepResult(self.STEP, "ok", "would be made, as far as its tasks can show that", changed=True)
        if not self._there(run, host):
            raise Refusal("CHECK", "its check does not find the change after its tasks went well")
        return StepResult(self.STEP, "ok", "made, and found there by its check", changed=True)

    def _end_revert(self, run: Run, host: str) -> StepResult:
        if self.check:
            return StepResult(self.STEP, "ok", "would be taken back", changed=True)
        if self._there(run, host):
            self._fail(run, host)
            raise Refusal("CHECK", "its check still finds the change after its tasks took it back")
        where = {**run.known_of(host), "current": WITHOUT, "reverted_change": run.change_id}
        return StepResult(self.STEP, BACK, "taken back, its check does not find it any more", changed=True, where=where)

    def _there(self, run: Run, host: str) -> bool | None:
        """Whether the check has found the change; None where it said nothing in check mode.

        Raises:
            Refusal: CHECK, it said nothing.
            Unreachable: that was because the host does not answer.
        """
        row = run.store.host_row(run.id, host)
        if row is None or row.step != own_tasks.FOUND:
            if self.check:
                return None
            self._require_answer(run, host)
            raise Refusal(
                "CHECK",
                "its check said nothing, expected it to end with tidegate.deploy.found: {there: true or false}",
            )
        return bool((row.doc or {}).get("current") == run.plan.release_id)

    # -- failed -------------------------------------------------------------------------------------------------------

    def _broken(self, run: Run, host: str, task: str) -> StepResult:
        """A task of the site's failed, or one of these steps did and has said why."""
        row = run.store.host_row(run.id, host)
        if row is not None and row.step == self.STEP and row.verdict in (FAILED, UNKNOWN):
            return StepResult(self.STEP, row.verdict, row.message or "", code=row.code or "")
        if self.check:
            return StepResult(self.STEP, "ok", f"what its tasks would do can be seen up to the task {task!r}")
        self._require_answer(run, host)
        self._fail(run, host)
        raise Refusal("TASKS", f"{self._part}: the task {task!r} failed")

    def _fail(self, run: Run, host: str) -> None:
        """Nobody knows what is there: neither with the change nor without it."""
        row = run.store.host_row(run.id, host)
        where = {**run.known_of(host), "state": "failed", "current": None}
        if row is not None and self._part != CHECK:
            run.store.note(run.id, host, self.STEP, "ok", None, "its tasks ended early", where)

    def _count_unknown_failure(self, run: Run, host: str) -> None:
        """In a wave that goes on only a failed host comes here: if none of our steps failed, another task did."""
        row = run.store.host_row(run.id, host)
        if run.forward and not run.halted and row is not None and row.verdict == "ok":
            run.record(
                host, StepResult(row.step or self.STEP, FAILED, "another task of the wave failed", code="ANSIBLE")
            )

    def unreachable(self, run: Run, host: str, lost: Unreachable) -> StepResult:
        say = f"does not answer, the next run asks it again: {lost}"
        return StepResult(self.STEP, UNKNOWN, say, code="UNREACHABLE")
