# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolled host demands before it does something, and the controller may ask beforehand (protocol, section 5).

* `require_statement`: enough of the right people signed that this may be done on this host.
* `require_grant`: the store agreed to this wave, now, for this host, and that is in the log for good.
* `require_emergency`: instead of it where people signed the host's own challenge (section 9).
* `require_forward` and `attempted`: a statement is used as often as it says, and no longer when something closed it.

Each answers, or raises a `Refusal`; nothing is kept here.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from . import countersigned, shape
from .errors import Refusal
from .logged import Logged, Seen
from .quorum import Finding, Standing, flaw_of
from .requested import require_request
from .shape import is_count, is_digest, is_name, is_uid
from .signed import NOBODY, Signed, require_quorum, voices
from .statement import APPROVAL, EMERGENCY, VETO, Statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Optional, Protocol

    from .countersigned import Countersigned
    from .signed import Verify
    from .trust import Bundle

    class Identity(Protocol):
        """Which host it is."""

        @property
        def name(self) -> str: ...

        @property
        def uid(self) -> str: ...


GRANT, REVIEWED = "grant", "emergency.reviewed"
"""The kinds of entries that hosts are shown."""

MOST_HOSTS = 100
"""Hosts in one entry: with more, it would not be an entry any more. A larger wave has several."""

CLOCKS_DIFFER = timedelta(seconds=300)


class Permit(NamedTuple):
    """A statement with its signatures, its requester's under the request, and the grant; None where an emergency needs none.

    Approvals of it that were given in other systems come beside them, where there are some.
    """

    statement: Statement
    signatures: tuple[str, ...]
    request: str
    grant: Optional[Logged]
    evidence: tuple[Countersigned, ...] = ()

    @classmethod
    def parse(cls, doc: Any) -> Permit:
        """The permit in a document with ``statement``, ``signatures``, ``request``, ``grant``, and ``evidence`` if there is some.

        Raises:
            Refusal: PERMIT, there is none; STATEMENT; GRANT.
        """
        if not isinstance(doc, dict) or set(doc) - {"evidence"} != {"statement", "signatures", "request", "grant"}:
            raise Refusal(
                "PERMIT",
                "found no permit, expected statement, signatures, request and grant: this host is enrolled and demands them",
            )
        if not isinstance(doc["request"], str):
            raise Refusal("PERMIT", "permit.request: found something else, expected the signature under the request")
        signed = Signed.parse(doc)
        grant = None if doc["grant"] is None else Logged.parse(doc["grant"])
        evidence = countersigned.parse(doc.get("evidence", []))
        return cls(Statement.parse(signed.data), signed.signatures, doc["request"], grant, evidence)


class Granted(NamedTuple):
    """What a grant says.

    Args:
        index: of its entry in the log: the fence.
        seen: the checkpoint that the host keeps from now on.
    """

    index: int  # type: ignore[assignment]  # the word of the documents, as in `entries.Entry`
    seen: Seen


# --- people -----------------------------------------------------------------------------------------------------------


def require_statement(
    statement: Statement,
    signatures: Sequence[str],
    request: str,
    bundle: Bundle,
    identity: Identity,
    service: str,
    now: datetime,
    verify: Verify,
    evidence: Sequence[Countersigned] = (),
) -> Standing:
    """See that somebody wants a release of a service on a host, and enough of the right people signed that it comes there.

    Args:
        statement: in its exact bytes.
        signatures: under it.
        request: the signature of its requester under `Statement.as_request`; empty where there is none.
        bundle: that the host enforces.
        identity: of the host.
        service: which one.
        now: by the host's clock.
        verify: does the mathematics of signatures.
        evidence: approvals of it that were given in other systems; of an emergency only people's own signatures count.

    Returns:
        How it stands: it is granted.

    Raises:
        Refusal: PERMIT, it is not about this host and service; TRUST_STALE; DEFINITION; WINDOW; the code of the most telling
            flaw of the signatures, or QUORUM; as `require_request`.
    """
    _require_about(statement, bundle, identity, service)
    _require_window(statement, now)
    change_type = EMERGENCY if statement.type == EMERGENCY else statement.doc["change_type"]
    rules = bundle.rules_for(service, change_type, statement.doc["risk"])
    duties = {"requester": statement.requester}
    given = () if change_type == EMERGENCY else evidence
    elsewhere = countersigned.voices(statement.id, given, bundle, now, verify) if given else NOBODY
    found = require_quorum(
        statement.data, statement.namespace, signatures, rules, duties, bundle, now, verify, elsewhere
    )
    wanted = require_request(statement, request, bundle.members(), now, verify)
    wanted.require_told(bundle.doc["require_presence"], bundle.doc["require_verification"])
    return found


def require_veto(
    statement: Statement, signatures: Sequence[str], bundle: Bundle, service: str, now: datetime, verify: Verify
) -> tuple[str, ...]:
    """See that somebody who may approve for a service rejects a statement.

    Args:
        statement: of the type veto; it closes everything with the same `Statement.about`.
        signatures: under it.
        bundle: that the host enforces.
        service: which one.
        now: by the host's clock.
        verify: does the mathematics of signatures.

    Returns:
        Their names.

    Raises:
        Refusal: PERMIT, it is no veto of this service here; QUORUM or the flaw of the signature, nobody entitled signed it.
    """
    if statement.type != VETO or statement.doc["service"] != service:
        raise Refusal("PERMIT", f"found {statement.type} of {statement.doc['service']}, expected {VETO} of {service}")
    _require_environment(statement, bundle)
    heard = voices(statement.data, statement.namespace, signatures, bundle, now, verify)
    entitled, members = bundle.entitled(service), bundle.members()
    flaws = [*heard.flaws]
    names = []
    for voice in heard.voices:
        flaw = flaw_of(voice, members, now)
        if flaw is None and not members[voice.person].groups & entitled:
            flaw = Finding("QUORUM", f"{voice.person} is in no group that a rule for {service} names", voice.person)
        if flaw is None:
            names.append(voice.person)
        else:
            flaws.append(flaw)
    if not names:
        first = flaws[0] if flaws else Finding("QUORUM", "nobody signed the veto")
        raise Refusal(first.code, first.message)
    return tuple(sorted(set(names)))


def _require_about(statement: Statement, bundle: Bundle, identity: Identity, service: str) -> None:
    if statement.type not in (APPROVAL, EMERGENCY):
        raise Refusal("PERMIT", f"found a {statement.type}, expected an {APPROVAL} or {EMERGENCY}")
    if statement.doc["service"] != service or statement.doc["action"] != "deploy":
        found = f"{statement.doc['action']} of {statement.doc['service']}"
        raise Refusal("PERMIT", f"the statement is about {found}, and not about a deployment of {service}")
    _require_environment(statement, bundle)
    if statement.host(identity.name, identity.uid) is None:
        raise Refusal("PERMIT", f"the statement does not name {identity.name} with the uid {identity.uid} of this host")
    if statement.doc["min_trust"] > bundle.number:
        raise Refusal(
            "TRUST_STALE",
            f"this host is at version {bundle.number} of trust, and the statement needs {statement.doc['min_trust']}; bring it "
            "there with tidegate.deploy.enroll",
        )
    if bundle.definition_for(service, identity.name).digest not in statement.definitions:
        raise Refusal(
            "DEFINITION",
            f"the definition of {service} that was approved is not the one of the trust bundle {bundle.number}; bring them "
            "together with tidegate.deploy.trust, and plan again",
        )


def _require_environment(statement: Statement, bundle: Bundle) -> None:
    if statement.doc["environment"] != bundle.environment:
        found = statement.doc["environment"]
        raise Refusal("PERMIT", f"the statement is for {found}, and this host is in {bundle.environment}")


def _require_window(statement: Statement, now: datetime) -> None:
    begins, ends = statement.window()
    if (begins is not None and now < begins) or (ends is not None and now > ends):
        window = statement.doc["window"]
        said = " until ".join(window[key] or "any time" for key in ("not_before", "not_after"))
        raise Refusal("WINDOW", f"the statement may be used from {said}, and by this host's clock it is {now:%FT%TZ}")


# --- the store --------------------------------------------------------------------------------------------------------


def require_challenge(found: object, challenge: str, emergency: bool = False) -> None:
    """See that a permit is good for the challenge that a host has minted, in constant time.

    Raises:
        Refusal: CHALLENGE; of an emergency people sign the next one.
    """
    if not is_digest(challenge) or not is_digest(found) or not hmac.compare_digest(str(found), challenge):
        again = "run the availability check and ask for a grant again"
        if emergency:
            again = "ask for another with tidegate.deploy.emergency, and have that signed"
        told = f"the permit is not for the challenge that this host has minted last, or none is left; {again}"
        raise Refusal("CHALLENGE", told)


def require_grant(
    grant: Optional[Logged],
    statement: Statement,
    identity: Identity,
    challenge: str,
    seen: Seen,
    bundle: Bundle,
    now: datetime,
    verify: Verify,
) -> Granted:
    """See that the store has agreed to a wave with this host, by an entry that is in the log for good.

    Args:
        grant: as it came; None where the permit has none.
        statement: that the permit is about.
        identity: of the host.
        challenge: that the host minted last for the service; empty where none is left.
        seen: the last checkpoint that the host has seen.
        bundle: that the host enforces.
        now: by the host's clock, which has never said a later time before.
        verify: does the mathematics of signatures.

    Raises:
        Refusal: GRANT; CHALLENGE; CLOCK.
    """
    if grant is None:
        raise Refusal("GRANT", "the permit has no grant, and its statement is no emergency")
    entry, body = grant.entry, grant.entry.body
    kept = grant.require(GRANT, seen, bundle, verify)
    shape.require("GRANT", f"entry {entry.index}", body, _GRANT_FIELDS)
    if (body["statement"], body["service"]) != (statement.id, statement.doc["service"]):
        raise Refusal("GRANT", "the grant is for another statement or service")
    if identity.uid not in body["hosts"]:
        raise Refusal("GRANT", f"the grant is for wave {body['wave']}, without {identity.name} ({identity.uid})")
    require_challenge(body["hosts"][identity.uid], challenge)
    entered, ends = shape.moment(entry.at), shape.moment(body["lease_until"])
    if entered is None or ends is None:
        raise Refusal("GRANT", f"entry {entry.index} names no moment that there is")
    if abs(now - entered) > CLOCKS_DIFFER:
        raise Refusal(
            "CLOCK",
            f"this host's clock says {now:%FT%TZ}, and the store's said {entered:%FT%TZ}: more than "
            f"{CLOCKS_DIFFER.seconds} s apart; set the wrong one right",
        )
    if now >= ends:
        raise Refusal("GRANT", f"the lease of the grant ended at {ends:%FT%TZ}; ask for another")
    return Granted(entry.index, kept)


def require_emergency(statement: Statement, identity: Identity, challenge: str) -> None:
    """See that people signed this host's own challenge, so that no grant is needed.

    Raises:
        Refusal: GRANT, it is no emergency; CHALLENGE.
    """
    if statement.type != EMERGENCY:
        raise Refusal("GRANT", "the permit has no grant, and its statement is no emergency")
    host = statement.host(identity.name, identity.uid)
    require_challenge(host and host["challenge"], challenge, emergency=True)


def require_review(logged: Logged, statement_id: str, seen: Seen, bundle: Bundle, verify: Verify) -> Seen:
    """See that the review of an emergency is in the log; answers what the host keeps from now on.

    Raises:
        Refusal: GRANT.
    """
    kept = logged.require(REVIEWED, seen, bundle, verify)
    if logged.entry.body.get("statement") != statement_id:
        raise Refusal("GRANT", f"the review is of another emergency, expected {statement_id}")
    return kept


_GRANT_FIELDS: shape.Fields = {
    "statement": (is_digest, "the id of a statement"),
    "service": (is_name, "the name of a service"),
    "wave": (is_count, "the number of a wave"),
    "hosts": (
        lambda value: isinstance(value, dict) and all(is_uid(uid) and is_digest(one) for uid, one in value.items()),
        "challenges by the uids of hosts",
    ),
    "lease_until": (lambda value: isinstance(value, str), "a moment"),
}


# --- attempts ---------------------------------------------------------------------------------------------------------


def require_forward(record: Mapping[str, Any], statement: Statement, confirmed: int = 0) -> None:
    """See that a statement may be used forward once more on this host.

    Args:
        record: what the host keeps of a service: ``statements``, by id ``attempts`` and ``seq``; ``vetoed``, by
            `Statement.about` who did ``by``; empty where that was not kept.
        statement: that is used.
        confirmed: the ``seq`` of the statement that put `current` there; 0: none did.

    Raises:
        Refusal: CLOSED, it was vetoed, or a later one was confirmed; ATTEMPTS.
    """
    veto = record["vetoed"].get(statement.about)
    if veto is not None:
        raise Refusal(
            "VETO",
            f"{veto['by'] or 'somebody'} has rejected {statement.change} on this host, which lets its plan through no more; "
            "plan it otherwise, or end it with tidegate.deploy.reject",
        )
    used = record["statements"].get(statement.id)
    if used is None:
        return
    if used["seq"] < confirmed:
        raise Refusal(
            "CLOSED", f"a statement that came after the one of {statement.change} was confirmed here; plan again"
        )
    if used["attempts"] >= statement.doc["max_attempts"]:
        raise Refusal(
            "ATTEMPTS",
            f"the statement of {statement.change} was used {used['attempts']} times here, as often as it may be; plan again, "
            "and have that approved",
        )


def attempted(record: Mapping[str, Any], statement: Statement) -> dict[str, Any]:
    """What a host keeps once a statement is used forward again; its ``seq`` is that of its first use."""
    used = record["statements"].get(statement.id, {"attempts": 0, "seq": record["next_seq"]})
    counted = {**used, "attempts": used["attempts"] + 1}
    following = max(record["next_seq"], used["seq"] + 1)
    return {**record, "statements": {**record["statements"], statement.id: counted}, "next_seq": following}
