# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention: releases and activations go when no state, no way back and no wish to keep the newest needs them."""

from __future__ import annotations

import os

from ..core import retention
from ..core.release import is_release_id
from .host import Spot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .host import Host

_GONE = ".gone-"


def run(host: Host, service: str) -> list[str]:
    """Remove what nothing needs.

    Under the lock a release only leaves its name; its files go after that, however long this takes.

    Returns:
        The releases that went.
    """
    with host.lock():
        spot = Spot(host, service)
        if spot.view["state"] != "steady" or spot.root is None:
            return []
        kept = retention.needed(spot.view, lambda aid: spot.journal.future(aid, "steady-old"), host.clock.utc())
        _forget_activations(spot, kept.aids)
        folder = os.path.join(spot.root, "releases")
        keep = spot.view["new_definition"]["keep"] if spot.view.get("new_definition") else len(os.listdir(folder))
        doomed = retention.doomed(_newest_first(host, service, folder), kept, keep)
        for release in doomed:
            os.rename(os.path.join(folder, release), os.path.join(folder, _GONE + os.urandom(8).hex()))
        _forget_manifests(host, service, folder)
    _sweep(folder)
    return doomed


def _forget_activations(spot: Spot, needed: set[str]) -> None:
    for aid in spot.switch.leftover(needed):
        spot.switch.forget(aid)
    for aid in spot.journal.activations():
        if aid not in needed:
            spot.journal.forget(aid)


def _newest_first(host: Host, service: str, folder: str) -> list[str]:
    """By when they were staged; that is when their manifest was written, folders may carry the archive's times."""

    def staged_ns(name: str) -> int:
        manifest = host.paths.manifest(service, name)
        return os.lstat(manifest if os.path.exists(manifest) else os.path.join(folder, name)).st_mtime_ns

    # what others put beside our releases, such as the folders from before `adopt`, is theirs to remove
    return sorted(filter(is_release_id, os.listdir(folder)), key=staged_ns, reverse=True)


def _forget_manifests(host: Host, service: str, folder: str) -> None:
    """Of releases that are gone, and their seals; under the lock, for under it staging saves them beside its release."""
    manifests, releases = host.paths.manifests(service), set(os.listdir(folder))
    for name in os.listdir(manifests) if os.path.isdir(manifests) else ():
        release, _dot, ending = name.rpartition(".")
        if ending in ("json", "seal", "new") and release not in releases:  # what is not renamed yet belongs to the dead
            os.unlink(os.path.join(manifests, name))


def _sweep(folder: str) -> None:
    import shutil

    for name in os.listdir(folder):
        if name.startswith(_GONE):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
