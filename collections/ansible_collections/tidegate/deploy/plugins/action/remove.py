# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.everywhere import removed_text
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
    """Take the host program with its units and state away; services run on."""

    STEP = "remove"
    ARGUMENTS: ClassVar[dict[str, Any]] = {"service": {"type": "str"}}

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        inventory = inventory_of(self)
        services = _services(inventory)
        wanted = arguments.get("service")
        hosts = service_hosts(wanted, inventory) if wanted else _every_host(services)
        if not hosts:
            raise Refusal("HOSTS", "found no host of any service in this inventory; there is nothing to remove from")
        here = {name: [host for host in of if host in hosts] for name, of in services.items()}
        require_no_rollout(store, inventory, here)
        done = everywhere(self, self.STEP, {host: {} for host in hosts}, installs=False, store=store)
        self.sign_off(store)
        Display().display(removed_text(done, self.check, self.store_path))
        return self._result(Done(done))

    def _result(self, done: Done) -> StepResult:
        data = {"hosts": done.of_each("removed", "left")}
        short = done.fell_short(self.STEP, "are free of it", data)
        if short is not None:
            return short
        changed = done.changed
        word = "would be" if self.check else "were"
        say = f"{len(changed)} hosts {word} freed of it" if changed else "no host has anything of it"
        return StepResult(self.STEP, OK, say, changed=bool(changed), data=data)


def _services(inventory: Inventory) -> dict[str, tuple[str, ...]]:
    """Every service of the inventory that has hosts, with them."""
    return {name: service_hosts(name, inventory) for name in inventory.service_names if inventory.has(name)}


def _every_host(services: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(host for hosts in services.values() for host in hosts))
