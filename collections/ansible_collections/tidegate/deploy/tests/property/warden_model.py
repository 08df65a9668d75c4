# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolled host demands, as a model of values: no files, no signatures, no documents."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

GOOD_MS = 600_000
DEADLINE_MS = 17_000
SLACK_S = 300
MOST, MOST_OF_ONE = 3, 2
"""Statements, or vetoes, that are remembered; and vetoes of one person."""
LEASE_S = 200


@dataclass(frozen=True)
class Consent:
    """A statement of people about a release.

    Args:
        id: of the statement.
        change: that it is about.
        release: that it is about.
        previous: what it lets that take the place of.
        most: how many attempts it allows.
        min_trust: the version of trust that it asks for.
        is_here: whether it names this host.
    """

    id: str
    change: str
    release: str
    previous: str
    most: int
    min_trust: int
    is_here: bool


@dataclass(frozen=True)
class Leave:
    """A permit: a consent, who signed it, and the grant.

    Args:
        consent: what was signed.
        signers: by whom.
        challenge: in its grant.
        is_logged: whether the grant is for this host and statement, in the log that the host knows.
        at_s: when it was granted.
    """

    consent: Consent
    signers: frozenset[str]
    challenge: str
    is_logged: bool
    at_s: int


@dataclass
class Trust:
    """A version of trust.

    Args:
        number: of it.
        ops: who may approve.
        ruled_by: the group of which two sign the next version; both groups have two people.
    """

    number: int = 1
    ops: frozenset[str] = frozenset({"ada", "bob"})
    ruled_by: str = "trust"

    @property
    def quorum(self) -> frozenset[str]:
        """Who signs the next version."""
        return self.ops if self.ruled_by == "ops" else frozenset({"cy", "dan"})

    def may_follow(self, after: Trust, signers: Collection[str]) -> bool:
        """Whether another version may follow this one."""
        return after.number == self.number + 1 and self.quorum | after.quorum <= set(signers)


@dataclass(frozen=True)
class Veto:
    """What somebody vetoed.

    Args:
        who: did.
        min_trust: the version of trust that what was vetoed asks for.
    """

    who: str
    min_trust: int


@dataclass
class Model:
    """One service of an enrolled host.

    Args:
        current: the release that runs.
        put_by: the consents that brought releases here, the last of which may be taken back.
    """

    current: str
    put_by: list[Consent]
    trust: Trust = field(default_factory=Trust)
    state: str = "steady"
    begun_ms: int = 0
    challenge: str = ""
    minted_ms: int = 0
    highest_s: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    known: dict[str, int] = field(default_factory=dict)
    vetoed: dict[str, Veto] = field(default_factory=dict)
    least_trust: int = 0

    # --- what may happen

    def may_begin(self, leave: Leave, now_ms: int, now_s: int) -> bool:
        """Whether an activation may begin by a permit."""
        return (
            self.state == "steady"
            and self.is_signed(leave)
            and self.is_granted(leave, now_ms, now_s)
            and self.is_open(leave.consent)
            and self.has_room(leave.consent)
            and now_s >= self.highest_s
        )

    def is_signed(self, leave: Leave) -> bool:
        """Whether enough of the right people consented to this release on this host, as it is."""
        consent = leave.consent
        return (
            len(leave.signers & self.trust.ops) >= 2  # eve, who wants it, is none of them
            and consent.is_here
            and consent.previous == self.current
            and consent.min_trust <= self.trust.number
        )

    def is_granted(self, leave: Leave, now_ms: int, now_s: int) -> bool:
        """Whether the store consented to this very attempt."""
        return (
            leave.is_logged
            and leave.challenge == self.challenge
            and now_ms < self.minted_ms + GOOD_MS
            and abs(now_s - leave.at_s) <= SLACK_S
            and now_s < leave.at_s + LEASE_S
        )

    def is_open(self, consent: Consent) -> bool:
        """Whether attempts are left, and nobody has closed it."""
        tried = self.attempts.get(consent.id, 0)
        overtaken = tried > 0 and self.order.index(consent.id) < self.order.index(self.put_by[-1].id)
        return (
            consent.change not in self.closed
            and consent.min_trust >= self.least_trust
            and consent.id not in self.vetoed
            and tried < consent.most
            and not overtaken
            and consent != self.put_by[-1]
        )

    def has_room(self, consent: Consent) -> bool:
        """Whether it can be remembered, or is."""
        return consent.id in self.known or len(self.known) < MOST or self.may_forget(consent)

    def may_forget(self, consent: Consent) -> bool:
        """Whether what was planned under an earlier trust is forgotten for the sake of a newer one."""
        there = [*self.known.values(), *(veto.min_trust for veto in self.vetoed.values())]
        return consent.min_trust >= self.trust.number and any(least < self.trust.number for least in there)

    def may_veto(self, consent: Consent, who: str) -> bool:
        """Whether somebody's veto is taken, if it is anybody's."""
        may = who in self.trust.ops and consent.min_trust <= self.trust.number
        return may and (
            consent.id in self.vetoed or self.has_place(who) or (self.may_forget(consent) and self.has_place(who, True))
        )

    def has_place(self, who: str, forgets: bool = False) -> bool:
        """Whether there is one for another veto of somebody."""
        left = [veto for veto in self.vetoed.values() if not forgets or veto.min_trust >= self.trust.number]
        return len(left) < MOST and [veto.who for veto in left].count(who) < MOST_OF_ONE

    # --- what happens

    def forget(self) -> None:
        """What was planned under an earlier trust is not taken any more."""
        self.least_trust = self.trust.number
        self.known = {name: least for name, least in self.known.items() if least >= self.least_trust}
        self.attempts = {name: count for name, count in self.attempts.items() if name in self.known}
        self.vetoed = {name: veto for name, veto in self.vetoed.items() if veto.min_trust >= self.least_trust}

    def remember(self, consent: Consent) -> None:
        """It was seen to be signed."""
        if consent.id not in self.known and len(self.known) >= MOST:
            self.forget()
        self.known[consent.id] = consent.min_trust

    def veto(self, consent: Consent, who: str) -> None:
        """Somebody closes all that is about the same."""
        if consent.id in self.vetoed:
            return
        if not self.has_place(who):
            self.forget()
        self.vetoed[consent.id] = Veto(who, consent.min_trust)

    def mint(self, challenge: str, now_ms: int) -> None:
        """A challenge takes the place of the one before."""
        self.challenge, self.minted_ms = challenge, now_ms

    def begin(self, leave: Leave, now_ms: int, now_s: int) -> None:
        """The challenge is used up and the attempt is counted."""
        consent = leave.consent
        self.challenge, self.state, self.begun_ms = "", "pending", now_ms
        self.remember(consent)
        self.highest_s = max(self.highest_s, now_s)
        self.attempts[consent.id] = self.attempts.get(consent.id, 0) + 1
        self.most[consent.id] = consent.most
        if consent.id not in self.order:
            self.order.append(consent.id)
        self.put_by.append(consent)

    def end_effects(self, well: bool) -> None:
        """The release runs, or the host goes back by itself."""
        if well:
            self.state, self.current = "ready", self.put_by[-1].release
        else:
            self.go_back()

    def confirm(self) -> None:
        """It stays."""
        self.state = "steady"

    def go_back(self) -> None:
        """What was there before is there again; that only counts as an attempt."""
        gone = self.put_by.pop()
        self.state, self.current = "steady", gone.previous

    def take_back(self) -> None:
        """Somebody asked for it: that closes the change."""
        self.closed.add(self.put_by[-1].change)
        self.go_back()

    def is_overdue(self, now_ms: int) -> bool:
        """Whether nobody confirmed in time."""
        return self.state != "steady" and now_ms >= self.begun_ms + DEADLINE_MS
