# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask many hosts at once where a service stands, and whether it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import HostProgram


@dataclass(frozen=True)
class Stand:
    """What a host said of a service.

    Attributes:
        service: its account (protocol, section 3); empty where it said nothing.
        why_unknown: why it could not be asked; empty where it answered.
        host: what it said of itself.
        enforced: whether the host itself refuses what was not approved.
        enrolled: what it says of that, where it does.
    """

    service: Mapping[str, Any]
    why_unknown: str = ""
    host: Mapping[str, Any] | None = None
    enforced: bool = False
    enrolled: Mapping[str, Any] | None = None

    @property
    def why_down(self) -> str:
        """Why the service does not count as serving; empty where it does."""
        if self.why_unknown:
            return self.why_unknown
        if self.service["state"] != "steady":
            return f"{self.service['state']} on {self.service['current']}"
        return str(self.service.get("unhealthy") or "")


def ask_all(
    door: Door,
    definitions: Mapping[str, Mapping[str, Any]],
    also_undeployed: bool = False,
    retained: str = "",
    intact: bool = False,
) -> dict[str, Stand]:
    """What each host says of a service.

    Args:
        door: the action that asks.
        definitions: the service's definition, by name of host.
        also_undeployed: whether a service may serve of which Tidegate has deployed no release.
        retained: a version of which each host tells what it keeps; then nobody probes.
        intact: whether each host also looks whether what it runs is what was staged.
    """
    what: dict[str, Any] = {"retained": retained} if retained else {"health": "any" if also_undeployed else True}
    what |= {"intact": True} if intact else {}
    return each(door, definitions, door.check, lambda name, program: _ask(program, definitions[name], what))


def _ask(program: HostProgram | Refusal, definition: Mapping[str, Any], what: Mapping[str, Any]) -> Stand:
    if isinstance(program, Refusal):
        return Stand({}, program.message)
    try:
        answer = program.call("ask", {"services": [definition], **what}).or_refuse()
    except Unreachable as lost:
        return Stand({}, f"cannot be reached: {lost}")
    except Refusal as refusal:
        return Stand({}, refusal.message)
    fields = answer.fields
    return Stand(
        fields["services"][definition["service"]],
        host=fields.get("host"),
        enforced=bool(fields.get("enforced")),
        enrolled=fields.get("enrolled"),
    )
