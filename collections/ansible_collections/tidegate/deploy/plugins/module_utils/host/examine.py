# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps `precheck` and `probe`: they look at a host and change nothing."""

from __future__ import annotations

import os

from ..core.definition import Definition
from ..core.errors import Refusal
from ..core.release import RELEASE
from ..core.states import ABSENT
from . import fields
from .standing import standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .host import Host


def precheck(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Everything that speaks against a change on this host."""
    from . import checks

    definition = Definition.parse(request.get("definition"))
    named = None if request.get("release") is None else fields.mapping(request, "release")
    release = None if named is None else fields.text(named, "id", RELEASE)
    stands = standing(host, definition.service, definition.root)
    # a change that brings no release is about whatever runs, also about what Tidegate did not put there
    first = release is not None and stands["current"] == "absent"
    found = checks.precheck({**request, "first": first}, host.paths)
    folder = os.path.join(definition.root, "releases", str(release))
    return {
        "changed": False,
        **found,
        "service": stands,
        "staged": release is not None and os.path.isdir(folder),
    }


def probe(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """The post-install test: every probe of the host again, on what runs now.

    Without a release in the request, whichever runs is well: the change was one of something else.

    Raises:
        Refusal: PROBE or RELEASE_UNSEEN, with the results in its facts.
    """
    from . import probes

    definition = Definition.parse(request.get("definition"))
    if request.get("release") is None:
        return _probe_what_runs(host, definition)
    release = fields.mapping(request, "release")
    wanted = {"id": fields.text(release, "id", RELEASE), "version": str(release.get("version"))}
    stands = standing(host, definition.service, definition.root)
    if stands["current"] != wanted["id"]:
        raise Refusal("PREVIOUS", f"{definition.service}: current is {stands['current']}, expected {wanted['id']}")
    since_ms, rebooted = _switch_of(host, definition.service, wanted["id"])
    lives = _lives_seen(host, definition, wanted["id"])
    results = probes.run(definition.doc, wanted, since_ms, definition.limit_s("probe"), lives=lives)
    for result in results:
        result.pop("life", None)
    # after a reboot every process is younger than the switch
    started = rebooted if since_ms is None else probes.unit_started_after(definition.unit, since_ms)
    refusal = probes.verdict(results, started)
    if refusal is not None:
        refusal.facts["results"] = results
        raise refusal
    return {"changed": False, "results": results, "service": stands}


def _probe_what_runs(host: Host, definition: Definition) -> dict[str, Any]:
    from . import probes

    stands = standing(host, definition.service, definition.root)
    results = probes.run(definition.doc, None, None, definition.limit_s("probe"))
    refusal = probes.verdict(results, True)
    if refusal is not None:
        refusal.facts["results"] = results
        raise refusal
    return {"changed": False, "results": results, "service": stands}


def _lives_seen(host: Host, definition: Definition, release: str) -> Optional[dict[str, list[str]]]:
    """The units as the activation saw them that awaits its confirmation, if its probes were these; null: nobody knows."""
    journal = host.journal(definition.service)
    view = journal.read(ABSENT)
    same = (view["state"], view.get("new"), view.get("boot_id")) == ("ready", release, host.clock.boot_id())
    if not same or view["new_definition"] != definition.doc:
        return None
    lives = journal.note(view["aid"]).get("lives")
    sound = isinstance(lives, dict) and all(
        isinstance(life, list) and all(isinstance(part, str) and part.isdigit() for part in life) and life
        for life in lives.values()
    )
    return lives if sound else None


def _switch_of(host: Host, service: str, release: str) -> tuple[Optional[int], Optional[bool]]:
    """When a release was switched to, on the boot clock, and whether that was before this boot; None: nobody knows.

    The journal knows when its activation began. The moment of the switch is in a note, which may be lost: it only
    makes this more exact.
    """
    journal = host.journal(service)
    view = journal.read(ABSENT)
    if view["new"] != release or view.get("began_ms") is None:
        return None, None
    if view["boot_id"] != host.clock.boot_id():
        return None, True
    noted_ms = (journal.note(view["aid"]).get("switched") or {}).get("ms", 0)
    return (noted_ms if view["began_ms"] <= noted_ms <= host.clock.now_ms() else view["began_ms"]), False
