# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a run as plain lines, and an orderly end when it is interrupted.

Nothing depends on this callback: what it shows is in the store and on the hosts, and a run that ends without it is
recognized as dead by the next one. No error in it changes a result.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: notification
short_description: One plain line per host and step of a rollout, and an orderly end when it is interrupted
version_added: 1.0.0
description:
  - Prints one line when a step of C(tidegate.deploy) has ended on a host, beside the output of any other callback.
  - On C(SIGTERM), C(SIGHUP) and C(SIGINT) the run ends as it does on Ctrl-C. It is recorded as interrupted and its lease is
    given back, so that the next run need not wait. The exit code is 143, 129, or Ansible's own for Ctrl-C.
  - A run that a playbook leaves without closing it is recorded as interrupted too.
requirements:
  - enabling in configuration, as C(callbacks_enabled = tidegate.deploy.progress)
author:
  - Tidegate contributors (@tidegate)
"""

import atexit
import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from ansible import constants, context
from ansible.plugins.callback import CallbackBase

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder, locate

PREFIX = "tidegate"
OURS = "tidegate.deploy."
RECORDS_NOTHING = ("doctor", "init", "store")
"""Steps that begin no run: after them nobody opens the store, and so nothing of it is made or migrated."""
MAX_SAY = 400
EXIT_BUSY_S = 5
GRACE_S = 8
RECORD_S = 60
"""How long a run that was interrupted may take to be recorded and to end, once Ansible has let go of it."""
LOOKS_PER_S = 20
"""How often a signal looks whether the worker that was being started has started."""
CODES: dict[int, int] = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 99}
"""Signals that end a run orderly, and with which code; that of Ctrl-C is Ansible's own."""


def harmless(hook: Callable[..., None]) -> Callable[..., None]:
    """Keep an error of a hook from reaching Ansible: it is shown with -v and changes nothing."""

    @functools.wraps(hook)
    def wrapped(self: CallbackModule, *args: Any, **kwargs: Any) -> None:
        try:
            hook(self, *args, **kwargs)
        except Exception as error:
            self._display.v(f"{PREFIX}: progress could not be shown: {type(error).__name__}: {error}")

    return wrapped


def line_for_output(at: datetime, host: str, said: dict[str, Any], seconds: float | None = None) -> str:
    """One line about one step on one host.

    Args:
        at: local time.
        said: what the action returned as `tidegate`: step, verdict, say, code.
        seconds: how long the step took, where that is known.
    """
    say = plain_text(said.get("say") or "")
    if said.get("code"):
        say = f"{plain_text(said['code'])}: {say}"
    if seconds is not None:
        say = f"{say} in {seconds:.1f} s".lstrip()
    columns = (
        PREFIX,
        f"{at:%H:%M:%S}",
        f"{plain_text(host):<12}",
        f"{plain_text(said.get('step') or '-'):<10}",
        f"{plain_text(said.get('verdict') or '-'):<7}",
        say,
    )
    return "  ".join(columns).rstrip()


def plain_text(value: object) -> str:
    """Text of one line without what a terminal would obey."""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    text = " ".join(text.split())
    return text if len(text) <= MAX_SAY else text[: MAX_SAY - 1] + "…"


class Interruption:
    """Turns a signal into the end that Ctrl-C has, in Ansible's main process only.

    Ansible's own handler of SIGTERM kills the process where it stands, SIGHUP has none: neither runs clean-up. Its
    handler of SIGINT stops the workers and raises, so that every ``finally`` and ``atexit`` runs. While a worker is being
    started it can be neither stopped nor joined, and Python swallows what is raised around a fork: the signal waits for
    that. The end can hang for ever, when a worker is stopped while it holds the lock of the result queue: then an alarm
    ends the process.

    Args:
        last: what is done before the alarm ends the process.
    """

    def __init__(self, last: Callable[[], None]) -> None:
        self.signum: int | None = None
        self._last = last
        self._pid = os.getpid()
        self._interrupt: Any = None
        self._patience = GRACE_S * LOOKS_PER_S

    @property
    def name(self) -> str | None:
        return None if self.signum is None else signal.Signals(self.signum).name

    def install(self) -> None:
        """Take over the signals, except those that this process was told to ignore (nohup)."""
        self._interrupt = signal.getsignal(signal.SIGINT)
        for signum in CODES:
            if signal.getsignal(signum) != signal.SIG_IGN:
                signal.signal(signum, self._handle)

    def give_time(self) -> None:
        """Ansible has let go of the run: what is left may be slow on a busy machine, and is no longer what can hang."""
        if self.signum is not None:
            _alarm_after(RECORD_S)

    def raise_again(self) -> None:
        """Stop, if a signal came whose exception was swallowed. For hooks in the main thread."""
        if self.signum is not None:
            raise SystemExit(CODES[self.signum])

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
            return
        self._forget_closed_workers()
        if self._starts_worker() and self._patience:
            self._patience -= 1
            signal.signal(signal.SIGALRM, lambda _alarm, frame: self._handle(signum, frame))
            signal.setitimer(signal.ITIMER_REAL, 1 / LOOKS_PER_S)
            return
        # A lost terminal says so more than once, the shell and the kernel each; people who repeat a signal mean it.
        signal.signal(signum, signal.SIG_IGN if signum == signal.SIGHUP else signal.SIG_DFL)
        self._end(signum, frame)

    def _end(self, signum: int, frame: FrameType | None) -> None:
        self.signum = self.signum or signum
        signal.signal(signal.SIGALRM, self._end_at_once)
        _alarm_after(GRACE_S)
        try:
            if callable(self._interrupt):
                self._interrupt(signal.SIGINT, frame)
        except KeyboardInterrupt:
            if signum == signal.SIGINT:
                raise
        raise SystemExit(CODES[signum])

    @property
    def _workers(self) -> list[Any]:
        return getattr(getattr(self._interrupt, "__self__", None), "_workers", None) or []

    def _starts_worker(self) -> bool:
        return any(worker is not None and worker.pid is None for worker in self._workers)

    def _forget_closed_workers(self) -> None:
        """While Ansible replaces a worker its list holds the closed one, over which its own clean-up stumbles."""
        for index, worker in enumerate(self._workers):
            try:
                worker is not None and worker.is_alive()
            except ValueError:
                self._workers[index] = None

    def _end_at_once(self, _signum: int, _frame: FrameType | None) -> None:
        try:
            self._last()
            sys.stdout.flush()
        finally:
            os._exit(CODES[self.signum or signal.SIGTERM])


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Shows what our actions say, and closes what an interrupted run leaves open."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "tidegate.deploy.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._interruption = Interruption(self._at_exit)
        self._pid = os.getpid()
        self._began: dict[tuple[str, str], float] = {}
        self._concerned = False

    # -- hooks of the main thread --------------------------------------------------------------------------------

    @harmless
    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._interruption.install()
        atexit.register(self._at_exit)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._interruption.raise_again()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._interruption.raise_again()
        self._note_action(task)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._interruption.raise_again()
        self._note_start(host, task)

    # -- hooks of the results thread: raising here would hang Ansible --------------------------------------------

    @harmless
    def v2_runner_on_ok(self, result: Any) -> None:
        self._show(result)

    @harmless
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._show(result)

    @harmless
    def v2_runner_on_skipped(self, result: Any) -> None:
        self._show(result)

    @harmless
    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._show(result)

    # -- what they do ---------------------------------------------------------------------------------------------

    @harmless
    def _note_action(self, task: Any) -> None:
        action = str(task.resolved_action or task.action)
        self._concerned |= action.startswith(OURS) and action.removeprefix(OURS) not in RECORDS_NOTHING

    @harmless
    def _note_start(self, host: Any, task: Any) -> None:
        self._began[host.name, task._uuid] = time.monotonic()

    def _show(self, result: Any) -> None:
        began = self._began.pop((result.host.name, result.task._uuid), None)
        said = result.result.get("tidegate")
        if not isinstance(said, dict):
            return
        self._concerned |= said.get("step") not in RECORDS_NOTHING
        seconds = None if began is None else time.monotonic() - began
        line = line_for_output(datetime.now().astimezone(), result.host.name, said, seconds)
        self._display.display(line, color=_color(said.get("verdict")))

    @harmless
    def _at_exit(self) -> None:
        self._interruption.give_time()
        if not self._concerned or os.getpid() != self._pid or context.CLIARGS.get("check"):
            return
        self._concerned = False
        sources = context.CLIARGS.get("inventory") or []
        address = locate.locate(sources)
        if "://" in address or os.path.exists(address):
            self._record_interruption(address, locate.folder(sources))

    def _record_interruption(self, address: str, folder: str) -> None:
        # SQLAlchemy is a heavy import, and may be missing: only a run of ours comes here.
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.away import open_to_end
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import interrupted_text
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run

        name = self._interruption.name
        cause = f"interrupted by {name}" if name else "the playbook ended before the run was closed"
        mine = holder.current_run_holder()
        with open_to_end(address, lambda: datetime.now(UTC), folder, holder.run_id(mine), EXIT_BUSY_S) as store:
            ended = store.interrupt(mine, "INTERRUPTED", cause)
            run = Run.current(store) if ended else None
        if run is not None:
            say = interrupted_text(cause, run.plan if run.change_id else None)
            line = line_for_output(datetime.now().astimezone(), "-", {"step": "run", "verdict": "unknown", "say": say})
            self._display.display(line, color=_color("unknown"))


def _alarm_after(seconds: float) -> None:
    """Ring, and go on ringing: what hears it first may be another thread, while the main one waits for a lock for ever."""
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)


def _color(verdict: object) -> str | None:
    return {
        "ok": constants.COLOR_OK,
        "skipped": constants.COLOR_SKIP,
        "failed": constants.COLOR_ERROR,
        "unknown": constants.COLOR_UNREACHABLE,
        "back": constants.COLOR_WARN,
    }.get(str(verdict))
