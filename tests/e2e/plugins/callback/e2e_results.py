# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - Ansible wants DOCUMENTATION before the imports
"""Every result of a run, one line of JSON each, in the order in which they came."""

from __future__ import annotations

DOCUMENTATION = r"""
name: e2e_results
type: notification
short_description: Writes every result to the file that E2E_RESULTS names
description:
  - One line of JSON per result of a task on a host, for tests that count and order them.
author:
  - Tidegate contributors (@tidegate)
"""

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Appends to one file; a test reads it also while the run goes on."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "e2e_results"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)

    def _write(self, status: str, result: Any) -> None:
        said = {"status": status, "host": result.host.name, "action": str(result.task.resolved_action), **result.result}
        with open(os.environ["E2E_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(said, default=str) + "\n")
