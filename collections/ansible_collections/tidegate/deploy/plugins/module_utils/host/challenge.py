# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Challenges: random bytes that make a permit good for this host, this boot and these minutes, and for one use.

Invariants:

- A challenge lies in memory only; it is gone with a reboot.
- It is unlinked under the lock of all transitions, before the first effect of what it allowed.
- To mint one replaces the one before, so at most one of a kind is good at a time.
"""

from __future__ import annotations

import os

from ..core import canonical
from ..core.errors import Refusal
from ..core.logged import Seen
from . import fields
from .warden import Warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host

GOOD_MS = 10 * 60 * 1000
EMERGENCY_MS = 4 * 3600 * 1000
_MAX_BYTES = 64 * 1024


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Mint a challenge for each service; in check mode none.

    Returns:
        changed, challenges: by service; uid, name, trust, seen, utc, and would in check mode.

    Raises:
        Refusal: IDENTITY; DEFINITION, a service that the trust bundle does not know on this host.
    """
    warden = Warden.of(host)
    emergency = request.get("emergency") is True
    services = _services(request)
    for service in services:
        warden.definition_of(service)
    seen = warden.seen().doc()
    minted = {} if request["check"] else {service: _mint(host, service, emergency, seen) for service in services}
    would = {"would": [f"mint a challenge for {service}" for service in services]} if request["check"] else {}
    return {
        **would,
        "changed": bool(services),
        "challenges": minted,
        "uid": warden.identity.uid,
        "name": warden.identity.name,
        "trust": warden.bundle.number,
        "seen": seen,
        "utc": host.clock.utc(),
    }


def after_staging(host: Host, service: str) -> dict[str, Any]:
    """What a staging that asks for a challenge answers besides: so a wave that follows soon needs no contact for it.

    Returns:
        challenges and seen, as of `step`; nothing where none can be minted: whoever then asks for one is told why.
    """
    try:
        answer = step(host, {"services": [service], "check": False})
    except Refusal:
        return {}
    return {key: answer[key] for key in ("challenges", "seen")}


def _services(request: dict[str, Any]) -> list[str]:
    asked = request.get("services")
    if not isinstance(asked, list):
        raise Refusal("DATA", "request.services: found no list of services", path="services")
    return [fields.service({"service": one}) for one in asked]


def _mint(host: Host, service: str, emergency: bool, seen: dict[str, Any]) -> str:
    path, challenge = host.paths.challenge(service, emergency), os.urandom(32).hex()
    doc = {
        "v": 1,
        "challenge": challenge,
        "end_ms": host.clock.now_ms() + (EMERGENCY_MS if emergency else GOOD_MS),
        "boot_id": host.clock.boot_id(),
        "seen": seen,
    }
    try:
        host.disk.make_folder(os.path.dirname(path))
        host.disk.write(path + ".new", canonical.dumps(doc))
        host.disk.rename(path + ".new", path)
    except OSError as error:
        raise Refusal("NO_SPACE", f"{path}: a challenge cannot be kept ({error.strerror})") from None
    return challenge


def minted(host: Host, service: str, emergency: bool = False) -> dict[str, Any]:
    """The challenge that is good now, empty where there is none, and the checkpoint that the host had seen then."""
    path = host.paths.challenge(service, emergency)
    try:
        with open(path, "rb") as file:
            doc = canonical.loads(file.read(_MAX_BYTES))
    except (FileNotFoundError, ValueError):
        return {"challenge": "", "seen": Seen().doc()}
    good = doc["boot_id"] == host.clock.boot_id() and host.clock.now_ms() < doc["end_ms"]
    return doc if good else {**doc, "challenge": ""}


def use(host: Host, service: str, emergency: bool, challenge: str) -> None:
    """Use a challenge up; the caller holds the lock.

    Raises:
        Refusal: CHALLENGE; it is not good any more.
    """
    if minted(host, service, emergency)["challenge"] != challenge:
        raise Refusal(
            "CHALLENGE", f"{service}: the challenge of this permit was used, replaced, or has run out; ask for another"
        )
    host.disk.unlink(host.paths.challenge(service, emergency))
