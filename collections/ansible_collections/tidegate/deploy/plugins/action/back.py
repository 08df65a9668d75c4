# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import Definition
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import put_by
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import order
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.permits import Permits
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import BACK, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import ROLLBACK, Run, change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable

ATTEMPTS = 3
ASK_AGAIN_FOR_S = 10


class ActionModule(HostStep):
    """Take a host back to the release that it ran before the change, and close the change there."""

    STEP = "back"
    FINISHES = True
    ARGUMENTS: ClassVar[dict[str, Any]] = {**HostStep.ARGUMENTS, "why": {"type": "str"}}

    def reason_to_skip(self, run: Run, host: str) -> str:
        """Not because the rollout stopped; but one that lost its lease leaves hosts to the run that took it."""
        return "" if run.row.live else f"not started, this run has ended: {run.halted}"

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        self._count_unknown_failure(run, host)
        definition, closes = run.plan.definition_of(host), order.closes(run)
        request = {
            "change": run.change_id,
            "definition": definition,
            "why": arguments.get("why") or self._why(run, host),
            "operator": run.verb == ROLLBACK,
            "closes": closes,
            "wait_s": ATTEMPTS * Definition.parse(definition).deadline_s(),
        }
        request |= self._enrolled(run, host) if run.plan.host(host).uid else self._fenced(run)
        answer = self.call_until_answered("back", request, ASK_AGAIN_FOR_S)
        current = answer.service.get("current")
        if self.check:
            return self.result_of(answer, "; ".join(answer.fields.get("would", [])) or "nothing is to be taken back")
        reverted = answer.service.get("reverted") or {}
        came_back = reverted.get("change") == run.change_id
        verdict = BACK if came_back else "ok"
        closed = ", the change is closed there" if answer.fields.get("closed") else ""
        say = f"back on {current}" if came_back else f"stays on {current}{closed}"
        result = self.result_of(answer, say, verdict=verdict, data={"service": dict(answer.service)})
        return result if closes else replace(result, where={**result.where, "open": True})

    @staticmethod
    def _fenced(run: Run) -> dict[str, Any]:
        """A rollout that lost its lease takes nothing back; an operator does."""
        return {} if run.verb == ROLLBACK else {"fence": run.fence}

    @staticmethod
    def _enrolled(run: Run, host: str) -> dict[str, Any]:
        """The same for an enrolled host, which knows grants instead of leases, and the change by its statement."""
        index = None if run.verb == ROLLBACK else Permits(run.store.folder, run.id).index_of(host)
        statement = put_by(run.store, change_of(run.store, run.change_id))
        return {"statement": statement} | ({} if index is None else {"fence": index})

    def _why(self, run: Run, host: str) -> str:
        if run.verb == ROLLBACK:
            return "asked for by an operator"
        row = run.store.host_row(run.id, host)
        own = row.message if row is not None and row.verdict in ("failed", "unknown") else None
        return own or run.halted or "the rollout failed"

    def touched_after(self, run: Run, result: StepResult) -> bool | None:
        return True if result.verdict == BACK else None

    def _count_unknown_failure(self, run: Run, host: str) -> None:
        """In a wave that goes on only a failed host comes here: if none of our steps failed, another task did."""
        row = run.store.host_row(run.id, host)
        if run.forward and not run.halted and row is not None and row.verdict == "ok":
            run.record(
                host, StepResult(row.step or self.STEP, "failed", "another task of the wave failed", code="ANSIBLE")
            )

    def unreachable(self, run: Run, host: str, lost: Unreachable) -> StepResult:
        where = run.known_of(host)
        left = where.get("deadline_in_s")
        future = f"unless confirmed, it goes back by itself within {left} s" if left else "the next run asks it again"
        return StepResult(self.STEP, "unknown", f"cannot be reached, {future}: {lost}", code="UNREACHABLE", where=where)
