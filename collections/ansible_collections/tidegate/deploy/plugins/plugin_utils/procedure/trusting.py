# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of what hosts trust: drafted from what the site writes, and signed until the quorums are there.

Nothing that was found earlier is believed: every signature is verified again, by the same rules by which a host does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from ansible_collections.tidegate.deploy.plugins.module_utils.core import quorum, shape
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import Standing
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import voices
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.succession import require_current
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import NAMESPACE, Bundle
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust_lint import findings
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import nearest
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.trust import TrustRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.trusting import (
    Material,
    compiled,
    says_the_same,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory, service_hosts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.signing_off import log_key
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program

_verify = lru_cache(maxsize=1024)(signing.verify)
"""The mathematics of a signature is asked of ssh-keygen once; by whom and when it counts is asked each time."""

OWN = "by the rule of this version"

RENEWED_BEFORE = 5
"""A version is drafted anew when less than a fifth of its time is left."""


@dataclass(frozen=True)
class Version:
    """A version of the trust, and how it stands.

    Attributes:
        row: what the store keeps.
        bundle: what it says.
        before: the version before it; None for the first.
        standings: by whose rule, in words -> how it stands by that: the one before it has to be satisfied, and its own.
        settled: whether hosts may have it, so that its number is taken: it stood well when one of them signed it, or one has.
        followed: whether a later one was made.
    """

    row: TrustRow
    bundle: Bundle
    before: Bundle | None
    standings: Mapping[str, Standing]
    settled: bool
    followed: bool

    @property
    def holds(self) -> bool:
        """Whether everybody has signed who has to."""
        return all(standing.granted for standing in self.standings.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """Who still has to sign, in words."""
        return tuple(
            f"{standing.missing}, {whose}" for whose, standing in self.standings.items() if not standing.granted
        )

    @property
    def armored(self) -> list[str]:
        """Its signatures."""
        return [signature.armored for signature in self.row.signatures]


def versions(store: Store, environment: str, now: datetime) -> list[Version]:
    """The versions of an environment, the first one first.

    Args:
        store: keeps them.
        environment: whose.
        now: the moment at which they are judged.

    Raises:
        Refusal: TRUST, what the store keeps is none.
    """
    found: list[Version] = []
    there = max((one.trust for one in store.all_enrolled().values() if one.environment == environment), default=0)
    rows = store.trust(environment)
    for row in rows:
        before = found[-1].bundle if found else None
        found.append(_version(row, before, now, taken=row.number <= there, followed=row is not rows[-1]))
    return found


def numbered(found: Sequence[Version], number: int) -> Version:
    """The version with a number.

    Raises:
        Refusal: TRUST, there is none.
    """
    for one in found:
        if one.bundle.number == number:
            return one
    there = f"1 to {found[-1].bundle.number}" if found else "that there is one"
    raise Refusal("TRUST", f"tidegate_trust_version: found {number}, expected {there}")


def in_force(found: Sequence[Version]) -> list[Version]:
    """The versions up to the last one that holds: a host that is enrolled now takes that, others what they have missed."""
    last = max((index for index, one in enumerate(found) if one.holds), default=-1)
    return list(found[: last + 1])


def newest(store: Store, environment: str, now: datetime) -> int:
    """The number of the last version that holds; 0: there is none."""
    good = in_force(versions(store, environment, now))
    return good[-1].row.number if good else 0


def require_in_force(store: Store, environment: str, now: datetime, anew: bool = False) -> list[Version]:
    """The versions that hosts take.

    Args:
        store: keeps them.
        environment: whose.
        now: the moment.
        anew: whether the last version may be one that the people of the version before have not signed: a host that is not
            enrolled takes that, and no other does.

    Raises:
        Refusal: TRUST, there is none, with what to do.
    """
    found = versions(store, environment, now)
    good = found if anew and found and found[-1].standings[OWN].granted else in_force(found)
    if not good:
        missing = f"; missing {'; '.join(found[-1].missing)}" if found else ""
        raise Refusal(
            "TRUST",
            f"found no signed version of the trust of {environment}{missing}; look at it and sign it: "
            "ansible-playbook tidegate.deploy.trust",
        )
    require_current(good[-1].bundle, now)
    return good


def _version(row: TrustRow, before: Bundle | None, now: datetime, taken: bool, followed: bool) -> Version:
    bundle = Bundle.parse(row.document)
    rules = {OWN: bundle}
    if before is not None:
        rules = {f"by the rule of version {before.number}": before, **rules}

    def standings(count: int, at: datetime) -> dict[str, Standing]:
        armored = [signature.armored for signature in row.signatures[:count]]
        return {whose: standing(row.document, NAMESPACE, armored, by, at) for whose, by in rules.items()}

    then = (standings(count, moment(one.at)) for count, one in enumerate(row.signatures, 1))
    settled = taken or followed or any(all(one.granted for one in found.values()) for found in then)
    return Version(row, bundle, before, standings(len(row.signatures), now), settled, followed)


def draft(
    store: Store, material: Material, found: Sequence[Version], now: datetime, renews: bool = False
) -> Version | None:
    """The next version, if what the site writes asks for one; it is recorded.

    Args:
        store: keeps it.
        material: what it is made of.
        found: the versions that there are.
        now: the moment.
        renews: whether one is wanted that says the same as the last one that hosts may have.

    Raises:
        Refusal: TRUST, what the site writes makes none.
    """
    last = found[-1] if found else None
    number = 1 if last is None else last.bundle.number + 1 if last.settled else last.bundle.number
    made = compiled(material, number, now)
    renewed = last is not None and last.settled and renews
    if last is not None and says_the_same(last.bundle, made) and not _lapses(last, now) and not renewed:
        return None
    wrong = findings(made)
    if wrong:
        raise Refusal("TRUST", f"{material.data.place}: this cannot be enforced by any host: {'; '.join(wrong)}")
    store.add_trust(material.environment, number, made.data)
    return versions(store, material.environment, now)[-1]


def _lapses(last: Version, now: datetime) -> bool:
    """Whether it runs out soon, or hosts that it was made for would not take it any more."""
    if last.settled and not last.holds:
        return True
    bundle = last.bundle
    made_at = shape.moment(bundle.doc["made_at"])
    return made_at is None or (bundle.expires_at - now) * RENEWED_BEFORE < bundle.expires_at - made_at


def sign(store: Store, version: Version, signature: Signature, now: datetime) -> tuple[str, bool, Version]:
    """Record a signature under a version.

    Returns:
        Whose it is, whether it was not there already, and how the version stands now.

    Raises:
        Refusal: as `require_counts`.
    """
    bundles = (version.bundle, version.before)
    person = require_counts(signature, NAMESPACE, version.row.document, bundles, now)
    new = store.sign_trust(version.row, person, signature.key.fingerprint, signature.armored)
    return person, new, numbered(versions(store, version.row.environment, now), version.bundle.number)


def keys_of(version: Version) -> list[str]:
    """The keys of everybody who is in a version or the one before it."""
    return [*fingerprints(version.bundle), *(fingerprints(version.before) if version.before else ())]


def fingerprints(bundle: Bundle) -> list[str]:
    """The keys of everybody who is in a bundle."""
    return [fingerprint for member in bundle.members().values() for fingerprint in member.keys]


def require_counts(
    signature: Signature, namespace: str, data: bytes, bundles: Sequence[Bundle | None], now: datetime
) -> str:
    """See that a signature counts by the rule of some bundle, and answer whose it is.

    Args:
        signature: as it came.
        namespace: what it is for.
        data: the exact bytes.
        bundles: by which it may count, the most telling first.
        now: the moment.

    Raises:
        Refusal: why it counts by none: NAMESPACE, PRESENCE, SIG_INVALID, KEY, QUORUM; SIGNING, it cannot be verified here.
    """
    ssh_keygen.require_valid(signature, namespace, data, "what is signed")
    found = [standing(data, namespace, [signature.armored], bundle, now) for bundle in bundles if bundle is not None]
    for one in found:
        if one.counted:
            return next(iter(one.counted))
    why = found[0].why[0]
    raise Refusal(why.code, f"{why.message}; sign with the key of somebody who is asked", key=signature.key.fingerprint)


def standing(data: bytes, namespace: str, armored: Sequence[str], bundle: Bundle, now: datetime) -> Standing:
    """How signatures stand by the rule of a bundle."""
    heard = voices(data, namespace, armored, bundle, now, _verify)
    found = quorum.standing([bundle.trust_rule], heard.voices, bundle.members(), {}, now)
    return Standing(found.granted, found.missing, found.vetoed_by, found.counted, (*heard.flaws, *found.why))


# --- what a version is made of


def material_of(door: RecordDoor, inventory: Inventory, environment: str, log: tuple[str, str]) -> Material:
    """All that a version of the trust of an environment is made of.

    Args:
        door: the action that asks.
        inventory: what Ansible knows.
        environment: whose trust it is.
        log: the name of the ledger, and the key that signs it.

    Raises:
        Refusal: whatever in the data is not as it must be, with its place.
    """
    hosts = hosts_of(inventory, environment)
    government = Government(door, hosts[0])
    government.require_same(hosts)
    origin, key = log
    return Material(
        government.trust,
        government.people,
        government.policy,
        environment,
        _definitions(inventory, environment),
        origin,
        (key,),
        host_program().digest,
    )


def data_of(door: RecordDoor, inventory: Inventory, environment: str) -> TrustData:
    """What the site says of trust.

    Raises:
        Refusal: DATA, with its place.
    """
    return Government(door, hosts_of(inventory, environment)[0]).trust


def environment_of(inventory: Inventory, wanted: str | None) -> str:
    """The environment that is meant: the only one there is, unless one is named.

    Raises:
        Refusal: HOSTS, the inventory has no host, or none there; DATA, there are several.
    """
    there = environments(inventory)
    if wanted and wanted not in there:
        near = nearest(wanted, there)
        raise Refusal(
            "HOSTS",
            f"tidegate_trust_environment: found {wanted!r}, expected one of {', '.join(there)}"
            + (f"; did you mean {near}?" if near else ""),
        )
    if not there:
        raise Refusal("HOSTS", "the inventory has no host; name one with -i")
    if not wanted and len(there) > 1:
        raise Refusal(
            "DATA",
            f"found hosts of {', '.join(there)}, and each environment has a trust of its own; name one with "
            "-e tidegate_trust_environment=NAME",
        )
    return wanted or there[0]


def chosen(inventory: Inventory, environment: str, pattern: str | None) -> tuple[str, ...]:
    """The hosts of an environment that a pattern means; without one all that have a service.

    Raises:
        Refusal: HOSTS, there is none, or one of them is elsewhere.
    """
    if not pattern:
        definitions = _definitions(inventory, environment)
        hosts = tuple(dict.fromkeys(host for of_host in definitions.values() for host in of_host))
    else:
        hosts = tuple(inventory.expand(pattern))
    elsewhere = [host for host in hosts if inventory.environment_of(host) != environment]
    if elsewhere:
        raise Refusal("HOSTS", f"tidegate_hosts: {', '.join(elsewhere)} is not in {environment}")
    if not hosts:
        raise Refusal("HOSTS", f"tidegate_hosts: found no host for {pattern or 'any service'} in {environment}")
    return hosts


def environments(inventory: Inventory) -> tuple[str, ...]:
    """The environments of all hosts, in their order."""
    return tuple(dict.fromkeys(inventory.environment_of(host) for host in inventory.groups.get("all", ())))


def hosts_of(inventory: Inventory, environment: str) -> tuple[str, ...]:
    """The hosts that are in an environment."""
    return tuple(host for host in inventory.groups.get("all", ()) if inventory.environment_of(host) == environment)


def _definitions(inventory: Inventory, environment: str) -> dict[str, dict[str, Mapping[str, object]]]:
    found = {}
    for name in inventory.service_names:
        hosts = service_hosts(name, inventory) if inventory.has(name) else ()
        here = [host for host in hosts if inventory.environment_of(host) == environment]
        if here:
            found[name] = {host: inventory.services_of(host).service(name).definition for host in here}
    return found


def log_of(store: Store) -> tuple[str, str]:
    """The name of the ledger and the key that signs it; both are made where there are none yet."""
    line = store.key_line()
    if line is None:
        key = log_key(store)
        try:
            key.make()
            store.name_key(key)
            line = key.line
        except OSError as error:
            raise Refusal("LEDGER", f"{key.path}: the key of the ledger cannot be made ({error})") from error
    return store.origin(), line
