# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy and people of a site as its inventory has them, whatever else a run says about them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import WHO, everybody
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import VARIABLE as TRUST
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed, operator_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarded import Guard
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarding import POLICY

LOCALHOST = "localhost"
"""Whose variables are read where no host is named: it has those of the group all."""


def host_of(door: Door, plan: Plan) -> str:
    """The host by whose variables a planned change is governed: the first of its own that the inventory still has."""
    there = door.task_vars["hostvars"]
    return next((name for name in plan.host_names if name in there), LOCALHOST)


class Government:
    """What governs changes, read of one host.

    Args:
        door: the action that asks.
        host: whose variables are read.
    """

    def __init__(self, door: Door, host: str = LOCALHOST) -> None:
        self._guard = Guard(door._loader, door.task_vars["hostvars"]._inventory)
        self._host = host

    @property
    def has_policy(self) -> bool:
        """Whether the site says anything of what changes need.

        Raises:
            Refusal: DATA, it cannot be read.
        """
        return self._guard.value_of(self._host, POLICY) is not None

    @cached_property
    def policy(self) -> Policy:
        """The policy of the site.

        Raises:
            Refusal: DATA, naming the place.
        """
        return Policy.of(self._guard.value_of(self._host, POLICY), f"{POLICY} of host {self._host}")

    @cached_property
    def people(self) -> People:
        """The people of the site, and its bridges.

        Raises:
            Refusal: DATA, naming the place.
        """
        return everybody(self.who, f"of host {self._host}")

    @property
    def who(self) -> dict[str, Any]:
        """The values of the variables that say who is who, unread.

        Raises:
            Refusal: DATA, one cannot be read.
        """
        return {variable: self._guard.value_of(self._host, variable) for variable in WHO}

    @property
    def has_trust(self) -> bool:
        """Whether the site says anything of hosts that enforce by themselves."""
        return self._guard.value_of(self._host, TRUST) is not None

    @cached_property
    def trust(self) -> TrustData:
        """What the site says of the hosts that enforce by themselves.

        Raises:
            Refusal: DATA, naming the place.
        """
        return TrustData.of(self._guard.value_of(self._host, TRUST), f"{TRUST} of host {self._host}")

    @property
    def governed(self) -> Governed:
        """All that governs a change, and who runs this."""
        return Governed(self.policy, self.people, self.operator)

    @property
    def operator(self) -> str:
        """Who runs this."""
        return operator_of(self.people)

    def require_same(self, hosts: Sequence[str]) -> None:
        """See that the hosts of a change are governed alike.

        Raises:
            Refusal: DATA, naming two that are not.
        """
        for variable in (POLICY, *WHO):
            values: list[tuple[str, Any]] = [(host, self._guard.value_of(host, variable)) for host in hosts]
            other = next((host for host, value in values if value != values[0][1]), None)
            if other is not None:
                raise Refusal(
                    "DATA",
                    f"{variable}: found one value for {values[0][0]} and another for {other}; expected the same for all hosts "
                    "of a change",
                )
