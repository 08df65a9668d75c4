# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory as a door sees it, for the rooms that do not know Ansible."""

from __future__ import annotations

from collections.abc import Sequence

from ansible import constants
from ansible.plugins.loader import lookup_loader

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.locate import inventory_folder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government


def inventory_of(door: RecordDoor) -> Inventory:
    """What Ansible knows of hosts, from the variables of a task."""
    variables = door.task_vars
    expander = lookup_loader.get("ansible.builtin.inventory_hostnames", loader=door._loader, templar=door._templar)

    def expand(pattern: str) -> list[str]:
        return [str(name) for name in expander.run([pattern], variables=variables)]

    groups = {str(name): [str(host) for host in hosts] for name, hosts in variables["groups"].items()}
    folder, roles = inventory_folder(door.sources), tuple(map(str, constants.DEFAULT_ROLES_PATH or ()))

    def policy_of(hosts: Sequence[str]) -> Policy:
        government = Government(door, hosts[0])
        government.require_same(hosts)
        return government.policy

    return Inventory(variables["hostvars"], groups, expand, variables, folder, roles, policy_of)
