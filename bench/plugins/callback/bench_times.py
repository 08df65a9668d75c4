# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - Ansible wants DOCUMENTATION before the imports
"""When each task began and ended, and how many results it had, as one file at the end of a run."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bench_times
type: notification
short_description: Writes the times of all tasks to the file that BENCH_TIMES names
description:
  - One JSON document with the seconds, since C(BENCH_BEGAN), at which the playbook and each task began, and at which the
    task's last result came; the number of results, and what the steps of C(tidegate.deploy) say of their own time.
author:
  - Tidegate contributors (@tidegate)
"""

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Keeps times in memory and writes them once."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bench_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._zero = float(os.environ["BENCH_BEGAN"])
        self._began_s = 0.0
        self._tasks: dict[str, dict[str, Any]] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._began_s = self._now_s()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        action = str(task.resolved_action or task.action)
        self._tasks.setdefault(
            task._uuid,
            {"name": task.get_name(), "action": action, "began_s": self._now_s(), "ended_s": 0.0, "results": 0}
            | {"local": 0, "timings": []},
        )

    def v2_runner_on_ok(self, result: Any) -> None:
        self._note(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._note(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._note(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._note(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        document = {"began_s": self._began_s, "ended_s": self._now_s(), "tasks": list(self._tasks.values())}
        with open(os.environ["BENCH_TIMES"], "w", encoding="utf-8") as file:
            json.dump(document, file)

    def _note(self, result: Any) -> None:
        task = self._tasks[result.task._uuid]
        task["ended_s"] = self._now_s()
        task["local" if result.host.name == "localhost" else "results"] += 1
        if result.result.get("timings"):
            task["timings"].append(result.result["timings"])

    def _now_s(self) -> float:
        return time.time() - self._zero
