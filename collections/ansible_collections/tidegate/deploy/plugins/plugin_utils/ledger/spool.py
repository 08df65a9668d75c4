# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process notes while the store is away: a file with one canonical line per event, for its user only.

A line is durable when `Spool.append` returns. Workers append and others replay under one lock of the file, and a file that
was replayed is gone: whoever waited for its lock begins a new one. A line that a crash tore was never promised to anybody.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

Event = dict[str, Any]

FOLDER = "spool"
KINDS = ("note", "halt", "close_wave", "end_run", "interrupt", "move_change")
"""What can be noted while the store is away: the methods of the store that end something."""

RECORDS = ("begin_record", "add_batch")
"""What is noted when all is over: the methods that record a playbook of the site's own."""

_SUFFIX = ".jsonl"


class Spool:
    """The events of one process.

    Args:
        folder: what lies beside the store on this controller.
        process: names the process (`holder.run_id`).
    """

    def __init__(self, folder: str, process: str) -> None:
        self.process = process
        self.path = os.path.join(folder, FOLDER, process + _SUFFIX)

    def append(self, event: Event) -> None:
        """Keep an event, durably.

        Raises:
            Refusal: STORE, it cannot be written.
        """
        line = canonical.dumps(event) + b"\n"
        try:
            with self._locked(os.O_RDWR | os.O_CREAT) as descriptor:
                os.ftruncate(descriptor, _whole(descriptor))
                os.lseek(descriptor, 0, os.SEEK_END)
                os.write(descriptor, line)
                os.fsync(descriptor)
        except OSError as error:
            raise Refusal("STORE", f"the store is away, and {self.path} cannot be written: {error.strerror}") from None

    @contextmanager
    def taken(self) -> Iterator[list[Event]]:
        """All events, in order, for whoever records them; the file is removed when the block ends well.

        Raises:
            Refusal: STORE, a line is not one of ours.
        """
        try:
            with self._locked(os.O_RDWR) as descriptor:
                os.lseek(descriptor, 0, os.SEEK_SET)
                yield self._events(os.read(descriptor, os.fstat(descriptor).st_size))
                os.unlink(self.path)
        except FileNotFoundError:
            yield []

    def _events(self, content: bytes) -> list[Event]:
        events = []
        for number, line in enumerate(content.splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break
            try:
                events.append(_event(canonical.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise Refusal(
                    "STORE",
                    f"{self.path}, line {number} is not what a run has noted ({error}): nothing of the file is recorded. "
                    "Move it away to go on without",
                ) from None
        return events

    @contextmanager
    def _locked(self, flags: int) -> Iterator[int]:
        """The file, which nobody else uses, and which still has its name."""
        while True:
            if flags & os.O_CREAT:
                os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink:
                    yield descriptor
                    return
            finally:
                os.close(descriptor)


def spools(folder: str) -> list[Spool]:
    """Those that wait to be recorded, oldest first."""
    found = Path(folder, FOLDER).glob(f"*{_SUFFIX}")
    return [Spool(folder, path.stem) for path in sorted(found, key=lambda path: (path.stat().st_mtime, path.name))]


def _event(found: Any) -> Event:
    """An event that was read, of the form that it was written in.

    Raises:
        ValueError: of another kind.
    """
    if found["kind"] not in (*KINDS, *RECORDS):
        raise ValueError(f"nothing is called {found['kind']!r}")
    parts = {"id": str(found["id"]), "kind": found["kind"], "said": list(found["said"]), "more": dict(found["more"])}
    return parts | ({"decided": dict(found["decided"])} if "decided" in found else {})


def _whole(descriptor: int) -> int:
    """Up to where the file holds whole lines."""
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, size).rfind(b"\n") + 1
