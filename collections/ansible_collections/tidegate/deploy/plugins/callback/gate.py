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
  - Where it may refuse, a play waits for the answer. A play on hosts that are only observed goes on meanwhile; what would have been is
    said as soon as it is known, at the latest when the playbook ends.
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

import atexit
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

LAST_S = 20
"""How long the end of a playbook waits for what is said of hosts that are only observed: longer than a store that is held is."""


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
        self._pid = os.getpid()
        self._questions: Any = None
        self._refused = False
        self._error: Exception | None = None
        self._over = False
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
        self._over = False
        if self._ours:
            return
        self._heed(0)
        manager = play.get_variable_manager()
        if self._guard is None:
            self._begin(play, manager)
        names = manager.get_vars(play=play, include_hostvars=False)["ansible_play_hosts_all"]
        self._ask(str(name) for name in names)

    @closed
    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._hear(0)

    @closed
    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if self._ours:
            return
        if host.name not in self._asked:
            self._ask([host.name])
        if context.CLIARGS.get("check") and task.check_mode is not True:
            self._put(self._guard.guarded([host.name]), real=True)

    @closed
    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._over = True
        self._heed(LAST_S)
        if self._questions is not None and self._questions.open:
            self._show(["the process that asks the store does not answer; what it would have refused is not known"])

    def end_broken(self, error: BaseException) -> None:
        """Say what broke, and end the run.

        Raises:
            SystemExit: always.
        """
        code = getattr(error, "code", "BROKEN")
        said = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
        what = "was allowed; nothing of it is enforced" if self._over else "is allowed, and stops it"
        self._show([f"cannot tell whether this run {what}: {code}: {said}"])
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
        self._put(self._guard.guarded(asked))

    def _put(self, guarded: list[Any], real: bool = False) -> None:
        """Ask about hosts that are about to be touched, and wait for the answer where it may be a refusal."""
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.courier import Questions, courier

        if not guarded and not self._unread:
            return
        question, may_refuse = self._question(guarded, real)
        if real and not may_refuse:
            return
        if self._questions is None:
            self._questions = Questions(courier().line())
            atexit.register(self._at_exit)
        self._questions.ask(question)
        if may_refuse:
            self._heed(None)

    def _question(self, guarded: list[Any], real: bool = False) -> tuple[dict[str, Any], bool]:
        """What is asked about guarded hosts, and whether the answer may be a refusal.

        Policies that nobody has read yet are read, too, also of hosts that nobody is about to touch.
        """
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarding import may_refuse, packed

        unread, self._unread = self._unread, []
        question = {"run": self._run, "asked": packed(guarded), "read": packed(unread), "real": real}
        return question, may_refuse(guarded, unread)

    def _heed(self, within_s: float | None) -> None:
        """Hear what is said, and end the run where that is a refusal, or where nobody can tell."""
        self._hear(within_s)
        if self._refused:
            raise SystemExit(REFUSED)
        if self._error is not None:
            raise self._error

    def _hear(self, within_s: float | None) -> None:
        """Show the answers that have come, in the order of asking."""
        if self._questions is None:
            return
        try:
            for answer in self._questions.answers(within_s):
                self._refused |= answer["refused"]
                self._show(answer["lines"])
        except Exception as error:
            self._error = self._error or error  # of hosts that are only observed: no reason to end a play in its middle

    def _at_exit(self) -> None:
        """Also a run that fails or is interrupted hears what was said, unless it has waited for that already."""
        if os.getpid() == self._pid:
            self._hear(0 if self._over else LAST_S)
            self._questions.close()

    def ask_delegate(self, names: list[str], runs_for_real: bool) -> None:
        """Ask about the host that a task is delegated to. In a worker, where only an error of the task ends it.

        Raises:
            AnsibleError: the gate refuses, or cannot tell.
        """
        if self._ours or self._asked.issuperset(names):
            return
        guarded = self._guard.guarded(names)
        if not guarded:
            return
        try:
            refusals = self._refusals(guarded, runs_for_real)
        except Exception as error:
            raise AnsibleError(f"tidegate gate: cannot tell whether this delegation is allowed: {error}") from error
        if refusals:
            raise AnsibleError(f"tidegate gate: {' '.join(refusals)}")

    def _refusals(self, guarded: list[Any], runs_for_real: bool) -> list[str]:
        """Why hosts may not be touched, asked on a line of this worker's own; nothing where they may."""
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.courier import courier

        question, may_refuse = self._question(guarded)
        if not may_refuse and self._questions is not None:  # else nobody would hear what is missing or broken
            courier().tell(question)
            return []
        answer = courier().ask(question)
        if runs_for_real and not answer["refused"]:
            answer = courier().ask({**question, "real": True})
        return list(answer["lines"]) if answer["refused"] else []

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
