# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.host import probes
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run


class ActionModule(HostStep):
    """Test a host after its activation: on the host itself, and from outside where the service asks for that."""

    STEP = "probe"

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        if run.is_there(host):
            return StepResult(self.STEP, "ok", "nothing was switched, nothing to test")
        definition = run.plan.definition_of(host)
        release = {"id": run.plan.release_id, "version": run.plan.version}
        if self.check:
            return StepResult(self.STEP, "ok", f"would probe {len(definition['probes'])} times over")
        answer = self.program().call("probe", {"definition": definition, "release": release})
        facts = answer.fields.get("facts") or {}
        seen = list(answer.fields.get("results") or facts.get("results") or [])
        if not answer.ok:
            return replace(self.result_of(answer, ""), data={"results": seen})
        outside = probes.run(dict(definition), release, None, definition["limits"]["probe_s"], place="controller")
        refusal = probes.verdict(outside, True) if outside else None
        results = [*seen, *outside]
        if refusal is not None:
            return StepResult(
                self.STEP,
                "failed",
                f"from the controller: {refusal.message}",
                code=refusal.code,
                data={"results": results},
            )
        return self.result_of(answer, f"{len(results)} probes passed", data={"results": results})
