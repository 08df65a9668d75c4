# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.enroll."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.trust import enrolled_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import enrolling, stragglers, trusting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enrolling import Errand, Went
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Done
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import login_of


class ActionModule(WholeVerb):
    """Let hosts refuse by themselves what was not approved, by the newest trust that enough people signed."""

    STEP = "enroll"
    REFUSAL_TEXT = staticmethod(refusal_text)
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "environment": {"type": "str"},
        "hosts": {"type": "str"},
        "anew": {"type": "bool", "default": False},
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        inventory = inventory_of(self)
        environment = trusting.environment_of(inventory, arguments.get("environment"))
        hosts = trusting.chosen(inventory, environment, arguments.get("hosts"))
        self.require_kept(store)
        store.require_clock()
        data = trusting.data_of(self, inventory, environment)
        versions = trusting.require_in_force(store, environment, store.latest(), arguments["anew"])
        known = {host: row.uid for host, row in store.all_enrolled().items()}
        errand = Errand(versions, data, now(), stragglers.stuck(versions, store.latest()), known)
        went = enrolling.enroll(self, store, dict.fromkeys(hosts, errand))
        unnamed = [host for host, one in went.items() if one.did and not _is_named(inventory, host)]
        self.sign_off(store)
        last = trusting.versions(store, environment, store.latest())[-1]
        Display().display(enrolled_text(went, errand.newest, last, unnamed, self.check))
        return self._result(went, errand, unnamed)

    def _result(self, went: Mapping[str, Went], errand: Errand, unnamed: list[str]) -> StepResult:
        hosts = {
            host: {"uid": one.uid, "trust": one.trust, "program": one.program, "did": list(one.did)}
            for host, one in went.items()
        }
        data = {"number": errand.newest.bundle.number, "hosts": hosts, "not_named": unnamed}
        short = Done({host: one.said for host, one in went.items()}).fell_short(self.STEP, "are up to date", data)
        changed = [host for host, one in went.items() if one.did]
        if short is not None:
            return short
        word = "would be" if self.check else "were"
        number = errand.newest.bundle.number
        later = " or a later one" if any(one.trust > number for one in went.values()) else ""
        say = f"{len(changed)} hosts {word} brought to it" if changed else f"all hosts enforce it{later} already"
        return StepResult(self.STEP, OK, f"trust version {number}: {say}", changed=bool(changed), data=data)


def _is_named(inventory: Inventory, host: str) -> bool:
    return bool(login_of(inventory.hostvars[host]))
