# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before an activation and a staging on an enrolled host: statement, signatures, request, grant, attempts.

Invariants:

- Signatures and proofs are checked before the lock is taken; what may have changed since is looked at again under it.
- Under the lock, in this order: the challenge is unlinked, the attempt is counted, the journal moves. A death in between
  costs an attempt or a challenge, and never lets anything begin that was not counted.
- An activation is what its statement says: change, plan, release, what ran before, and for how long there is a way back.
"""

from __future__ import annotations

from ..core.errors import Refusal
from ..core.logged import Seen
from ..core.permit import (
    Permit,
    require_challenge,
    require_emergency,
    require_forward,
    require_grant,
    require_statement,
)
from ..core.shape import moment
from ..core.statement import EMERGENCY
from . import challenge, emergency, fields, signatures, trusted
from .record import Record
from .warden import Warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Any, Optional

    from ..core.permit import Granted
    from ..core.statement import Statement
    from .host import Host, Spot
    from .wish import Wish

SLACK_S = 300
"""By how much the clocks of controller and host may differ."""


class Gate:
    """What one activation has to prove.

    Args:
        host: where.
        request: of the step, with its permit.
        wish: what the request asks for.

    Raises:
        Refusal: NOT_ENROLLED, IDENTITY, TRUST; PERMIT, there is none.
    """

    def __init__(self, host: Host, request: dict[str, Any], wish: Wish) -> None:
        self._host = host
        self._wish = wish
        self._warden = Warden.of(host)
        self._known = signatures.Known(host)
        self._permit = Permit.parse(request.get("permit"))
        self._granted: Optional[Granted] = None
        self._challenge = ""

    @property
    def _statement(self) -> Statement:
        return self._permit.statement

    @property
    def _is_emergency(self) -> bool:
        return self._statement.type == EMERGENCY

    def preview(self, spot: Spot) -> None:
        """In check mode: all but the grant, which no rehearsal has."""
        self._require_statement(self._warden.now)
        self._require_forward(spot, Record(self._host, self._wish.definition.service))

    def require(self) -> None:
        """All that can be proved without the lock; nothing is written.

        Raises:
            Refusal: what is missing.
        """
        if self._challenge:
            return
        now = self._warden.now
        self._require_statement(now)
        minted = challenge.minted(self._host, self._wish.definition.service, self._is_emergency)
        # Without one, nothing needs to be proved.
        require_challenge(minted["challenge"], minted["challenge"], self._is_emergency)
        if self._is_emergency:
            require_emergency(self._statement, self._warden.identity, minted["challenge"])
        else:
            self._granted = require_grant(
                self._permit.grant,
                self._statement,
                self._warden.identity,
                minted["challenge"],
                Seen.of(minted["seen"]),
                self._warden.bundle,
                now,
                self._known.verify,
            )
        self._challenge = minted["challenge"]

    def count(self, spot: Spot) -> dict[str, Any]:
        """Use the challenge up and count the attempt; the caller holds the lock, and moves the journal next.

        Returns:
            statement and seq, for the journal.

        Raises:
            Refusal: something has changed since `require`; the attempt is not counted.
        """
        service = self._wish.definition.service
        if not self._challenge or trusted.newest(self._host) != self._warden.bundle.number:
            raise Refusal("BUSY", f"{service}: what is trusted here, or the service, changed meanwhile; run again")
        record = Record(self._host, service)
        self._require_forward(spot, record)
        record.admit(self._statement)
        challenge.use(self._host, service, self._is_emergency, self._challenge)
        seq = record.count(self._statement, int(spot.view.get("seq") or 0))
        record.doc["highest_utc"] = max(record.doc["highest_utc"], self._host.clock.utc())
        if self._granted is not None:
            record.doc["fence"] = self._granted.index
            record.witness(self._granted.seen)
        if self._is_emergency:
            record.doc["emergency"] = emergency.journalled(self._statement, self._host.clock.utc())
        record.write()
        return {"statement": self._statement.id, "seq": seq}

    def _require_statement(self, now: datetime) -> None:
        self._require_what_is_asked(now)
        _require_signed(self._permit, self._warden, self._wish.definition.service, now, self._known)

    def _require_what_is_asked(self, now: datetime) -> None:
        doc, wish, identity = self._statement.doc, self._wish, self._warden.identity
        named = self._statement.host(identity.name, identity.uid)  # where it is not, `require_statement` says so
        latest_s = doc["back_for_s"] + wish.renew_until_s + SLACK_S
        back_until = moment(wish.back_until)
        pairs = (
            ("change", wish.change, doc["change"]),
            ("plan", wish.plan, doc["plan"]),
            ("service", wish.definition.service, doc["service"]),
            ("manifest", wish.manifest, doc["manifest"]),
            ("action", "deploy", doc["action"]),
            ("previous", wish.previous, (named or {}).get("previous", wish.previous)),
            ("back_until", True, back_until is not None and (back_until - now).total_seconds() <= latest_s),
        )
        _require_equal(doc, pairs)

    def _require_forward(self, spot: Spot, record: Record) -> None:
        """Attempts, vetoes, later statements and grants, unreviewed emergencies."""
        service, statement = self._wish.definition.service, self._statement
        record.require_open(statement)
        require_forward(record.doc, statement, _steady_seq(spot))
        if self._is_emergency:
            emergency.require_none_due(service, record.doc["emergency"])
        if self._granted is not None and self._granted.index < record.doc["fence"]:
            raise Refusal(
                "FENCED",
                f"{service}: grant {self._granted.index} is older than {record.doc['fence']}, which this host has seen; "
                "another run has taken over",
                fence=record.doc["fence"],
            )


def _steady_seq(spot: Spot) -> int:
    """The place of the statement whose release was confirmed last; nothing before it goes forward again."""
    return int(spot.view.get("seq") or 0) if spot.view["state"] == "steady" else 0


def _require_equal(doc: Any, pairs: Iterable[tuple[str, Any, Any]]) -> None:
    differ = [name for name, found, expected in pairs if found != expected]
    if differ:
        raise Refusal(
            "PERMIT", f"{doc['change']}: what is asked for is not what was signed; they differ in {', '.join(differ)}"
        )


def _require_signed(permit: Permit, warden: Warden, service: str, now: datetime, known: signatures.Known) -> None:
    require_statement(
        permit.statement,
        permit.signatures,
        permit.request,
        warden.bundle,
        warden.identity,
        service,
        now,
        known.verify,
        permit.evidence,
    )


def require_staging(host: Host, request: dict[str, Any]) -> None:
    """See that a statement with enough signatures is about the release that is to be staged; a pull asks only known hosts.

    Raises:
        Refusal: what is missing.
    """
    from .supply import URL  # with all that reads archives, which no activation needs

    warden, known = Warden.of(host), signatures.Known(host)
    warden.require_definition(request.get("definition"))
    permit = Permit.parse(request.get("permit"))
    service, doc = request["definition"]["service"], permit.statement.doc
    release, artifact = fields.mapping(request, "release"), fields.mapping(request, "artifact")
    pairs = (
        ("service", service, doc["service"]),
        ("manifest", release.get("manifest"), doc["manifest"]),
        ("artifact", artifact.get("sha256"), doc["artifact"]),
        ("action", "deploy", doc["action"]),
    )
    _require_equal(doc, pairs)
    _require_signed(permit, warden, service, warden.now, known)
    source = fields.mapping(request, "source")
    if source.get("kind") == URL:
        if not warden.bundle.doc["sources"]:
            raise Refusal(
                "FETCH", f"{service}: the trust bundle names no host that a release may be pulled from; push it"
            )
        source["allow_hosts"] = list(warden.bundle.doc["sources"])
    _remember(host, service, permit.statement, request["check"])
    if not request["check"]:
        known.keep()


def _remember(host: Host, service: str, statement: Statement, check: bool) -> None:
    """Keep in mind that people have signed it, so that a way back can close it here before it was tried."""
    with host.lock():
        record = Record(host, service)
        record.require_open(statement)
        if record.admit(statement) and not check:
            record.write()
