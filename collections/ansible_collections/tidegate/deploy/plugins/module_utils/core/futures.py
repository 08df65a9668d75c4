# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that one activation may become, as documents, before its first effect.

Each document is a whole journal: moving is renaming one of them. Every one carries the highest lease number seen, and
the changes that were confirmed here before, so that nothing is forgotten whichever way it ends.
"""

from __future__ import annotations

from . import states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Document = dict[str, Any]

MAX_PAST = 64
_OF_ACTIVATION = (
    "change",
    "plan",
    "aid",
    "old",
    "new",
    "old_definition",
    "new_definition",
    "back_until",
    "token_sha256",
    "enablement",
    "began",
    "began_ms",
    "boot_id",
    "statement",
    "seq",
)


def all_of(base: Mapping[str, Any], begin: Mapping[str, Any]) -> dict[str, Document]:
    """The pending document of an activation and all its futures.

    Args:
        base: the steady journal from which it starts.
        begin: what the activation is: the fields of `_OF_ACTIVATION`, and deadline_ms, renew_until_ms, fence. ``statement`` is
            the id of the one by which an enrolled host allowed it, ``seq`` its place among all that the service has seen.

    Returns:
        name of the future -> document.
    """
    common = {"v": 1, "service": base["service"], "fence": begin["fence"], "past": with_past(base)}
    active = {**common, **{key: begin[key] for key in _OF_ACTIVATION}}
    timed = {**active, **{key: begin[key] for key in ("deadline_ms", "renew_until_ms")}}
    return {
        "pending": {**timed, "state": "pending"},
        "ready": {**timed, "state": "ready"},
        "steady-new": {**active, "state": "steady"},
        "steady-old": steady_old(base, begin),
        **ways_back(active),
    }


def ways_back(active: Mapping[str, Any]) -> dict[str, Document]:
    """The documents of going back: every attempt, and the end when none succeeds.

    Args:
        active: any document of the activation.
    """
    kept = {key: active[key] for key in ("v", "service", "fence", "past", *_OF_ACTIVATION) if key in active}
    attempts = {
        f"reverting-{number}": {**kept, "state": "reverting", "attempt": number}
        for number in range(1, states.ATTEMPTS + 1)
    }
    return {**attempts, "failed": {**kept, "state": "failed", "attempt": states.ATTEMPTS}}


def steady_old(base: Mapping[str, Any], begin: Mapping[str, Any]) -> Document:
    """The steady document from before, knowing what went back: an older change's own way back survives in it."""
    reverted = {key: begin[key] for key in ("aid", "change", "plan", "token_sha256", "statement")}
    reverted["release"] = begin["new"]
    reverted["root"] = begin["new_definition"]["root"]  # where a service lies that has no other document
    return {**base, "fence": begin["fence"], "reverted": reverted}


def renewed(ready: Mapping[str, Any], deadline_ms: int) -> Document:
    """The ready document with a later deadline."""
    return {**ready, "deadline_ms": deadline_ms}


def with_past(base: Mapping[str, Any]) -> list[str]:
    """The changes that were confirmed before what follows a steady document, its own included."""
    past = [change for change in base.get("past", ()) if change != base.get("change")]
    return [*past, base["change"]][-MAX_PAST:] if base.get("change") else past
