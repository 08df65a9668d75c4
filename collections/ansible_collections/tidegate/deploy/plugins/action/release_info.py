# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.release_info."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import Services
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import UNKNOWN, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable


class ActionModule(Door):
    """Ask a host which releases of its services it runs, and where each stands."""

    STEP = "release_info"
    ARGUMENTS: ClassVar[dict[str, Any]] = {"service": {"type": "str"}}

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        host = str(self.task_vars["inventory_hostname"])
        services = Services.of(self.templated("tidegate_services"), place=f"tidegate_services of host {host}")
        wanted = [arguments["service"]] if arguments.get("service") else list(services.names)
        program = self.host_program(installs=False)
        definitions = [services.service(name).definition for name in wanted]
        try:
            answer = program.call("ask", {"services": definitions, "health": True}).or_refuse()
        except Unreachable as lost:
            return StepResult(self.STEP, UNKNOWN, f"cannot be reached: {lost}", code="UNREACHABLE")
        found = answer.fields["services"]
        say = ", ".join(f"{name} {service['current']} {service['state']}" for name, service in found.items())
        return StepResult(self.STEP, "ok", say, data={"services": found, "host": answer.fields["host"]})
