# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would keep a run from using the store, or lose it afterwards. It reads and makes nothing; for a file it needs no SQLAlchemy."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.fitness import REFUSE, WARN, finding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import steps
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.address import file_of, is_server
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.filesystems import (
    mount_of,
    mounts_of_kernel,
    refuse_network,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.inspect_server import inspect_server

Finding = dict[str, str]

MEMORY = frozenset(["tmpfs", "ramfs", "devtmpfs"])
LAYERS = frozenset(["overlay", "aufs", "fuse.fuse-overlayfs"])
TABLE = "tidegate_migrations"
LOW_BYTES = 64 * 1024 * 1024
JOB_FOLDERS = ("/runner", "/tmp/awx_", "/var/lib/awx/projects")  # noqa: S108 - where AWX and ansible-runner unpack a job
_NAME_ANOTHER = "name a path on a local disk that stays in the environment variable TIDEGATE_STORE"
_BUSY_S = 5


def inspect(address: str, mounts: Callable[[], str] = mounts_of_kernel, beside: str = "") -> list[Finding]:
    """Everything that speaks against a place as the store.

    Args:
        address: as `Store.open` takes it.
        mounts: the text of ``/proc/self/mountinfo``.
        beside: the folder for what lies beside a store in PostgreSQL.
    """
    if is_server(address):
        found = inspect_server(address)
        return [*found, *_thrown_away(beside, _nearest_folder(f"{beside}/x"), mounts()), *_kept(beside)]
    try:
        path = os.path.abspath(file_of(address))
        folder = _nearest_folder(path)
        refuse_network(folder, mounts)
    except Refusal as refusal:
        return [_refuse(refusal.message, _NAME_ANOTHER)]
    return [*_thrown_away(path, folder, mounts()), *_writable(path, folder), *_space(folder), *_content(path)]


def _kept(beside: str) -> Iterator[Finding]:
    """What earlier runs noted while the store was away, and could not record yet."""
    names = sorted(path.name for path in Path(beside, "spool").glob("*.jsonl"))
    if names:
        found = f"{len(names)} runs left notes in {beside}/spool that are not in the store yet"
        yield _warn(found, "any verb that opens the store here records them: run tidegate.deploy.status")


def _refuse(found: str, hint: str) -> Finding:
    return finding("store", REFUSE, found, hint)


def _warn(found: str, hint: str) -> Finding:
    return finding("store", WARN, found, hint)


def _nearest_folder(path: str) -> str:
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _thrown_away(path: str, folder: str, mounts: str) -> Iterator[Finding]:
    """A place that does not outlive the job or the machine: numbers of changes and leases would begin anew."""
    real = os.path.realpath(folder)
    mount = mount_of(real, mounts)
    lost = "is thrown away, and with it leases and the numbers of changes"
    if any(_below(real, place) for place in temporary_folders()):
        yield _warn(f"{path} is in a folder for temporary files, which {lost}", _NAME_ANOTHER)
    elif any(real == place or real.startswith((f"{place}/", f"{place}_")) for place in JOB_FOLDERS):
        yield _warn(f"{path} is in the folder of one job, which {lost}", f"{_NAME_ANOTHER}, and mount it into the job")
    elif mount is not None and mount[1] in MEMORY:
        yield _warn(f"{path} lies in memory ({mount[0]} is {mount[1]}), which {lost}", _NAME_ANOTHER)
    elif mount is not None and mount[1] in LAYERS:
        found = f"{path} lies in the layers of a container ({mount[0]} is {mount[1]}), which {lost} with the container"
        yield _warn(found, f"{_NAME_ANOTHER}, such as one in a volume")


def temporary_folders() -> set[str]:
    """Folders that systems clean up by themselves."""
    return {os.path.realpath(place) for place in (tempfile.gettempdir(), "/tmp", "/var/tmp")}  # noqa: S108


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _writable(path: str, folder: str) -> Iterator[Finding]:
    read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    there = os.path.exists(path)
    if read_only or not os.access(folder, os.W_OK | os.X_OK):
        what = "make its log beside" if there else "make"
        why = "the file system is read-only" if read_only else "this user may not write there"
        yield _refuse(
            f"cannot {what} the store {path} in {folder}: {why}", f"let this user write there, or {_NAME_ANOTHER}"
        )
    elif there and not os.access(path, os.W_OK):
        yield _refuse(f"the store {path} cannot be written by this user", "chown it, or run as the user who owns it")
    if there and os.stat(path).st_mode & 0o022:
        yield _warn(f"the store {path} can be changed by other users", f"chmod 600 {path}")


def _space(folder: str) -> Iterator[Finding]:
    seen = os.statvfs(folder)
    free_bytes = seen.f_bavail * seen.f_frsize
    if free_bytes < LOW_BYTES:
        yield _warn(f"{free_bytes // 2**20} MiB are free where the store lies ({folder})", "make room there")


def _content(path: str) -> Iterator[Finding]:
    if not os.path.exists(path):
        return
    try:
        number = _schema(path)
    except sqlite3.Error as error:
        if "locked" not in str(error) and "busy" not in str(error):
            hint = "restore it from a copy, or move it away: hosts keep what they run in their own journals"
            yield _refuse(f"the store {path} cannot be read: {error}", hint)
        return
    newest = steps.NEWEST
    if number is None:
        yield _refuse(f"{path} is a database, but no store of Tidegate", _NAME_ANOTHER)
    elif number > newest:
        found = f"the store {path} has schema {number}, this Tidegate knows up to {newest}"
        yield _refuse(found, "run the Tidegate that wrote it, or a newer one")


def _schema(path: str) -> int | None:
    """The number of its last migration; None where tables are not ours, 0 where there are none."""
    quiet = "" if os.path.exists(f"{path}-wal") else "&immutable=1"  # without a log nobody writes: leave no file behind
    uri = f"file:{quote(path)}?mode=ro{quiet}"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if TABLE not in tables:
            return None if tables else 0
        (number,) = store.execute(f"SELECT max(number) FROM {TABLE}").fetchone()  # noqa: S608
    return int(number or 0)
