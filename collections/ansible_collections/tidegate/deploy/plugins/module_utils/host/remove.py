# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `remove`: the host forgets Tidegate; its services run on, from the releases that they run from.

Invariants:

- Nothing is removed while any service is pending, ready or reverting.
- Units go first, then the state, then the program: whatever is left by a death in between, asking again removes.
- No service's own unit, `current` or release is touched; only what waited beside them for an activation.
"""

from __future__ import annotations

import os
import shutil

from ..core import states
from ..core.errors import Refusal
from .host import Spot
from .install import UNITS
from .standing import standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host

_GONE = ".tidegate-gone-"
_WAITING = (".new-", ".gone-")


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Take everything of Tidegate away from this host.

    Returns:
        changed, removed, left: paths that went, and what of each service stays.

    Raises:
        Refusal: STATE; a service is being activated or goes back.
    """
    left = [_stays(host, service) for service in host.services()]
    _refuse_under_way(host)
    removed = _what_is_there(host)
    if removed and not request["check"]:
        _remove(host)
    return {"changed": bool(removed), "removed": removed, "left": left}


def _refuse_under_way(host: Host) -> None:
    for service in host.services():
        view = host.journal(service).read(states.ABSENT)
        if view["state"] in ("pending", "ready", "reverting"):
            raise Refusal(
                "STATE",
                f"{service}: found {view['state']} (change {view['change']}), expected a host on which nothing is under "
                "way; let the rollout end, or wait until the host has gone back",
            )


def _stays(host: Host, service: str) -> dict[str, Any]:
    stands = standing(host, service)
    root = Spot(host, service, lenient=True).root
    view = host.journal(service).read(states.ABSENT)
    definition = view.get("new_definition") or {}
    return {
        "service": service,
        "root": root,
        "unit": definition.get("unit"),
        "state": stands["state"],
        "current": stands["current"],
        "releases": len(stands["releases"]),
        "change": stands["change"],
        "back_until": stands["back_until"],
    }


def _what_is_there(host: Host) -> list[str]:
    folders = [path for path in (host.paths.state, host.paths.lib, host.paths.run) if os.path.lexists(path)]
    return host.units.files(UNITS) + folders + _remains(host)


def _remains(host: Host) -> list[str]:
    """What an earlier call has put aside and could not remove."""
    found = []
    for path in (host.paths.state, host.paths.lib):
        folder = os.path.dirname(path)
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found += [os.path.join(folder, name) for name in sorted(names) if name.startswith(_GONE)]
    return found


def _remove(host: Host) -> None:
    """In this order: nothing may start the program any more when its state goes."""
    aside = _put_aside(host) if os.path.isdir(host.paths.state) else []
    if not aside:
        host.units.undefine(UNITS)
    if os.path.isdir(host.paths.lib):
        aside.append(_aside(host, host.paths.lib))
    for path in [*aside, *_remains(host), host.paths.run]:
        shutil.rmtree(path, ignore_errors=True)


def _put_aside(host: Host) -> list[str]:
    """Under both locks: units away, what waits beside each `current` away, and the state out of its place."""
    with host.install_lock(), host.lock():
        _refuse_under_way(host)
        host.units.undefine(UNITS)
        for service in host.services():
            _sweep(Spot(host, service, lenient=True))
        return [_aside(host, host.paths.state)]


def _sweep(spot: Spot) -> None:
    """Links and folders that waited for activations; nothing runs from any of them."""
    if spot.root is None:
        return
    for aid in spot.switch.leftover(set()):
        spot.switch.forget(aid)
    releases = os.path.join(spot.root, "releases")
    for name in os.listdir(releases) if os.path.isdir(releases) else ():
        if name.startswith(_WAITING):
            shutil.rmtree(os.path.join(releases, name), ignore_errors=True)


def _aside(host: Host, path: str) -> str:
    aside = os.path.join(os.path.dirname(path), _GONE + os.urandom(8).hex())
    host.disk.rename(path, aside)
    return aside
