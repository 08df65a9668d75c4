# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a service stands, as every step answers it and `ask` shows it."""

from __future__ import annotations

import os

from ..core import states
from .host import Spot, root_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .host import Host


def standing(host: Host, service: str, root: Optional[str] = None) -> dict[str, Any]:
    """Where a service stands, read back from disk after the journal's folder was synced.

    Args:
        host: where.
        service: its name.
        root: where it lies, as far as the caller knows.
    """
    host.journal(service).sync()
    spot = Spot(host, service, root, lenient=True)
    view = spot.view
    note = spot.journal.note(view.get("aid"))
    due = states.due(view, host.clock.now_ms(), host.clock.boot_id())
    timed = view["state"] in ("pending", "ready")
    reason = note.get("reason") if view["state"] != "steady" else None
    return {
        "service": service,
        "state": view["state"],
        "current": spot.current,
        **{key: view.get(key) for key in ("old", "new", "change", "plan", "aid", "back_until", "began")},
        "attempt": view.get("attempt", 0),
        "deadline_in_s": max(0, view["deadline_ms"] - host.clock.now_ms()) // 1000 if timed else None,
        "overdue": due is not None,
        "reverted": _reverted(spot),
        "reason": reason["message"] if reason else None,
        "attempts": note.get("attempts", []) if view["state"] in ("reverting", "failed") else [],
        "closed": spot.journal.closed(),
        "fence": view["fence"],
        "releases": _releases(root or root_of(view)),
    }


def _reverted(spot: Spot) -> Optional[dict[str, Any]]:
    reverted = spot.view.get("reverted")
    if not reverted:
        return None
    reason = spot.journal.note(reverted["aid"]).get("reason") or {}
    return {
        "change": reverted["change"],
        "plan": reverted["plan"],
        "release": reverted["release"],
        "code": reason.get("code"),
        "why": reason.get("message"),
        "at": reason.get("at"),
    }


def _releases(root: Optional[str]) -> list[str]:
    try:
        names = os.listdir(os.path.join(root or os.devnull, "releases"))
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith("."))
