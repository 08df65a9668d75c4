# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps `confirm` and `renew`: what a run says to a host whose activation is ready."""

from __future__ import annotations

from ..core.errors import Refusal
from ..core.release import SHA256
from . import fields
from .host import Spot
from .standing import standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Make the new release permanent; the answer is read back from disk after it was synced."""
    service = fields.service(request)
    asked = {"change": fields.text(request, "change", fields.CHANGE), "token_sha256": _hash_of_token(request)}
    if request["check"]:
        move = Spot(host, service).decide("confirm", **asked)
        return {"changed": move.changed, "would": ["confirm"] * move.changed, "service": standing(host, service)}
    with host.lock():
        spot = Spot(host, service)
        deadline_ms = spot.view.get("deadline_ms")
        move = spot.decide("confirm", **asked)
        if move.changed:
            spot.go(move)
    if move.changed:
        _tidy(host, service, deadline_ms)
    return {"changed": move.changed, "service": standing(host, service)}


def renew(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Move the deadline of a ready activation later, at most to the end that was set at its begin."""
    service = fields.service(request)
    extend_ms = fields.number(request, "extend_s", 1) * 1000
    asked = {"change": fields.text(request, "change", fields.CHANGE), "token_sha256": _hash_of_token(request)}
    if request["check"]:
        move = Spot(host, service).decide("renew", **asked)
        return {"changed": move.changed, "would": ["renew"] * move.changed, "service": standing(host, service)}
    later = _later(host, service, asked, extend_ms)
    return {"changed": later, "service": standing(host, service)}


def _later(host: Host, service: str, asked: dict[str, Any], extend_ms: int) -> bool:
    """Arm a timer for the later deadline, then move to it; what watched the earlier one goes last."""
    spot = Spot(host, service)
    if not spot.decide("renew", **asked).changed:
        return False
    now_ms = host.clock.now_ms()
    deadline_ms = min(now_ms + extend_ms, spot.view["renew_until_ms"])
    if deadline_ms <= spot.view["deadline_ms"]:
        return False
    host.units.arm(service, deadline_ms, deadline_ms - now_ms)
    try:
        earlier_ms = _move_deadline(host, service, asked, deadline_ms)
    except Refusal:
        host.units.disarm(service, deadline_ms)
        raise
    moved = earlier_ms is not None and earlier_ms < deadline_ms
    if moved:
        host.units.disarm(service, earlier_ms)
    elif earlier_ms != deadline_ms:
        host.units.disarm(service, deadline_ms)
    return moved


def _move_deadline(host: Host, service: str, asked: dict[str, Any], deadline_ms: int) -> Any:
    """Move it if it still may be moved and is still earlier; the deadline that counted before, or None."""
    with host.lock():
        spot = Spot(host, service)
        if not spot.decide("renew", **asked).changed:
            return None
        earlier_ms = spot.view["deadline_ms"]
        if earlier_ms < deadline_ms:
            spot.journal.renew(spot.view, deadline_ms)
        return earlier_ms


def _tidy(host: Host, service: str, deadline_ms: Any) -> None:
    """Have removed what a confirmed activation no longer needs; without it the timer and later confirms do so."""
    try:
        host.units.start_prune(service, deadline_ms)
    except (Refusal, OSError):
        return


def _hash_of_token(request: dict[str, Any]) -> str:
    import hashlib

    return hashlib.sha256(fields.text(request, "token", SHA256).encode("ascii")).hexdigest()
