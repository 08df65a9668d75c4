# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a change file and the inventory to a draft: everything that a plan freezes but what the hosts run now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.archive import Limits
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import artifact as artifacts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import bundle as bundles
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import retained
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.build import build
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file import ChangeFile, duration_s
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.hosts import resolve_hosts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import EMERGENCY
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import Service, Services
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Kind, rules_for
from ansible_collections.tidegate.deploy.plugins.plugin_utils.sequence.waves import Member, plan_waves
from ansible_collections.tidegate.deploy.plugins.plugin_utils.verify import suites


@dataclass(frozen=True)
class Inventory:
    """What Ansible knows of hosts.

    Args:
        hostvars: the variables of each host, templated on access.
        groups: names of hosts, by group; the group ``all`` has every host.
        expand: the hosts that a pattern stands for, in the inventory's order.
        common: the variables that every host shares (those of localhost).
        folder: where the inventory lies.
        roles: folders in which Ansible looks for roles.
        policy_of: the policy that governs hosts, or a refusal where they do not agree.
    """

    hostvars: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Sequence[str]]
    expand: Callable[[str], list[str]]
    common: Mapping[str, Any]
    folder: str
    roles: Sequence[str] = ()
    policy_of: Callable[[Sequence[str]], Policy] = lambda _hosts: Policy()

    def has(self, service: str) -> bool:
        """Whether any host of this inventory has a service."""
        pattern = _service_of_site(service, self).hosts
        return bool(self.expand(pattern) if pattern is not None else self.groups.get(service))

    @property
    def service_names(self) -> tuple[str, ...]:
        """The services that any host's variables define, in the order of the hosts."""
        return tuple(
            dict.fromkeys(name for host in self.groups.get("all", ()) for name in self.services_of(host).names)
        )

    def services_of(self, host: str) -> Services:
        """The services as a host sees them.

        Raises:
            Refusal: DATA, UNKNOWN_SERVICE when its variables define none.
        """
        return Services.of(self.hostvars[host].get("tidegate_services"), place=f"tidegate_services of host {host}")

    def environment_of(self, host: str) -> str:
        """The environment that a host is in."""
        return str(plain(self.hostvars[host].get("tidegate_environment")) or "production")

    def domain_of(self, host: str) -> str:
        """The failure domain of a host; empty where it has no label."""
        return str(plain(self.hostvars[host].get("tidegate_domain")) or "")


@dataclass(frozen=True)
class Draft:
    """A plan before its hosts were asked.

    Attributes:
        plan: all of it but what the hosts run now.
        artifact_path: where the controller reads the artifact.
        pinned: the id that the change file asks for.
        bundle: the files of the site's own tasks.
    """

    plan: plans.Plan
    artifact_path: str
    pinned: str | None
    bundle: bundles.Bundle = bundles.EMPTY


def draft(change: ChangeFile, inventory: Inventory, cache: Path | None, ask: retained.Ask) -> Draft:
    """Resolve a change against the inventory.

    Args:
        change: the parsed change file.
        inventory: what Ansible knows.
        cache: a folder for artifacts that come from a URL; None keeps nothing.
        ask: how hosts are asked what they keep, for a change without an artifact.

    Raises:
        Refusal: whatever in the data does not fit, with its place.
    """
    names = _hosts(change, inventory)
    services = {name: inventory.services_of(name).service(change.service) for name in names}
    limits = Limits().doc
    bundle = _bundle(change, inventory)
    for on in {one.on for one in change.once}:
        resolve_hosts([on], [*inventory.groups.get("all", ()), "localhost"], f"{change.place}: once")
    resolved = None if change.artifact is None else artifacts.resolve(change, cache, limits)
    kept = None
    if change.artifact is None and change.tasks is None and change.playbook is None:
        holdings = ask({name: service.definition for name, service in services.items()})
        kept = retained.choose(change.release, holdings, change.budget, change.place)
    for links in {tuple(sorted(service.definition["links"].items())) for service in services.values()}:
        if resolved is not None:
            resolved.manifest.with_links(dict(links))  # refuses links that the archive leaves no room for
    lead = services[names[0]]
    _require_equal(services, "floor", lambda service: service.floor)
    _require_equal(services, "checks", lambda service: service.checks)
    _require_equal(services, "suites", lambda service: service.suites)
    found = suites.find(lead.suites, inventory.folder, f"tidegate_services.{change.service}")
    members = [Member(name, inventory.domain_of(name)) for name in names]
    floor = change.floor if change.floor is not None else lead.floor
    waves = plan_waves(members, change.waves, floor, change.place)
    environment = _environment(names, inventory)
    plan = build(
        service=change.service,
        environment=environment,
        title=change.title,
        **_governed(change, environment, inventory.policy_of(names)),
        version=kept.version if kept else change.release,
        manifest=resolved.manifest if resolved else kept,
        artifact=resolved.doc if resolved else None,
        bundle=bundle,
        hosts=[plans.Host(name, services[name].definition, domain=inventory.domain_of(name)) for name in names],
        waves=waves.waves,
        floor=waves.floor,
        budget=change.budget,
        back_for_s=change.back_for_s,
        on_failure=change.on_failure,
        catch_up_for_s=change.catch_up_for_s,
        suites=[suite.doc for suite in found],
        window=change.window,
        action=plans.RUN if change.playbook else plans.DEPLOY,
        checks=lead.checks,
        limits=limits,
    )
    return Draft(plan, str((resolved and resolved.local_path) or ""), change.id, bundle)


def _governed(change: ChangeFile, environment: str, policy: Policy) -> dict[str, Any]:
    """What a plan holds of who wants a change, and of what is asked of it."""
    rules = rules_for(policy, Kind(change.service, environment, change.type, change.risk))
    soon = policy.review_within if change.type == EMERGENCY else None
    return {
        "type": change.type,
        "risk": change.risk,
        "reason": change.reason,
        "author": change.author,
        "requester": change.requester,
        "rules": rules.digest,
        "review_within_s": duration_s(soon) if soon else plans.REVIEW_WITHIN_S,
        "max_runtime_s": change.max_runtime_s,
    }


def _bundle(change: ChangeFile, inventory: Inventory) -> bundles.Bundle:
    if change.playbook:
        return bundles.of_playbook(change.playbook, change.place)
    return bundles.read(change.tasks, change.once, change.place, _roles_of(change, inventory))


def _roles_of(change: ChangeFile, inventory: Inventory) -> bundles.FindRole:
    """Where the roles of a change are: beside its file, in the folder above, or where Ansible looks for them."""
    beside = Path(change.place).parent
    places = [beside / "roles", beside.parent / "roles", *map(Path, inventory.roles)]

    def find(name: str) -> str | None:
        return next((str(place / name) for place in places if (place / name).is_dir()), None)

    return find


def _hosts(change: ChangeFile, inventory: Inventory) -> tuple[str, ...]:
    every = inventory.groups.get("all", ())
    if change.hosts is not None and not isinstance(change.hosts, str):
        return resolve_hosts(change.hosts, every, f"{change.place}: hosts")
    if change.hosts is not None:
        return resolve_hosts(inventory.expand(change.hosts), every, f"{change.place}: hosts: pattern {change.hosts!r}")
    return service_hosts(change.service, inventory)


def service_hosts(name: str, inventory: Inventory) -> tuple[str, ...]:
    """The hosts of a service, as the site defines them.

    Raises:
        Refusal: UNKNOWN_SERVICE; HOSTS when there is none.
    """
    every = inventory.groups.get("all", ())
    pattern = _service_of_site(name, inventory).hosts
    if pattern is not None:
        return resolve_hosts(inventory.expand(pattern), every, f"tidegate_services.{name}.hosts: pattern {pattern!r}")
    return resolve_hosts(list(inventory.groups.get(name, ())), every, f"group {name!r}")


def _service_of_site(name: str, inventory: Inventory) -> Service:
    """The service as the first host that has it sees it: only there are the templates in it resolved."""
    candidates = [*inventory.groups.get(name, ()), *inventory.groups.get("all", ())]
    if not candidates:
        return Services.of(inventory.common.get("tidegate_services")).service(name)
    for host in candidates:
        services = inventory.services_of(host)
        if name in services.names:
            return services.service(name)
    return inventory.services_of(candidates[0]).service(name)


def _require_equal(services: Mapping[str, Service], what: str, of: Callable[[Service], Any]) -> None:
    """See that hosts agree on what holds for a change as a whole."""
    first = next(iter(services))
    for name, service in services.items():
        if of(service) != of(services[first]):
            raise Refusal(
                "DATA",
                f"tidegate_services.{service.name}.{what}: found {of(services[first])!r} for {first} and {of(service)!r} for "
                f"{name}; expected the same for all hosts of a change",
            )


def _environment(names: Sequence[str], inventory: Inventory) -> str:
    found = {name: inventory.environment_of(name) for name in names}
    if len(set(found.values())) > 1:
        first, other = names[0], next(name for name in names if found[name] != found[names[0]])
        raise Refusal(
            "DATA",
            f"tidegate_environment: found {found[first]!r} for {first} and {found[other]!r} for {other}; expected the "
            "same for all hosts of a change",
        )
    return found[names[0]]
