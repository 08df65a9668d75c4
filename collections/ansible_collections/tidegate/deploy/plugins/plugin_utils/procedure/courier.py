# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the clerk, the process that asks the store for the callbacks of a run, so that Ansible's own stays small.

Ansible forks for each task on each host: what its process imports is paid for as often. The clerk imports the store in a
process beside it. Whoever wants something hands it one end of a line of their own through the bell, which workers have, too.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder

COLLECTIONS = Path(__file__).resolve().parents[5]
MOST_WAITING_BYTES = 16 * 1024 * 1024
END_S = 10

_PROGRAM = """
import sys, types
collections, run, *sys.path = sys.argv[1:]
sys.modules["ansible_collections"] = types.ModuleType("ansible_collections")
sys.modules["ansible_collections"].__path__ = [collections]
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.clerk import main
main(int(run))
"""


class Broken(Exception):
    """There is no answer: the clerk has ended, or something broke in it.

    Args:
        message: what broke.
    """

    code = "BROKEN"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Courier:
    """The clerk of a run, as the processes of the run see it. It ends by itself when none of them is left."""

    def __init__(self) -> None:
        run = str(current_run_holder()["pid"])
        self._bell, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _PROGRAM, str(COLLECTIONS), run, *sys.path],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._pid = os.getpid()
        atexit.register(self._end)

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """What the gate says to a question, as `gatekeeper.answered` takes and gives it.

        Raises:
            Refusal: as `gatekeeper.answered`.
            Broken: nobody can tell.
        """
        try:
            with self.line() as line:
                line.sendall(json.dumps(question).encode() + b"\n")
                line.shutdown(socket.SHUT_WR)
                heard = b"".join(iter(lambda: line.recv(65536), b""))
            answer: dict[str, Any] = json.loads(heard)
        except (OSError, ValueError):
            raise Broken("the process that asks the store has ended") from None
        if "broken" in answer:
            raise Broken(answer["broken"])
        if "code" in answer:
            raise Refusal(answer["code"], answer["message"])
        return answer

    def line(self) -> socket.socket:
        """A line to the clerk, for lines of JSON, with one answer before it is closed; dead when the clerk has ended."""
        ours, theirs = socket.socketpair()
        with theirs, suppress(OSError):
            socket.send_fds(self._bell, [b"!"], [theirs.fileno()])
        return ours

    def _end(self) -> None:
        if os.getpid() != self._pid:
            return
        self._bell.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()


@cache
def courier() -> Courier:
    """The way to the clerk of this run, who is started when somebody first wants it."""
    return Courier()


class Results:
    """The line on which the results of a playbook go to the clerk. Nothing waits for it, but at the end for a bounded time.

    Args:
        line: to the clerk.
        about: the playbook, as `recording.Recorder` takes it.
    """

    def __init__(self, line: socket.socket, about: Mapping[str, Any]) -> None:
        self._line = line
        self._line.setblocking(False)
        self._kept: list[tuple[Any, ...]] = []
        self._waiting = b""
        self._sent = self._dropped = 0
        self._say(about)

    def add(self, result: tuple[Any, ...]) -> None:
        """Keep a result, with the arguments of `recording.result_of`, until `send`."""
        self._kept.append(result)

    def send(self) -> None:
        """Hand over what was kept."""
        kept, self._kept = self._kept, []
        self._sent += len(kept)
        if len(self._waiting) >= MOST_WAITING_BYTES:
            self._dropped += len(kept)
        elif kept:
            self._say(kept)

    def end(self) -> int:
        """Say that the playbook has ended, and answer how many results are in no store."""
        self._line.settimeout(END_S)
        self.send()
        try:
            self._line.sendall(self._waiting)
            self._line.shutdown(socket.SHUT_WR)
            return self._dropped + int(self._line.recv(64))
        except (OSError, ValueError):
            return self._sent
        finally:
            self._line.close()

    def _say(self, value: Any) -> None:
        self._waiting += json.dumps(value).encode() + b"\n"
        with suppress(OSError):  # it takes no more just now; or the clerk has ended, as the end will show
            while self._waiting:
                self._waiting = self._waiting[self._line.send(self._waiting) :]
