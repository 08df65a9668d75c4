# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release on the host is what its manifest says, for those who are about to switch to it, or who ask."""

from __future__ import annotations

import contextlib
import os

from ..core import canonical
from ..core.errors import Refusal
from ..core.manifest import Manifest
from . import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

    from .host import Host


def damage(
    host: Host, definition: dict[str, Any], release: str, digest: Optional[str] = None, sealed: bool = False
) -> str:
    """How a release differs from what was staged, for people; empty if it is intact.

    Args:
        host: where.
        definition: with whose shared links and owner it was staged.
        release: its id.
        digest: of the manifest that is meant; without it the saved one must fit the id.
        sealed: whether files that only root can write to, and that nobody wrote to since they were staged in this
            boot, are taken as they are. A step that has to be quick asks so; one that looks for damage reads them.
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
        only_root_writes = owner is None or owner[0] == 0
        seal = _seal(host, definition["service"], release, manifest) if sealed and only_root_writes else ""
        tree.require_intact(folder, manifest, definition["links"], owner, authority, seal)
    except Refusal as refusal:
        return refusal.message
    return ""


def damage_of_current(host: Host, definition: dict[str, Any]) -> str:
    """How the release that a service rests on differs from what was staged; empty where it does not, or nothing was.

    Args:
        host: where.
        definition: of the service.
    """
    from .host import Spot

    spot = Spot(host, definition["service"], definition["root"], lenient=True)
    release, view = spot.current, spot.view
    if view["state"] != "steady" or not os.path.exists(host.paths.manifest(definition["service"], release)):
        return ""
    try:
        return damage(host, running_definition(view, release, definition), release, sealed=True)
    except OSError as error:
        return f"{release} cannot be read ({error.strerror})"


def running_definition(view: Mapping[str, Any], release: str, definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with which a release was activated: a new one may ask for what only a new release has.

    Args:
        view: the service's journal.
        release: that runs.
        definition: where the journal has none.
    """
    for which in ("new", "old"):
        if view.get(which) == release and view.get(f"{which}_definition"):
            return dict(view[f"{which}_definition"])
    return definition


def save_manifest(host: Host, service: str, release: str, manifest: Manifest) -> None:
    """Keep the manifest of a release, durably."""
    from .space import writing

    path = host.paths.manifest(service, release)
    with writing(host.paths.state):
        host.disk.make_folder(os.path.dirname(path))
        host.disk.write(path + ".new", canonical.dumps(manifest.doc))
        host.disk.rename(path + ".new", path)


def save_seal(host: Host, service: str, release: str, manifest: Manifest, seal: str) -> None:
    """Keep what the kernel says of a release's files until the next boot; where that fails they will be read again."""
    path = host.paths.seal(service, release)
    with contextlib.suppress(OSError):
        with open(path + ".new", "wb") as file:
            file.write(canonical.dumps(_seal_doc(host, manifest, seal)))
        os.rename(path + ".new", path)


def _seal(host: Host, service: str, release: str, manifest: Manifest) -> str:
    """The seal of a release that was staged in this boot; empty when there is none to believe."""
    try:
        with open(host.paths.seal(service, release), "rb") as file:
            doc = canonical.loads(file.read(), 4096)
        seal = str(doc["seal"])
        return seal if doc == _seal_doc(host, manifest, seal) else ""
    except (OSError, ValueError, TypeError, KeyError):
        return ""


def _seal_doc(host: Host, manifest: Manifest, seal: str) -> dict[str, Any]:
    return {"v": 1, "boot_id": host.clock.boot_id(), "manifest": manifest.digest, "seal": seal}


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
