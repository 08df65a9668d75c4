# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in a file whose disk fills up: what has begun is recorded to its end, and nothing begins.

Beside the store lies a file that only holds room. Whoever is about to write while the disk is nearly full gives that room up
first; and whoever is about to begin something sees that it is there, and makes it where it is not.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import sa
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

NAME = "reserve"
SIZE_BYTES = 8 * 1024 * 1024
"""What a run of hundreds of hosts writes to its end: notes and entries, and SQLite's log before it goes into the store."""

LOW_BYTES = 1024 * 1024
"""With less than that free a disk counts as full."""


class Local(Store):
    """A store in a file, with room beside it for the end of what has begun."""

    def require_there(self) -> None:
        """See that whatever begins now can be recorded to its end.

        Raises:
            Refusal: STORE, the disk is full.
        """
        path = self._reserve
        try:
            if not os.path.exists(path):
                _make(path)
            full = _free_bytes(path) < LOW_BYTES
        except OSError:
            full = True
        if full:
            raise Refusal(
                "STORE",
                f"the disk under the store {self.name} is full: nothing begins before {SIZE_BYTES + LOW_BYTES >> 20} MiB are free; "
                "make room and run again",
            )

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The only writer; on a full disk it has the room that was kept."""
        with suppress(OSError):
            if _free_bytes(self._reserve) < LOW_BYTES:
                os.unlink(self._reserve)
        with super().writing() as connection:
            yield connection

    @property
    def _reserve(self) -> str:
        return os.path.join(self.folder, NAME)


def _free_bytes(path: str) -> int:
    """How much is free for this user where a file lies, or is to lie."""
    found = os.statvfs(os.path.dirname(path))
    return found.f_bavail * found.f_frsize


def _make(path: str) -> None:
    """Take the room, all of it or none.

    Raises:
        OSError: there is not so much.
    """
    aside = f"{path}.new-{secrets.token_hex(8)}"
    descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, SIZE_BYTES)
        os.replace(aside, path)
    except OSError:
        os.unlink(aside)
        raise
    finally:
        os.close(descriptor)
