# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store answers: frozen rows. Times are text in UTC, documents are plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RUNNING = "running"
HALTED = "halted"
INTERRUPTED = "interrupted"
LIVE = (RUNNING, HALTED)
"""States of a run that has not ended. Every other word that a run is ended with is the caller's."""

BEGUN, DONE = "begun", "done"
"""States of a task that runs once per change; `once.STATES` has all."""

VERDICTS = ("ok", "failed", "unknown", "skipped", "back")


@dataclass(frozen=True)
class ChangeRow:
    """A change with its newest revision. It is open until it has an outcome.

    Attributes:
        before: the state that it had before the run that works on it, or was interrupted while it did.
        requested_by: who handed it in for approval.
        review_due_at: until when somebody has to review it; None where nobody has to.
        reviewed_at: when somebody has.
    """

    id: str
    service: str
    environment: str
    state: str
    source: str
    created_at: str
    revision: int
    content_digest: str
    plan_digest: str
    plan_bytes: bytes
    closed_at: str | None
    outcome: Any
    before: str | None = None
    requested_by: str | None = None
    review_due_at: str | None = None
    reviewed_at: str | None = None


@dataclass(frozen=True)
class Move:
    """What an event does to a change, as the caller's table says it.

    Attributes:
        event: what happened.
        state: the state afterwards.
        ended: whether the change has ended with that.
        begins: whether a run works on it from then on.
    """

    event: str
    state: str
    ended: bool
    begins: bool = False


@dataclass(frozen=True)
class MoveRow:
    """One move of a change, in the order in which they happened, from 1: who moved it, when, and why."""

    change_id: str
    number: int
    at: str
    event: str
    before: str
    after: str
    revision: int
    actor: str
    reason: str | None


@dataclass(frozen=True)
class RunRow:
    """One ansible-playbook process that works on one revision of a change; code and message are its first cause.

    It has no change yet while the plan is being made.
    """

    id: str
    change_id: str | None
    revision: int | None
    verb: str
    holder: dict[str, Any]
    doc: Any
    leased: bool
    waves: int
    opened: int
    closed: int
    state: str
    code: str | None
    message: str | None
    started_at: str
    ended_at: str | None
    outcome: Any

    @property
    def live(self) -> bool:
        return self.state in LIVE


@dataclass(frozen=True)
class HostRow:
    """Where a host of a run stands: the last note about it. No verdict: nothing was done yet."""

    run_id: str
    host: str
    wave: int
    position: int
    step: str | None
    verdict: str | None
    code: str | None
    message: str | None
    touched: bool
    doc: Any
    updated_at: str | None


@dataclass(frozen=True)
class EventRow:
    """One note, in the order in which they were written, from 1."""

    run_id: str
    number: int
    at: str
    host: str
    step: str
    verdict: str
    code: str | None
    message: str | None
    doc: Any


@dataclass(frozen=True)
class LeaseRow:
    """Who may roll a service out now. `live` is false when it has run out and nobody has taken it over."""

    service: str
    environment: str
    number: int
    run_id: str
    change_id: str | None
    holder: dict[str, Any]
    ttl_s: int
    taken_at: str
    renewed_at: str
    expires_at: str
    live: bool


@dataclass(frozen=True)
class OnceRow:
    """A task that runs once per change: where it stands, and what its check found last (None: nothing yet)."""

    change_id: str
    name: str
    position: int
    state: str
    run_id: str
    host: str
    under_way: int
    there: int | None
    updated_at: str

    @property
    def done(self) -> bool:
        return self.state == DONE
