# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at a service until it is well: what an activation and a way back ask of it."""

from __future__ import annotations

from ..core.errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..core.definition import Definition
    from .clock import Clock

_ASK_EVERY_S = 0.1
_WELL_S = 2


class Watch:
    """Asks a service; tests hand in another.

    Args:
        clock: measures the wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def probe(self, definition: Definition, release: str, since_ms: int, restarted: bool) -> list[dict[str, Any]]:
        """All probes of the host, until they were good for long enough.

        Args:
            definition: whose probes.
            release: that must be seen.
            since_ms: the boot clock just before the switch.
            restarted: it need not be proved that the process is a new one.

        Returns:
            One result per probe.

        Raises:
            Refusal: PROBE or RELEASE_UNSEEN, with the results in its facts.
        """
        from . import probes

        results = probes.run(definition.doc, version_of(release), since_ms, definition.limit_s("probe"))
        started = restarted or probes.unit_started_after(definition.unit, since_ms)
        refusal = probes.verdict(results, started)
        if refusal is not None:
            refusal.facts["results"] = results
            raise refusal
        return results

    def is_well(self, definition: Definition, release: str) -> bool:
        """Whether a release serves well right now, as far as that can be said in `_WELL_S` seconds."""
        from . import probes

        results = probes.quick(definition.doc, version_of(release), _WELL_S)
        return all(result["ok"] for result in results)

    def complaint(self, definition: Definition, version: str) -> str:
        """What a service's probes find wrong with it now, if it is to be a version; empty where nothing is."""
        from . import probes

        results = probes.quick(definition.doc, {"id": version, "version": version}, definition.limit_s("probe"))
        return "; ".join(f"probe {result['name']!r}: {result['detail']}" for result in results if not result["ok"])

    def await_open(self, definition: Definition, url: str, limit_s: int) -> None:
        """Ask the endpoint that draining closed until it answers well, once.

        Raises:
            Refusal: PROBE; it did not in time.
        """
        from ..core.health import parse
        from ..core.judgment import judge
        from .look import Place, Systemd, look

        probe = parse({"kind": "http", "url": url, "status": list(range(200, 300))})
        place = Place(definition.root, definition.unit, None, None, Systemd())
        end_ms = self._clock.now_ms() + limit_s * 1000
        while True:
            sight = judge(probe, look(probe, place, max(0.1, (end_ms - self._clock.now_ms()) / 1000)))
            if sight.ok:
                return
            if self._clock.now_ms() >= end_ms:
                raise Refusal("PROBE", f"{url}: not open again {limit_s} s after draining ended: {sight.detail}")
            self._clock.sleep(_ASK_EVERY_S)


def version_of(release: str) -> dict[str, str]:
    """A release as probes know it: an id is `<version>-<12 digits>`."""
    return {"id": release, "version": release.rpartition("-")[0]}
