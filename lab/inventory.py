# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible and ssh need to reach a fleet, as files in the fleet's own folder."""

from __future__ import annotations

import re

from lab.state import FleetState

SSH_OPTIONS = "-o UserKnownHostsFile={folder}/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
RACKS = 3


def known_hosts(addresses: list[str], keys: list[str]) -> str:
    """The known_hosts file of a fleet."""
    return "".join(f"{address} {' '.join(key.split()[:2])}\n" for address, key in zip(addresses, keys, strict=True))


def ansible(state: FleetState) -> str:
    """An inventory in YAML: a group per stem of the hosts' names, racks in turn, a login that has to become root."""
    groups: dict[str, list[str]] = {}
    for host in state.hosts:
        groups.setdefault(re.sub(r"\d+$", "", host.name) or "hosts", []).append(host.name)
    lines = ["all:", "  vars:"]
    lines += [f"    {name}: {value}" for name, value in _variables(state).items()]
    lines.append("  hosts:")
    for host in state.hosts:
        rack = "abc"[host.index % RACKS]
        lines.append(f"    {host.name}: {{ansible_host: {state.address(host)}, rack: {rack}}}")
    lines.append("  children:")
    for group, names in groups.items():
        lines.append(f"    {group}: {{hosts: {{{', '.join(f'{name}: ' for name in names)}}}}}")
    return "\n".join(lines) + "\n"


def _variables(state: FleetState) -> dict[str, str]:
    return {
        "ansible_user": "ops",
        "ansible_ssh_private_key_file": str(state.folder / "key"),
        "ansible_ssh_common_args": SSH_OPTIONS.format(folder=state.folder),
        "ansible_python_interpreter": "/usr/bin/python3",
        "tidegate_domain": '"{{ rack }}"',
    }
