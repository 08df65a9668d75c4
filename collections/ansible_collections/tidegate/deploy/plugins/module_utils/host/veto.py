# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `veto`: an entitled approver closes a change's plan on this host, without the store."""

from __future__ import annotations

from ..core.errors import Refusal
from ..core.permit import require_veto
from ..core.signed import Signed
from ..core.statement import Statement
from . import signatures
from .record import Record
from .warden import Warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """From now on nothing goes forward here by any statement about the plan; what is under way ends by itself.

    Returns:
        changed, vetoed: what is closed, by: who has vetoed it; would in check mode.

    Raises:
        Refusal: VETO or what else speaks against the signature; PERMIT, the statement is not for this host; TRUST_STALE;
            FULL.
    """
    warden = Warden.of(host)
    signed = Signed.parse(request, "request")
    statement = Statement.parse(signed.data)
    service = str(statement.doc["service"])
    warden.definition_of(service)
    people = require_veto(statement, signed.signatures, warden.bundle, service, warden.now, signatures.verify)
    _require_known_trust(statement, warden)
    with host.lock():
        record = Record(host, service)
        changed = record.veto(statement, people, host.clock.utc())
        if changed and not request["check"]:
            record.write()
    would = [f"close {statement.change} revision {statement.doc['revision']}"] if changed and request["check"] else []
    return {"changed": changed, "vetoed": statement.about, "by": list(people), "would": would}


def _require_known_trust(statement: Statement, warden: Warden) -> None:
    """See that the next versions of trust can make room again: what asks for one of them cannot open this host before."""
    needed, number = statement.doc["min_trust"], warden.bundle.number
    if needed > number:
        raise Refusal(
            "TRUST_STALE",
            f"this host is at version {number} of trust, and what is rejected needs {needed}, so it cannot go forward here yet; "
            "bring the host there with tidegate.deploy.enroll, and reject it again",
        )
