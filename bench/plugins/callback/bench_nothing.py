# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - Ansible wants DOCUMENTATION before the imports
"""A callback that does nothing: what Ansible itself needs to call one."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bench_nothing
type: notification
short_description: Does nothing with every result
version_added: 1.0.0
description:
  - Has the hooks of C(tidegate.deploy.recorder), with nothing in them.
author:
  - Tidegate contributors (@tidegate)
"""

from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Is called."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bench_nothing"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        pass

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        pass

    def v2_runner_on_ok(self, result: Any) -> None:
        pass

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        pass

    def v2_runner_on_unreachable(self, result: Any) -> None:
        pass

    def v2_runner_on_skipped(self, result: Any) -> None:
        pass
