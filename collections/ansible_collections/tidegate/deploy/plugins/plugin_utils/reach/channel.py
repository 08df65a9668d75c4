# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command on one host over whatever connection plugin Ansible resolved for it.

There is one way to a host: a command whose standard input carries a program or a request. It needs no temporary
folder, no file transfer and no AnsiballZ; a connection plugin must only be able to pipeline.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.loader import become_loader, connection_loader

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.sending import followed_by

KEEP_ALIVE = "-o ServerAliveInterval=5 -o ServerAliveCountMax=3"
FRESH = "-o ControlMaster=no -o ControlPath=none"


class Unreachable(Exception):
    """The host could not be asked. What it runs is unknown, not bad."""


@dataclass(frozen=True)
class Completed:
    """What a command on a host left behind: its exit status and its two streams, as text."""

    status: int
    stdout: str
    stderr: str


class Channel:
    """A host's connection, with become as Ansible resolved it.

    Args:
        name: the host's name in the inventory, for messages.
        connection: a connection plugin whose options are set.
        remote_user: who logs in, as far as the inventory says.

    Raises:
        Refusal: NO_PIPELINING, the plugin cannot carry a program on standard input.
    """

    def __init__(self, name: str, connection: Any, remote_user: str | None) -> None:
        if not getattr(connection, "has_pipelining", False) or getattr(connection._shell, "_IS_WINDOWS", False):
            raise Refusal(
                "NO_PIPELINING",
                f"{name}: connection plugin {connection.transport!r} cannot carry a program on standard input; "
                "use one that can pipeline, such as ssh",
            )
        self.name = name
        self._connection = connection
        self._remote_user = remote_user
        self._is_ssh = connection.transport.rpartition(".")[2] == "ssh"
        if self._is_ssh:
            self._set_ssh_args(after=KEEP_ALIVE)

    def fresh(self) -> None:
        """From now on each command opens a TCP connection and a login of its own, where the plugin is ssh."""
        if self._is_ssh:
            self._set_ssh_args(before=FRESH)

    def run(self, command: str, stdin: bytes, then: BinaryIO | None = None) -> Completed:
        """Run a shell command with bytes on its standard input.

        Args:
            command: what is run.
            stdin: what it reads.
            then: a file whose bytes follow; over ssh they are never in this process's memory.

        Raises:
            Unreachable: no connection, no login, or the connection was lost while the command ran.
            Refusal: NO_ROOT, privileges could not be raised; HOST_ERROR.
        """
        line = f"/bin/sh -c {shlex.quote(self._with_become(command))}"
        try:
            with followed_by(self._connection, then) as streamed:
                data = stdin if then is None or streamed else stdin + then.read()
                status, stdout, stderr = self._connection.exec_command(line, in_data=data, sudoable=True)
        except AnsibleConnectionFailure as error:
            raise Unreachable(_one_line(str(error))) from error
        except AnsibleError as error:
            why = _one_line(str(error))
            if self._connection.become:
                raise Refusal("NO_ROOT", f"{self.name}: cannot become root: {why}") from error
            raise Refusal("HOST_ERROR", f"{self.name}: {why}") from error
        return Completed(status, _text(stdout), _text(stderr))

    def _with_become(self, command: str) -> str:
        become = self._connection.become
        if not become:
            return command
        if self._remote_user and become.get_option("become_user") == self._remote_user:
            return command
        wrapped: str = become.build_become_command(command, self._connection._shell)
        return wrapped

    def _set_ssh_args(self, before: str = "", after: str = "") -> None:
        # ssh takes the first of two contradicting options.
        args = self._connection.get_option("ssh_args") or ""
        self._connection.set_option("ssh_args", " ".join(part for part in (before, args, after) if part))


def of_action(action: Any, task_vars: Mapping[str, Any], login: str = "") -> Channel:
    """The channel of the host that an action plugin runs for.

    Args:
        action: the action plugin.
        task_vars: the variables of its task.
        login: who logs in, without raised privileges; empty: as Ansible resolved it.
    """
    user = action._get_remote_user()
    if login:
        action._connection.set_become_plugin(None)
        action._connection.set_option("remote_user", login)
        user = login
    return Channel(str(task_vars["inventory_hostname"]), action._connection, str(user) if user else None)


def to_host(action: Any, name: str, variables: Mapping[str, Any], become: bool, login: str = "") -> Channel:
    """The channel to another host than the task's, resolved from that host's own variables.

    Args:
        action: the action plugin that asks; its task gives the defaults.
        name: the host's name in the inventory.
        variables: that host's variables, templated on access (``hostvars[name]``).
        become: whether commands run with privileges raised.
        login: who logs in; empty: as the host's variables say.
    """
    play_context = action._play_context.copy()
    play_context.remote_addr = str(variables.get("ansible_host", name))
    transport = str(variables.get("ansible_connection") or context.CLIARGS.get("connection") or C.DEFAULT_TRANSPORT)
    if transport == "smart":
        transport = "ssh"
    connection = connection_loader.get(
        transport, play_context, new_stdin=None, task_uuid=action._task._uuid, ansible_playbook_pid=str(os.getppid())
    )
    if connection is None:
        raise Refusal("NO_PIPELINING", f"{name}: connection plugin {transport!r} was not found")
    keys = {"timeout": play_context.timeout}
    if play_context.password:
        keys["password"] = play_context.password
    method = str(variables.get("ansible_become_method", action._task.become_method or C.DEFAULT_BECOME_METHOD))
    connection.set_become_plugin(become_loader.get(method) if become else None)
    connection.set_options(task_keys=keys, var_options=_options("connection", connection, variables))
    connection._shell.set_options(task_keys={}, var_options=_options("shell", connection._shell, variables))
    if become:
        keys = {"become_pass": play_context.become_pass} if play_context.become_pass else {}
        connection.become.set_options(task_keys=keys, var_options=_options("become", connection.become, variables))
    user = login or variables.get("ansible_user", variables.get("ansible_ssh_user", play_context.remote_user))
    if login:
        connection.set_option("remote_user", login)
    return Channel(name, connection, str(user) if user else None)


def _options(kind: str, plugin: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    names = C.config.get_plugin_vars(kind, plugin._load_name)
    return {name: variables[name] for name in names if name in variables}


def _text(stream: Any) -> str:
    return stream.decode("utf-8", "replace") if isinstance(stream, bytes) else str(stream)


def _one_line(text: str) -> str:
    return " ".join(text.split())
