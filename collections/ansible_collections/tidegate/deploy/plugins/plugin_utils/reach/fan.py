# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask many hosts the same thing at once, each over a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import to_host
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import HostProgram

T = TypeVar("T")
AT_ONCE = 20
LOGIN = "deploy"
"""Who logs in to enrolled hosts, unless ``tidegate_login`` says otherwise."""


def program_of(
    action: Any, hostvars: Mapping[str, Mapping[str, Any]], name: str, check: bool, installs: bool
) -> HostProgram:
    """The program of a host other than the task's own.

    Args:
        action: the action plugin that asks.
        hostvars: the variables of each host.
        name: the host's name.
        check: nothing may be written there.
        installs: whether the program stays where it was missing.

    Raises:
        Refusal: HOSTS, the inventory does not have the host; DATA, its variables do not resolve.
    """
    if name not in hostvars:
        raise Refusal("HOSTS", f"{name} is not in the inventory any more")
    variables = hostvars[name]
    try:
        login = login_of(variables)
        become = not login and boolean(variables.get("tidegate_become", True), strict=False)
        interpreter = variables.get("ansible_python_interpreter")
        channel = to_host(action, name, variables, become, login)
    except Refusal:
        raise
    except Exception as error:  # whatever a template or a plugin of the site's raises
        raise Refusal("DATA", f"{name}: its variables do not resolve: {' '.join(str(error).split())}") from error
    return HostProgram(channel, str(interpreter) if interpreter else None, check, installs, enrolled=bool(login))


def login_of(variables: Mapping[str, Any]) -> str:
    """Who logs in to a host that is enrolled, as its variables say; empty where they do not say that it is."""
    if not boolean(variables.get("tidegate_enrolled", False), strict=False):
        return ""
    return str(variables.get("tidegate_login") or LOGIN)


def each(
    action: Any,
    names: Iterable[str],
    check: bool,
    ask: Callable[[str, HostProgram | Refusal], T],
    installs: bool = False,
) -> dict[str, T]:
    """What `ask` makes of each host, in the order of the hosts; called in a thread of its own per host.

    Args:
        action: the action plugin that asks, with the variables of its task.
        names: the hosts.
        check: nothing may be written there.
        ask: gets a host's name, and its program or why there is no way to it.
        installs: whether the program stays where it was missing.
    """
    hostvars = action.task_vars["hostvars"]
    programs: dict[str, HostProgram | Refusal] = {}
    for name in names:
        # Templates are resolved here, in the one thread that Ansible's templating knows.
        try:
            programs[name] = program_of(action, hostvars, name, check, installs)
        except Refusal as refusal:
            programs[name] = refusal
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return dict(zip(programs, pool.map(ask, programs, programs.values()), strict=True))
