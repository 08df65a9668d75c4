# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.init."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.guess import guesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.place import new_file, write_new
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.services import init_text, services_file
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import surveying
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import refuse_limit
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult


class ActionModule(RecordDoor):
    """Write the first services file from what the hosts of the inventory run. The record is not touched."""

    STEP = "init"
    ARGUMENTS: ClassVar[dict[str, Any]] = {"groups": {"type": "list", "elements": "str"}}

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        refuse_limit()
        inventory = inventory_of(self)
        path = new_file(self.sources)
        surveying.refuse_defined(inventory)
        groups = surveying.groups_of(inventory, arguments.get("groups"))
        survey = surveying.ask(self, groups)
        if not survey.found and survey.silent:
            told = "; ".join(f"{host}: {why}" for host, why in survey.silent.items())
            raise Refusal("UNREACHABLE", f"no host could be asked, nothing was written. {told}")
        guessed = guesses(survey.found, inventory.groups, list(survey.silent))
        if not guessed:
            raise Refusal(
                "NOTHING_FOUND",
                f"{len(survey.found)} hosts were asked, and none runs a service of the site's own; nothing was written. "
                "Write the file by hand: docs/reference/services.md has every key",
            )
        text = services_file(guessed, survey.silent)
        if not self.check:
            write_new(path, text)
        without = surveying.groups_without(groups, {host for guess in guessed for host in guess.hosts})
        Display().display(init_text(guessed, survey.silent, without, str(path), text if self.check else None))
        return StepResult(
            self.STEP,
            "ok",
            f"{len(guessed)} services {'would be' if self.check else 'are'} in {path}",
            changed=True,
            data={"file": str(path), "services": [guess.name for guess in guessed], "not_asked": list(survey.silent)},
            diff={"before": "", "after": text, "before_header": f"{path} (not there)", "after_header": str(path)}
            if self.wants_diff
            else None,
        )
