# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operating system says when it cannot write, as refusals that say what to do."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from ..core.errors import Refusal

_FULL = (errno.ENOSPC, errno.EDQUOT)


def disk_refusal(error: OSError, path: str) -> Refusal | None:
    """The refusal for an error of a full or read-only file system, or None for any other error.

    Args:
        error: what a system call raised.
        path: an existing folder on that file system.
    """
    if error.errno == errno.EROFS:
        return Refusal("UNSAFE_PATH", f"{path}: read-only file system found, expected one to write to", path=path)
    if error.errno not in _FULL:
        return None
    found = os.statvfs(path)
    free_bytes, free_inodes = found.f_bavail * found.f_frsize, found.f_favail
    what = (
        "the quota is used up" if error.errno == errno.EDQUOT else f"{free_bytes} bytes and {free_inodes} inodes free"
    )
    return Refusal(
        "NO_SPACE",
        f"{path}: {what}, more are needed; free some there, then run again",
        path=path,
        free_bytes=free_bytes,
        free_inodes=free_inodes,
    )


@contextlib.contextmanager
def writing(folder: str) -> Iterator[None]:
    """Turn the errors of a full or read-only file system into refusals.

    Args:
        folder: on that file system; where it is missing, the innermost folder above it that is there is meant.
    """
    try:
        yield
    except OSError as error:
        refusal = disk_refusal(error, existing(folder))
        if refusal is None:
            raise
        raise refusal from None


def existing(path: str) -> str:
    """The innermost folder of a path that is there."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path
