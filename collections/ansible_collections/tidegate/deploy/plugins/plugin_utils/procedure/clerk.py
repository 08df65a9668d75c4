# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clerk: the process beside Ansible's that asks the store, for the gate, and writes into it, for the recorder.

It takes whatever is said on the lines that it is handed (`courier`), one after the other, and ends when there are none left and
nobody can hand it any more. Nothing of Ansible's is imported here.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import (
    actor,
    current_run_holder,
    help_run,
    run_id,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.recording import PAUSE_MS, Recorder, result_of


class Talk:
    """What is said on one line: questions of the gate, or of one playbook who runs it and then its results.

    Args:
        line: to somebody of the run.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._heard = b""
        self._recorder: Recorder | None = None

    def hear(self) -> bool:
        """Take what has come, and answer whether there may be more."""
        try:
            more = self._line.recv(65536)
        except OSError:
            more = b""
        *lines, self._heard = (self._heard + more).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        if not more and self._recorder is not None:
            self._recorder.end()
            self._line.sendall(str(self._recorder.unwritten).encode())
        return bool(more)

    def pause(self) -> bool:
        """Do what is due, whether anything comes or not."""
        if self._recorder is not None:
            self._recorder.write_if_due()
        return True

    def _take(self, said: Any) -> None:
        if isinstance(said, list) and self._recorder is not None:
            for at_s, *more in said:
                self._recorder.add(result_of(datetime.fromtimestamp(at_s, UTC), *more))
        elif "asked" in said:
            answer = json.dumps(_answer(said)).encode() + b"\n"
            with suppress(OSError):  # whoever asked may be gone, and more may have been asked
                self._line.sendall(answer)
        else:
            self._recorder = Recorder(**said, run=run_id(current_run_holder()), actor=actor())
            self._recorder.begin()


class Clerk:
    """Talks to everybody of a run at once.

    Args:
        bell: on which lines are handed over.
        run: the ansible-playbook process.
    """

    def __init__(self, bell: socket.socket, run: int) -> None:
        self._bell = bell
        self._run = run
        self._talks: dict[socket.socket, Talk] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(bell, selectors.EVENT_READ)

    def serve(self) -> None:
        """Go on until nobody can say anything any more."""
        while self._selector.get_map():
            heard = self._selector.select(PAUSE_MS / 1000)
            if not heard and _is_gone(self._run):  # a worker of a run that was killed may stay for ever
                heard = self._hang_up()
            for key, _events in heard:
                self._attend(key.fileobj, self._talks[key.fileobj].hear if key.fileobj in self._talks else self._called)
            for line, talk in list(self._talks.items()):
                self._attend(line, talk.pause)

    def _hang_up(self) -> list[tuple[selectors.SelectorKey, int]]:
        """End every line as if nobody was there, and answer what there is to be attended for that."""
        keys = list(self._selector.get_map().values())
        for key in keys:
            key.fileobj.shutdown(socket.SHUT_RD)  # type: ignore[union-attr]  # only sockets are registered
        return [(key, selectors.EVENT_READ) for key in keys]

    def _attend(self, line: Any, do: Callable[[], bool]) -> None:
        """Do something for a line, and close it when it has ended: also by an error, since there are others."""
        try:
            goes_on = do()
        except Exception:
            goes_on = False
        if not goes_on:
            self._selector.unregister(line)
            self._talks.pop(line, None)
            line.close()

    def _called(self) -> bool:
        rung, descriptors, _flags, _address = socket.recv_fds(self._bell, 1, 1)
        for descriptor in descriptors:
            line = socket.socket(fileno=descriptor)
            self._talks[line] = Talk(line)
            self._selector.register(line, selectors.EVENT_READ)
        return bool(rung)


def main(run: str) -> None:
    """Serve a run; the bell is standard input.

    Args:
        run: the ansible-playbook process, as `current_run_holder` has it, in JSON.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    holder = json.loads(run)
    help_run(holder)
    Clerk(socket.socket(fileno=0), holder["pid"]).serve()
    os._exit(0)  # all is written and closed; to take SQLAlchemy apart takes long


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return True
    return False


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    try:
        # Recording alone needs none of it.
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.gatekeeper import answered

        return answered(question)
    except Refusal as refusal:
        return {"code": refusal.code, "message": refusal.message}
    except Exception as error:
        return {"broken": f"{type(error).__name__}: {error}"}
