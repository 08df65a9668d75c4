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
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
import gc, sys, types
gc.set_threshold(100_000)  # of all that is imported nothing is garbage
collections, run, *sys.path = sys.argv[1:]
sys.modules["ansible_collections"] = types.ModuleType("ansible_collections")
sys.modules["ansible_collections"].__path__ = [collections]
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.clerk import main
main(run)
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
        run = json.dumps(current_run_holder())
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
        with self.line() as line:
            questions = Questions(line)
            questions.ask(question)
            return next(questions.answers())

    def tell(self, question: Mapping[str, Any]) -> None:
        """Ask without waiting for what the gate says: it is recorded all the same.

        Raises:
            Broken: the clerk has ended.
        """
        try:
            with self.line() as line:
                line.sendall(_line(question))
        except OSError:
            raise _ended() from None

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


class Questions:
    """The line on which the gate asks one question after the other, and hears the answers in that order.

    Args:
        line: to the clerk.
    """

    def __init__(self, line: socket.socket) -> None:
        self._mouth = Mouth(line)
        self._line = line
        self._heard = b""
        self.open = 0

    def ask(self, question: Mapping[str, Any]) -> None:
        """Ask, and wait for nothing."""
        self.open += 1
        self._mouth.say(question)

    def answers(self, within_s: float | None = None) -> Iterator[dict[str, Any]]:
        """The answers that have not been heard yet, as they come.

        Args:
            within_s: for how long each is waited for; None: until it has come.

        Raises:
            Refusal: as `gatekeeper.answered`.
            Broken: nobody can tell.
        """
        while self.open and self._has_come(None if within_s is None else within_s * 1000):
            said, _end, self._heard = self._heard.partition(b"\n")
            self.open -= 1
            answer: dict[str, Any] = json.loads(said)
            if "broken" in answer:
                raise Broken(answer["broken"])
            if "code" in answer:
                raise Refusal(answer["code"], answer["message"])
            yield answer

    def close(self) -> None:
        """Ask nothing more, and hear nothing more; for workers that still have this line, too."""
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()

    def _has_come(self, within_ms: float | None) -> bool:
        """Wait for an answer."""
        while b"\n" not in self._heard:
            poll = select.poll()
            poll.register(self._line, select.POLLIN | (select.POLLOUT if self._mouth.waiting else 0))
            if not poll.poll(within_ms):
                return False
            self._mouth.go_on()
            self._hear()
        return True

    def _hear(self) -> None:
        try:
            more = self._line.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            raise _ended()
        self._heard += more


class Results:
    """The line on which the results of a playbook go to the clerk. Nothing waits for it, but at the end for a bounded time.

    Args:
        line: to the clerk.
        about: the playbook, as `recording.Recorder` takes it.
    """

    def __init__(self, line: socket.socket, about: Mapping[str, Any]) -> None:
        self._mouth = Mouth(line)
        self._line = line
        self._kept: list[tuple[Any, ...]] = []
        self._sent = self._dropped = 0
        self._mouth.say(about)

    def add(self, result: tuple[Any, ...]) -> None:
        """Keep a result, with the arguments of `recording.result_of`, until `send`."""
        self._kept.append(result)

    def send(self) -> None:
        """Hand over what was kept."""
        kept, self._kept = self._kept, []
        self._sent += len(kept)
        if len(self._mouth.waiting) >= MOST_WAITING_BYTES:
            self._dropped += len(kept)
        elif kept:
            self._mouth.say(kept)

    def end(self) -> int:
        """Say that the playbook has ended, and answer how many results are in no store."""
        self._line.settimeout(END_S)
        self.send()
        try:
            self._line.sendall(self._mouth.waiting)
            self._line.shutdown(socket.SHUT_WR)
            return self._dropped + int(self._line.recv(64))
        except (OSError, ValueError):
            return self._sent
        finally:
            self._line.close()


class Mouth:
    """What is said on a line, as lines of JSON, without waiting for whoever hears it.

    Args:
        line: to the clerk.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._line.setblocking(False)
        self.waiting = b""

    def say(self, value: Any) -> None:
        """Say something, or keep it while the line takes no more."""
        self.waiting += _line(value)
        self.go_on()

    def go_on(self) -> None:
        """Say more of what was kept."""
        with suppress(OSError):  # it takes no more just now; or the clerk has ended, as the end will show
            while self.waiting:
                self.waiting = self.waiting[self._line.send(self.waiting) :]


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _ended() -> Broken:
    return Broken("the process that asks the store has ended")
