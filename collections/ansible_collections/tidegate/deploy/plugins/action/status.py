# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import downgrade
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import OPEN, PARTIAL, PAUSED
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.observed import DAYS, summed_up
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.status import status_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import (
    drifting,
    enforcing,
    signing_off,
    timing,
    trusting,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand, ask_all
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import WholeVerb
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory, service_hosts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government, host_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarded import modes_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.inventory import inventory_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import until
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import Outlook, outlook_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import write_json
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import login_of

MOST_PAUSED = 100


class ActionModule(WholeVerb):
    """Ask all hosts what they run, and show it beside what the store knows of changes."""

    STEP = "status"
    ARGUMENTS: ClassVar[dict[str, Any]] = {"service": {"type": "str"}, "json_file": {"type": "path"}}

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        inventory = inventory_of(self)
        document: dict[str, Any] = {"store": self.store_path, "changes": self._changes(store), "services": {}}
        wanted = arguments.get("service")
        for name in (wanted,) if wanted else inventory.service_names:
            hosts = service_hosts(name, inventory) if wanted or inventory.has(name) else ()
            document["services"][name] = self._service(store, inventory, name, hosts)
        said = summed_up(store.gated_rows(stamp(store.now() - timedelta(days=DAYS))))
        document["gate"] = {**modes_of(self._loader, self.task_vars["hostvars"]._inventory), "said": said}
        document["ledger"] = signing_off.stand(store, plain(self.templated(signing_off.WITNESSES)))
        Display().display(status_text(document))
        if arguments.get("json_file") and not self.check:
            write_json(arguments["json_file"], document)
        unknown = [host for hosts in document["services"].values() for host, stand in hosts.items() if stand["unknown"]]
        say = f"{len(unknown)} hosts could not be asked" if unknown else "all hosts answered"
        return StepResult(self.STEP, "ok", say, data={"status": document})

    def _service(self, store: Store, inventory: Inventory, name: str, hosts: Sequence[str]) -> dict[str, Any]:
        """What each host of a service says, and how that differs from what was recorded; what is new of that is entered."""
        definitions = {host: inventory.services_of(host).service(name).definition for host in hosts}
        stands = ask_all(self, definitions, intact=True)
        enforced = self._enforced(store, inventory, stands)
        last = drifting.confirmed_hosts(store, name, map(inventory.environment_of, hosts))
        drifts = {
            host: "; ".join(filter(None, (drifting.drift_of(store, stand, last.get(host)), enforced[host]["lost"])))
            for host, stand in stands.items()
        }
        at_rest = {host: drift for host, drift in drifts.items() if stands[host].service.get("state") == "steady"}
        untold = "" if self.check else drifting.record(store, name, at_rest, last)
        if untold:
            Display().warning(f"what was found about drift of {name} has no entry: {untold}")
        return {
            host: {**_stand(stand), "drift": drifts[host], "enforcement": enforced[host]}
            for host, stand in stands.items()
        }

    def _enforced(self, store: Store, inventory: Inventory, stands: Mapping[str, Stand]) -> dict[str, dict[str, Any]]:
        """What each host enforces and against whom; what one did without the store is entered."""
        newest: dict[str, int] = {}
        found = {}
        for host, stand in stands.items():
            environment = inventory.environment_of(host)
            if stand.enforced and environment not in newest:
                newest[environment] = _newest(store, environment)
            what = enforcing.known(store, login_of(self.task_vars["hostvars"][host]), host, newest.get(environment, 0))
            found[host] = enforcing.enforcement(store, stand, what)
            untold = "" if self.check else enforcing.ingest(store, host, stand.enrolled or {})
            if untold:
                Display().warning(f"what {host} has done without the store has no entry: {untold}")
        return found

    def _changes(self, store: Store) -> list[dict[str, Any]]:
        """The changes that were planned last; before them all that are paused, for somebody has to decide them."""
        paused = store.changes(MOST_PAUSED, PAUSED)
        others = [row for row in store.changes(10) if row.state != PAUSED]
        governed = cache(lambda host: Government(self, host).governed)
        found, now = [], store.latest()
        for row in (*paused, *others):
            plan = recorded(row.plan_bytes)
            by = governed(host_of(self, plan))
            window = timing.told(plan, by.policy, now) if row.state in OPEN else []
            found.append({**_change(row, outlook_of(store, row, by, now)), "window": window})
        return found


def _newest(store: Store, environment: str) -> int:
    """The number of the newest trust that holds; 0, with a warning, where what the store keeps is none."""
    try:
        return trusting.newest(store, environment, store.latest())
    except Refusal as refusal:
        Display().warning(f"what hosts of {environment} are to trust is not known: {refusal.code}: {refusal.message}")
        return 0


def _waits(row: ChangeRow, stands: Outlook) -> bool:
    """Whether somebody has to decide something; what may be rolled out or caught up at any time does not wait."""
    return bool(stands.review_due_at) or (row.state in OPEN and (row.state == PAUSED or stands.asked))


def _stand(stand: Stand) -> dict[str, Any]:
    service = stand.service
    keys = ("state", "current", "change", "deadline_in_s", "back_until", "reverted", "reason", "unhealthy")
    return {
        "unknown": stand.why_unknown,
        "enforced": stand.enforced,
        **{key: service.get(key) for key in keys},
    }


def _change(row: ChangeRow, stands: Outlook) -> dict[str, Any]:
    plan = recorded(row.plan_bytes)
    caught_up = until(row, plan.catch_up_for_s) if row.state == PARTIAL else None
    return {
        "id": row.id,
        "service": row.service,
        "environment": row.environment,
        "state": row.state,
        "revision": row.revision,
        "created_at": row.created_at,
        "on_failure": plan.on_failure,
        "cause": (row.outcome or {}).get("cause") or "",
        "reason": (row.outcome or {}).get("reason") or "",
        "catch_up_until": caught_up,
        "type": plan.type,
        "wanted_by": stands.wanted_by,
        "approved_by": list(stands.approved_by),
        "missing": list(stands.missing) if stands.asked else [],
        "downgrade": downgrade.told(plan) if row.state in OPEN else "",
        "review_due_at": stands.review_due_at,
        "next": list(stands.next) if _waits(row, stands) else [],
    }
