# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: changes, runs, waves, hosts, leases and the ledger, in an SQLite file or in PostgreSQL.

It knows no room of the controller's code: it keeps opaque canonical documents, and the small columns that are asked for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import migrations
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import file_of, is_server, shown
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import Approvals
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.changes import Changes
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.checkpoints import Checkpoints
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.copying import copy_all
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import BUSY_S, Backend, Clock
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.filesystems import mounts_of_kernel
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.leases import Leases
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.locate import folder_beside
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.observations import Observations
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.once import OnceTasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.postgresql import Server
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.runs import Runs
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import require_sqlalchemy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.sqlite import (
    SqliteFile,
    copy_file,
    prepare_file,
    refusing,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.trust import Trust


class Store(Changes, Approvals, Trust, Runs, OnceTasks, Leases, Observations, Checkpoints):
    """Everything that a controller remembers. Open it in the process that uses it; it does not cross a fork."""

    @classmethod
    def open(
        cls,
        address: str,
        clock: Clock,
        *,
        folder: str | None = None,
        create: bool = True,
        busy_s: float = BUSY_S,
        mounts: Callable[[], str] = mounts_of_kernel,
    ) -> Store:
        """Open a store, bring its schema up to date, and on first use make it, for its user only.

        Args:
            address: a file, ``sqlite:///<path>`` or ``postgresql://…``.
            clock: answers the present time, aware.
            folder: what lies beside a store in PostgreSQL on this controller; a file has its own.
            create: whether a store that is not there is made.
            busy_s: how long a transaction waits for another process.
            mounts: the text of ``/proc/self/mountinfo``.

        Raises:
            Refusal: DEPENDENCY; STORE; STORE_AWAY; STORE_SCHEMA; UNSUPPORTED, a URL of another database.
        """
        backend: Backend
        if is_server(address):
            backend = Server(address, folder or folder_beside(()), busy_s)
        else:
            backend = SqliteFile(prepare_file(file_of(address), clock, create, mounts), busy_s)
        return cls._migrated(backend, clock)

    @classmethod
    def _migrated(cls, backend: Backend, clock: Clock, name: str = "") -> Store:
        store = cls(backend, clock, name)
        try:
            store.migrate()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def scratch(cls, address: str, folder: str, clock: Clock) -> Store:
        """A copy of a store for check mode, made on first use; empty when there is no store. The store stays as it is.

        Args:
            address: the store.
            folder: where the copy lies; made for its user only, and not taken from anybody else.
            clock: answers the present time, aware.

        Raises:
            Refusal: as `open`; STORE, the folder was put there by somebody else.
        """
        require_sqlalchemy()
        copy = os.path.join(folder, "store.db")
        with refusing(copy):
            _make_private(folder)
        if not os.path.exists(copy):
            _copy(address, copy, clock)
        return cls._migrated(SqliteFile(prepare_file(copy, clock, True, mounts_of_kernel)), clock, shown(address))

    def copy_to(self, path: str) -> None:
        """Write a consistent copy of the store to a new file, for its user only.

        Raises:
            Refusal: STORE, it cannot be written.
        """
        with refusing(path):
            if isinstance(self._backend, SqliteFile):
                copy_file(self._backend.name, path)
                return
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with Store(SqliteFile(path), self._clock) as copy:
            copy.migrate()
            copy_all(self, copy)

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


def _copy(address: str, copy: str, clock: Clock) -> None:
    """Copy what there is, whatever its schema: the copy is brought up to date, the store is only read."""
    if is_server(address):
        with Store(Server(address, os.path.dirname(copy)), clock) as source:
            if source.schema():
                migrations.require(source.schema(), source.name)
                source.copy_to(copy)
        return
    path = file_of(address)
    with refusing(copy):
        if os.path.exists(path):
            copy_file(path, copy)
