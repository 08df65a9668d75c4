# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts enforce and run, beside what is recorded of them, for the doctor: found by the code by which `status` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.fitness import NOTE, WARN, finding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import drifting, enforcing, trusting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enforcing import Known
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.examining import Finding, Seen

HOSTS = "hosts"
"""Where something is so that is so on all of them."""

Found = Iterator[tuple[str, Finding]]


def findings(
    store: Store | None, seen: Mapping[str, Seen], logins: Mapping[str, str], environments: Mapping[str, str]
) -> list[tuple[str, Finding]]:
    """What is to say of hosts that could be asked, each with its place.

    Args:
        store: what is recorded; None: it cannot be asked.
        seen: what each host said.
        logins: as whom each is reached because it is enrolled; empty where the inventory does not say so.
        environments: of each host.
    """
    asked = {name: one for name, one in seen.items() if one.asked}
    recorded = [] if store is None else [*_drift(store, asked, environments)]
    return [*_of_hosts(store, asked, logins, environments), *recorded, *_enforcement(asked)]


def _of_hosts(
    store: Store | None, seen: Mapping[str, Seen], logins: Mapping[str, str], environments: Mapping[str, str]
) -> Found:
    """What is wrong with what each host enforces, or with what the store knows of that."""
    newest: dict[str, int] = {}
    for environment in sorted({environments[name] for name, one in seen.items() if one.enforced}):
        try:
            newest[environment] = trusting.newest(store, environment, store.latest()) if store is not None else 0
        except Refusal as refusal:
            said = f"what hosts of {environment} are to trust is not known: {refusal.message}"
            yield HOSTS, finding("trust", WARN, said, "find out who edited the store: tidegate.deploy.audit")
    for name, one in seen.items():
        what = enforcing.known(store, logins.get(name, ""), name, newest.get(environments[name], 0))
        yield from ((name, found) for found in _of_host(store, one, what))


def _of_host(store: Store | None, one: Seen, what: Known) -> Iterator[Finding]:
    """That a host is not enrolled as others say, that its trust is behind, and that it waits for a review."""
    about = one.enrolled or {}
    late = enforcing.behind(about, what)
    if what.by and not one.enforced:
        yield finding("enforced", WARN, *enforcing.gone(what.by))
    for pair in enforcing.unlike(store, about, what):
        yield finding("trust", WARN, *pair)
    if one.enforced and late:
        yield finding("trust", WARN, *late)
    for due in about.get("reviews_due") or ():
        said = f"{due['service']}: the emergency of {due['change']} waits for its review, and the next one is refused"
        hint = "tidegate.deploy.review" if store is None else enforcing.review_command(store, due)
        yield finding("review", WARN, said, hint)


def _drift(store: Store, seen: Mapping[str, Seen], environments: Mapping[str, str]) -> Found:
    """Hosts that run something else than what was confirmed there, or whose files of it were changed."""
    services: dict[str, dict[str, Stand]] = {}
    for name, one in seen.items():
        for service, stand in one.stands.items():
            services.setdefault(service, {})[name] = stand
    for service, stands in services.items():
        last = drifting.confirmed_hosts(store, service, map(environments.__getitem__, stands))
        for name, stand in stands.items():
            said = drifting.drift_of(store, stand, last.get(name))
            if said:
                hint = "find out who changed it; a change of that release puts it right, and status keeps an entry"
                yield name, finding("drift", WARN, f"{service}: {said}", hint)


def _enforcement(seen: Mapping[str, Seen]) -> Found:
    """What is enforced against whom, for each service on each host."""
    shows = "docs/how-to/enrollment.md shows how hosts refuse by themselves"
    if seen and not any(one.enforced for one in seen.values()):
        said = "no host enforces anything: whoever can become root on one can deploy there without Tidegate"
        yield HOSTS, finding("enforced", NOTE, said, shows)
        return
    for name, one in seen.items():
        hint = "nothing to do" if one.enforced else shows
        for service, stand in one.stands.items():
            yield name, finding("enforced", NOTE, f"{service}: enforced against {enforcing.against(stand)}", hint)
