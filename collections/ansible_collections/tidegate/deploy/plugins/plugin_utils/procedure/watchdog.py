# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout whose step never ends is ended when its max_runtime is over.

No wave opens any more then, which is for the availability check to say; but somebody has to get there. So from when the run
begins a thread of Ansible's main process waits, and ends it as SIGTERM does: hosts go on by their own rules, and what holds
the run is recorded. The way back is not watched: it is never given up half way.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import ms_since, store_to_finish

MORE = 0.1
"""What a step that is under way gets beyond the max_runtime, as a part of that."""

KILL_AFTER_S = 20
"""How long the orderly end may take: longer than the callback ``progress`` gives it."""

_timers: dict[str, threading.Timer] = {}


def watch(run: Run, sources: Sequence[str]) -> None:
    """End this process when a rollout takes longer than it may; only once per run, and not from a worker.

    Args:
        run: that has begun.
        sources: where the inventory was read from.
    """
    limit_s = run.plan.max_runtime_s
    in_main = multiprocessing.parent_process() is None
    if limit_s is None or not in_main or not run.forward or not run.row.live or run.id in _timers:
        return
    left_s = limit_s * (1 + MORE) - ms_since(moment(run.row.started_at)) / 1000
    timer = threading.Timer(max(0.0, left_s), _end, (run.id, limit_s, list(sources)))
    timer.daemon = True
    _timers[run.id] = timer
    timer.start()


def leave(run: Run) -> None:
    """Watch a run no more: it goes back, or is through."""
    if run.id in _timers:
        _timers[run.id].cancel()


def _end(run_id: str, limit_s: int, sources: Sequence[str]) -> None:
    """Record why, then ask for the end; where that hangs, too, kill."""
    message = f"a step did not end within the max_runtime of {limit_s} s: the run is ended as by SIGTERM"
    with suppress(Refusal), store_to_finish(sources, False) as store:
        store.halt(run_id, "RUNTIME", message)
    Display().warning(f"RUNTIME: {message}")
    killer = threading.Timer(KILL_AFTER_S, os.kill, (os.getpid(), signal.SIGKILL))
    killer.daemon = True
    killer.start()
    os.kill(os.getpid(), signal.SIGTERM)
