# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer

ASK_AGAIN_FOR_S = 10


class ActionModule(HostStep):
    """Make an activation permanent, over a connection of its own, and read back that it is."""

    STEP = "confirm"
    FINISHES = True

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        new = run.plan.release_id
        if self.check:
            return StepResult(self.STEP, "ok", f"would confirm {new}")
        answer = self._read_back(run, host) if self._is_confirmed(run, host) else self._confirm(run, host)
        stands = answer.service
        if answer.ok and (stands.get("state"), stands.get("current")) != ("steady", new):
            return StepResult(
                self.STEP,
                "failed",
                f"read back {stands.get('state')} on {stands.get('current')}, expected steady on {new}",
                code="STATE",
            )
        return self.result_of(answer, f"confirmed, read back: steady on {new}", data={"service": dict(stands)})

    def _is_confirmed(self, run: Run, host: str) -> bool:
        """Whether nothing is left to confirm: an earlier run did it, or the host was on the release before."""
        where = run.known_of(host)
        there = (where.get("state"), where.get("current")) == ("steady", run.plan.release_id)
        return there and (run.is_there(host) or where.get("change") == run.change_id)

    def _confirm(self, run: Run, host: str) -> Answer:
        request = {
            "definition": run.plan.definition_of(host),
            "service": run.plan.service,
            "change": run.change_id,
            "token": self.tokens(run).of(host),
        }
        return self.call_until_answered("confirm", request, ASK_AGAIN_FOR_S, fresh=True)

    def _read_back(self, run: Run, host: str) -> Answer:
        request = {"services": [run.plan.definition_of(host)]}
        answer = self.call_until_answered("ask", request, ASK_AGAIN_FOR_S, fresh=True).or_refuse()
        return replace(answer, service=answer.fields["services"][run.plan.service])
