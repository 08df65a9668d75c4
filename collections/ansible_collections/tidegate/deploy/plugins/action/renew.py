# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.renew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run


class ActionModule(HostStep):
    """Give a host more time before it goes back by itself."""

    STEP = "renew"
    FINISHES = True
    ARGUMENTS: ClassVar[dict[str, Any]] = {**HostStep.ARGUMENTS, "extend_s": {"type": "int", "default": 300}}

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        if self.check:
            return StepResult(self.STEP, "ok", f"would renew by {arguments['extend_s']} s")
        request = {
            "definition": run.plan.definition_of(host),
            "service": run.plan.service,
            "change": run.change_id,
            "token": self.tokens(run).of(host),
            "extend_s": arguments["extend_s"],
        }
        answer = self.program().call("renew", request)
        say = f"goes back in {answer.service.get('deadline_in_s')} s unless it is confirmed"
        return self.result_of(answer, say, data={"service": dict(answer.service)})
