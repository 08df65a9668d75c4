# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of one service on one host (docs: host protocol, section 3): one table, and one function that reads it.

Invariants:

- Whatever happens to a service is an event; whether it may happen is decided here and nowhere else.
- A pair of state and event without a row is refused with one error that names both; nothing changes then.
- Going back never turns forward: no row leads from ``reverting`` to ``pending``, ``ready`` or the new release.
- Clocks, links and digests are handed in as `Facts`; the same facts always give the same answer.
"""

from __future__ import annotations

from .errors import Refusal
from .guards import ABSENT, ATTEMPTS, CONDITIONS, GUARDS, Facts, name_of, where

__all__ = [
    "ABSENT",
    "ATTEMPTS",
    "CONDITIONS",
    "EVENTS",
    "GUARDS",
    "ROWS",
    "STATES",
    "Facts",
    "Move",
    "Row",
    "decide",
    "due",
]
__all__ += ["mermaid", "steady_without_journal"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

    View = Mapping[str, Any]

STATES = ("steady", "pending", "ready", "reverting", "failed")
EVENTS = {
    "activate": "activate",
    "ended": "effects ended",
    "confirm": "confirm",
    "renew": "renew",
    "overdue": "deadline passed",
    "rebooted": "other boot id",
    "failure": "local failure",
    "back": "back",
    "restored": "old runs and answers, or old is absent and the unit is stopped",
    "attempt_failed": "attempt failed",
}


class Move:
    """What an event does to the state.

    Attributes:
        state: the state afterwards.
        future: the document that becomes the journal; None if nothing moves.
        attempt: which attempt to go back this is, 0 if none.
    """

    __slots__ = ("attempt", "future", "state")

    def __init__(self, state: str, future: Optional[str], attempt: int = 0) -> None:
        self.state = state
        self.future = future
        self.attempt = attempt

    @property
    def changed(self) -> bool:
        """Whether anything moves at all."""
        return self.future is not None


class Row:
    """One line of the table.

    Args:
        states: in which it may happen.
        event: a key of `EVENTS`.
        when: the condition in `CONDITIONS` that picks this row among those of its pair; empty if it always applies.
        guards: keys of `GUARDS`, asked in this order; the first that refuses is the answer.
        next: the state afterwards.
        future: the document that becomes the journal, ``reverting`` with the number of the attempt; None: unchanged.
    """

    __slots__ = ("event", "future", "guards", "next", "states", "when")

    def __init__(
        self,
        states: tuple[str, ...],
        event: str,
        when: str,
        guards: tuple[str, ...],
        next_state: Optional[str],
        future: Optional[str],
    ) -> None:
        self.states = states
        self.event = event
        self.when = when
        self.guards = guards
        self.next = next_state
        self.future = future


ROWS = (
    Row(("steady", "pending", "ready"), "activate", "same", (), None, None),
    Row(("steady", "reverting", "failed"), "activate", "same_attempt", (), None, None),
    Row(("steady", "failed"), "activate", "", ("open", "fence", "free", "previous", "intact"), "pending", "pending"),
    Row(("pending",), "ended", "", ("mine", "open", "boot", "in_time", "switched"), "ready", "ready"),
    Row(("ready",), "confirm", "", ("token", "open", "boot", "in_time"), "steady", "steady-new"),
    Row(("steady",), "confirm", "confirmed", ("token",), None, None),
    Row(("ready",), "renew", "", ("token", "open", "boot", "in_time", "renewable"), "ready", "renewed"),
    Row(("steady",), "renew", "confirmed", ("token",), None, None),
    Row(("pending", "ready"), "overdue", "", ("mine", "late"), "reverting", "reverting"),
    Row(("pending", "ready"), "rebooted", "", ("mine", "other_boot"), "reverting", "reverting"),
    Row(("pending", "ready"), "failure", "", ("mine",), "reverting", "reverting"),
    Row(("pending", "ready"), "back", "of_change", (), "reverting", "reverting"),
    Row(("steady",), "back", "of_change", ("back_until", "still_ours", "intact"), "reverting", "reverting"),
    Row(("failed",), "back", "of_change", ("operator",), "reverting", "reverting"),
    Row(("reverting",), "back", "of_change", (), None, None),
    Row(("steady",), "back", "went_back", (), None, None),
    Row(STATES, "back", "not_here", (), None, None),
    Row(STATES, "back", "", ("superseded",), None, None),
    Row(("reverting",), "restored", "", ("mine",), "steady", "steady-old"),
    Row(("reverting",), "attempt_failed", "attempts_left", ("mine",), "reverting", "reverting"),
    Row(("reverting",), "attempt_failed", "", ("mine",), "failed", "failed"),
)


def decide(view: View, event: str, facts: Facts) -> Move:
    """What an event does to a service.

    Args:
        view: the journal's document (`journal_of` where there is none).
        event: a key of `EVENTS`.
        facts: what is known now.

    Raises:
        Refusal: the event does not fit the state, or a guard refuses; nothing changes then.
    """
    if event not in EVENTS:
        raise ValueError(f"no such event: {event}")
    state = view["state"]
    for row in ROWS:
        if event == row.event and state in row.states and (not row.when or CONDITIONS[row.when][1](view, facts)):
            for guard in row.guards:
                GUARDS[guard][1](view, facts)
            return _move(row, view)
    raise Refusal("STATE", f"{name_of(view)}: event {event} does not fit state {where(view)}", event=event, state=state)


def _move(row: Row, view: View) -> Move:
    if row.future is None:
        return Move(view["state"], None, view.get("attempt", 0))
    state = row.next or view["state"]
    if row.future == "reverting":
        attempt = view["attempt"] + 1 if view["state"] == "reverting" else 1
        return Move(state, f"reverting-{attempt}", attempt)
    return Move(state, row.future)


def due(view: View, now_ms: int, boot_id: str) -> Optional[str]:
    """The event by which the host itself takes an activation back now, if it has to.

    Args:
        view: the journal's document.
        now_ms: the boot clock.
        boot_id: of the running kernel or container.
    """
    if view["state"] not in ("pending", "ready"):
        return None
    if view["boot_id"] != boot_id:
        return "rebooted"
    return "overdue" if now_ms >= view["deadline_ms"] else None


def steady_without_journal(service: str, current: str) -> dict[str, Any]:
    """The state of a service that no activation has touched: steady on what ``current`` resolves to."""
    return {"v": 1, "service": service, "state": "steady", "new": current, "fence": 0, "past": []}


def mermaid() -> str:
    """The table as a Mermaid state diagram; the documentation is generated from it."""
    lines = ["stateDiagram-v2", "    [*] --> steady"]
    for row in ROWS:
        if row.next is None:
            continue
        words = [EVENTS[row.event]]
        if row.when:
            words.append(f"({CONDITIONS[row.when][0]})")
        asks = [GUARDS[guard][0] for guard in row.guards if guard != "mine"]
        label = " ".join(words) + (f" [{'; '.join(asks)}]" if asks else "")
        lines += [f"    {state} --> {row.next}: {_diagram_text(label)}" for state in row.states]
    return "\n".join(lines) + "\n"


def _diagram_text(text: str) -> str:
    return text.replace(":", " ").replace(";", ",")
