# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.doctor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.inspect import inspect
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.locate import locate
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.doctor import counts, doctor_text, grouped, said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import comparing, controller, examining
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import LOCALHOST, Government
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarded import modes_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import refuse_limit
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import FAILED, OK, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import (
    drop_scratch,
    now,
    open_store,
    write_json,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.staffing import staffing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.trust_findings import trust_findings
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each, login_of

CONTROLLER = "controller"


class ActionModule(RecordDoor):
    """Look at controller, inventory and all hosts, and say what would hinder a rollout and what mends it.

    The record is looked at from outside, and then asked by a copy: it is neither made nor opened for writing.
    """

    STEP = "doctor"
    ARGUMENTS: ClassVar[dict[str, Any]] = {"service": {"type": "str"}, "json_file": {"type": "path"}}

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        refuse_limit()
        inventory = inventory_of(self)
        site, environment_of = examining.read(inventory, arguments.get("service")), inventory.environment_of
        seen = self._ask(site)
        largest = max(map(len, site.hosts.values()), default=0)
        here = controller.look()
        found = [(CONTROLLER, one) for one in controller.findings(here, largest, site.longest_s)]
        protected = modes_of(self._loader, self.task_vars["hostvars"]._inventory)
        found += [(CONTROLLER, one) for one in controller.gate_findings(here, sum(map(len, protected.values())))]
        found += [(CONTROLLER, one) for one in inspect(locate(self.sources), beside=self.store_folder)] + site.findings
        places = [(host, name, environment_of(host)) for name, hosts in site.hosts.items() for host in hosts]
        found += [(CONTROLLER, one) for one in self._staffing(places)]
        found += [(CONTROLLER, one) for one in trust_findings(self, inventory, now())]
        found += [(name, one) for name, of_host in seen.items() for one in of_host.findings]
        found += self._beside_record(seen, {name: environment_of(name) for name in seen})
        findings = grouped(found)
        silent = [name for name, of_host in seen.items() if not of_host.asked]
        versions = f"ansible-core {here.core}, {here.executable}"
        Display().display(doctor_text(findings, list(seen), silent, self.store_path, versions))
        count = counts(findings)
        if arguments.get("json_file") and not self.check:
            write_json(arguments["json_file"], {"counts": count, "findings": findings, "store": self.store_path})
        hinders = count["stop"] + count["unknown"]
        return StepResult(
            self.STEP, FAILED if hinders else OK, said(count), code="DOCTOR" if hinders else "", data={"counts": count}
        )

    def _staffing(self, places: Sequence[tuple[str, str, str]]) -> list[examining.Finding]:
        """What is wrong with people and policy: of the site, or where it says nothing for all hosts, of each environment."""
        of_site = self._one_policy()
        heads: dict[str, str] = {}
        governed: dict[str, list[tuple[str, str]]] = {LOCALHOST: []} if of_site else {}
        for host, name, environment in places:
            head = LOCALHOST if of_site else heads.setdefault(environment, host)
            governed.setdefault(head, []).append((name, environment))
        return [
            one for head, there in governed.items() for one in staffing(partial(self._governed, head), there, now())
        ]

    def _governed(self, host: str) -> Governed:
        return Government(self, host).governed

    def _one_policy(self) -> bool:
        try:
            return Government(self).has_policy
        except Refusal:
            return True

    def _ask(self, site: examining.Site) -> dict[str, examining.Seen]:
        """Ask all hosts at once; the program travels along and leaves nothing there."""
        keys = {name: self._login_keys(name) for name in site.services}
        return each(
            self,
            site.services,
            True,
            lambda name, program: examining.examine(
                name, program, site.services[name], lambda: now().timestamp(), keys[name]
            ),
        )

    def _login_keys(self, host: str) -> tuple[str, ...]:
        """Those that are to log in to an enrolled host, as far as the site says so; what is wrong with that is told elsewhere."""
        government = Government(self, host)
        try:
            return government.trust.login_keys if self._login_of(host) and government.has_trust else ()
        except Refusal:
            return ()

    def _login_of(self, host: str) -> str:
        return login_of(self.task_vars["hostvars"][host])

    def _beside_record(
        self, seen: Mapping[str, examining.Seen], environments: Mapping[str, str]
    ) -> list[tuple[str, examining.Finding]]:
        """What is found by a copy of the store; what keeps it from being copied is told elsewhere."""
        logins = {name: self._login_of(name) for name, one in seen.items() if one.asked}
        try:
            with open_store(self.sources, check=True) as store:
                return comparing.findings(store, seen, logins, environments)
        except Refusal:
            return comparing.findings(None, seen, logins, environments)
        finally:
            drop_scratch()
