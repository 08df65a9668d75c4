# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The warden: an enrolled host, who it is, what it trusts, and what it says of that.

A definition counts only if it is, to the last byte, the one of the trust bundle for this host: nothing of another one is
read, run or asked.
"""

from __future__ import annotations

from ..core import canonical
from ..core.errors import Refusal
from ..core.shape import moment
from . import fields, record, trusted
from .identity import Identity, enrolled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Optional

    from ..core.logged import Seen
    from ..core.trust import Bundle
    from .host import Host


class Warden:
    """An enrolled host and what it trusts.

    Args:
        host: where.
        identity: who it is.
        bundle: the trust that counts.
    """

    __slots__ = ("bundle", "host", "identity")

    def __init__(self, host: Host, identity: Identity, bundle: Bundle) -> None:
        self.host = host
        self.identity = identity
        self.bundle = bundle

    @classmethod
    def of(cls, host: Host) -> Warden:
        """The warden of this host.

        Raises:
            Refusal: NOT_ENROLLED; IDENTITY, it is not the machine that was enrolled; TRUST.
        """
        identity = enrolled_here(host)
        problem = identity.problem(host)
        if problem:
            raise Refusal(
                "IDENTITY",
                f"{identity.name}: {problem}: this host counts as not enrolled; as root remove {host.paths.identity} and "
                "enroll it again, under a new uid",
            )
        return cls(host, identity, trusted.current(host))

    @classmethod
    def of_any(cls, host: Host) -> Warden:
        """The warden of this host, also where it is not the machine that was enrolled: for what only looks."""
        return cls(host, enrolled_here(host), trusted.current(host))

    @property
    def now(self) -> datetime:
        """The host's time, once it is found not to have been set back.

        Raises:
            Refusal: CLOCK.
        """
        utc = self.host.clock.utc()
        highest = max(record.highest_utc(self.host), self.identity.enrolled_at)
        if utc < highest:
            raise Refusal("CLOCK", f"this host's clock says {utc}, and has said {highest} before; set it right first")
        now = moment(utc)
        if now is None:
            raise Refusal("CLOCK", f"this host's clock says {utc}; set it right first")
        return now

    def definition_of(self, service: str) -> dict[str, Any]:
        """How a service is run on this host.

        Raises:
            Refusal: DEFINITION; the trust bundle does not define it here.
        """
        return self.bundle.definition_for(service, self.identity.name).doc

    def root_of(self, service: str) -> Optional[str]:
        """Where a service lies, if the trust bundle defines it on this host."""
        try:
            return str(self.definition_of(service)["root"])
        except Refusal:
            return None

    def require_definition(self, doc: Any) -> None:
        """See that a definition is the one of the trust bundle.

        Raises:
            Refusal: DEFINITION.
        """
        mine = self.definition_of(fields.service(doc if isinstance(doc, dict) else {}))
        if canonical.dumps(doc) != canonical.dumps(mine):
            differ = sorted(key for key in {*doc, *mine} if doc.get(key) != mine.get(key))
            raise Refusal(
                "DEFINITION",
                f"{mine['service']}: found a definition other than that of trust version {self.bundle.number}, which this host "
                f"enforces; they differ in {', '.join(differ)}: make a trust version of the inventory as it is now, or plan anew",
            )

    @property
    def checkpoint(self) -> Optional[dict[str, Any]]:
        """The largest checkpoint that this host has been shown, as a document; None: none."""
        return record.seen(self.host, str(self.bundle.doc["log"]["origin"]))

    def seen(self) -> Seen:
        """The same, for proofs."""
        from ..core.logged import Seen  # with all that proves, which who only tells has no need of

        found = self.checkpoint
        return Seen.of(found) if found else Seen()


def enrolled_here(host: Host) -> Identity:
    """Who this host is, whether or not it still is that machine.

    Raises:
        Refusal: NOT_ENROLLED.
    """
    identity = enrolled(host)
    if identity is None:
        raise Refusal("NOT_ENROLLED", "this host is not enrolled; enroll it with tidegate.deploy.enroll first")
    return identity


# --- what it says of itself


def told(host: Host, program: str) -> dict[str, Any]:
    """What an enrolled host says of itself, with what is wrong with it instead of a refusal."""
    try:
        warden = Warden.of_any(host)
        return {
            "uid": warden.identity.uid,
            "name": warden.identity.name,
            "login": warden.identity.login,
            "trust": warden.bundle.number,
            "countersigned_opens": warden.bundle.countersigned_opens,
            "bundle": warden.bundle.digest,
            "program": program,
            "checkpoint": warden.checkpoint,
            "reviews_due": record.reviews_due(host),
            "vetoes": record.vetoes(host),
            "problem": warden.identity.problem(host),
        }
    except (
        Refusal,
        OSError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # it goes with every refusal, also of a crash
        return {"program": program, "problem": str(error) if isinstance(error, Refusal) else repr(error)}
