# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.adopt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.everywhere import adopted_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory, service_hosts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import (
    Done,
    everywhere,
    require_no_rollout,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK, StepResult


class ActionModule(WholeVerb):
    """Take a running service over on all of its hosts, without a switch and without a restart."""

    STEP = "adopt"
    ARGUMENTS: ClassVar[dict[str, Any]] = {"service": {"type": "str"}}

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        service, inventory = arguments.get("service"), inventory_of(self)
        if not service:
            raise Refusal("DATA", "found no service, expected the one to take over: -e tidegate_service=web")
        hosts = service_hosts(service, inventory)
        require_no_rollout(store, inventory, {service: hosts})
        requests = {host: _request(service, host, inventory) for host in hosts}
        done = everywhere(self, self.STEP, requests, installs=True, store=store)
        self.sign_off(store)
        Display().display(adopted_text(service, done, self.check))
        return self._result(service, Done(done))

    def _result(self, service: str, done: Done) -> StepResult:
        data = {"hosts": done.of_each("release", "from", "todo")}
        short = done.fell_short(self.STEP, f"have {service}", data)
        if short is not None:
            return short
        changed = done.changed
        word = "would be" if self.check else "were"
        say = f"{len(changed)} hosts {word} taken over" if changed else "all hosts have it already"
        before = [f"{host}: runs from {done.said[host]['from']}\n" for host in changed]
        after = [f"{host}: current -> releases/{done.said[host]['release']}\n" for host in changed]
        diff = {"before": "".join(before), "after": "".join(after)}
        return StepResult(self.STEP, OK, say, changed=bool(changed), data=data, diff=diff if self.wants_diff else None)


def _request(service: str, host: str, inventory: Inventory) -> dict[str, Any]:
    variables = inventory.hostvars[host]
    return {
        "definition": inventory.services_of(host).service(service).definition,
        "runs": {
            "version": str(plain(variables.get("tidegate_adopt_version")) or ""),
            "from": str(plain(variables.get("tidegate_adopt_from")) or ""),
        },
    }
