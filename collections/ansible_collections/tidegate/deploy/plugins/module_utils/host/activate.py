# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `activate`: begin under the lock, then effects in a unit of their own; and the effects themselves."""

from __future__ import annotations

import os

from ..core import futures, states
from ..core.definition import Definition
from ..core.errors import Refusal
from ..core.states import ABSENT
from .host import Spot
from .standing import standing
from .waiting import until_settled
from .wish import Wish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .gate import Gate
    from .host import Host

GRACE_S = 10  # for systemd, beyond the sum of all limits
_TURN_POLL_S = 0.25


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Begin an activation, or wait for the one that was begun, and say where the service stands.

    Returns:
        changed, service, timings.

    Raises:
        Refusal: it may not begin; or its effects failed and the host went back, with the reason.
    """
    wish = Wish(request)
    service = wish.definition.service
    spot = Spot(host, service, wish.definition.root)
    gate = _gate(host, request, wish, spot)
    if request["check"]:
        return _preview(host, wish, spot, gate)
    aid = _begin_in_turn(host, wish, gate)
    if aid is not None:
        _start_effects(host, wish, aid)
    until_settled(host, service, wish.wait_s)
    return _answer(host, wish, changed=aid is not None)


def _gate(host: Host, request: dict[str, Any], wish: Wish, spot: Spot) -> Optional[Gate]:
    """What an enrolled host demands of this activation; None where nothing is demanded."""
    if not host.is_enrolled:
        return None
    from .gate import Gate

    wish.fence = spot.view["fence"]  # the index of the grant takes its place
    return Gate(host, request, wish)


def _would_move(host: Host, spot: Spot, wish: Wish) -> bool:
    """Whether the table lets this activation begin, apart from what is looked at later."""
    return spot.decide("activate", **_asked(host, spot, wish, "")).changed


def _damage(host: Host, wish: Wish) -> str:
    from .intact import damage

    return damage(host, wish.definition.doc, wish.release, wish.manifest, sealed=True)


def _preview(host: Host, wish: Wish, spot: Spot, gate: Optional[Gate]) -> dict[str, Any]:
    """What would happen; a release that is not here yet counts as what staging it would bring."""
    if gate is not None and _would_move(host, spot, wish):
        gate.preview(spot)
    here = os.path.isdir(os.path.join(wish.definition.root, "releases", wish.release))
    damage = _damage(host, wish) if here and _would_move(host, spot, wish) else ""
    move = spot.decide("activate", **_asked(host, spot, wish, damage))
    if move.changed:
        _refuse_elsewhere(host, wish)
    would = _effects_in_words(wish.definition.doc, spot.current, wish.release) if move.changed else []
    return {"changed": move.changed, "would": would, "service": standing(host, wish.definition.service, spot.root)}


def _effects_in_words(doc: dict[str, Any], old: str, new: str) -> list[str]:
    drain, hooks = doc["drain"], doc["hooks"]
    probes = ", ".join(probe["name"] for probe in doc["probes"]) or doc["unit"]
    steps = [
        f"drain for {drain['wait_s']} s" if drain else "",
        f"run {' '.join(hooks['before']['command'])}" if hooks["before"] else "",
        f"switch {doc['service']} from {old} to {new}",
        f"{doc['start']} {doc['unit']}",
        f"run {' '.join(hooks['after']['command'])}" if hooks["after"] else "",
        f"probe {probes}",
        "undrain" if drain else "",
    ]
    return [step for step in steps if step]


def _asked(host: Host, spot: Spot, wish: Wish, damage: str) -> dict[str, Any]:
    return {
        "change": wish.change,
        "release": wish.release,
        "previous": wish.previous,
        "fence": wish.fence,
        "token_sha256": wish.token_sha256,
        "damage": damage,
        "busy": _busy(host, wish.definition),
    }


# --- begin


def _begin_in_turn(host: Host, wish: Wish, gate: Optional[Gate]) -> Optional[str]:
    """Begin, after the other service of this host that is being activated, as long as the caller waits for it."""
    end_ms = host.clock.now_ms() + wish.wait_s * 1000
    while True:
        try:
            spot = Spot(host, wish.definition.service, wish.definition.root)
            moves = _would_move(host, spot, wish)
            if moves and gate is not None:
                gate.require()
            damage = _damage(host, wish) if moves else ""
            return _begin(host, wish, damage, gate)
        except Refusal as refusal:
            if "holder" not in refusal.facts or host.clock.now_ms() >= end_ms:
                raise
        host.clock.sleep(_TURN_POLL_S)


def _begin(host: Host, wish: Wish, damage: str, gate: Optional[Gate]) -> Optional[str]:
    """Make the state pending, with everything that it may become on disk before; returns the new activation's aid.

    The reaper's timer comes first: from the moment at which the state is pending, something watches it.
    """
    service = wish.definition.service
    spot = Spot(host, service, wish.definition.root)
    if not spot.decide("activate", **_asked(host, spot, wish, damage)).changed:
        return None
    enablement = _refuse_elsewhere(host, wish)
    deadline_ms = host.clock.now_ms() + wish.deadline_s * 1000
    host.units.arm(service, deadline_ms, wish.deadline_s * 1000)
    try:
        aid = _begin_locked(host, wish, damage, deadline_ms, enablement, gate)
    except Refusal:  # nothing else: after any other error the state may be pending, and then it must be watched
        host.units.disarm(service, deadline_ms)
        raise
    if aid is None:
        host.units.disarm(service, deadline_ms)
    return aid


def _begin_locked(
    host: Host, wish: Wish, damage: str, deadline_ms: int, enablement: str, gate: Optional[Gate]
) -> Optional[str]:
    with host.lock():
        spot = Spot(host, wish.definition.service, wish.definition.root)
        move = spot.decide("activate", **_asked(host, spot, wish, damage or _gone(host, wish)))
        if not move.changed:
            return None
        refuse_overlap(host, wish.definition)
        _refuse_moved(spot.view, wish.definition)
        base = _base(spot)
        begin = _begin_document(host, wish, spot, base, deadline_ms, enablement)
        begin.update(_counted(host, spot, gate))
        try:
            spot.journal.begin(futures.all_of(base, begin))
            spot.switch.prepare(begin["aid"], begin["old"], begin["new"])
        except OSError as error:
            _forget(spot, begin["aid"])
            raise Refusal(
                "NO_SPACE", f"{wish.definition.service}: the activation cannot be written down ({error.strerror})"
            ) from None
        spot.view = begin
        spot.go(move)
        return str(begin["aid"])


def _counted(host: Host, spot: Spot, gate: Optional[Gate]) -> dict[str, Any]:
    """By which statement this begins, counted by an enrolled host; the caller holds the lock."""
    if gate is not None:
        return gate.count(spot)
    if host.is_enrolled:
        raise Refusal("ENROLLED", f"{spot.journal.service}: this host was enrolled meanwhile; run again")
    return {"statement": "", "seq": spot.view.get("seq", 0)}


def _gone(host: Host, wish: Wish) -> str:
    """Whether retention has removed the release since it was compared with its manifest."""
    folder = os.path.join(wish.definition.root, "releases", wish.release)
    for path in (folder, host.paths.manifest(wish.definition.service, wish.release)):
        if not os.path.lexists(path):
            return f"{path} was removed meanwhile; stage it again"
    return ""


def _begin_document(
    host: Host, wish: Wish, spot: Spot, base: dict[str, Any], deadline_ms: int, enablement: str
) -> dict[str, Any]:
    return {
        "aid": os.urandom(8).hex(),
        "change": wish.change,
        "plan": wish.plan,
        "old": spot.current,
        "new": wish.release,
        # what runs now runs by the definition with which it was deployed; without a journal only the new one is known
        "old_definition": base.get("new_definition") or wish.definition.doc,
        "new_definition": wish.definition.doc,
        "back_until": wish.back_until,
        "token_sha256": wish.token_sha256,
        "enablement": enablement,
        "began": host.clock.utc(),
        "began_ms": deadline_ms - wish.deadline_s * 1000,
        "deadline_ms": deadline_ms,
        "renew_until_ms": host.clock.now_ms() + wish.renew_until_s * 1000,
        "boot_id": host.clock.boot_id(),
        "fence": wish.fence,
    }


def _base(spot: Spot) -> dict[str, Any]:
    """The steady document to return to: what is, or what a failed way back was to return to."""
    if spot.view["state"] == "steady":
        return spot.view
    base = spot.journal.future(spot.view["aid"], "steady-old")
    return base or states.steady_without_journal(spot.view["service"], spot.current)


def _forget(spot: Spot, aid: str) -> None:
    try:
        spot.journal.forget(aid)
        spot.switch.forget(aid)
    except OSError:
        pass  # retention removes what is left


def _busy(host: Host, definition: Definition) -> Any:
    for other in host.services():
        if other != definition.service and host.journal(other).read(ABSENT)["state"] == "pending":
            return other
    return None


def refuse_overlap(host: Host, definition: Definition) -> None:
    """Roots and units of two services never overlap."""
    mine = definition.root + "/"
    for other in host.services():
        doc = host.journal(other).read(ABSENT).get("new_definition")
        if other == definition.service or doc is None:
            continue
        theirs = doc["root"] + "/"
        if doc["unit"] == definition.unit or mine.startswith(theirs) or theirs.startswith(mine):
            raise Refusal(
                "DATA",
                f"{definition.service}: root {definition.root} and unit {definition.unit} overlap those of service "
                f"{other} ({doc['root']}, {doc['unit']}); give each service its own",
            )


def _refuse_moved(view: dict[str, Any], definition: Definition) -> None:
    """A service whose root or unit changed would leave the old one running."""
    doc = view.get("new_definition")
    if doc and view["new"] != ABSENT and (doc["root"], doc["unit"]) != (definition.root, definition.unit):
        raise Refusal(
            "UNSUPPORTED",
            f"{definition.service}: found root {doc['root']} and unit {doc['unit']} on this host, the plan says "
            f"{definition.root} and {definition.unit}; a service cannot move yet",
        )


def _refuse_elsewhere(host: Host, wish: Wish) -> str:
    """A first deployment never takes over what runs already; returns the enablement found."""
    definition = wish.definition
    if wish.previous != ABSENT:
        return ""
    from ..core import vitals

    shown = host.units.properties(definition.unit, *vitals.UNIT_PROPERTIES)
    unit = vitals.unit_fact(definition.unit, definition.root, shown)
    if unit["LoadState"] != "loaded":
        raise Refusal(
            "PRECHECK",
            f"{definition.unit}: found LoadState={unit['LoadState']}, expected a unit that systemd knows",
        )
    elsewhere = vitals.runs_elsewhere(unit, definition.root)
    if elsewhere:
        raise Refusal(
            "RUNS_ELSEWHERE",
            f"{elsewhere}; a first deployment never takes over what runs: take it over with tidegate.deploy.adopt, "
            "without a restart",
        )
    return host.units.enablement(definition.unit)


# --- effects


def _start_effects(host: Host, wish: Wish, aid: str) -> None:
    from .turn import take_back

    service = wish.definition.service
    limit_s = min(wish.definition.effects_s() + GRACE_S, wish.deadline_s)
    try:
        host.units.start_effects(service, aid, limit_s)
    except Refusal as refusal:
        take_back(host, service, aid, f"the effects did not start: {refusal.message}")


# --- answer


def _answer(host: Host, wish: Wish, changed: bool) -> dict[str, Any]:
    service = wish.definition.service
    stands = standing(host, service, wish.definition.root)
    reverted = stands["reverted"] or {}
    if stands["state"] == "failed":
        raise Refusal("REVERT_FAILED", f"{service}: {stands['reason']}; going back failed: {stands['attempts'][-1:]}")
    if stands["state"] == "steady" and reverted.get("change") == wish.change and stands["change"] != wish.change:
        code = reverted["code"] or "ACTIVATION"
        raise Refusal(code, f"{reverted['why'] or 'the activation failed'}; the host went back to {stands['current']}")
    timings = host.journal(service).note(stands["aid"]).get("timings", {})
    return {"changed": changed, "service": stands, "timings": timings}
