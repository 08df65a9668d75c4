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
    from .record import Record

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
    asked = _Asked(request)
    wait_s = fields.number(request, "wait_s")
    spot = Spot(host, definition.service, definition.root)
    damage = _damage(host, spot, asked.change)
    if request["check"]:
        return _preview(host, definition, spot, asked, damage)
    with _watched(host, spot, asked.change):
        changed = _turn(host, definition, asked, damage)
    if host.journal(definition.service).read(ABSENT)["state"] == "reverting":
        host.units.start_revert(definition.service)
        until_settled(host, definition.service, wait_s)
    return _answer(host, definition, asked.change, changed)


class _Asked:
    """What is to be taken back, and how."""

    __slots__ = ("change", "closes", "fence", "operator", "statement", "why")

    def __init__(self, request: dict[str, Any]) -> None:
        self.change = fields.text(request, "change", fields.CHANGE)
        self.why = fields.words(request, "why")
        self.operator = request.get("operator") is True
        self.closes = request.get("closes") is not False
        self.fence = fields.number(request, "fence", 0, 2**53 - 1) if "fence" in request else None
        self.statement = request.get("statement")

    def mark(self, host: Host, spot: Spot) -> Optional[_Mark]:
        """The mark by which the change is closed here; None where it stays open.

        An enrolled host keeps marks only of what people signed for it, as it has seen: else whoever can log in would push out
        those that count, with changes that there are not.
        """
        if not self.closes:
            return None
        begun = spot.view if spot.view.get("change") == self.change else spot.view.get("reverted") or {}
        if begun.get("change") == self.change:
            return _Mark(self.change, begun.get("aid"), begun.get("statement"))
        if not host.is_enrolled:
            return _Mark(self.change, None, None)
        try:
            known = _record(host, spot).is_about(self.statement, self.change)
        except Refusal:
            known = False  # nothing goes forward by a record that cannot be read
        return _Mark(self.change, None, self.statement) if known else None


class _Mark:
    """What is closed: a change, and of an enrolled host its statement; and the activation that has the mark prepared."""

    __slots__ = ("_aid", "_change", "_statement")

    def __init__(self, change: str, aid: Optional[str], statement: object) -> None:
        self._change, self._aid, self._statement = change, aid, statement

    def is_set(self, spot: Spot) -> bool:
        """Whether it was closed before."""
        return spot.journal.is_closed(self._change)

    def set(self, host: Host, spot: Spot) -> bool:
        """Close it; whether it was open.

        Of closed changes only so many are remembered, so an enrolled host closes the statement as well. Without room for that
        the change's own mark has to do; going back waits for nothing.
        """
        closed = spot.journal.close(self._change, self._aid)
        if self._statement:
            with contextlib.suppress(Refusal):
                record = _record(host, spot)
                record.close(str(self._statement))
                record.write()
        return closed


def _record(host: Host, spot: Spot) -> Record:
    from .record import Record  # which hosts that are not enrolled have no need of

    return Record(host, spot.journal.service)


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


def _preview(host: Host, definition: Definition, spot: Spot, asked: _Asked, damage: str) -> dict[str, Any]:
    move = spot.decide("back", change=asked.change, operator=asked.operator, damage=damage)
    would = [f"switch {definition.service} from {spot.view['new']} back to {spot.view['old']}"] if move.changed else []
    mark = asked.mark(host, spot)
    if mark is not None and not mark.is_set(spot):
        would.append(f"close {asked.change}")
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


def _turn(host: Host, definition: Definition, asked: _Asked, damage: str) -> bool:
    """Close the change, then move; in this order nothing that was closed can be forgotten."""
    with host.lock():
        spot = Spot(host, definition.service, definition.root)
        _refuse_older(spot, asked.fence)
        mark = asked.mark(host, spot)
        try:
            move = spot.decide("back", change=asked.change, operator=asked.operator, damage=damage)
        except Refusal as refusal:
            if mark is not None and refusal.code == "REVERT_FAILED":
                mark.set(host, spot)  # nothing is left to do here, but it must not go on elsewhere either
            raise
        _refuse_lost(spot, move)
        closed = mark is not None and mark.set(host, spot)
        if not move.changed:
            return closed
        if spot.view["state"] == "failed":
            _prepare_again(spot)
        note_reason(host, spot, spot.view["aid"], "CLOSED", asked.why)
        spot.go(move)
        return True


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
