# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.precheck."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer

UNDER_WAY = ("pending", "ready", "reverting")
GRACE_S = 60
POLL_S = 3


class ActionModule(HostStep):
    """Look at a host before anything changes, and say all that is wrong with it at once."""

    STEP = "precheck"

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        answer = self._ask_when_quiet(run, host).or_refuse()
        off = _is_off(answer.fields["facts"], int(time.time()), run.plan.doc["checks"])
        findings = [finding for finding in answer.fields["findings"] if off or finding["check"] != "clock"]
        refused = [finding for finding in findings if finding["level"] == "refuse"]
        data = {"findings": findings, "facts": answer.fields["facts"], "service": dict(answer.service)}
        if refused:
            result = self.result_of(answer, _sentence(refused), verdict="failed", code="PRECHECK", data=data)
        else:
            result = self.result_of(answer, _healthy(answer, findings), data=data)
        remembered = [
            str(seen) for seen in (*(answer.service.get("closed") or ()), answer.service.get("change")) if seen
        ]
        about = answer.fields.get("enrolled") or {}
        more = {
            "staged": bool(answer.fields.get("staged")),
            "findings": findings,
            "remembers": remembered,
            "uid": str(about.get("uid") or ""),
        }
        return replace(result, where={**result.where, **more})

    def _ask_when_quiet(self, run: Run, host: str) -> Answer:
        """Ask the host, waiting for an activation that an interrupted run left behind to go back by itself."""
        program = self.program()
        until = None
        while True:
            answer = program.call("precheck", self._request(run, host))
            service = answer.service
            if not answer.ok or service.get("state") not in UNDER_WAY or self.check:
                return answer
            if until is None:
                left = int(service.get("deadline_in_s") or 0)
                until = time.monotonic() + max(left, 0) + GRACE_S
                Display().display(
                    f"tidegate: {host}: an interrupted activation of {service.get('new')} goes back by itself"
                    f" within {max(left, 0)} s; waiting for it"
                )
            if time.monotonic() > until:
                return answer
            time.sleep(POLL_S)

    def _request(self, run: Run, host: str) -> dict[str, Any]:
        release = run.plan.doc["release"]
        brings = {"release": {key: release[key] for key in ("id", "version", "size_bytes", "files")}}
        return {
            "definition": run.plan.definition_of(host),
            **({} if own_tasks.carried(run) else brings),
            "thresholds": run.plan.doc["checks"],
            "controller_time": int(time.time()),
        }


def _is_off(facts: Mapping[str, Any], answered_s: int, limits: Mapping[str, Any]) -> bool:
    """Whether the host's clock is wrong however long the way to it took: it read it between request and answer."""
    if "time_s" not in facts:
        return True
    most = int(limits["clock_skew_s"])
    return not facts["controller_time_s"] - most <= facts["time_s"] <= answered_s + most


def _sentence(findings: list[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{finding['check']}: found {finding['found']}, expected {finding['expected']} ({finding['hint']})"
        for finding in findings
    )


def _healthy(answer: Answer, findings: list[Mapping[str, Any]]) -> str:
    current = answer.service.get("current")
    say = f"healthy, on {current}" if current not in (None, "absent") else "healthy, first deployment"
    return f"{say}; to note: {_sentence(findings)}" if findings else say
