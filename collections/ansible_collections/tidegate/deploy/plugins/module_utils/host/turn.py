# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The turn from going forward to going back: one rename under the lock; the one runner does the rest."""

from __future__ import annotations

from ..core import states
from ..core.errors import Refusal
from .host import Spot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .host import Host

REASONS = {
    "overdue": ("DEADLINE", "not confirmed before the deadline"),
    "rebooted": ("REBOOTED", "the host was rebooted before the activation was confirmed"),
}


def turn(host: Host, service: str, event: str, aid: str, code: str, message: str) -> bool:
    """Move a pending or ready activation to reverting, if it still is one.

    Args:
        host: where.
        service: the service.
        event: why, as the state table calls it.
        aid: the activation that is meant.
        code: of the reason.
        message: of the reason, for people.

    Returns:
        Whether it moved; if not, the activation is over or has turned already.
    """
    with host.lock():
        spot = Spot(host, service, lenient=True)  # going back is what mends a `current` that somebody changed
        try:
            move = spot.decide(event, aid=aid)
        except Refusal:
            return False
        note_reason(host, spot, aid, code, message)
        spot.go(move)
        return True


def take_back(host: Host, service: str, aid: str, message: str) -> None:
    """Have an activation go back that failed by itself, if it still is under way."""
    if turn(host, service, "failure", aid, "ACTIVATION", message):
        host.units.start_revert(service)


def note_reason(host: Host, spot: Spot, aid: str, code: str, message: str) -> None:
    """Note why an activation goes back; the first reason stays."""
    spot.journal.add_to_note(aid, reason={"code": code, "message": message, "at": host.clock.utc()})


def turn_if_due(host: Host, service: str) -> bool:
    """Move an activation to reverting whose deadline has passed or whose boot is over.

    Returns:
        Whether the service is now going back and needs the runner.
    """
    view = host.journal(service).read(states.ABSENT)
    event = states.due(view, host.clock.now_ms(), host.clock.boot_id())
    if event is not None:
        return turn(host, service, event, view["aid"], *REASONS[event])
    return False
