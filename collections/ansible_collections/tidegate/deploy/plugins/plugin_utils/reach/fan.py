# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask many hosts the same thing at once, each over a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import to_host
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import HostProgram, interpreter_of

T = TypeVar("T")


def programs(
    action: Any, hostvars: Mapping[str, Mapping[str, Any]], names: Iterable[str], check: bool
) -> dict[str, HostProgram]:
    """The host programs of hosts other than the task's own, by name."""
    found = {}
    for name in names:
        variables = hostvars[name]
        become = bool(variables.get("tidegate_become", True))
        found[name] = HostProgram(to_host(action, name, variables, become), interpreter_of(variables), check, False)
    return found


def each(found: Mapping[str, HostProgram], ask: Callable[[str, HostProgram], T], at_once: int) -> dict[str, T]:
    """What `ask` makes of each host, in the order of the hosts.

    Args:
        found: the hosts.
        ask: called in a thread of its own per host; it turns errors of its host into a value.
        at_once: how many hosts are asked at the same time.
    """
    with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
        answers = pool.map(lambda item: ask(*item), found.items())
        return dict(zip(found, answers, strict=True))
