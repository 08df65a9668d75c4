# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import run_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult


class ActionModule(RecordDoor):
    """Say in the check tasks of a change whether the change is there on the host."""

    STEP = own_tasks.FOUND
    ARGUMENTS: ClassVar[dict[str, Any]] = {"there": {"type": "bool", "required": True}, "say": {"type": "str"}}

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = run_of(store, self.check)
        host = str(self.task_vars["inventory_hostname"])
        there = bool(arguments["there"])
        result = StepResult(self.STEP, "ok", arguments.get("say") or ("it is there" if there else "it is not there"))
        once = store.once_under_way(run.id)
        if once is not None and once.host == host:
            store.answer_once(once, there)
            return result
        run.plan.host(host)
        row = store.host_row(run.id, host)
        verdict = (row.verdict if row else None) or "ok"
        store.note(run.id, host, self.STEP, verdict, None, result.say, own_tasks.found(run, host, there))
        return result
