# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - Ansible wants DOCUMENTATION before the imports
"""For how long a run waits for answers of the gate, as one number in a file at its end."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bench_waits
type: notification
short_description: Writes for how long a run waited for answers of the gate to the file that BENCH_WAITED names
version_added: 1.0.0
description:
  - In seconds, of Ansible's own process, waiting at the end of the playbook included.
author:
  - Tidegate contributors (@tidegate)
"""

import atexit
import os
import time
from collections.abc import Iterator
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Takes the time of what the gate waits in."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bench_waits"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()
        self._waited_s = 0.0

    def v2_playbook_on_start(self, playbook: Any) -> None:
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.courier import Questions

        heard = Questions.answers

        def timed(questions: Any, within_s: float | None = None) -> Iterator[dict[str, Any]]:
            answers = heard(questions, within_s)
            while True:
                began = time.monotonic()
                answer = next(answers, None)
                self._waited_s += time.monotonic() - began
                if answer is None:
                    return
                yield answer

        Questions.answers = timed  # type: ignore[assignment, method-assign]
        atexit.register(self._write)

    def _write(self) -> None:
        if os.getpid() == self._pid:
            with open(os.environ["BENCH_WAITED"], "w", encoding="ascii") as file:
                file.write(f"{self._waited_s:.6f}")
