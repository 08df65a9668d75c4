# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands results over to the process that records them, so that Ansible's own stays as small as it was: it forks for each task.

Nothing here waits for that process, but at the end of the run, and then only for a bounded time.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COLLECTIONS = Path(__file__).resolve().parents[6]
MOST_WAITING_BYTES = 16 * 1024 * 1024
END_S = 10

_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.recording import main
main()
"""
_ACTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,8}")
_WHERE = re.compile(r"[A-Za-z0-9._-]{1,100}:[0-9]{1,7}")


def result_of(
    at: datetime, host: str, status: str, action: str, where: str, took_ms: int | None, on: str | None
) -> dict[str, Any]:
    """What is kept of a result: nothing but names, a word of ours and numbers.

    Args:
        at: when it came.
        host: whose result it is.
        status: one of `observations.STATUSES`.
        action: the name of the module; kept if it is one.
        where: file and line of the task; kept if that is what it looks like.
        took_ms: how long it took, where that is known.
        on: the host of the inventory to which the task was delegated, if it was.
    """
    kept: dict[str, Any] = {
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "host": host,
        "status": status,
        "action": action if len(action) <= 128 and _ACTION.fullmatch(action) else "?",
        "where": where if _WHERE.fullmatch(where) else "?",
        "ms": took_ms,
    }
    return kept | ({"on": on} if on else {})


class Courier:
    """The way to the process that records a run.

    Args:
        sources: where the inventory was read from.
        playbook: the name of the playbook's file.
        named: the change that was named, or None.
        run: the id of the ansible-playbook process (`holder.run_id`).
        actor: who runs it.
    """

    def __init__(self, sources: Iterable[str], playbook: str, named: str | None, run: str, actor: str) -> None:
        self._sent = 0
        self._waiting = b""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _PROGRAM, str(COLLECTIONS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._pipe = self._process.stdin.fileno()  # type: ignore[union-attr]  # a pipe was asked for
        os.set_blocking(self._pipe, False)
        first = {"sources": list(map(str, sources)), "playbook": playbook, "named": named, "run": run, "actor": actor}
        self._say(first)

    def add(self, result: dict[str, Any]) -> None:
        """Hand a result over."""
        self._sent += 1
        if len(self._waiting) < MOST_WAITING_BYTES:
            self._say(result)

    def end(self) -> int:
        """Say that the run has ended, and answer how many results are in no store."""
        try:
            os.set_blocking(self._pipe, True)
            self._say(None)
            said, _nothing = self._process.communicate(timeout=END_S)
            return int(said)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self._process.kill()
            return self._sent

    def _say(self, value: Any) -> None:
        self._waiting += json.dumps(value).encode() + b"\n"
        with suppress(BlockingIOError):
            while self._waiting:
                self._waiting = self._waiting[os.write(self._pipe, self._waiting[:65536]) :]
