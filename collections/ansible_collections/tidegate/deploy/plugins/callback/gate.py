# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate for any playbook: protected hosts are touched for an approved change in its window, or not at all.

Ansible turns an error in a callback into a warning and goes on. So nothing is imported here that could fail before a hook
is reached, and every hook ends the run by itself with a code of its own when anything in it breaks.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: gate
type: notification
short_description: Protected hosts are touched for an approved change in its window, or not at all
version_added: 1.0.0
description:
  - Asks at the start of each play whether its hosts may be touched, and again for hosts that C(add_host) or C(group_by) bring
    later, and for hosts that a task is delegated to.
  - It asks only about protected hosts. These are in the inventory group C(tidegate_protected), or have the variable
    C(tidegate_protected) true in the inventory.
  - At first it only observes. Nothing is refused, C(tidegate.deploy.observed) tells what would have been, and why. The variable
    C(tidegate_gate) of a host or group, or C(gate) in C(tidegate_policy), makes that V(enforce).
  - A change is named with C(-e tidegate_change=CHG-…) or in the environment variable E(TIDEGATE_CHANGE). It has to be approved
    where policy asks for approval, all protected hosts of the play have to be among its hosts, and a window has to be open for it.
  - The exit code is 77 when the gate refuses, and 78 when it cannot tell. It is never only a warning.
  - What it says is in the store before it says it. In check mode it says what it would say, and writes nothing.
  - Plays of the verbs of this collection have gates of their own and are not asked again.
requirements:
  - enabling in configuration, as C(callbacks_enabled = tidegate.deploy.gate, tidegate.deploy.recorder)
  - SQLAlchemy and jsonschema on the controller, as in the C(requirements.txt) of the collection
notes:
  - It is a convenience for people who mean well. Somebody who may change C(ansible.cfg), the environment or the inventory goes
    around it, and so does C(ansible) in another folder. What it cannot see is listed in the threat model.
extends_documentation_fragment:
  - tidegate.deploy.observing
author:
  - Tidegate contributors (@tidegate)
"""

import functools
import os
import traceback
from collections.abc import Callable
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.callback import CallbackBase

REFUSED = 77
BROKEN = 78
"""Exit codes: the gate refuses; the gate cannot tell."""


def closed(hook: Callable[..., None]) -> Callable[..., None]:
    """Let a hook end either as it should or with the whole run. For hooks of the main thread."""

    @functools.wraps(hook)
    def wrapped(self: CallbackModule, *args: Any, **kwargs: Any) -> None:
        try:
            hook(self, *args, **kwargs)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.end_broken(error)

    return wrapped


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Asks the gatekeeper, and ends the run where it refuses."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "tidegate.deploy.gate"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._run: dict[str, Any] = {}
        self._guard: Any = None
        self._unread: list[Any] = []
        self._asked: set[str] = set()
        self._shown: set[str] = set()
        self._ours = False

    @closed
    def v2_playbook_on_start(self, playbook: Any) -> None:
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.naming import digest_of, name_of

        name = str(playbook._file_name)
        self._run |= {"playbook": name_of(name), "digest": digest_of(name)}

    @closed
    def v2_playbook_on_play_start(self, play: Any) -> None:
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.naming import is_ours

        self._ours = is_ours(play.get_path())
        self._asked = set()
        if self._ours:
            return
        manager = play.get_variable_manager()
        if self._guard is None:
            self._begin(play, manager)
        names = manager.get_vars(play=play, include_hostvars=False)["ansible_play_hosts_all"]
        self._ask(str(name) for name in names)

    @closed
    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if self._ours:
            return
        if host.name not in self._asked:
            self._ask([host.name])
        if not context.CLIARGS.get("check") or task.check_mode is True or not self._guard.guarded([host.name]):
            return
        if self._answer([host.name], real=True)["refused"]:
            self._show([f"refuses {host.name}: a task of the play runs for real in check mode (check_mode: false)"])
            raise SystemExit(REFUSED)

    def end_broken(self, error: BaseException) -> None:
        """Say what broke, and end the run.

        Raises:
            SystemExit: always.
        """
        code = getattr(error, "code", "BROKEN")
        said = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
        self._show([f"cannot tell whether this run is allowed, and stops it: {code}: {said}"])
        self._display.vvv("".join(traceback.format_exception(error)))
        raise SystemExit(BROKEN)

    def _begin(self, play: Any, manager: Any) -> None:
        # Whatever is missing or broken is found out here, in a hook, where it ends the run.
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarded import Guard
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.naming import named_change
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.surroundings import told_unsafe

        self._run |= {
            "sources": [str(source) for source in manager._inventory._sources],
            "named": named_change(manager.extra_vars, os.environ),
            "check": bool(context.CLIARGS.get("check")),
            "unsafe": told_unsafe(),
        }
        self._guard = Guard(play.get_loader(), manager._inventory)
        self._unread = [found for found in self._guard.everywhere() if found.policy is not None]
        _watch_delegation(manager, self)

    def _ask(self, names: Any) -> None:
        asked = list(names)
        self._asked.update(asked)
        answer = self._answer(asked)
        self._show(answer["lines"])
        if answer["refused"]:
            raise SystemExit(REFUSED)

    def _answer(self, names: list[str], real: bool = False) -> dict[str, Any]:
        """What the clerk says to whoever is about to touch hosts; guarded ones that nobody has read yet are read, too."""
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.courier import courier
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarding import packed

        guarded = self._guard.guarded(names)
        unread, self._unread = self._unread, []
        if not guarded and not unread:
            return {"refused": False, "lines": []}
        return courier().ask({"run": self._run, "asked": packed(guarded), "read": packed(unread), "real": real})

    def ask_delegate(self, names: list[str], runs_for_real: bool) -> None:
        """Ask about the host that a task is delegated to. In a worker, where only an error of the task ends it.

        Raises:
            AnsibleError: the gate refuses, or cannot tell.
        """
        if self._ours or self._asked.issuperset(names) or not self._guard.guarded(names):
            return
        try:
            answer = self._answer(names)
            refused = answer["refused"] or (runs_for_real and self._answer(names, real=True)["refused"])
        except Exception as error:
            raise AnsibleError(f"tidegate gate: cannot tell whether this delegation is allowed: {error}") from error
        if refused:
            raise AnsibleError(f"tidegate gate: {' '.join(answer['lines'])}")

    def _show(self, lines: Any) -> None:
        for line in lines:
            if line in self._shown:
                continue
            self._shown.add(line)
            text = "".join(char if char.isprintable() else " " for char in str(line))
            self._display.display(f"tidegate gate: {text}", color="bright red", stderr=True)


def _watch_delegation(manager: Any, callback: CallbackModule) -> None:
    """Have the gate asked wherever Ansible finds out whom a task is delegated to: also by variable, and for each item."""
    found_out = manager.get_delegated_vars_and_hostname

    def watched(templar: Any, task: Any, variables: Any) -> Any:
        found, name = found_out(templar, task, variables)
        if name is not None:
            found_host = manager._inventory.get_host(name)
            names = [str(name if found_host is None else found_host.name)]
            callback.ask_delegate(names, bool(context.CLIARGS.get("check")) and task.check_mode is not True)
        return found, name

    manager.get_delegated_vars_and_hostname = watched
