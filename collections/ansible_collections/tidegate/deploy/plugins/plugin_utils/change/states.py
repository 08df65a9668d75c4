# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a change: one table, and one function that reads it.

Invariants:

- Whatever happens to a change is an event; whether it may happen is decided here and nowhere else.
- A pair of state and event without a row is refused with one error that names both; nothing changes then.
- Only `begin` leads to ``implementing``, from ``approved``, from what was paused, or from a draft that nobody has to approve.
- Other content voids what was decided: `edit` leads back to ``draft`` from wherever content may still change.
- The way back asks nobody: from each state a change can become ``rolled_back`` or ``failed``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow, Move

DRAFT, SUBMITTED, APPROVED = "draft", "submitted", "approved"
"""Planned; handed in for approval; approved by everybody whom policy asks."""

IMPLEMENTING, PAUSED = "implementing", "paused"
"""A rollout is under way, or was interrupted; it holds, and somebody decides how the change goes on."""

PARTIAL = "partial"
"""Ended but for hosts that were down or failed within the budget, which may still be caught up."""

COMPLETED, KEPT, CLOSED, ROLLED_BACK, FAILED = "completed", "kept", "closed", "rolled_back", "failed"
"""Ended: everywhere; where it had come, by policy; as it stood, by a person; taken back; neither here nor there."""

REJECTED, CANCELLED = "rejected", "cancelled"
"""Ended before anything began: by an approver; by those who wanted it."""

WAITING = (DRAFT, SUBMITTED, APPROVED)
OPEN = (*WAITING, IMPLEMENTING, PAUSED)
OUTCOMES = (PARTIAL, COMPLETED, KEPT, CLOSED, ROLLED_BACK, FAILED)
TERMINAL = (COMPLETED, KEPT, CLOSED, ROLLED_BACK, FAILED, REJECTED, CANCELLED)
"""Nothing leads on from here; only what was rolled out can still be taken back, as it can from everywhere."""

STATES: Mapping[str, str] = {
    DRAFT: "planned; nobody has decided anything",
    SUBMITTED: "handed in for approval",
    APPROVED: "approved by everybody whom policy asks",
    IMPLEMENTING: "a rollout is under way, or was interrupted",
    PAUSED: "it holds; somebody decides",
    PARTIAL: "done but for hosts that can be caught up",
    COMPLETED: "done on every host",
    KEPT: "ended where it had come, by its policy",
    CLOSED: "ended as it stood, by a person",
    ROLLED_BACK: "taken back on every host",
    FAILED: "neither here nor there: people are needed",
    REJECTED: "refused by an approver",
    CANCELLED: "given up before it began",
}

EVENTS: Mapping[str, str] = {
    "submit": "submit",
    "approve": "enough approvals",
    "reject": "veto",
    "withdraw": "an approval is taken back",
    "edit": "other content",
    "cancel": "cancel",
    "begin": "rollout or resume",
    "not_begun": "ended before any host was touched",
    "let_through": "the gate lets an emergency through",
    "pause": "pause",
    PAUSED: "stopped, and waits",
    PARTIAL: "read back, but for a few hosts",
    COMPLETED: "read back on every host",
    KEPT: "stopped for good",
    CLOSED: "close",
    ROLLED_BACK: "read back as it was before",
    FAILED: "read back as neither",
    "review": "review",
}


@dataclass(frozen=True)
class Facts:
    """What is known when an event happens.

    Attributes:
        asked: policy asks somebody's approval for this change.
        touched: an effect on a host has begun in its course.
        overdue: emergencies whose review is overdue.
        emergency: the change is one.
        enrolled: some of its hosts are.
    """

    asked: bool = False
    touched: bool = False
    emergency: bool = False
    enrolled: bool = False
    overdue: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        states: in which it may happen.
        event: a key of `EVENTS`.
        next: the state afterwards; None: unchanged.
        when: the key of `CONDITIONS` that picks this row among those of its pair; empty if it always applies.
        guards: keys of `GUARDS`, asked in this order; the first that refuses is the answer.
    """

    states: tuple[str, ...]
    event: str
    next: str | None
    when: str = ""
    guards: tuple[str, ...] = ()


ROWS = (
    Row((DRAFT,), "submit", SUBMITTED, guards=("asked", "reviewed")),
    Row((PAUSED, PARTIAL), "submit", None, guards=("asked", "enrolled")),
    Row((SUBMITTED,), "approve", APPROVED),
    Row((APPROVED, IMPLEMENTING, PAUSED, PARTIAL), "approve", None),
    Row((SUBMITTED, APPROVED), "reject", REJECTED, "untouched"),
    Row((SUBMITTED, APPROVED, IMPLEMENTING, PAUSED), "reject", PAUSED),
    Row((APPROVED, SUBMITTED), "withdraw", SUBMITTED),
    Row((IMPLEMENTING, PAUSED), "withdraw", PAUSED),
    Row((IMPLEMENTING,), "edit", PAUSED, "was_paused"),
    Row((*WAITING, IMPLEMENTING), "edit", DRAFT),
    Row((PAUSED, PARTIAL), "edit", None),
    Row(WAITING, "cancel", CANCELLED, guards=("untouched",)),
    Row((DRAFT,), "begin", IMPLEMENTING, guards=("unasked", "reviewed")),
    Row((APPROVED,), "begin", IMPLEMENTING, guards=("reviewed",)),
    Row((PAUSED,), "begin", IMPLEMENTING),
    Row((IMPLEMENTING, PARTIAL), "begin", None),
    Row((IMPLEMENTING,), "not_begun", PAUSED, "was_paused"),
    Row((IMPLEMENTING,), "not_begun", APPROVED, "was_approved"),
    Row((IMPLEMENTING,), "not_begun", DRAFT),
    Row((PAUSED, PARTIAL), "not_begun", None),
    Row((DRAFT, APPROVED), "let_through", None),
    Row((DRAFT,), "pause", PAUSED, guards=("unasked",)),
    Row((APPROVED, IMPLEMENTING), "pause", PAUSED),
    Row((IMPLEMENTING, PAUSED), PAUSED, PAUSED),
    Row((IMPLEMENTING, PAUSED, PARTIAL), PARTIAL, PARTIAL),
    Row((IMPLEMENTING, PAUSED, PARTIAL), COMPLETED, COMPLETED),
    Row((IMPLEMENTING, PAUSED), KEPT, KEPT),
    Row((*OPEN, PARTIAL), CLOSED, CLOSED),
    Row(tuple(STATES), ROLLED_BACK, ROLLED_BACK),
    Row(tuple(STATES), FAILED, FAILED),
    Row(tuple(STATES), "review", None, guards=("due",)),
)


def _typed(verb: str, change_id: str) -> str:
    return f"ansible-playbook tidegate.deploy.{verb} -e tidegate_change={change_id}"


def review_command(change_id: str) -> str:
    """What to type to record the review of an emergency."""
    return f"{_typed('review', change_id)} -e \"tidegate_reason='WHAT WAS FOUND'\""


def _asked(change: ChangeRow, facts: Facts) -> None:
    if not facts.asked:
        raise Refusal(
            "STATE", f"no policy asks anybody's approval for {change.id}: it is rolled out without", change=change.id
        )


def _unasked(change: ChangeRow, facts: Facts) -> None:
    if facts.asked:
        raise Refusal(
            "APPROVAL",
            f"{change.id} is a draft, and policy asks for approval; hand it in: {_typed('submit', change.id)}",
            change=change.id,
            next=[_typed("submit", change.id)],
        )


def _enrolled(change: ChangeRow, facts: Facts) -> None:
    if not facts.enrolled:
        raise Refusal(
            "NOT_OPEN", f"{change.id} is {change.state}, and no enrolled host demands another request", change=change.id
        )


def _untouched(change: ChangeRow, facts: Facts) -> None:
    if facts.touched:
        raise Refusal(
            "STATE",
            f"{change.id} has begun on hosts: take it back with rollback, or end it as it stands with close",
            change=change.id,
        )


def _reviewed(change: ChangeRow, facts: Facts) -> None:
    if facts.emergency and facts.overdue:
        review = review_command(facts.overdue[0])
        raise Refusal(
            "REVIEW",
            f"{change.id} is an emergency, and the review of {', '.join(facts.overdue)} is overdue; record it first: {review}",
            change=change.id,
            overdue=list(facts.overdue),
            next=[review],
        )


def _due(change: ChangeRow, _facts: Facts) -> None:
    if change.review_due_at is None or change.reviewed_at is not None:
        found = f"was reviewed at {change.reviewed_at}" if change.reviewed_at else "is no emergency that has begun"
        raise Refusal("STATE", f"{change.id} {found}: no review of it is due", change=change.id)


Guard = Callable[[ChangeRow, Facts], None]
GUARDS: Mapping[str, tuple[str, Guard]] = {
    "asked": ("policy asks for approval", _asked),
    "unasked": ("no policy asks for approval", _unasked),
    "enrolled": ("a host is enrolled", _enrolled),
    "untouched": ("no host was touched", _untouched),
    "reviewed": ("of an emergency: no review is overdue", _reviewed),
    "due": ("a review is due", _due),
}
"""What a guard asks for, and what refuses where that is not so."""

Condition = Callable[[ChangeRow, Facts], bool]
CONDITIONS: Mapping[str, tuple[str, Condition]] = {
    "untouched": ("no host was touched", lambda _change, facts: not facts.touched),
    "was_paused": ("was paused before", lambda change, _facts: change.before == PAUSED),
    "was_approved": ("was approved before", lambda change, _facts: change.before == APPROVED),
}


def decide(change: ChangeRow, event: str, facts: Facts) -> Move:
    """What an event does to a change.

    Args:
        change: the store's row of it.
        event: a key of `EVENTS`.
        facts: what is known now.

    Raises:
        Refusal: NOT_OPEN, the event does not fit the state; or what a guard refuses with. Nothing changes then.
    """
    if event not in EVENTS:
        raise ValueError(f"no such event: {event}")
    for row in ROWS:
        if (
            event == row.event
            and change.state in row.states
            and (not row.when or CONDITIONS[row.when][1](change, facts))
        ):
            for guard in row.guards:
                GUARDS[guard][1](change, facts)
            state = row.next or change.state
            return Move(event, state, state not in OPEN, state == IMPLEMENTING)
    what = event if event in ("approve", "reject", "withdraw") else EVENTS[event]
    anew = f"; it has ended: plan it anew with -e tidegate_change_file={change.source}"
    raise Refusal(
        "NOT_OPEN",
        f"{change.id} is {change.state}: {what} does not fit, expected {expected(event)}{anew if change.state in TERMINAL else ''}",
        change=change.id,
        state=change.state,
        event=event,
    )


def expected(event: str) -> str:
    """The states that an event fits, in words."""
    return " or ".join(dict.fromkeys(state for row in ROWS if row.event == event for state in row.states))


def resting(change: ChangeRow) -> str:
    """The state of a change apart from the run that works on it, or was interrupted while it did."""
    return change.before or DRAFT if change.state == IMPLEMENTING else change.state


def mermaid() -> str:
    """The table as a Mermaid state diagram; the documentation is generated from it."""
    lines = ["stateDiagram-v2", f"    [*] --> {DRAFT}"]
    for row in ROWS:
        if row.next is None or len(row.states) == len(STATES):
            continue
        words = EVENTS[row.event] + (f" ({CONDITIONS[row.when][0]})" if row.when else "")
        asks = f" [{', '.join(GUARDS[guard][0] for guard in row.guards)}]" if row.guards else ""
        label = f"{words}{asks}".replace(":", " ")
        lines += [f"    {state} --> {row.next}: {label}" for state in row.states if state != row.next]
    lines += [f"    {state} --> [*]" for state in TERMINAL]
    return "\n".join(lines) + "\n"
