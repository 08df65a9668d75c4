# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import roles
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import write_text


class ActionModule(WholeVerb):
    """Bring the store up to date as its owner, or write the SQL that makes the roles of one in PostgreSQL."""

    STEP = "store"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "sql_file": {"type": "path"},
        "clock_reset": {"type": "bool", "default": False},
    }

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        path = arguments.get("sql_file")
        if not path:
            return super().perform(arguments)
        if not self.check:
            write_text(path, roles.script(), "sql_file")
        return StepResult(
            self.STEP, OK, f"{path}: run it in the store's database, then this verb as its owner", changed=True
        )

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        granted = store.protect()
        say = f"{self.store_path} has schema {store.schema()}, which is the newest"
        to = f"; granted to {' and '.join(granted)}" if granted else ""
        set_back_s = store.reset_clock() if arguments["clock_reset"] else 0
        clock = f"; the time of the ledger is set back by {set_back_s} s" if set_back_s else ""
        data = {"schema": store.schema(), "granted": granted, "set_back_s": set_back_s}
        return StepResult(self.STEP, OK, say + to + clock, changed=bool(set_back_s), data=data)
