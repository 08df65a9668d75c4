# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.confirm."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer

ASK_AGAIN_S = 2
TRIES = 4


class ActionModule(HostStep):
    """Make an activation permanent, over a connection of its own, and read back that it is."""

    STEP = "confirm"

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        new = run.plan.release_id
        if self.check:
            return StepResult(self.STEP, "ok", f"would confirm {new}")
        answer = self._confirm(run, host)
        stands = answer.service
        if answer.ok and (stands.get("state"), stands.get("current")) != ("steady", new):
            return StepResult(
                self.STEP,
                "failed",
                f"read back {stands.get('state')} on {stands.get('current')}, expected steady on {new}",
                code="STATE",
            )
        return self.result_of(answer, f"confirmed, read back: steady on {new}", data={"service": dict(stands)})

    def _confirm(self, run: Run, host: str) -> Answer:
        request = {
            "definition": run.plan.definition_of(host),
            "service": run.plan.service,
            "change": run.change_id,
            "token": self.tokens(run).of(host),
        }
        for attempt in range(TRIES):
            try:
                return self.program(fresh=True).call("confirm", request)
            except Unreachable:
                # The reply may be lost and the confirmation not: only the host knows, so it is asked again.
                if attempt == TRIES - 1:
                    raise
                time.sleep(ASK_AGAIN_S)
        raise RuntimeError("unreachable code")
