# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release on the host is what its manifest says, for those who are about to switch to it."""

from __future__ import annotations

import os

from ..core import canonical
from ..core.errors import Refusal
from ..core.manifest import Manifest
from . import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .host import Host


def damage(host: Host, definition: dict[str, Any], release: str, digest: Optional[str] = None) -> str:
    """How a release differs from what was staged, for people; empty if it is intact.

    Args:
        host: where.
        definition: with whose shared links and owner it was staged.
        release: its id.
        digest: of the manifest that is meant; without it the saved one must fit the id.
    """
    path = host.paths.manifest(definition["service"], release)
    try:
        with open(path, "rb") as file:
            manifest = Manifest.parse(canonical.loads(file.read()))
    except FileNotFoundError:
        return f"{release} was never staged here, {path} is missing; stage it"
    except ValueError as error:
        return f"{path}: no manifest ({error}); stage {release} again"
    if not manifest.digest.startswith(release.rpartition("-")[2]) or (digest and manifest.digest != digest):
        return f"{path}: the manifest of another release ({manifest.digest}); stage {release} again"
    authority = host.authority or tree.Authority()
    folder = os.path.join(definition["root"], "releases", release)
    try:
        owner = owner_ids(definition) if authority.chown else None
        tree.require_intact(folder, manifest, definition["links"], owner, authority)
    except Refusal as refusal:
        return refusal.message
    return ""


def save_manifest(host: Host, service: str, release: str, manifest: Manifest) -> None:
    """Keep the manifest of a release, durably."""
    from .space import writing

    path = host.paths.manifest(service, release)
    with writing(host.paths.state):
        host.disk.make_folder(os.path.dirname(path))
        host.disk.write(path + ".new", canonical.dumps(manifest.doc))
        host.disk.rename(path + ".new", path)


def owner_ids(definition: dict[str, Any]) -> tuple[int, int]:
    """The uid and gid that release files have.

    Raises:
        Refusal: DATA; this host does not know the user or group.
    """
    import grp
    import pwd

    owner, group = definition["owner"], definition["group"]
    try:
        uid = pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise Refusal("DATA", f"owner: this host has no user {owner!r}; make it, or name another") from None
    try:
        return uid, grp.getgrnam(group).gr_gid
    except KeyError:
        raise Refusal("DATA", f"group: this host has no group {group!r}; make it, or name another") from None
