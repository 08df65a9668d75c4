# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask hosts which services of the site's own they run, for a site that has written down none yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.guess import Unit
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.origin import origin
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import VARIABLE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import nearest
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import HostProgram

_ALL = ("all", "ungrouped")


@dataclass(frozen=True)
class Survey:
    """What hosts said.

    Attributes:
        found: the units of each host that answered.
        silent: why the others did not.
    """

    found: Mapping[str, Sequence[Unit]]
    silent: Mapping[str, str]


def refuse_defined(inventory: Inventory) -> None:
    """See that no host has services yet, from wherever.

    Raises:
        Refusal: EXISTS, naming the place.
    """
    seen = {str(host): inventory.hostvars[host] for host in inventory.groups.get("all", ())}
    for name, variables in {**seen, "localhost": inventory.common}.items():
        if VARIABLE in variables:
            raise Refusal(
                "EXISTS",
                f"{_place(variables) or VARIABLE} defines {VARIABLE} already, for {name}; nothing was changed. init writes "
                "only where nothing is: go on with ansible-playbook tidegate.deploy.doctor",
            )


def _place(variables: Mapping[str, object]) -> str:
    try:
        return origin(variables[VARIABLE])
    except Exception:  # a template of the site's that does not resolve defines it, too
        return ""


def groups_of(inventory: Inventory, wanted: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """The hosts to ask, by group; all groups, if none is named.

    Raises:
        Refusal: DATA, there is no such group; HOSTS, there is no host.
    """
    for name in wanted or ():
        if name not in inventory.groups:
            near = nearest(name, inventory.groups)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(inventory.groups)}"
            raise Refusal("DATA", f"groups: found {name!r}, which is no group of the inventory; {hint}")
    chosen = {name: tuple(inventory.groups[name]) for name in wanted or inventory.groups}
    if not any(chosen.values()):
        raise Refusal("HOSTS", "the inventory has no host to ask; name one with -i")
    return chosen


def groups_without(groups: Mapping[str, Sequence[str]], running: set[str]) -> list[str]:
    """Groups that were asked about, and on whose hosts nothing was found."""
    return [name for name, hosts in groups.items() if name not in _ALL and hosts and not running & set(hosts)]


def ask(door: Door, groups: Mapping[str, Sequence[str]]) -> Survey:
    """Ask all hosts of groups at once; the program travels along and leaves nothing there."""
    names = list(dict.fromkeys(host for hosts in groups.values() for host in hosts))
    said = each(door, names, True, lambda _name, program: _units(program))
    return Survey(
        {name: units for name, units in said.items() if not isinstance(units, str)},
        {name: units for name, units in said.items() if isinstance(units, str)},
    )


def _units(program: HostProgram | Refusal) -> list[Unit] | str:
    """The units of one host, or why it could not be asked."""
    if isinstance(program, Refusal):
        return program.message
    try:
        answer = program.call("discover", {}).or_refuse()
    except Unreachable as lost:
        return f"cannot be reached: {lost}"
    except Refusal as refusal:
        return refusal.message
    except Exception as error:  # a connection plugin of somebody else's
        return f"{type(error).__name__}: {error}"
    return [unit for unit in map(Unit.of, answer.fields.get("services") or ()) if unit is not None]
