# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `trust`, and what must hold before a trust bundle counts on a host.

Invariants:

- Each version was signed by the quorums of the one before and of its own. None is skipped, none comes back.
"""

from __future__ import annotations

import contextlib

from ..core.errors import Refusal
from ..core.signed import Signed as Bytes
from ..core.succession import require_current, require_successor
from ..core.trust import Bundle
from . import install, signatures, trusted
from .warden import Warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from .host import Host
    from .identity import Identity

MAX_BUNDLES = 1000


class Signed:
    """A bundle as it came, with its signatures.

    Args:
        doc: ``{data, signatures}`` of a request.
        where: the place of the document, for messages.

    Raises:
        Refusal: TRUST; it is no bundle.
    """

    __slots__ = ("bundle", "signatures")

    def __init__(self, doc: Any, where: str) -> None:
        given = doc if isinstance(doc, dict) else {}
        signed = Bytes.parse({"statement": given.get("data"), "signatures": given.get("signatures")}, where, "TRUST")
        self.bundle, self.signatures = Bundle.parse(signed.data), signed.signatures


# --- the step


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Apply the versions that this host has not had, in their order.

    Returns:
        changed, trust: the number that counts now, and would in check mode.

    Raises:
        Refusal: TRUST; UNDER_WAY. Versions before the one that was refused count.
    """
    warden = Warden.of(host)
    offered = request.get("bundles")
    if not isinstance(offered, list) or len(offered) > MAX_BUNDLES:
        raise Refusal("DATA", f"request.bundles: found no list of at most {MAX_BUNDLES} bundles", path="bundles")
    given = [Signed(one, f"bundles[{index}]") for index, one in enumerate(offered)]
    _require_same(warden.bundle, given)
    newer = [one for one in given if one.bundle.number > warden.bundle.number]
    _require_chain(host, warden.identity, warden.bundle, newer, warden.now)
    if newer and not request["check"]:
        _apply(host, warden.bundle.number, newer)
    would = {"would": [f"apply trust version {one.bundle.number}" for one in newer]} if request["check"] else {}
    number = warden.bundle.number if request["check"] or not newer else newer[-1].bundle.number
    return {"changed": bool(newer), "trust": number, **would}


def _require_same(mine: Bundle, given: list[Signed]) -> None:
    """What a host has it has: another document of that number is another history."""
    for one in given:
        if one.bundle.number == mine.number and one.bundle.digest != mine.digest:
            raise Refusal("TRUST", f"trust version {mine.number}: found another one than this host enforces")


def _require_chain(host: Host, identity: Identity, mine: Bundle, newer: list[Signed], now: datetime) -> None:
    before = mine
    for one in newer:
        require_successor(before, one.bundle, one.signatures, now, signatures.verify)
        before = one.bundle
    if newer:
        require_current(before, now)
        require_fits(host, identity.name, before)


def _apply(host: Host, number: int, newer: list[Signed]) -> None:
    with host.install_lock(), host.lock():
        require_nothing_under_way(host)
        if trusted.newest(host) != number:
            raise Refusal("TRUST", f"trust version {number} was followed by another one meanwhile; run again")
        for one in newer:
            trusted.keep(host, one.bundle, one.signatures)


def require_nothing_under_way(host: Host) -> None:
    """See that no service is being activated or goes back.

    Raises:
        Refusal: UNDER_WAY.
    """
    if install.under_way(host):
        raise Refusal(
            "UNDER_WAY",
            "found a service that is being activated or goes back, expected none; let the rollout end first",
        )


def require_fits(host: Host, name: str, bundle: Bundle) -> None:
    """See that what a bundle defines does not collide with what is on this host.

    Raises:
        Refusal: TRUST; names both.
    """
    for mine in _defined(bundle, name):
        if bundle.login in (mine["owner"], mine["user"]):
            raise Refusal(
                "TRUST", f"{mine['service']}: it is {bundle.login}'s, as whom this host is driven; give it another"
            )
        for other in host.services():
            doc = host.journal(other).read("absent").get("new_definition")
            if doc and _collides(mine, other, doc):
                raise Refusal(
                    "TRUST",
                    f"{mine['service']}: root {mine['root']} and unit {mine['unit']} of the trust bundle do not go with service "
                    f"{other} of this host ({doc['root']}, {doc['unit']}); give each service its own, and leave it there",
                )


def _defined(bundle: Bundle, name: str) -> Iterator[dict[str, Any]]:
    for service in sorted(bundle.doc["services"]):
        with contextlib.suppress(Refusal):  # not on this host
            yield bundle.definition_for(service, name).doc


def _collides(mine: dict[str, Any], other: str, doc: dict[str, Any]) -> bool:
    if mine["service"] == other:
        return (mine["root"], mine["unit"]) != (doc["root"], doc["unit"])
    roots = (f"{mine['root']}/", f"{doc['root']}/")
    return bool(mine["unit"] == doc["unit"] or roots[0].startswith(roots[1]) or roots[1].startswith(roots[0]))
