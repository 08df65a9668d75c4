# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import NAMESPACE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import exchange
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.trust import (
    export_text,
    hosts_text,
    stuck_lines,
    trust_text,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import enrolling, signing, stragglers, trusting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Done, Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK, UNKNOWN, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.trusting import Version


class ActionModule(WholeVerb):
    """Draft what hosts trust from the inventory, show it beside what they enforce, and record who signs it."""

    STEP = "trust"
    REFUSAL_TEXT = staticmethod(refusal_text)
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "environment": {"type": "str"},
        "hosts": {"type": "str"},
        "renew": {"type": "bool", "default": False},
        "version": {"type": "int"},
        **signing.ARGUMENTS,
    }

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        self.require_kept(store)
        inventory = inventory_of(self)
        environment = trusting.environment_of(inventory, arguments.get("environment"))
        material = trusting.material_of(self, inventory, environment, trusting.log_of(store))
        found = trusting.versions(store, environment, store.latest())
        drafted = None
        if arguments["version"] is None:
            drafted = trusting.draft(store, material, found, store.latest(), arguments["renew"])
            version = drafted or found[-1]
        else:
            version = trusting.numbered(found, arguments["version"])
        Display().display(trust_text(version, self.store_path))
        person = ""
        if arguments.get("export") and not self.check:
            exchange.write(version.row.document, arguments["export"])
            Display().display(export_text(arguments["export"], version))
        elif not self.check and any(arguments[one] for one in ("key", "sign", "signature")):
            person, new, version = self._signed(store, version, arguments)
            drafted = drafted or (version if new else None)
            Display().display(_say(version, person))
        if drafted or person:
            found = trusting.versions(store, environment, store.latest())
        told, stuck = self._enforced(store, inventory, environment, arguments, found)
        data = {
            "environment": environment,
            "number": version.bundle.number,
            "digest": version.bundle.digest,
            "holds": version.holds,
            "missing": list(version.missing),
            "person": person,
            "hosts": told,
            "stuck": stuck,
        }
        return StepResult(self.STEP, OK, _say(version, person), changed=drafted is not None, data=data)

    def _signed(self, store: Store, version: Version, arguments: Mapping[str, Any]) -> tuple[str, bool, Version]:
        what = f"version {version.bundle.number} of {version.row.environment}"
        keys = trusting.keys_of(version)
        signature = signing.signature_of(arguments, version.row.document, NAMESPACE, keys, "trust", what)
        return trusting.sign(store, version, signature, store.latest())

    def _enforced(
        self,
        store: Store,
        inventory: Inventory,
        environment: str,
        arguments: Mapping[str, Any],
        found: Sequence[Version],
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """What each host says that it enforces, those that are named or all that are known to be enrolled; and what keeps hosts
        from the newest version."""
        known = store.all_enrolled()
        wanted = trusting.chosen(inventory, environment, arguments.get("hosts"))
        hosts = wanted if arguments.get("hosts") else tuple(host for host in wanted if host in known)
        if not hosts:
            return {}, {}
        said = enrolling.look(self, hosts)
        differs = enrolling.differences(store, said, found[-1])
        Display().display(hosts_text(said, differs))
        stuck = self._stuck(store, found, said)
        told = {
            host: {
                "verdict": one.verdict if one.verdict == UNKNOWN else OK,
                "trust": (one["enrolled"] or {}).get("trust", 0),
                "enforced": bool(one["enforced"]),
                "differs": list(differs[host]),
            }
            for host, one in Done(said).said.items()
        }
        return told, stuck

    def _stuck(self, store: Store, found: Sequence[Version], said: Mapping[str, Said]) -> dict[str, int]:
        """The version that each host cannot pass which is behind one; of those that could not be asked as it is known."""
        known = {host: row.trust for host, row in store.all_enrolled().items() if host in said}
        asked = {host: one["enrolled"]["trust"] for host, one in said.items() if (one["enrolled"] or {}).get("trust")}
        stuck = stragglers.behind(stragglers.stuck(found, store.latest()), {**known, **asked})
        for line in stuck_lines(stuck):
            Display().warning(line)
        return {host: one.number for host, one in stuck.items()}


def _say(version: Version, person: str) -> str:
    signed = f", signed by {person}" if person else ""
    stands = "it holds" if version.holds else f"missing {'; '.join(version.missing)}"
    return f"version {version.bundle.number} of {version.row.environment}{signed}; {stands}"
