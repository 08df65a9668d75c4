# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust bundles with the signatures under them, and the hosts that enforce one; each with its entry.

Bundles and signatures are only ever added. What was drafted again under the same number stands in for the draft before,
which keeps its signatures; a number that another one follows is not drafted again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import digest_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder, log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import Database, stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    ENROLLED,
    TRUST,
    TRUST_SIGNATURES,
    sa,
)


@dataclass(frozen=True)
class TrustSignature:
    """A signature under a bundle.

    Attributes:
        person: whose it was found to be; whoever counts finds that again.
        key: the fingerprint of the key.
        armored: the signature.
        at: when it was recorded.
    """

    person: str
    key: str
    armored: str
    at: str


@dataclass(frozen=True)
class TrustRow:
    """One version of the trust of an environment.

    Attributes:
        environment: for which it is.
        number: of the version, from 1.
        digest: of the document.
        document: the exact bytes.
        made_at: when it was recorded.
        signatures: under it, oldest first.
    """

    environment: str
    number: int
    digest: str
    document: bytes
    made_at: str
    signatures: tuple[TrustSignature, ...] = ()


@dataclass(frozen=True)
class EnrolledRow:
    """A host that said when it was last asked that it enforces.

    Attributes:
        uid: its own random name.
        name: in the inventory.
        environment: it is in.
        enrolled_at: when that was recorded.
        trust: the number of the version that it enforces.
        program: the digest of its program.
        note: the last checkpoint that it is known to have seen; None: none.
        ended_at: when it was unenrolled, or enrolled anew; None: it is enrolled.
        before: the uid that it had until it was enrolled anew, though nobody had signed that it may leave; None: there is none.
    """

    uid: str
    name: str
    environment: str
    enrolled_at: str
    trust: int
    program: str
    note: str | None
    ended_at: str | None
    before: str | None


class Trust(Database):
    """The part of the store that keeps what hosts are told to trust, and which hosts those are."""

    def trust(self, environment: str) -> list[TrustRow]:
        """The versions of an environment, the first one first; of each the newest draft."""
        of_environment = TRUST.c.environment == environment
        drafts = sa.select(TRUST).where(of_environment).order_by(TRUST.c.number, TRUST.c.draft)
        given = sa.select(TRUST_SIGNATURES).order_by(TRUST_SIGNATURES.c.at, TRUST_SIGNATURES.c.key)
        with self.reading() as connection:
            newest = {row.number: row for row in connection.execute(drafts)}
            signatures: dict[str, list[TrustSignature]] = {}
            for row in connection.execute(given):
                signatures.setdefault(row.digest, []).append(TrustSignature(row.person, row.key, row.signature, row.at))
        return [
            TrustRow(
                row.environment,
                row.number,
                row.digest,
                row.document.encode("utf-8"),
                row.made_at,
                tuple(signatures.get(row.digest, ())),
            )
            for row in newest.values()
        ]

    def add_trust(self, environment: str, number: int, document: bytes) -> str:
        """Record a version, or another draft of the last one, and answer its digest.

        Args:
            environment: for which it is.
            number: the last one, or the one after it.
            document: the exact bytes.

        Raises:
            Refusal: TRUST, another number is the next. Nothing changed.
        """
        now, digest = self.now(), hashlib.sha256(document).hexdigest()
        with self.writing() as connection:
            of_environment = TRUST.c.environment == environment
            last = connection.execute(sa.select(sa.func.max(TRUST.c.number)).where(of_environment)).scalar() or 0
            if number not in (last, last + 1) or number < 1:
                raise Refusal(
                    "TRUST",
                    f"{environment}: found version {number}, expected {last + 1}, or {last} again; somebody else made "
                    "one meanwhile, look at it: ansible-playbook tidegate.deploy.trust",
                )
            same = of_environment & (TRUST.c.number == number)
            drafts = connection.execute(sa.select(sa.func.count()).select_from(TRUST).where(same)).scalar_one()
            values = {"environment": environment, "number": number, "draft": drafts + 1, "digest": digest}
            text = document.decode("utf-8")
            connection.execute(TRUST.insert().values({**values, "document": text, "made_at": stamp(now)}))
            log.append(connection, now, "trust.made", holder.actor(), values)
        return digest

    def sign_trust(self, row: TrustRow, person: str, key: str, armored: str) -> bool:
        """Record a signature under a version; answer whether it was not there already.

        Raises:
            Refusal: TRUST, it is not the newest draft of its number any more. Nothing changed.
        """
        now = self.now()
        with self.writing() as connection:
            of_number = (TRUST.c.environment == row.environment) & (TRUST.c.number == row.number)
            newest = sa.select(TRUST.c.digest).where(of_number).order_by(TRUST.c.draft.desc()).limit(1)
            if connection.execute(newest).scalar() != row.digest:
                raise Refusal(
                    "TRUST",
                    f"version {row.number} of {row.environment} was drafted again meanwhile: look at what it says now, "
                    "and sign that",
                )
            signed = (TRUST_SIGNATURES.c.digest == row.digest) & (TRUST_SIGNATURES.c.key == key)
            if connection.execute(sa.select(TRUST_SIGNATURES.c.key).where(signed)).first() is not None:
                return False
            values = {"digest": row.digest, "key": key, "person": person}
            connection.execute(TRUST_SIGNATURES.insert().values({**values, "signature": armored, "at": stamp(now)}))
            body = {**values, "environment": row.environment, "number": row.number, "signature": digest_of(armored)}
            log.append(connection, now, "trust.signed", person, body)
            return True

    def enrolled(self, name: str) -> EnrolledRow | None:
        """What is known of an enrolled host; None: it is not enrolled."""
        with self.reading() as connection:
            row = connection.execute(_enrolled().where(ENROLLED.c.name == name)).first()
        return None if row is None else EnrolledRow(**row._mapping)

    def all_enrolled(self) -> dict[str, EnrolledRow]:
        """Every enrolled host, by name."""
        with self.reading() as connection:
            rows = connection.execute(_enrolled().order_by(ENROLLED.c.name)).all()
        return {row.name: EnrolledRow(**row._mapping) for row in rows}

    def knows_trust(self, digest: str) -> bool:
        """Whether a version of the trust, of whichever environment, was made here."""
        with self.reading() as connection:
            return connection.execute(sa.select(TRUST.c.number).where(TRUST.c.digest == digest)).first() is not None

    def enroll_host(self, name: str, uid: str, environment: str, trust: int, program: str) -> bool:
        """Record that a host says it is enrolled, by what and how; answer whether any of that was not known, and so has an entry.

        A host of the same name and another uid has ended with that. Where only the trust or the program differs, the entry's `before`
        is the same uid.
        """
        now = self.now()
        with self.writing() as connection:
            known = connection.execute(sa.select(ENROLLED).where(_open(name))).first()
            state = {"trust": trust, "program": program}
            if known is not None and known.uid == uid:
                if (known.trust, known.program) == (trust, program):
                    return False
                connection.execute(ENROLLED.update().where(ENROLLED.c.uid == uid).values(state))
            else:
                connection.execute(ENROLLED.update().where(_open(name)).values(ended_at=stamp(now)))
                row = {"name": name, "environment": environment, **state, "enrolled_at": stamp(now), "ended_at": None}
                if not connection.execute(ENROLLED.update().where(ENROLLED.c.uid == uid).values(row)).rowcount:
                    connection.execute(ENROLLED.insert().values({"uid": uid, **row}))
            body = {"host": name, "uid": uid, "environment": environment, **state}
            before = None if known is None else known.uid
            log.append(connection, now, "host.enrolled", holder.actor(), {**body, "before": before})
            return True

    def unenroll_host(self, name: str, statement: str) -> bool:
        """Record that a host is no longer enrolled; answer whether it was.

        Args:
            name: of the host.
            statement: the digest of what was signed.
        """
        now = self.now()
        with self.writing() as connection:
            known = connection.execute(sa.select(ENROLLED).where(_open(name))).first()
            if known is None:
                return False
            connection.execute(ENROLLED.update().where(_open(name)).values(ended_at=stamp(now)))
            body = {"host": name, "uid": known.uid, "statement": statement}
            log.append(connection, now, "host.unenrolled", holder.actor(), body)
            return True


def _enrolled() -> sa.Select[Any]:
    """The rows of enrolled hosts, each with the uid that ended as it began."""
    last = ENROLLED.alias()
    ended_by_it = (last.c.name == ENROLLED.c.name) & (last.c.ended_at == ENROLLED.c.enrolled_at)
    both = sa.select(ENROLLED, last.c.uid.label("before")).join_from(ENROLLED, last, ended_by_it, isouter=True)
    return both.where(ENROLLED.c.ended_at.is_(None))


def _open(name: str) -> Any:
    return (ENROLLED.c.name == name) & ENROLLED.c.ended_at.is_(None)
