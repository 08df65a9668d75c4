# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emergencies on an enrolled host: let through without a grant, journalled, and one at a time until each was reviewed."""

from __future__ import annotations

from ..core.errors import Refusal
from ..core.logged import Logged
from ..core.permit import require_review
from . import fields, signatures
from .record import Record
from .warden import Warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

    from ..core.statement import Statement
    from .host import Host

_SHOWN = ("entry", "inclusion", "checkpoint", "consistency", "from")


def require_none_due(service: str, before: Optional[Mapping[str, Any]]) -> None:
    """See that the emergency before was reviewed.

    Raises:
        Refusal: REVIEW_DUE.
    """
    if before:
        raise Refusal(
            "REVIEW_DUE",
            f"{service}: the emergency {before['change']} of {before['at']} was not reviewed yet; review it, and show this host "
            "the entry of that",
            statement=before["statement"],
        )


def journalled(statement: Statement, utc: str) -> dict[str, Any]:
    """What a host keeps of an emergency until it was reviewed."""
    doc = statement.doc
    return {"statement": statement.id, "change": doc["change"], "at": utc, "reason": doc["reason"]}


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Take note of the review of an emergency, which the log holds.

    Raises:
        Refusal: GRANT; the entry is not proved to be in the log, or is of another emergency.
    """
    warden, service = Warden.of(host), fields.service(request)
    warden.definition_of(service)
    logged = Logged.parse({key: request.get(key) for key in _SHOWN}, "review")
    with host.lock():
        record = Record(host, service)
        before = record.doc["emergency"]
        if before is None:
            return {"changed": False, "would": [], "reviewed": None}
        seen = require_review(logged, before["statement"], warden.seen(), warden.bundle, signatures.verify)
        would = [f"take {before['change']} as reviewed"]
        if not request["check"]:
            record.doc["emergency"] = None
            record.witness(seen)
            record.write()
            would = []
    return {"changed": True, "would": would, "reviewed": before["statement"]}
