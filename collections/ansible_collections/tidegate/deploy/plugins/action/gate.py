# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Question
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.gating import decide
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult


class ActionModule(Question):
    """Fail unless a change lets hosts be touched now; the answer is in the ledger before it is given."""

    STEP = "gate"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "id": {"type": "str", "required": True},
        "hosts": {"type": "list", "elements": "str"},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        hosts = [str(name) for name in arguments.get("hosts") or self.task_vars["ansible_play_hosts_all"]]
        if not hosts:
            raise Refusal("HOSTS", "hosts: found none, expected the names of those that are about to be touched")
        government = Government(self, hosts[0])
        government.require_same(hosts)
        answer = decide(store, arguments["id"], hosts, store.latest(), government.policy, government.who)
        if not answer.allowed:
            refusal = Refusal(answer.code, answer.message, **answer.facts)
            self.deny(store, refusal, arguments["id"])
            raise refusal
        if not self.check:
            body = {"hosts": len(hosts), "digest": canonical.digest(sorted(hosts))}
            store.append("gate.passed", actor(), body, arguments["id"])
        return StepResult(
            self.STEP,
            "ok",
            f"{arguments['id']} lets {len(hosts)} hosts be touched now",
            data={"until": answer.facts.get("until"), "hosts": hosts},
        )
