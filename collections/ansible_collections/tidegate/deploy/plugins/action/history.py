# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.history import whole_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.history import history_markdown, history_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import write_json, write_text


class ActionModule(WholeVerb):
    """Show the one record of a change, and write it for programs and people."""

    STEP = "history"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "id": {"type": "str", "required": True},
        "json_file": {"type": "path"},
        "markdown_file": {"type": "path"},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        whole = whole_of(store, arguments["id"])
        Display().display(history_text(whole))
        if arguments.get("json_file") and not self.check:
            write_json(arguments["json_file"], whole)
        if arguments.get("markdown_file") and not self.check:
            write_text(arguments["markdown_file"], history_markdown(whole), "markdown_file")
        say = f"{arguments['id']} {whole['record']['verdict'].replace('_', ' ')}"
        return StepResult(self.STEP, "ok", say, data={"history": whole})
