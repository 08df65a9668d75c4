# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All probes of a service at once, again and again, until each was good for long enough or the time is over.

A probe may fail while the service starts and pass later; it is given up at the end of the budget, or at once when the
unit crashed. Beside the probes that a service defines, one of its own unit always runs (`core.health.with_unit_probe`).
Each probe has a thread of its own, so that one that hangs takes no time from the others, and the budget holds in any
case, but for `GRACE_S`: a thread that does not return is left behind.

The post-install test follows an activation that has watched for as long as the probes say. While the very processes
that it saw run still, that time is not waited for again; a unit that was restarted since is found by that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from ..core.errors import Refusal
from ..core.health import Probe, Streak, parse_all, with_unit_probe
from ..core.judgment import Raw, Sight, judge
from .look import UNIT_PROPERTIES, Place, Systemd, life_of, look, unit_started_after

__all__ = ["QUICK_TRIES", "quick", "run", "unit_started_after", "verdict"]

QUICK_TRIES = 3
QUICK_EVERY_MS = 250
GRACE_S = 0.3

Result = dict[str, Any]
"""``{"name", "ok", "detail", "latency_ms", "saw_release", "state"}`` of one probe.

``state`` is good, crashed (cannot become good), bad, or short (well at the end, but not for long enough). That of a unit
that was good has a ``life`` (`look.life_of`).
"""
Lives = Mapping[str, list[str]]
"""Unit -> the life of it that an earlier run saw."""
_TELLING = ("crashed", "bad", "short", "good")


def run(
    definition: dict[str, Any],
    release: dict[str, str] | None,
    since_boottime_ms: int | None,
    budget_s: float,
    place: str = "host",
    systemd: Systemd | None = None,
    lives: Lives | None = None,
) -> list[Result]:
    """Run the probes of one place until all passed, one cannot pass any more, or the budget is spent.

    Args:
        definition: the service definition; of it are read ``root unit user probes``.
        release: ``{"id", "version"}`` that must be there; null: whichever is.
        since_boottime_ms: when it was switched, on the boot clock; null: log probes count the whole boot.
        budget_s: the time for all together.
        place: ``host`` or ``controller``.
        systemd: who answers about units; for tests.
        lives: what an earlier run saw, in which all of these probes passed; null: there was none.

    Returns:
        One result per probe in the definition's order; empty when there is none for this place.
    """
    probes = probes_of(definition, place)
    where = _place(definition, since_boottime_ms, systemd)
    return _Round(probes, where, release, budget_s, lives=lives or {}).results()


def lives_of(definition: dict[str, Any], results: list[Result]) -> dict[str, list[str]]:
    """The lives of all units that were watched on the host."""
    units = {probe.name: probe.fields["unit"] for probe in probes_of(definition, "host") if probe.kind == "unit"}
    return {units[result["name"]]: result["life"] for result in results if "life" in result}


def quick(
    definition: dict[str, Any], release: dict[str, str] | None, budget_s: float, systemd: Systemd | None = None
) -> list[Result]:
    """Whether a service is well now: one good answer of at most `QUICK_TRIES` is enough for each probe.

    Log probes take no part: what they look for stood in the log when the release was switched, maybe long ago.
    """
    probes = [
        probe._replace(in_a_row=1, over_s=0, every_ms=QUICK_EVERY_MS)
        for probe in probes_of(definition, "host")
        if probe.kind != "log"
    ]
    where = _place(definition, None, systemd)
    return _Round(probes, where, release, budget_s, most_tries=QUICK_TRIES).results()


def verdict(results: list[Result], started_after: bool | None) -> Refusal | None:
    """What all results together say; null when the release is good and seen.

    Args:
        results: from `run`, of all places.
        started_after: whether the unit's process was started after the switch; null: nobody knows.
    """
    bad = sorted(
        (result for result in results if not result["ok"]),
        key=lambda result: _TELLING.index(result.get("state", "bad")),
    )
    if bad:
        others = f"; {len(bad) - 1} more did not pass" if len(bad) > 1 else ""
        message = f"probe {bad[0]['name']!r}: {bad[0]['detail']}{others}"
        return Refusal("PROBE", message, probes=[result["name"] for result in bad])
    if started_after or any(result["saw_release"] for result in results):
        return None
    return Refusal(
        "RELEASE_UNSEEN",
        "found that no probe names the release and that the unit's process was not started after the switch, expected"
        " one of them: give a probe `release:` (where the answer shows its version), or let the unit be restarted",
    )


def probes_of(definition: dict[str, Any], place: str) -> list[Probe]:
    """The probes of one place; on the host with the one of the service's own unit."""
    probes = parse_all(definition["probes"])
    if place == "host":
        probes = with_unit_probe(probes, definition["unit"])
    return [probe for probe in probes if probe.place == place]


def _place(definition: dict[str, Any], since_boottime_ms: int | None, systemd: Systemd | None) -> Place:
    return Place(
        root=definition["root"],
        unit=definition["unit"],
        user=definition.get("user"),
        since_boottime_ms=since_boottime_ms,
        systemd=systemd or Systemd(),
    )


class _Series:
    """One probe's looks so far."""

    def __init__(self, probe: Probe, lives: Lives, same: bool) -> None:
        self.probe = probe
        self.streak = Streak.of(probe, vouched=same)
        life = lives.get(probe.fields.get("unit", ""))
        self._restarts = int(life[0]) if life else None
        self.life: list[str] | None = None
        self.sight: Sight | None = None
        self.bad: Sight | None = None
        self.saw_release = False
        self.tries = 0
        self._first: Raw | None = None

    def add(self, raw: Raw, release: dict[str, str] | None) -> None:
        """Judge one more answer."""
        first = self._first
        if first is None and self._restarts is not None and "NRestarts" in raw:
            first = {**raw, "NRestarts": self._restarts}
        sight = judge(self.probe, raw, release, first)
        self.tries += 1
        self.streak = self.streak.add(time.monotonic_ns() // 1_000_000, sight.ok)
        self.sight = sight
        if sight.ok:
            self.saw_release = sight.saw_release
            self._first = first or raw
            self.life = raw.get("life")
        else:
            self.bad = sight
            # a changed main process begins the count again, with the new process as the one to keep; restarts are
            # counted from the first look on
            self._first = _first_after(first, raw)

    @property
    def state(self) -> str:
        """Where it stands, see `Result`."""
        if self.sight is None or not self.sight.ok:
            return "crashed" if self.sight is not None and self.sight.final else "bad"
        return "good" if self.streak.done else "short"

    def result(self, time_text: str) -> Result:
        """What became of it."""
        state = self.state
        life = {"life": self.life} if state == "good" and self.life else {}
        return {
            **life,
            "name": self.probe.name,
            "ok": state == "good",
            "detail": self._detail(state, time_text),
            "latency_ms": None if self.sight is None else self.sight.latency_ms,
            "saw_release": state == "good" and self.saw_release,
            "state": state,
        }

    def _detail(self, state: str, time_text: str) -> str:
        if self.sight is None:
            return f"found no answer {time_text}, expected one"
        if state == "short":
            last = f"; last bad answer: {self.bad.detail}" if self.bad else ""
            return f"found {self.streak.text} ({self.tries} tries {time_text}{last})"
        tries = "" if state == "good" else f" (try {self.tries}, {time_text})"
        return self.sight.detail + tries


def _first_after(first: Raw | None, raw: Raw) -> Raw | None:
    if "MainPID" not in raw:
        return first
    return {**(first or raw), "MainPID": raw["MainPID"]}


class _Round:
    """All series, each in a thread, and the moment at which they end.

    A series goes on after it was good for long enough, until all are: one that turns bad meanwhile begins again.
    """

    def __init__(
        self,
        probes: list[Probe],
        place: Place,
        release: dict[str, str] | None,
        budget_s: float,
        most_tries: int | None = None,
        lives: Lives | None = None,
    ) -> None:
        same = _same_lives(lives or {}, place.systemd)
        self._series = [_Series(probe, lives or {}, same) for probe in probes]
        self._place = place._replace(stop=lambda: self._over)
        self._release = release
        self._began = time.monotonic()
        self._deadline = self._began + budget_s
        self._most_tries = most_tries
        self._changed = threading.Condition()
        self._working = len(probes)
        self._over = not probes

    def results(self) -> list[Result]:
        """Run to the end."""
        threads = [threading.Thread(target=self._work, args=(series,), daemon=True) for series in self._series]
        for thread in threads:
            thread.start()
        with self._changed:
            # a look that ends with the budget may still tell what it found
            self._changed.wait_for(lambda: self._over or not self._working, max(0.0, self._left_s()) + GRACE_S)
            self._end()
            time_text = f"in {time.monotonic() - self._began:.1f} s"
            results = [series.result(time_text) for series in self._series]
        until = time.monotonic() + GRACE_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))  # so that a command is killed before we are gone
        return results

    def _work(self, series: _Series) -> None:
        try:
            while self._left_s() > 0 and self._look_once(series):
                pass
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def _look_once(self, series: _Series) -> bool:
        """One look and the wait for the next; false when there is none."""
        next_look = time.monotonic() + series.probe.every_ms / 1000
        raw = _look_safely(series.probe, self._place, self._left_s())
        with self._changed:
            if self._over or (series.sight and "error" in raw and self._left_s() <= 0):
                return False  # cut short by the budget: what was found before tells more
            series.add(raw, self._release)
            hopeless = series.state == "crashed" and not self._most_tries
            if hopeless or all(map(self._is_settled, self._series)):
                self._end()
                return False
            if self._most_tries and self._is_settled(series):
                return False
            until = min(next_look, self._deadline)
            return not self._changed.wait_for(lambda: self._over, max(0.0, until - time.monotonic()))

    def _is_settled(self, series: _Series) -> bool:
        return series.state in ("good", "crashed") or series.tries == self._most_tries

    def _end(self) -> None:
        self._over = True
        self._changed.notify_all()

    def _left_s(self) -> float:
        return self._deadline - time.monotonic()


def _same_lives(lives: Lives, systemd: Systemd) -> bool:
    """Whether every unit that was seen before has not been restarted since; false where nothing was seen."""
    try:
        return bool(lives) and all(life_of(systemd.properties(unit, UNIT_PROPERTIES)) == lives[unit] for unit in lives)
    except OSError:
        return False


def _look_safely(probe: Probe, place: Place, left_s: float) -> Raw:
    try:
        return look(probe, place, max(0.001, left_s))
    except Exception as error:  # an answer that nobody thought of is a bad one, not the end of the run
        return {"error": f"that the probe broke ({type(error).__name__}: {error})"}
