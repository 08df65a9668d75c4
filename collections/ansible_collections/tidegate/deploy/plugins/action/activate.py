# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.activate."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ansible import context

from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import Definition
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.times import utc_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import HostStep
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.permits import Permit, Permits, signed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import UNKNOWN, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run, change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer

RENEW_UNTIL_S = 3600
"""How long after its beginning an activation may be renewed at all."""


class ActionModule(HostStep):
    """Switch a host to the release of the plan; the host goes back by itself unless it is confirmed in time."""

    STEP = "activate"

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        run.require_open_wave(host)
        if run.is_there(host):
            return StepResult(self.STEP, "ok", f"was on {run.plan.release_id} before, nothing is switched")
        definition = Definition.parse(run.plan.definition_of(host))
        answer = self._activate(run, host, definition)
        previous, new = run.plan.host(host).previous, run.plan.release_id
        diff = {"before": f"{previous}\n", "after": f"{new}\n"} if self.wants_diff and answer.changed else None
        data = {"service": dict(answer.service), "timings": answer.fields.get("timings", {})}
        if self.check:
            say = "; ".join(answer.fields.get("would", [])) or f"nothing, it is on {new} already"
            return self.result_of(answer, say, data=data, diff=diff)
        if answer.service.get("state") == "steady" and answer.ok:
            return self.result_of(answer, f"already on {new}", data=data)
        return self.result_of(answer, f"{previous} → {new}, probed on the host", data=data, diff=diff)

    def _activate(self, run: Run, host: str, definition: Definition) -> Answer:
        request = self._request(run, host, definition)
        if run.plan.host(host).uid:
            request["permit"] = self._permit(run, host)
        if not self.check:
            token = self.tokens(run).new(host)
            request["token_sha256"] = hashlib.sha256(token.encode("ascii")).hexdigest()
            run.mark_touched(host, request["deadline_s"])
        return self.call_until_answered("activate", request, definition.deadline_s())

    def _permit(self, run: Run, host: str) -> Permit:
        """What an enrolled host demands; a rehearsal has no grant."""
        if self.check:
            return signed(run.store, change_of(run.store, run.change_id))
        return Permits(run.store.folder, run.id).of(host)

    def _request(self, run: Run, host: str, definition: Definition) -> dict[str, Any]:
        plan = run.plan
        deadline_s = definition.deadline_s() * self._rounds(run, host)
        back_until = now() + timedelta(seconds=plan.back_for_s)
        return {
            "change": run.change_id,
            "plan": plan.digest,
            "definition": plan.definition_of(host),
            "release": {"id": plan.release_id, "version": plan.version, "manifest": plan.manifest_digest},
            "previous": plan.host(host).previous,
            "fence": run.fence,
            "token_sha256": "0" * 64,
            "back_until": utc_text(back_until),
            "renew_until_s": RENEW_UNTIL_S,
            "deadline_s": deadline_s,
            "wait_s": definition.deadline_s(),
        }

    def _rounds(self, run: Run, host: str) -> int:
        """How many times over Ansible goes through the wave: with few forks its first hosts wait for its last ones."""
        size = len(run.plan.waves[run.plan.wave_of(host)])
        return -(-size // max(1, int(context.CLIARGS.get("forks") or size)))

    def touched_after(self, run: Run, result: StepResult) -> bool | None:
        """Not, if the host itself says that it still runs what it ran, and never began."""
        where = result.where
        if self.check or result.verdict == UNKNOWN or not where:
            return None
        return where.get("change") == run.change_id or where.get("reverted_change") == run.change_id
