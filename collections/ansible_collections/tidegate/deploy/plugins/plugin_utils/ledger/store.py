# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: changes, runs, waves, hosts and leases in one SQLite file.

It knows no room of the controller's code: it keeps opaque canonical documents, and the small columns that are asked for.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from types import TracebackType

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.changes import Changes
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import (
    BUSY_S,
    Clock,
    path_of,
    prepare_file,
    refusing,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.filesystems import mounts_of_kernel
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.leases import Leases
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.runs import Runs


class Store(Changes, Runs, Leases):
    """Everything that a controller remembers. Open it in the process that uses it; it does not cross a fork."""

    @classmethod
    def open(
        cls,
        url_or_path: str,
        clock: Clock,
        *,
        create: bool = True,
        busy_s: float = BUSY_S,
        mounts: Callable[[], str] = mounts_of_kernel,
    ) -> Store:
        """Open a store, bring its schema up to date, and on first use make it, for its user only.

        Args:
            url_or_path: a file, or ``sqlite:///<path>``.
            clock: answers the present time, aware.
            create: whether a store that is not there is made.
            busy_s: how long a transaction waits for another process.
            mounts: the text of ``/proc/self/mountinfo``.

        Raises:
            Refusal: DEPENDENCY; STORE; STORE_SCHEMA; UNSUPPORTED, a URL of another database.
        """
        store = cls(prepare_file(path_of(url_or_path), clock, create, mounts), clock, busy_s)
        try:
            store.migrate()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def scratch(cls, url_or_path: str, folder: str, clock: Clock) -> Store:
        """A copy of a store in another folder, for check mode; empty when there is no store yet. The store stays as it is.

        Raises:
            Refusal: as `open`.
        """
        path = path_of(url_or_path)
        copy = os.path.join(folder, "store.db")
        if os.path.exists(path):
            with refusing(path):
                _copy(path, copy)
        return cls.open(copy, clock)

    def copy_to(self, path: str) -> None:
        """Write a consistent copy of the store to a new file, for its user only.

        Raises:
            Refusal: STORE, it cannot be written.
        """
        with refusing(path, self._busy_s):
            _copy(self.path, path)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _copy(source: str, target: str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(source, timeout=BUSY_S)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)
