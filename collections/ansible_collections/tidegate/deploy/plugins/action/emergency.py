# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.emergency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.approval import emergency_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import emergencies
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import command
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import change_of


class ActionModule(WholeVerb):
    """Have the hosts of a change mint challenges, and keep the emergency that people sign with them."""

    STEP = "emergency"
    REFUSAL_TEXT = staticmethod(refusal_text)
    ARGUMENTS: ClassVar[dict[str, Any]] = {"id": {"type": "str"}}

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        change = change_of(store, arguments.get("id"))
        self.require_kept(store)
        statement = emergencies.ask(self, store, change, store.latest())
        if statement is None:
            say = f"{change.id}: its hosts would be asked for challenges; nothing was written"
            return StepResult(self.STEP, "ok", say, data={"change": change.id, "statement": ""})
        self.sign_off(store)
        Display().display(emergency_text(statement, self.store_path))
        say = f"{change.id}: an emergency waits for its signatures: {command('approve', change.id)}"
        data = {"change": change.id, "statement": statement.id}
        return StepResult(self.STEP, "ok", say, changed=True, data=data)
