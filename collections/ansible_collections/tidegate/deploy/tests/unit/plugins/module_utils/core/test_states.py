# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every pair of state and event has one answer, and it is the protocol's."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import states
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.states import Facts

OLD, NEW = "1.0-aaaaaaaaaaaa", "2.0-bbbbbbbbbbbb"
CHANGE, AID, HASH = "CHG-2026-0001", "0123456789abcdef", "f" * 64

ACTIVE = {
    "v": 1,
    "service": "web",
    "fence": 3,
    "past": ["CHG-2025-0009"],
    "change": CHANGE,
    "plan": "p",
    "aid": AID,
    "old": OLD,
    "new": NEW,
    "back_until": "2026-12-01T00:00:00Z",
    "token_sha256": HASH,
}
TIMED = {**ACTIVE, "deadline_ms": 100_000, "renew_until_ms": 90_000, "boot_id": "boot"}
VIEWS: dict[str, dict[str, Any]] = {
    "steady": {**ACTIVE, "state": "steady"},
    "pending": {**TIMED, "state": "pending"},
    "ready": {**TIMED, "state": "ready"},
    "reverting": {**ACTIVE, "state": "reverting", "attempt": 1},
    "failed": {**ACTIVE, "state": "failed", "attempt": 3},
}
# what makes every guard of an event content, in the states in which it may happen at all
GOOD: dict[str, dict[str, Any]] = {
    "activate": {"change": "CHG-2026-0002", "release": "3.0-cccccccccccc", "previous": NEW, "current": NEW, "fence": 3},
    "ended": {"aid": AID, "current": NEW},
    "confirm": {"change": CHANGE, "token_sha256": HASH},
    "renew": {"change": CHANGE, "token_sha256": HASH},
    "overdue": {"aid": AID, "now_ms": 100_000},
    "rebooted": {"aid": AID, "boot_id": "other"},
    "failure": {"aid": AID},
    "back": {"change": CHANGE, "operator": True, "current": NEW},
    "restored": {"aid": AID},
    "attempt_failed": {"aid": AID},
}
# the protocol's section 3 with every guard content: state, event -> state afterwards, and the document it becomes
SAME = "unchanged"
EXPECTED = {
    ("steady", "activate"): ("pending", "pending"),
    ("failed", "activate"): ("pending", "pending"),
    ("pending", "ended"): ("ready", "ready"),
    ("ready", "confirm"): ("steady", "steady-new"),
    ("steady", "confirm"): ("steady", SAME),
    ("ready", "renew"): ("ready", "renewed"),
    ("steady", "renew"): ("steady", SAME),
    ("pending", "overdue"): ("reverting", "reverting-1"),
    ("ready", "overdue"): ("reverting", "reverting-1"),
    ("pending", "rebooted"): ("reverting", "reverting-1"),
    ("ready", "rebooted"): ("reverting", "reverting-1"),
    ("pending", "failure"): ("reverting", "reverting-1"),
    ("ready", "failure"): ("reverting", "reverting-1"),
    ("steady", "back"): ("reverting", "reverting-1"),
    ("pending", "back"): ("reverting", "reverting-1"),
    ("ready", "back"): ("reverting", "reverting-1"),
    ("reverting", "back"): ("reverting", SAME),
    ("failed", "back"): ("reverting", "reverting-1"),
    ("reverting", "restored"): ("steady", "steady-old"),
    ("reverting", "attempt_failed"): ("reverting", "reverting-2"),
}
PAIRS = [(state, event) for state in states.STATES for event in states.EVENTS]


def decide(state: str, event: str, **changes: Any) -> states.Move:
    """The decision when all is well, apart from some changes."""
    facts = {"now_ms": 1_000, "boot_id": "boot", "utc": "2026-11-01T00:00:00Z", **GOOD[event], **changes}
    return states.decide(VIEWS[state], event, Facts(**facts))


def refusal(state: str, event: str, **changes: Any) -> Refusal:
    """The refusal of an event; nothing about the state changes by it."""
    before = copy.deepcopy(VIEWS[state])
    with pytest.raises(Refusal) as caught:
        decide(state, event, **changes)
    assert before == VIEWS[state]
    return caught.value


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_does_what_the_protocol_says(state: str, event: str) -> None:
    """A pair of the table moves as it says; any other is one refusal that names both and changes nothing."""
    if (state, event) in EXPECTED:
        move = decide(state, event)
        assert EXPECTED[state, event] == (move.state, move.future or SAME)
    else:
        error = refusal(state, event)
        assert error.code == "STATE"
        assert f"event {event} does not fit state {state}" in error.message


@pytest.mark.parametrize(
    ("state", "event", "changes", "code", "words"),
    [
        ("steady", "activate", {"closed": True}, "CLOSED", "taken back on this host"),
        ("steady", "activate", {"fence": 2}, "FENCED", "lease number 2 is older than 3"),
        ("failed", "activate", {"fence": 2}, "FENCED", "lease number 2"),
        ("steady", "activate", {"busy": "worker"}, "BUSY", "service worker of this host"),
        ("steady", "activate", {"current": OLD}, "PREVIOUS", f"current is {OLD}, the plan expects {NEW}"),
        ("steady", "activate", {"damage": "bin/web: size"}, "TREE", "bin/web: size"),
        ("pending", "ended", {"aid": "other"}, "STATE", "activation other is over"),
        ("pending", "ended", {"current": OLD}, "PREVIOUS", f"expected {NEW} after the switch"),
        ("ready", "confirm", {"token_sha256": "0" * 64}, "TOKEN", "not the one of the activation"),
        ("ready", "confirm", {"change": "CHG-2026-0002"}, "TOKEN", "not the one"),
        ("ready", "confirm", {"boot_id": "other"}, "REBOOTED", "was rebooted"),
        ("ready", "confirm", {"now_ms": 100_000}, "DEADLINE", "passed 0 s ago"),
        ("ready", "confirm", {"now_ms": 105_000}, "DEADLINE", "passed 5 s ago"),
        ("steady", "confirm", {"token_sha256": "0" * 64}, "TOKEN", "not the one"),
        ("ready", "renew", {"token_sha256": "0" * 64}, "TOKEN", "not the one"),
        ("ready", "renew", {"boot_id": "other"}, "REBOOTED", "was rebooted"),
        ("ready", "renew", {"now_ms": 100_000}, "DEADLINE", "passed"),
        ("ready", "renew", {"now_ms": 90_001}, "DEADLINE", "cannot be moved any later"),
        ("ready", "overdue", {"now_ms": 99_999}, "STATE", "1 ms away"),
        ("ready", "rebooted", {"boot_id": "boot"}, "STATE", "was not rebooted"),
        ("ready", "overdue", {"aid": "other"}, "STATE", "activation other is over"),
        ("ready", "failure", {"aid": "other"}, "STATE", "activation other is over"),
        ("steady", "back", {"utc": "2026-12-01T00:00:01Z"}, "BACK_UNTIL", "until 2026-12-01T00:00:00Z"),
        ("steady", "back", {"current": OLD}, "NOT_OURS", f"had put {NEW} there"),
        ("steady", "back", {"damage": "missing"}, "TREE", "missing"),
        ("steady", "back", {"change": "CHG-2025-0009"}, "NOT_OURS", f"followed by change {CHANGE}"),
        ("failed", "back", {"operator": False}, "REVERT_FAILED", "by hand"),
        ("reverting", "restored", {"aid": "other"}, "STATE", "activation other is over"),
    ],
)
def test_a_guard_refuses(state: str, event: str, changes: dict[str, Any], code: str, words: str) -> None:
    """Each guard has its code, and says what was found and expected."""
    error = refusal(state, event, **changes)
    assert (code, True) == (error.code, words in error.message), error.message


@pytest.mark.parametrize("state", ["steady", "pending", "ready"])
def test_the_same_change_and_release_again_changes_nothing(state: str) -> None:
    """Activating what is under way or done already says where it stands, even with an older lease number."""
    move = decide(state, "activate", change=CHANGE, release=NEW, previous=OLD, fence=0)
    assert (state, False) == (move.state, move.changed)


def test_an_attempt_that_went_back_is_not_begun_again_by_asking() -> None:
    """Whoever lost the answer asks with the same token; a new attempt has a new one."""
    reverted = {"change": CHANGE, "token_sha256": HASH, "aid": AID}
    view = {**VIEWS["steady"], "change": "CHG-2025-0009", "new": OLD, "past": [], "reverted": reverted}
    asked = {"change": CHANGE, "release": NEW, "previous": OLD, "current": OLD, "fence": 3}
    assert not states.decide(view, "activate", Facts(**asked, token_sha256=HASH)).changed
    assert states.decide(view, "activate", Facts(**asked, token_sha256="0" * 64)).changed


@pytest.mark.parametrize("state", states.STATES)
def test_back_of_a_change_that_did_nothing_here_changes_no_state(state: str) -> None:
    """A rollback closes the change on every host, and moves nothing where the change never was."""
    assert not decide(state, "back", change="CHG-2026-0777").changed


def test_back_of_a_change_that_went_back_is_done_already() -> None:
    """Taking back twice is taking back once."""
    view = {**VIEWS["steady"], "reverted": {"change": "CHG-2026-0002"}}
    assert not states.decide(view, "back", Facts(change="CHG-2026-0002", current=NEW)).changed


def test_attempts_to_go_back_end_in_failed() -> None:
    """After the last attempt nothing is tried by itself any more."""
    futures = []
    view = dict(VIEWS["reverting"])
    while view["state"] == "reverting":
        move = states.decide(view, "attempt_failed", Facts(aid=AID))
        futures.append(move.future)
        view.update(state=move.state, attempt=move.attempt or view["attempt"])
    assert ["reverting-2", "reverting-3", "failed"] == futures


def test_back_from_pending_asks_for_no_token_and_no_time() -> None:
    """Going back is always allowed while an activation is under way, also late and after a reboot."""
    for state in ("pending", "ready"):
        assert decide(state, "back", now_ms=10**9, boot_id="other", damage="gone").changed


@pytest.mark.parametrize(
    ("state", "now_ms", "boot_id", "expected"),
    [
        ("pending", 99_999, "boot", None),
        ("pending", 100_000, "boot", "overdue"),
        ("ready", 100_000, "boot", "overdue"),
        ("ready", 5, "other", "rebooted"),
        ("ready", 200_000, "other", "rebooted"),
        ("steady", 200_000, "other", None),
        ("reverting", 200_000, "other", None),
        ("failed", 200_000, "other", None),
    ],
)
def test_what_the_reaper_has_to_do(state: str, now_ms: int, boot_id: str, expected: str | None) -> None:
    """Only what is pending or ready can be overdue; another boot counts before the time."""
    assert expected == states.due(VIEWS[state], now_ms, boot_id)


def test_an_unknown_event_is_a_bug_of_the_caller() -> None:
    """Misspelled events are not refusals of the world."""
    with pytest.raises(ValueError, match="no such event: explode"):
        states.decide(VIEWS["steady"], "explode", Facts())


def test_the_diagram_shows_every_row_that_moves() -> None:
    """The documentation's picture is the table's."""
    lines = states.mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    moves = [(state, row.next) for row in states.ROWS if row.next for state in row.states]
    assert len(lines) == 2 + len(moves)
    for state, after in moves:
        assert any(line.startswith(f"    {state} --> {after}: ") for line in lines)


def test_the_table_uses_only_known_words() -> None:
    """Every state, event, condition and guard of a row exists, and every condition and guard is used."""
    for row in states.ROWS:
        assert set(row.states) <= set(states.STATES)
        assert row.event in states.EVENTS
        assert row.next is None or row.next in states.STATES
    assert set(states.CONDITIONS) == {row.when for row in states.ROWS if row.when}
    assert set(states.GUARDS) == {guard for row in states.ROWS for guard in row.guards}
