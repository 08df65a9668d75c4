# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan brings hosts to an older release than they run.

Versions of dotted numbers are ordered as Semantic Versioning 2.0.0 does it (clause 11). Others have no order: nobody can
say that one of them is older, and none is called so.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import ABSENT, ARCHIVE, UNKNOWN, Plan

_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")


def downgraded(plan: Plan) -> dict[str, str]:
    """The hosts of a plan that run a newer release than it brings, with that release's id."""
    if plan.payload != ARCHIVE:
        return {}
    return {host.name: host.previous for host in plan.hosts if _is_older(plan.version, host.previous)}


def told(plan: Plan) -> str:
    """The same in one sentence; empty where the plan is no downgrade."""
    found = downgraded(plan)
    from_ids = ", ".join(sorted(set(found.values())))
    return f"a downgrade: {plan.release_id} is older than {from_ids} on {', '.join(found)}" if found else ""


def _is_older(version: str, previous: str) -> bool:
    """Whether a version is older than that of a release that is on a host."""
    if previous in (ABSENT, UNKNOWN):
        return False
    ours, theirs = _order(version), _order(previous.rpartition("-")[0])
    return ours is not None and theirs is not None and ours < theirs


def _order(version: str) -> tuple[Any, ...] | None:
    """What a version is ordered by; None where it has no order. Numbers stand before words, and no suffix behind any."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    numbers = [int(part) for part in found.group(1).split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    suffix = found.group(2)
    parts = [] if suffix is None else suffix.split(".")
    return numbers, suffix is None, [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
