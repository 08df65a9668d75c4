# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of any size on a command's standard input, without a copy of it in memory.

Connection plugins take what a command reads as one piece of bytes: 200 MB for 25 hosts at once would be 5 GB. That of
ssh writes it to a pipe and closes that; here the file goes into the pipe before it is closed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from typing import Any, BinaryIO

ENDS_S = 5
"""How long a command that reads no more may take to end."""

_BLOCK_BYTES = 1024 * 1024


@contextlib.contextmanager
def followed_by(connection: Any, file: BinaryIO | None) -> Iterator[bool]:
    """While entered, the commands of a connection read a whole file after the bytes that they are given.

    Args:
        connection: a connection plugin.
        file: its offset is not used; null: nothing follows.

    Returns:
        Whether the plugin can do that; if not, nothing follows.
    """
    send = getattr(connection, "_send_initial_data", None)  # ssh's, the same in all versions that we support
    if file is None or send is None or connection.transport.rpartition(".")[2] != "ssh":
        yield False
        return

    def send_both(pipe: Any, data: bytes, process: Any) -> None:
        send(_Followed(pipe, file, process), data, process)

    connection._send_initial_data = send_both
    try:
        yield True
    finally:
        del connection._send_initial_data


class _Followed:
    """A pipe to which a file is written before it is closed."""

    def __init__(self, pipe: Any, file: BinaryIO, process: Any) -> None:
        self._pipe = pipe
        self._file = file
        self._process = process

    def write(self, data: bytes) -> None:
        with self._heard_out():
            self._pipe.write(data)

    def close(self) -> None:
        with self._heard_out():
            self._pipe.flush()
            _copy(self._file.fileno(), self._pipe.fileno())
            self._pipe.close()

    @contextlib.contextmanager
    def _heard_out(self) -> Iterator[None]:
        """A command that reads no more is about to end; once it has, the plugin goes by its own words."""
        try:
            yield
        except BrokenPipeError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDS_S)
            raise


def _copy(source: int, target: int) -> None:
    position = 0
    while True:
        try:
            sent = os.sendfile(target, source, position, _BLOCK_BYTES)
        except (OSError, AttributeError) as error:
            if position or isinstance(error, BrokenPipeError):
                raise
            return _copy_by_hand(source, target)  # not every system sends from a file to a pipe
        if not sent:
            return None
        position += sent


def _copy_by_hand(source: int, target: int) -> None:
    position = 0
    while block := os.pread(source, _BLOCK_BYTES, position):
        position += len(block)
        view = memoryview(block)
        while view:
            view = view[os.write(target, view) :]
