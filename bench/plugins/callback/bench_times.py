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
  - One JSON document with the moments at which each task and the end of the playbook began, the number of results of each
    task, and what the steps of C(tidegate.deploy) say of their own time.
  - A moment is the time, and the processor time of each control group whose file is in C(BENCH_CPU_FILES), in seconds since
    the moment in C(BENCH_BEGAN).
author:
  - Tidegate contributors (@tidegate)
"""

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase


def cpu_s(file: str) -> float:
    """Seconds of processor time of a control group; its file is of version 2 or 1."""
    with open(file, encoding="ascii") as usage:
        words = usage.read().split()
    return int(words[1]) / 1e6 if words[0] == "usage_usec" else int(words[0]) / 1e9


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Keeps times in memory and writes them once."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bench_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._zero = [float(word) for word in os.environ["BENCH_BEGAN"].split()]
        self._tasks: dict[str, dict[str, Any]] = {}

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        action = str(task.resolved_action or task.action)
        self._tasks.setdefault(
            task._uuid,
            {
                "name": task.get_name(),
                "action": action,
                "began": self._moment(),
                "results": 0,
                "local": 0,
                "timings": [],
            },
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
        document = {"ended": self._moment(), "tasks": list(self._tasks.values())}
        with open(os.environ["BENCH_TIMES"], "w", encoding="utf-8") as file:
            json.dump(document, file)

    def _note(self, result: Any) -> None:
        task = self._tasks[result.task._uuid]
        task["local" if result.host.name == "localhost" else "results"] += 1
        if result.result.get("timings"):
            task["timings"].append(result.result["timings"])

    def _moment(self) -> list[float]:
        now = [time.time(), *map(cpu_s, os.environ["BENCH_CPU_FILES"].split())]
        return [late - early for early, late in zip(self._zero, now, strict=True)]
