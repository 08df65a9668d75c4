# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of any playbook: who ran what on which host, what changed there and how long it took, and nothing secret.

Nothing depends on this callback. An error in it changes no result, and a store that is away delays none.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: recorder
type: notification
short_description: Records what any playbook did on each host, without anything secret
version_added: 1.0.0
description:
  - Keeps of every result the host, the module, file and line of the task, whether it was ok, changed, failed, unreachable or
    skipped, and how long it took. The run is bound to the change that was named with C(-e tidegate_change=CHG-…) or in the
    environment variable E(TIDEGATE_CHANGE).
  - Results are written in batches, at least every three seconds while there are some, a failure at once. Each batch has an entry
    with its digest in the ledger.
  - While the store is away results wait in memory. What cannot be written at the end is kept for the next run on this controller
    where the store is on a server, and is said otherwise. It changes no result.
  - Plays of the verbs of this collection have a record of their own. In check mode nothing is recorded.
requirements:
  - enabling in configuration, as C(callbacks_enabled = tidegate.deploy.gate, tidegate.deploy.recorder)
  - SQLAlchemy on the controller, as in the C(requirements.txt) of the collection
extends_documentation_fragment:
  - tidegate.deploy.observing
author:
  - Tidegate contributors (@tidegate)
"""

import atexit
import functools
import os
import time
from collections.abc import Callable
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

CHANGED_NOTHING = ("ok", "skipped")
PAUSE_S = 0.5
"""Results that changed nothing are handed over together: with the next one that did, at the next task, or after so long."""


def harmless(hook: Callable[..., None]) -> Callable[..., None]:
    """Keep an error of a hook from reaching Ansible: its kind is shown with -v, and it changes nothing."""

    @functools.wraps(hook)
    def wrapped(self: CallbackModule, *args: Any, **kwargs: Any) -> None:
        try:
            hook(self, *args, **kwargs)
        except Exception as error:
            self._display.v(f"tidegate recorder: something could not be recorded: {type(error).__name__}")

    return wrapped


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Hands what may be kept of each result to the recorder. All hooks run in Ansible's main thread, between its forks."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "tidegate.deploy.recorder"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._playbook = ""
        self._results: Any = None
        self._sent_s = 0.0
        self._hosts: Any = {}
        self._on = False
        self._pid = os.getpid()
        self._began: dict[tuple[str, str], float] = {}

    @harmless
    def v2_playbook_on_start(self, playbook: Any) -> None:
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.courier import courier
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.naming import is_ours

        self._playbook = str(playbook._file_name)
        if not context.CLIARGS.get("check") and not all(is_ours(play.get_path()) for play in playbook.get_plays()):
            courier()  # who imports much, and does that while Ansible goes on

    @harmless
    def v2_playbook_on_play_start(self, play: Any) -> None:
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.naming import is_ours

        self._on = not context.CLIARGS.get("check") and not is_ours(play.get_path())
        if self._on and self._results is None:
            self._begin(play)

    @harmless
    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._send()

    @harmless
    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if self._on:
            self._began[host.name, task._uuid] = time.monotonic()

    @harmless
    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result, "changed" if result.is_changed() else "ok")

    @harmless
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._keep(result, "failed")

    @harmless
    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._keep(result, "unreachable")

    @harmless
    def v2_runner_on_skipped(self, result: Any) -> None:
        self._keep(result, "skipped")

    @harmless
    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._end()

    def _begin(self, play: Any) -> None:
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.courier import Results, courier
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.naming import name_of, named_change

        manager = play.get_variable_manager()
        self._hosts = manager._inventory.hosts
        about = {
            "sources": [str(source) for source in manager._inventory._sources],
            "playbook": name_of(self._playbook),
            "named": named_change(manager.extra_vars, os.environ),
        }
        self._results = Results(courier().line(), about)
        atexit.register(self._at_exit)

    def _keep(self, result: Any, status: str) -> None:
        task, host = result.task, str(result.host.name)
        began = self._began.pop((host, task._uuid), None)
        if not self._on or self._results is None:
            return
        now = time.monotonic()
        took_ms = None if began is None else round((now - began) * 1000)
        action = str(task.resolved_action or task.action)
        where = os.path.basename(str(task.get_path() or ""))
        self._results.add((time.time(), host, status, action, where, took_ms, self._delegate(task)))
        if status not in CHANGED_NOTHING or now - self._sent_s >= PAUSE_S:
            self._send()

    def _send(self) -> None:
        if self._results is not None:
            self._sent_s = time.monotonic()
            self._results.send()

    def _delegate(self, task: Any) -> str | None:
        """The host of the inventory to which a task was delegated; of a loop nobody knows one."""
        name = None if task.loop or task.loop_with else task.delegate_to
        return str(name) if isinstance(name, str) and name in self._hosts else None

    def _end(self) -> None:
        results, self._results = self._results, None
        unwritten = results.end() if results is not None else 0
        if unwritten:
            self._display.display(
                f"tidegate recorder: {unwritten} results are not recorded, since the store cannot be used",
                color="bright purple",
                stderr=True,
            )

    @harmless
    def _at_exit(self) -> None:
        if os.getpid() == self._pid:
            self._end()
