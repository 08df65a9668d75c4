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
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory, service_hosts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import (
    Said,
    everywhere,
    require_no_rollout,
    told,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import FAILED, OK, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import drop_scratch


class ActionModule(RecordDoor):
    """Take the host program with its units and state away; services run on."""

    STEP = "remove"
    ARGUMENTS: ClassVar[dict[str, Any]] = {"service": {"type": "str"}}

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        try:
            return super().perform(arguments)
        finally:
            if self.check:
                drop_scratch()

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
        Display().display(removed_text(done, self.check, self.store_path))
        return self._result(done)

    def _result(self, done: Mapping[str, Said]) -> StepResult:
        good = {host: said for host, said in done.items() if said.verdict == OK}
        data = {"hosts": {host: {key: said[key] for key in ("removed", "left")} for host, said in good.items()}}
        changed = [host for host, said in good.items() if said["changed"]]
        bad = {host: said for host, said in done.items() if host not in good}
        if bad:
            code = next(iter(bad.values())).code
            say = f"{len(good)} of {len(done)} hosts are free of it; run it again for the others: {told(bad)}"
            return StepResult(self.STEP, FAILED, say, code=code, changed=bool(changed), data=data)
        word = "would be" if self.check else "were"
        say = f"{len(changed)} hosts {word} freed of it" if changed else "no host has anything of it"
        return StepResult(self.STEP, OK, say, changed=bool(changed), data=data)


def _services(inventory: Inventory) -> dict[str, tuple[str, ...]]:
    """Every service of the inventory that has hosts, with them."""
    names: dict[str, None] = {}
    for host in inventory.groups.get("all", ()):
        names.update(dict.fromkeys(inventory.services_of(host).names))
    return {name: service_hosts(name, inventory) for name in names if inventory.has(name)}


def _every_host(services: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(host for hosts in services.values() for host in hosts))
