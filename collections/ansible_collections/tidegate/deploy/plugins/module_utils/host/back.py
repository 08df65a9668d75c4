# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `back`: a change is closed on this host, and taken back where it is or was the one that counts."""

from __future__ import annotations

import contextlib

from ..core.definition import Definition
from ..core.errors import Refusal
from ..core.states import ABSENT
from . import fields
from .host import Spot
from .standing import standing
from .turn import note_reason
from .waiting import until_settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

    from ..core.states import Move
    from .host import Host


_LOOK_MS = 20_000  # more than anybody waits for the lock


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Close a change and go back from it, waiting for the end.

    Args:
        host: where.
        request: with ``closes`` false the change stays open, so that it can be tried again here. A rollout names its
            lease number as ``fence``: one that lost its lease takes nothing back that another has brought forward.

    Returns:
        changed, closed, service; the service may be reverting still when the wait is over.

    Raises:
        Refusal: it cannot be taken back, or going back failed.
    """
    definition = Definition.parse(request.get("definition"))
    change = fields.text(request, "change", fields.CHANGE)
    why = fields.words(request, "why")
    operator = request.get("operator") is True
    closes = request.get("closes") is not False
    fence = fields.number(request, "fence", 0, 2**53 - 1) if "fence" in request else None
    wait_s = fields.number(request, "wait_s")
    spot = Spot(host, definition.service, definition.root)
    damage = _damage(host, spot, change)
    if request["check"]:
        return _preview(host, definition, spot, change, operator, damage, closes)
    with _watched(host, spot, change):
        changed = _turn(host, definition, change, why, operator, damage, closes, fence)
    if host.journal(definition.service).read(ABSENT)["state"] == "reverting":
        host.units.start_revert(definition.service)
        until_settled(host, definition.service, wait_s)
    return _answer(host, definition, change, changed)


@contextlib.contextmanager
def _watched(host: Host, spot: Spot, change: str) -> Iterator[None]:
    """Have a timer look whether the runner was started: this process may die before that.

    Also where a deadline has a timer, or a later change is on its way back: until the lock is taken that may be over.
    """
    if change != spot.view.get("change") and change not in spot.view["past"]:
        yield
        return
    deadline_ms = host.clock.now_ms() + _LOOK_MS
    try:
        host.units.arm(spot.journal.service, deadline_ms, _LOOK_MS)
    except (Refusal, OSError):
        pass  # going back waits for nothing
    try:
        yield
    except Refusal:
        host.units.disarm(spot.journal.service, deadline_ms)
        raise


def _preview(
    host: Host, definition: Definition, spot: Spot, change: str, operator: bool, damage: str, closes: bool
) -> dict[str, Any]:
    move = spot.decide("back", change=change, operator=operator, damage=damage)
    would = [f"switch {definition.service} from {spot.view['new']} back to {spot.view['old']}"] if move.changed else []
    if closes and not spot.journal.is_closed(change):
        would.append(f"close {change}")
    return {"changed": bool(would), "would": would, "service": standing(host, definition.service, definition.root)}


def _damage(host: Host, spot: Spot, change: str) -> str:
    """How the release to go back to is damaged; asked only of a change that was confirmed.

    One that is under way goes back in any case: nothing else is left.
    """
    view = spot.view
    if view["state"] != "steady" or view.get("change") != change or view["old"] == ABSENT:
        return ""
    from .intact import damage

    return damage(host, view["old_definition"], view["old"], sealed=True)


def _turn(
    host: Host,
    definition: Definition,
    change: str,
    why: str,
    operator: bool,
    damage: str,
    closes: bool,
    fence: Optional[int],
) -> bool:
    """Close the change, then move; in this order nothing that was closed can be forgotten."""
    with host.lock():
        spot = Spot(host, definition.service, definition.root)
        _refuse_older(spot, fence)
        mine = spot.view.get("aid") if spot.view.get("change") == change else _aid_that_went_back(spot, change)
        try:
            move = spot.decide("back", change=change, operator=operator, damage=damage)
        except Refusal as refusal:
            if (
                closes and refusal.code == "REVERT_FAILED"
            ):  # nothing is left to do here but it must not go on elsewhere either
                spot.journal.close(change, mine)
            raise
        _refuse_lost(spot, move)
        closed = closes and spot.journal.close(change, mine)
        if closes:
            _close_statement(host, spot, change)
        if not move.changed:
            return closed
        if spot.view["state"] == "failed":
            _prepare_again(spot)
        note_reason(host, spot, spot.view["aid"], "CLOSED", why)
        spot.go(move)
        return True


def _close_statement(host: Host, spot: Spot, change: str) -> None:
    """On an enrolled host the statement is closed as well: of closed changes only so many are remembered.

    Without room for it the change's own mark has to do; going back waits for nothing.
    """
    begun = spot.view if spot.view.get("change") == change else spot.view.get("reverted") or {}
    if begun.get("change") == change and begun.get("statement"):
        from .record import Record

        with contextlib.suppress(Refusal):
            record = Record(host, spot.journal.service)
            record.close(begun["statement"])
            record.write()


def _refuse_older(spot: Spot, fence: Optional[int]) -> None:
    """People go back whatever anybody holds; a rollout does so only with the newest lease that the host has seen."""
    seen = spot.view["fence"]
    if fence is not None and fence < seen:
        raise Refusal(
            "FENCED",
            f"{spot.view['service']}: lease number {fence} is older than {seen}, which this host has seen; "
            "another run has taken over",
            fence=seen,
        )


def _refuse_lost(spot: Spot, move: Move) -> None:
    """Retention removes a way back when its time is over; a wall clock that is set back does not bring it again."""
    view = spot.view
    if not move.changed or view["state"] == "failed" or spot.journal.future(view["aid"], str(move.future)) is not None:
        return
    raise Refusal(
        "BACK_UNTIL",
        f"{view['service']}: the way back from change {view['change']} was removed when its time was over; "
        "deploy the earlier release as a new change",
    )


def _aid_that_went_back(spot: Spot, change: str) -> Any:
    reverted = spot.view.get("reverted") or {}
    return reverted.get("aid") if reverted.get("change") == change else None


def _prepare_again(spot: Spot) -> None:
    """Going back from failed begins anew and needs what the first time has used up."""
    try:
        spot.journal.add_ways_back(spot.view)
        spot.switch.prepare_back(spot.view["aid"], spot.view["old"])
    except OSError as error:
        raise Refusal("NO_SPACE", f"{spot.view['service']}: going back cannot be prepared ({error.strerror})") from None


def _answer(host: Host, definition: Definition, change: str, changed: bool) -> dict[str, Any]:
    stands = standing(host, definition.service, definition.root)
    if stands["state"] == "failed" and stands["change"] == change:
        raise Refusal("REVERT_FAILED", f"{definition.service}: going back failed: {'; '.join(stands['attempts'][-3:])}")
    return {"changed": changed, "closed": change in stands["closed"], "service": stands}
