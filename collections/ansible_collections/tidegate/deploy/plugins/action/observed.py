# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.observed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.observed import DAYS, summed_up
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.observed import headline, observed_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarded import modes_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import write_json


class ActionModule(WholeVerb):
    """Show what the gate refused or would have refused, and why."""

    STEP = "observed"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "days": {"type": "int", "default": DAYS},
        "json_file": {"type": "path"},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        days = arguments["days"]
        if not 1 <= days <= 3650:
            raise Refusal("DATA", f"days: found {days}, expected a number from 1 to 3650")
        rows = store.gated_rows(stamp(store.now() - timedelta(days=days)))
        document = {**summed_up(rows), "gate": modes_of(self._loader, self.task_vars["hostvars"]._inventory)}
        Display().display(observed_text(document, days))
        if arguments.get("json_file") and not self.check:
            write_json(arguments["json_file"], document)
        return StepResult(self.STEP, "ok", headline(document, days), data={"observed": document})
