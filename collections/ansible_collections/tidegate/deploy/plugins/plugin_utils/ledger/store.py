# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: changes, runs, waves, hosts and leases in one SQLite file.

It knows no room of the controller's code: it keeps opaque canonical documents, and the small columns that are asked for.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from types import TracebackType
from urllib.parse import quote

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
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
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.log import Log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.once import OnceTasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.runs import Runs
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import require_sqlalchemy


class Store(Changes, Runs, OnceTasks, Leases, Log):
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
        """A copy of a store for check mode, made on first use; empty when there is no store. The store stays as it is.

        Args:
            url_or_path: the store.
            folder: where the copy lies; made for its user only, and not taken from anybody else.
            clock: answers the present time, aware.

        Raises:
            Refusal: as `open`; STORE, the folder was put there by somebody else.
        """
        require_sqlalchemy()
        path, copy = path_of(url_or_path), os.path.join(folder, "store.db")
        with refusing(copy):
            _make_private(folder)
            if os.path.exists(path) and not os.path.exists(copy):
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


def _make_private(folder: str) -> None:
    """Make a folder with a name that others could know, and see that it is ours and nobody else's."""
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Refusal("STORE", f"{folder} was not made by this user for itself alone: remove it and run again")


def _copy(source: str, target: str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(_reader(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def _reader(path: str) -> sqlite3.Connection:
    """A connection that leaves nothing behind: without a log nobody writes, and SQLite need not make one to read."""
    quiet = "" if os.path.exists(f"{path}-wal") else "&immutable=1"
    return sqlite3.connect(f"file:{quote(path)}?mode=ro{quiet}", uri=True, timeout=BUSY_S)
