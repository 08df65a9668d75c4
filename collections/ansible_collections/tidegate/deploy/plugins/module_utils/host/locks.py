# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one lock of a host: taken, state re-read, moved, released; never held while effects run."""

from __future__ import annotations

import errno
import fcntl
import os

from ..core.errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Optional

    from .clock import Clock

WAIT_MS = 15_000
_POLL_S = 0.02


class Lock:
    """A file lock with a bounded wait, as a context.

    Args:
        path: the lock file; its folder exists.
        clock: measures the wait.
        wait_ms: how long to wait for a holder.

    Raises:
        Refusal: BUSY, on entry, the holder did not let go in time.
    """

    def __init__(self, path: str, clock: Clock, wait_ms: int = WAIT_MS) -> None:
        self._path = path
        self._clock = clock
        self._wait_ms = wait_ms
        self._descriptor: Optional[int] = None

    def __enter__(self) -> None:
        descriptor = self._opened()
        while not self._is_there(descriptor):
            os.close(descriptor)
            descriptor = self._opened()
        self._descriptor = descriptor

    def __exit__(
        self, _kind: Optional[type[BaseException]], _error: Optional[BaseException], _trace: Optional[TracebackType]
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        """A descriptor of the file, locked."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:
            raise Refusal("BUSY", f"the lock {self._path} was removed with all state of this host; run again") from None
        try:
            self._take(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _is_there(self, descriptor: int) -> bool:
        """Whether what was locked is still the file of that name: its folder may have been removed meanwhile."""
        try:
            named = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        mine = os.fstat(descriptor)
        return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)

    def _take(self, descriptor: int) -> None:
        end_ms = self._clock.now_ms() + self._wait_ms
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if self._clock.now_ms() >= end_ms:
                raise Refusal(
                    "BUSY",
                    f"the lock {self._path} is held for more than {self._wait_ms // 1000} s; "
                    f"see what holds it with: fuser -v {self._path}",
                )
            self._clock.sleep(_POLL_S)
