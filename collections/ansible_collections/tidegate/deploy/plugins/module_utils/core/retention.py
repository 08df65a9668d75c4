# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host keeps: the activations and releases that some way back still needs, and the newest few."""

from __future__ import annotations

from .states import ABSENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Optional


class Needed:
    """What may not be removed.

    Attributes:
        aids: activations whose folder a move, a way back or a reason still needs.
        releases: releases that run, ran before, may run next, or that a way back leads to.
    """

    __slots__ = ("aids", "releases")

    def __init__(self, aids: set[str], releases: set[str]) -> None:
        self.aids = aids
        self.releases = releases


def needed(view: Mapping[str, Any], steady_old: Callable[[str], Optional[Mapping[str, Any]]], utc: str) -> Needed:
    """What the journal, and all that it may still become, needs.

    Args:
        view: the journal's document.
        steady_old: reads, of an activation, the steady document to which it would go back; asked along the chain only,
            for what was left half written when the power was cut belongs to no chain.
        utc: now, in the format of ``back_until``.
    """
    aids: set[str] = set()
    releases: set[str] = set()
    doc: Any = view
    while doc is not None:
        releases |= {release for release in (doc.get("new"), doc.get("old")) if release and release != ABSENT}
        reverted = doc.get("reverted")
        if reverted:
            aids.add(reverted["aid"])  # its note holds the reason
        aid = doc.get("aid")
        open_way = aid and (doc["state"] != "steady" or utc <= doc["back_until"])
        if not open_way or aid in aids:
            break
        aids.add(aid)
        doc = steady_old(aid)
    return Needed(aids, releases)


def doomed(releases_newest_first: Sequence[str], kept: Needed, keep: int) -> list[str]:
    """The releases that may go: needed by nothing, and not among the newest.

    Args:
        releases_newest_first: every release on the host.
        kept: what is needed.
        keep: how many of the newest stay in any case.
    """
    return [release for release in releases_newest_first[keep:] if release not in kept.releases]
