# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.host import probes
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.locate import inventory_folder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.verify import suites

KEPT_TO_CONFIRM_S = 10
"""Seconds of a host's deadline that its tests may not use up."""

_CONNECTION = (
    "ansible_become",
    "ansible_connection",
    "ansible_host",
    "ansible_password",
    "ansible_port",
    "ansible_private_key_file",
    "ansible_python_interpreter",
    "ansible_ssh_",
    "ansible_user",
)


class ActionModule(HostStep):
    """Test a host after its activation: on the host itself, and from outside where the service asks for that."""

    STEP = "probe"
    FINISHES = True

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        if run.is_there(host):
            return StepResult(self.STEP, "ok", "nothing was switched, nothing to test")
        definition = run.plan.definition_of(host)
        release = None if own_tasks.carried(run) else {"id": run.plan.release_id, "version": run.plan.version}
        if self.check:
            also = f", and run {len(run.plan.suites)} suites" if run.plan.suites else ""
            return StepResult(self.STEP, "ok", f"would probe {len(definition['probes'])} times over{also}")
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
        result = self.result_of(answer, f"{len(results)} probes passed", data={"results": results})
        return self._with_suites(run, host, result) if run.plan.suites else result

    def _with_suites(self, run: Run, host: str, result: StepResult) -> StepResult:
        """Run the site's tests, too; each test's result is kept with the step's."""
        left_s = result.where.get("deadline_in_s") or run.plan.definition_of(host)["limits"]["confirm_s"]
        tests = suites.run(
            run.plan.suites,
            inventory_folder(self.sources),
            host,
            self._connection_variables(),
            max(1, left_s - KEPT_TO_CONFIRM_S),
        )
        refusal = suites.verdict(tests, host)
        kept = [asdict(test) for test in tests]
        tested = replace(result, where={**result.where, "tests": kept}, data={**result.data, "tests": kept})
        if refusal is not None:
            return replace(tested, verdict="failed", say=refusal.message, code=refusal.code)
        return replace(tested, say=f"{result.say}, {len(tests)} tests of the site")

    def _connection_variables(self) -> dict[str, Any]:
        """How Ansible reaches the task's host, for an inventory that has nothing else."""
        names = [name for name in self.task_vars if name.startswith(_CONNECTION)]
        found = plain({name: self.templated(name) for name in names})
        user = self._get_remote_user()
        become = bool(self._connection.become)
        return {**({"ansible_user": str(user)} if user else {}), **found, "ansible_become": become}
