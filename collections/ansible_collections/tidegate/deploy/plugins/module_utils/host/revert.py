# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going back: the one runner that ends in the old release running and answering, or after bounded attempts in failed.

Invariants:

- It never turns forward, has no deadline, and waits for no other service.
- Before it touches the link, the unit of the activation is gone with its whole cgroup.
- Every change of link or state is made under the lock, after the state was re-read.
- A release that serves well is drained before it goes, once and within its limits; nothing that fails there is in the way.
"""

from __future__ import annotations

import sys

from ..core.definition import Definition
from ..core.errors import Refusal
from ..core.states import ABSENT
from .effects import Effects
from .host import Spot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .host import Host

_PAUSE_S = 1


def run(host: Host, service: str) -> None:
    """Go back, attempt after attempt, until the service is steady on the old release or has failed."""
    while True:
        spot = Spot(host, service, lenient=True)
        if spot.view["state"] != "reverting":
            return
        error = _attempt(host, service, spot.view)
        _record(host, service, spot.view, error)
        if error is not None:
            host.clock.sleep(_PAUSE_S)


def put_link_back(host: Host, service: str) -> None:
    """Only the link, before the services of this boot start; the runner does the rest later."""
    with host.lock():
        spot = Spot(host, service, lenient=True)
        if spot.view["state"] == "reverting":
            spot.switch.back(spot.view["aid"], spot.view["old"], spot.view["attempt"])


def _attempt(host: Host, service: str, view: dict[str, Any]) -> Optional[Refusal]:
    try:
        host.units.stop_effects(service)
        if view["old"] == ABSENT:
            _to_nothing(host, view)
        else:
            _to_old(host, service, view)
    except Refusal as refusal:
        return refusal
    except Exception as error:  # whatever it is, it ends in old running or in failed, never in one try after another
        import traceback

        traceback.print_exc()
        return Refusal("HOST_ERROR", f"{type(error).__name__}: {error}")
    return None


def _to_old(host: Host, service: str, view: dict[str, Any]) -> None:
    """Link, start, probe, undrain, all by the old release's definition; before that, traffic leaves what serves well."""
    _drain(host, service, view)
    with host.lock():
        spot = Spot(host, service, lenient=True)
        if not _same(spot.view, view):
            return
        was_forward = spot.switch.was_forward(view["aid"])
        spot.switch.back(view["aid"], view["old"], view["attempt"])
    definition = Definition(view["old_definition"])
    effects = Effects(host, definition, view["old"], view["new"], Definition(view["new_definition"]))
    since_ms = host.clock.now_ms()
    never_left = not was_forward and host.units.is_running(definition.unit)
    if not never_left:
        effects.start("restart" if view["attempt"] > 1 else None)
    effects.probe(since_ms, restarted=never_left)
    _undrain(host, view, effects)


def _drain(host: Host, service: str, view: dict[str, Any]) -> None:
    """Have traffic leave a new release that serves well; one that does not is replaced at once."""
    definition = Definition(view["new_definition"])
    if view["attempt"] > 1 or Spot(host, service, lenient=True).current != view["new"]:
        return
    effects = Effects(host, definition, view["new"], view["old"], Definition(view["old_definition"]))
    journal = host.journal(service)
    try:
        if effects.is_drained() or journal.is_drained(view["aid"]) or not host.units.is_running(definition.unit):
            return
        if not host.watch.is_well(definition, view["new"]):
            return
        if effects.drains_by_hook():
            journal.mark_drained(view["aid"])
        effects.drain()
    except (Refusal, OSError) as error:
        sys.stderr.write(f"tidegate: {service}: not drained before going back: {error}\n")


def _undrain(host: Host, view: dict[str, Any], old: Effects) -> None:
    """Undo what the new definition's hook has drained, where only that one can; then undrain as old does."""
    journal = host.journal(view["service"])
    if journal.is_drained(view["aid"]):
        new = Effects(host, Definition(view["new_definition"]), view["new"], view["old"])
        if not old.can_undo(new):
            new.undo_hook()
    old.undrain(hook=old.has_undo())
    journal.mark_undrained(view["aid"])


def _to_nothing(host: Host, view: dict[str, Any]) -> None:
    """Back from a first deployment: the unit stops and is as enabled as it was; the link goes last (`_record`)."""
    definition = Definition(view["new_definition"])
    host.units.stop(definition.unit, definition.limit_s("restart"))
    if view["enablement"] == "disabled":
        host.units.disable(definition.unit)
    Effects(host, definition, ABSENT, view["new"]).remove_drain_files()


def _record(host: Host, service: str, view: dict[str, Any], error: Optional[Refusal]) -> None:
    with host.lock():
        spot = Spot(host, service, lenient=True)
        if not _same(spot.view, view):
            return
        if error is None and view["old"] == ABSENT:
            spot.switch.back(view["aid"], ABSENT, view["attempt"])
        if error is not None:
            note = spot.journal.note(view["aid"])
            attempts = [*note.get("attempts", []), f"attempt {view['attempt']}: {error.code}: {error.message[:500]}"]
            spot.journal.add_to_note(view["aid"], attempts=attempts)
        spot.go(spot.decide("attempt_failed" if error else "restored", aid=view["aid"]))
    if error is None:
        _tidy(host, service)


def _tidy(host: Host, service: str) -> None:
    """Have removed what nothing needs any longer, such as releases of earlier changes that went back."""
    try:
        host.units.start_prune(service, host.clock.now_ms())
    except (Refusal, OSError):
        return


def _same(now: dict[str, Any], then: dict[str, Any]) -> bool:
    return all(now.get(key) == then.get(key) for key in ("state", "aid", "attempt"))
