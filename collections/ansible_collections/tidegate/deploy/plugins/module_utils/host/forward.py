# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects of one activation, as its own unit runs them: drain, hooks, switch, start, probes, undrain, ready."""

from __future__ import annotations

from ..core import states
from ..core.definition import Definition
from ..core.errors import Refusal
from .effects import Effects
from .host import Spot
from .turn import REASONS, note_reason, take_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .host import Host


def run(host: Host, service: str, aid: str) -> None:
    """Do the effects; at their end the service is ready, or going back."""
    view = Spot(host, service).view
    if view["state"] != "pending" or view["aid"] != aid:
        return
    forward = Forward(host, view)
    try:
        forward.run()
    except Refusal as refusal:
        _go_back(host, view, refusal, forward)
    except OSError as error:
        _go_back(host, view, Refusal("HOST_ERROR", f"{type(error).__name__}: {error}"), forward)


def ended(host: Host, service: str, aid: str, result: str) -> None:
    """What the unit says at its end, however it ended: without a result the host goes back.

    Args:
        host: where.
        service: the service.
        aid: the activation.
        result: systemd's word for how the unit ended.
    """
    message = f"the effects ended without a result (systemd: {result or 'unknown'})"
    if host.journal(service).read("")["state"] == "pending":
        take_back(host, service, aid, message)


class Forward:
    """One way forward, step by step.

    Args:
        host: where.
        view: the pending document.
    """

    def __init__(self, host: Host, view: dict[str, Any]) -> None:
        self._host = host
        self._view = view
        self._since_ms = host.clock.now_ms()
        self._journal = host.journal(view["service"])
        self.timings: dict[str, int] = {}
        self.results: list[dict[str, Any]] = []
        old = Definition(view["old_definition"])
        self._definition = Definition(view["new_definition"])
        self._effects = Effects(host, self._definition, view["new"], view["old"], old)

    def run(self) -> None:
        """All steps in their order; the first that fails ends it."""
        self._timed("drain", self._drain)
        self._timed("before", self._effects.before)
        self._timed("switch", self._switch)
        self._timed("start", self._start)
        self._timed("after", self._effects.after)
        self._timed("probe", self._probe)
        self._timed("undrain", self._undrain)
        self._ready()

    def _timed(self, name: str, act: Callable[[], None]) -> None:
        began_ms = self._host.clock.now_ms()
        try:
            act()
        finally:
            self.timings[f"{name}_ms"] = self._host.clock.now_ms() - began_ms

    def _drain(self) -> None:
        if self._effects.drains_by_hook():
            self._journal.mark_drained(self._view["aid"])
        self._effects.drain()

    def _undrain(self) -> None:
        self._effects.undrain()
        self._journal.mark_undrained(self._view["aid"])

    def _switch(self) -> None:
        """Put the new release into place, if this activation is still the one; a thawed one does nothing."""
        with self._host.lock():
            spot = Spot(self._host, self._view["service"])
            if spot.view["state"] != "pending" or spot.view["aid"] != self._view["aid"]:
                raise Refusal("STATE", f"the activation is over: {self._view['service']} is {spot.view['state']}")
            due = states.due(spot.view, self._host.clock.now_ms(), self._host.clock.boot_id())
            if due is not None:
                raise Refusal(*REASONS[due])
            self._since_ms = self._host.clock.now_ms()
            spot.switch.forward(self._view["aid"])

    def _start(self) -> None:
        self._effects.start()
        if self._view["enablement"] == "disabled":
            self._host.units.enable(self._definition.unit)

    def _probe(self) -> None:
        self.results = self._effects.probe(self._since_ms)

    def _ready(self) -> None:
        from .probes import lives_of

        lives = lives_of(self._definition.doc, self.results)
        with self._host.lock():
            spot = Spot(self._host, self._view["service"])
            move = spot.decide("ended", aid=self._view["aid"])
            switched = {"ms": self._since_ms, "boot_id": self._view["boot_id"]}
            spot.journal.add_to_note(
                self._view["aid"], timings=self.timings, switched=switched, probes=_brief(self.results), lives=lives
            )
            spot.go(move)


def _go_back(host: Host, view: dict[str, Any], refusal: Refusal, forward: Forward) -> None:
    with host.lock():
        spot = Spot(host, view["service"], lenient=True)
        try:
            move = spot.decide("failure", aid=view["aid"])
        except Refusal:
            return  # somebody else turned it already
        note_reason(host, spot, view["aid"], refusal.code, refusal.message)
        probes = refusal.facts.get("results", forward.results)
        spot.journal.add_to_note(view["aid"], timings=forward.timings, probes=_brief(probes))
        spot.go(move)
    host.units.start_revert(view["service"])


def _brief(results: Any) -> list[dict[str, Any]]:
    return [{"name": r["name"][:80], "ok": r["ok"], "detail": r["detail"][:160]} for r in results[:16]]
