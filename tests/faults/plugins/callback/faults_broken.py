# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - Ansible wants DOCUMENTATION before the imports
"""A callback that breaks at whatever happens, as callbacks of others may."""

from __future__ import annotations

DOCUMENTATION = r"""
name: faults_broken
type: notification
short_description: Raises on every event
description:
  - Stands for a callback plugin with a bug.
author:
  - Tidegate contributors (@tidegate)
"""

from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Whatever it is told, it raises."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "faults_broken"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        raise RuntimeError("broken at the start of a task")

    def v2_runner_on_ok(self, result: Any) -> None:
        raise RuntimeError("broken at a result")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        raise RuntimeError("broken at a failure")
