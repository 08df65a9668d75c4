# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.history import recent_of, whole_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.history import (
    history_markdown,
    history_text,
    recent_markdown,
    recent_text,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import write_json, write_text


class ActionModule(WholeVerb):
    """Show the one record of a change, or the recorded runs of playbooks, and write it for programs and people."""

    STEP = "history"
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "id": {"type": "str"},
        "json_file": {"type": "path"},
        "markdown_file": {"type": "path"},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        if arguments.get("id"):
            document = whole_of(store, arguments["id"])
            text, page = history_text(document), history_markdown(document)
            say = f"{arguments['id']} {document['record']['verdict'].replace('_', ' ')}"
        else:
            document = recent_of(store)
            text, page = recent_text(document), recent_markdown(document)
            say = f"{len(document['playbooks'])} recorded runs of playbooks"
        Display().display(text)
        if arguments.get("json_file") and not self.check:
            write_json(arguments["json_file"], document)
        if arguments.get("markdown_file") and not self.check:
            write_text(arguments["markdown_file"], page, "markdown_file")
        return StepResult(self.STEP, "ok", say, data={"history": document})
