# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step on many hosts that belongs to no change: first all are looked at, then either all do it or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder, is_dead
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import FAILED, OK, UNKNOWN, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import next_identity
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import HostProgram


@dataclass(frozen=True)
class Said:
    """What came of asking one host.

    Attributes:
        verdict: `OK`, `FAILED` or `UNKNOWN`.
        code: why it is not ok.
        message: the same for people.
        fields: the host's answer.
    """

    verdict: str
    code: str = ""
    message: str = ""
    fields: Mapping[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        return (self.fields or {}).get(key)


@dataclass(frozen=True)
class Done:
    """What came of asking many hosts.

    Args:
        said: what each host said.
    """

    said: Mapping[str, Said]

    @property
    def good(self) -> dict[str, Said]:
        """The hosts that did it, or had done it."""
        return {host: said for host, said in self.said.items() if said.verdict == OK}

    @property
    def bad(self) -> dict[str, Said]:
        """The others."""
        return {host: said for host, said in self.said.items() if said.verdict != OK}

    @property
    def changed(self) -> list[str]:
        """The hosts on which something is different now, or would be."""
        return [host for host, said in self.good.items() if said["changed"]]

    def of_each(self, *keys: str) -> dict[str, dict[str, Any]]:
        """These parts of the answer of each good host."""
        return {host: {key: said[key] for key in keys} for host, said in self.good.items()}

    def fell_short(self, step: str, good_ones: str, data: Mapping[str, Any]) -> StepResult | None:
        """The result where a host did not do it; none where all did.

        Args:
            step: its name.
            good_ones: what is true of the hosts that did it.
            data: what the action returns.
        """
        if not self.bad:
            return None
        say = f"{len(self.good)} of {len(self.said)} hosts {good_ones}; run it again for the others: {told(self.bad)}"
        code = next(iter(self.bad.values())).code
        return StepResult(step, FAILED, say, code=code, changed=bool(self.changed), data=data)


def everywhere(
    door: Door, step: str, requests: Mapping[str, Mapping[str, Any]], installs: bool, store: Store
) -> dict[str, Said]:
    """Have a step done on every host, unless any refuses when it is asked in check mode.

    Args:
        door: the action that asks.
        step: of the host program.
        requests: what is asked for, by name of host.
        installs: whether the host program stays where it was missing.
        store: gets a run of that name with what came of it on each host.

    Returns:
        What each host said.

    Raises:
        Refusal: a host refuses; names each that does. Nothing has changed on any.
    """
    seen = _call_all(door, step, requests, True, False)
    refuse_if_any(seen)
    if door.check:
        return seen
    wanted = {host: request for host, request in requests.items() if seen[host].verdict == OK and seen[host]["changed"]}
    run = next_identity(store)
    store.begin_run(run, None, None, step, current_run_holder(), [list(requests)], lease=False)
    done = {**seen, **_call_all(door, step, wanted, False, installs)}
    for host, said in done.items():
        store.note(run, host, step, said.verdict, said.code or None, said.message or "done")
    store.end_run(run, "completed" if all(said.verdict == OK for said in done.values()) else "failed")
    return done


def require_no_rollout(store: Store, inventory: Inventory, services: Mapping[str, Iterable[str]]) -> None:
    """See that no run rolls out any of these services.

    Args:
        store: keeps the leases.
        inventory: says in which environments hosts are.
        services: name of a service -> its hosts.

    Raises:
        Refusal: LEASE; names who does.
    """
    for service, hosts in services.items():
        for environment in sorted({inventory.environment_of(host) for host in hosts}):
            store.require_free(service, environment, is_dead)


def told(hosts: Mapping[str, Said]) -> str:
    """What went wrong on hosts, one sentence for each."""
    return "; ".join(f"{host}: {said.code}: {said.message}" for host, said in hosts.items())


def refuse_if_any(seen: Mapping[str, Said], hint: str = "") -> None:
    """See that no host refused when it was only looked at.

    Args:
        seen: what each said.
        hint: what else somebody can do than to mend that.

    Raises:
        Refusal: names each that did. Nothing has changed on any.
    """
    refused = {host: said for host, said in seen.items() if said.verdict == FAILED}
    if refused:
        hosts = "host" if len(refused) == 1 else "hosts"
        raise Refusal(
            next(iter(refused.values())).code,
            f"{len(refused)} {hosts} refused, and nothing was changed on any: {told(refused)}{hint}",
        )


def _call_all(
    door: Door, step: str, requests: Mapping[str, Mapping[str, Any]], check: bool, installs: bool
) -> dict[str, Said]:
    return each(door, requests, check, lambda name, program: call(program, step, requests[name]), installs)


def call(
    program: HostProgram | Refusal, step: str, request: Mapping[str, Any], payload: BinaryIO | None = None
) -> Said:
    """What comes of having one step done on one host."""
    if isinstance(program, Refusal):
        return Said(FAILED, program.code, program.message)
    try:
        answer = program.call(step, request, payload)
    except Unreachable as lost:
        return Said(UNKNOWN, "UNREACHABLE", f"cannot be reached: {lost}")
    except Refusal as refusal:
        return Said(FAILED, refusal.code, refusal.message)
    if not answer.ok:
        return Said(FAILED, answer.code, answer.message)
    return Said(OK, fields=answer.fields)
