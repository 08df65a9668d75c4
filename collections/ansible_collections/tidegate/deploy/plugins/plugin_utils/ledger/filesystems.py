# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a store may lie: SQLite's locks and shared memory do not work between machines.

The kernel's own list of mounts says what a path lies on; systems without ``/proc`` are trusted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

NETWORK = frozenset(
    "9p afs beegfs ceph cifs coda davfs gfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs pvfs2 smb3 smbfs".split()
)
LOCAL_FUSE = frozenset(["fuse.fuse-overlayfs"])
"""Most FUSE file systems are a remote store (sshfs, s3fs, rclone); this one is the root of rootless containers."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def mounts_of_kernel() -> str:
    """The text of ``/proc/self/mountinfo``, empty where there is none."""
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def refuse_network(folder: str, mounts: Callable[[], str] = mounts_of_kernel) -> None:
    """Refuse a folder on a file system that several machines share.

    Raises:
        Refusal: STORE, naming the mount.
    """
    found = mount_of(os.path.realpath(folder), mounts())
    if found is None:
        return
    point, kind = found
    if kind in NETWORK or (kind.startswith("fuse.") and kind not in LOCAL_FUSE):
        raise Refusal(
            "STORE",
            f"{folder} lies on {point}, a {kind} file system, where the store's locks are not safe. "
            "Name a path on a local disk in TIDEGATE_STORE",
            mount=point,
            kind=kind,
        )


def mount_of(path: str, mounts: str) -> tuple[str, str] | None:
    """Mount point and type of what a path lies on: the longest prefix, and of equal ones the last mounted."""
    best: tuple[str, str] | None = None
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        if not separator:
            continue
        point = _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), before.split(" ")[4])
        inside = point == "/" or path == point or path.startswith(point + "/")
        if inside and (best is None or len(point) >= len(best[0])):
            best = (point, after.split(" ")[0])
    return best
