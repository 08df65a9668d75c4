# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What inventory data says of hosts that the gate guards: found in Ansible's process, carried to the clerk, checked there.

Nothing of Ansible's is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import VARIABLE, Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import POLICY as SCHEMA
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.windows_schema import ENFORCE, MODES, OBSERVE

POLICY = VARIABLE


@dataclass(frozen=True)
class Found:
    """A host that the gate guards, as inventory data has it.

    Args:
        name: of the host.
        modes: what ``tidegate_gate`` is in the inventory, and then with what lies beside the playbook; None where nothing.
        policy: the plain value of ``tidegate_policy``, unread.
        people: the plain values of the variables `bridges.WHO`, unread.
    """

    name: str
    modes: tuple[str | None, ...]
    policy: Any
    people: Mapping[str, Any]


@dataclass(frozen=True)
class Guarded:
    """A host that the gate guards. Make them with `checked`.

    Args:
        name: of the host.
        mode: `windows_schema.OBSERVE` or `ENFORCE`.
        policy: the site's, as the host's variables have it.
        people: the values of the variables `bridges.WHO`.
    """

    name: str
    mode: str
    policy: Policy
    people: Mapping[str, Any]

    @property
    def enforced(self) -> bool:
        """Whether the gate refuses what is not allowed there."""
        return self.mode == ENFORCE


def checked(found: Iterable[Found]) -> list[Guarded]:
    """What was found, with policies that have been read, each once.

    Raises:
        Refusal: DATA, a policy cannot be understood; with the host that has it.
    """
    policies: dict[str, Policy] = {}
    guarded = []
    for host in found:
        key = repr(host.policy)
        if key not in policies:
            policies[key] = Policy.of(host.policy, f"{POLICY} of host {host.name}")
        first, *stricter = host.modes
        said = {first or policies[key].doc.get("gate", OBSERVE), *stricter}
        guarded.append(Guarded(host.name, ENFORCE if ENFORCE in said else OBSERVE, policies[key], host.people))
    return guarded


def may_refuse(asked: Iterable[Found], read: Iterable[Found]) -> bool:
    """Whether the gate may refuse hosts, as far as that can be told before their policies have been read: in doubt it may.

    Args:
        asked: the hosts that are about to be touched.
        read: others, whose policies are read, too.
    """
    hosts = list(asked)
    modes = {mode for host in hosts for mode in (host.modes[0] or _gate_of(host.policy), *host.modes[1:])}
    return ENFORCE in modes or None in {_gate_of(host.policy) for host in (*hosts, *read)}


def _gate_of(policy: Any) -> str | None:
    """What an unread policy says of the gate; None where it may be meant to say something, and does not."""
    if policy is None:
        return OBSERVE
    if not isinstance(policy, Mapping) or not policy.keys() <= SCHEMA["properties"].keys():
        return None
    gate = policy.get("gate", OBSERVE)
    return gate if gate in MODES else None


def packed(found: Iterable[Found]) -> dict[str, Any]:
    """Hosts as a document, in which equal values are once."""
    values: list[Any] = []
    numbers: dict[str, int] = {}

    def number(value: Any) -> int:
        key = repr(value)
        if key not in numbers:
            numbers[key] = len(values)
            values.append(value)
        return numbers[key]

    hosts = [[host.name, host.modes, number(host.policy), number(host.people)] for host in found]
    return {"hosts": hosts, "values": values}


def unpacked(document: Mapping[str, Any]) -> list[Found]:
    """The hosts of a document that `packed` made."""
    values = document["values"]
    return [Found(name, tuple(modes), values[one], values[other]) for name, modes, one, other in document["hosts"]]
