# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts the gate guards, and how, read from inventory data alone.

Extra variables, variables of plays and roles, and facts do not count: whoever runs a playbook can set those. Files of
variables that lie beside a playbook can make the gate stricter than the inventory does, and never milder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.helpers import get_group_vars, sort_groups
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import WHO
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.windows_schema import MODES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarding import POLICY, Found, checked

GROUP = PROTECTED = "tidegate_protected"
"""The group whose hosts are guarded, and the variable that says the same of a host."""

MODE = "tidegate_gate"


class Guard:
    """Looks hosts up, each once: what an inventory said of a host when it was first asked for stays.

    Args:
        loader: of the run.
        inventory: of the run.
    """

    def __init__(self, loader: DataLoader, inventory: Any) -> None:
        self._loader = loader
        self._inventory = inventory
        self._known: dict[str, Found | None] = {}
        self._of_groups: dict[tuple[str, ...], tuple[dict[str, Any], dict[str, Any]]] = {}

    def guarded(self, names: Iterable[str]) -> list[Found]:
        """Those of some hosts that are guarded.

        Raises:
            Refusal: DATA, what the inventory says of one of them cannot be understood; with host and variable.
        """
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            if name not in self._known:
                self._known[name] = self._look(name)
        return [found for name in wanted if (found := self._known[name]) is not None]

    def value_of(self, name: str, variable: str) -> Any:
        """The plain value of a variable of a host, as inventory data has it; None where it is not defined.

        Raises:
            Refusal: DATA, it cannot be read.
        """
        host = self._inventory.get_host(name)
        return None if host is None else self._first(name, self._layers(host), variable)

    def everywhere(self) -> list[Found]:
        """All that are guarded. Asked when a run begins, it keeps what the run does to the inventory from counting.

        Raises:
            Refusal: as `guarded`.
        """
        every = self._inventory.get_hosts(ignore_limits=True, ignore_restrictions=True)
        return self.guarded(host.name for host in every)

    def _look(self, name: str) -> Found | None:
        host = self._inventory.get_host(name)
        if host is None:
            return None
        layers = self._layers(host)
        in_group = any(group.name == GROUP for group in host.get_groups())
        if not in_group and not any(_truth(self._value(name, layer, PROTECTED), name) for layer in layers):
            return None
        people = {variable: self._first(name, layers, variable) for variable in WHO}
        modes = tuple(self._mode(name, layer) for layer in layers)
        return Found(name, modes, self._first(name, layers, POLICY), people)

    def _mode(self, name: str, variables: Mapping[str, Any]) -> str | None:
        mode = self._value(name, variables, MODE)
        if mode is not None and mode not in MODES:
            raise _wrong(name, MODE, mode, " or ".join(MODES))
        return None if mode is None else str(mode)

    def _first(self, name: str, layers: list[dict[str, Any]], variable: str) -> Any:
        found = (self._value(name, layer, variable) for layer in layers)
        return next((value for value in found if value is not None), None)

    def _layers(self, host: Any) -> list[dict[str, Any]]:
        """The variables of a host as its inventory has them; and, where there are any, with those beside the playbook."""
        every = self._inventory.groups["all"]
        groups = sort_groups([group for group in host.get_groups() if group.name != "all"])
        key = (self._loader.get_basedir(), *(group.name for group in groups))
        if key not in self._of_groups:
            found = combine_vars(every.get_vars(), self._beside_inventory([every]))
            found = combine_vars(combine_vars(found, get_group_vars(groups)), self._beside_inventory(groups))
            more = combine_vars(self._beside_playbook([every]), self._beside_playbook(groups))
            self._of_groups[key] = found, more
        found, more = self._of_groups[key]
        inventory = combine_vars(combine_vars(found, host.get_vars()), self._beside_inventory([host]))
        playbook = combine_vars(more, self._beside_playbook([host]))
        return [inventory, combine_vars(inventory, playbook)] if playbook else [inventory]

    def _beside_inventory(self, entities: list[Any]) -> dict[str, Any]:
        return dict(get_vars_from_inventory_sources(self._loader, self._inventory._sources, entities, "task"))

    def _beside_playbook(self, entities: list[Any]) -> dict[str, Any]:
        return dict(get_vars_from_path(self._loader, self._loader.get_basedir(), entities, "task"))

    def _value(self, name: str, variables: Mapping[str, Any], variable: str) -> Any:
        """The plain value of a variable, with what it refers to; None where it is not defined."""
        if variable not in variables:
            return None
        more = {"inventory_hostname": name, "groups": self._inventory.get_groups_dict()}
        try:
            value = Templar(loader=self._loader, variables={**variables, **more}).template(variables[variable])
        except AnsibleError as error:
            raise Refusal("DATA", f"{variable} of host {name} cannot be read: {error}") from None
        return plain(value, f"{variable} of host {name}")


def _truth(value: Any, name: str) -> bool:
    if value is None:
        return False
    try:
        return bool(boolean(value))
    except TypeError:
        raise _wrong(name, PROTECTED, value, "true or false") from None


def _wrong(name: str, variable: str, found: object, expected: str) -> Refusal:
    return Refusal("DATA", f"{variable} of host {name}: found {found!r}, expected {expected}")


def modes_of(loader: DataLoader, inventory: Any) -> dict[str, list[str]]:
    """The protected hosts of an inventory, by what the gate does there.

    Raises:
        Refusal: DATA, what it says of one of them cannot be understood.
    """
    hosts = checked(Guard(loader, inventory).everywhere())
    return {mode: [host.name for host in hosts if host.mode == mode] for mode in MODES}
