# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions are added with their entries, once each; runs begin by them one at a time, and not for ever."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.compare import Comparison
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import Move
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import APPROVALS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

from .processes import at_once
from .rolled_out import doctor

HOLDER = {"pid": 1}
STATEMENT = hashlib.sha256(b"{}").hexdigest()
ENDED = ("completed",)


@pytest.fixture
def change(store):
    """A change with runs that could work on it."""
    change_id, revision = store.new_change("web", "production", "a" * 64, b"{}", "/changes/web.yml")
    for number in range(4):
        store.begin_run(f"run{number}", change_id, revision, "rollout", HOLDER, [["web1"]], lease=False)
    return change_id


def approval(change, person="ada", **more):
    row = ApprovalRow(STATEMENT, change, 1, person, "approve", "signed", "SHA256:x", "{}", signature="armored")
    return replace(row, **more)


def uses(store, change, run, most=3):
    return store.use_approvals(STATEMENT, change, run, most, ENDED)


def kinds(store, change):
    return [entry.kind for entry in store.entries(change) if entry.kind.startswith("approval.")]


def test_a_decision_is_kept_with_its_entry(store, change):
    """The row holds the text, the entry digests only; the same again is neither."""
    assert store.add_approval(approval(change, evidence={"system": "awx", "reference": "7", "account": "a"}))
    assert not store.add_approval(approval(change))

    (row,) = store.approvals(change, 1)
    assert ("ada", "armored", {"system": "awx", "reference": "7", "account": "a"}) == (
        row.person,
        row.signature,
        row.evidence,
    )
    (entry,) = [entry for entry in store.entries(change) if entry.kind == "approval.given"]
    assert ("ada", STATEMENT, "awx") == (entry.actor, entry.body["statement"], entry.body["system"])
    assert "armored" not in str(entry.body)


def test_each_kind_of_decision_has_its_entry(store, change):
    """Given, vetoed, withdrawn, in that order."""
    for decision in ("approve", "veto", "withdraw"):
        store.add_approval(approval(change, decision=decision))
    assert ["approval.given", "approval.vetoed", "approval.withdrawn"] == kinds(store, change)


def test_what_was_withdrawn_is_not_given_again(store, change):
    """The same signature would do it; nothing is added then."""
    store.add_approval(approval(change))
    store.add_approval(approval(change, decision="withdraw"))

    with pytest.raises(Refusal, match="WITHDRAWN"):
        store.add_approval(approval(change, strength="recorded"))
    assert 2 == len(store.approvals(change))
    assert store.add_approval(approval(change, person="bob"))


def test_a_stronger_approval_is_added(store, change):
    """Recorded elsewhere first, signed later."""
    assert store.add_approval(approval(change, strength="recorded", key=None, signature=None))
    assert store.add_approval(approval(change))
    assert ["recorded", "signed"] == [row.strength for row in store.approvals(change)]


def test_one_run_at_a_time(store, change):
    """The second waits until the first has ended; the first may ask again."""
    assert 1 == uses(store, change, "run0")
    assert 1 == uses(store, change, "run0")
    with pytest.raises(Refusal, match="LEASE: run run0 works by the approvals"):
        uses(store, change, "run1")

    store.end_run("run0", "interrupted")
    assert 2 == uses(store, change, "run1")
    assert ["approval.used", "approval.used"] == kinds(store, change)


def test_no_more_runs_than_allowed(store, change):
    """After as many as the statement says, the change is planned and approved again."""
    for number in range(3):
        uses(store, change, f"run{number}")
        store.end_run(f"run{number}", "interrupted")

    with pytest.raises(Refusal, match="CLOSED: 3 runs have begun"):
        uses(store, change, "run3")
    assert 3 == len(kinds(store, change))


def test_a_change_that_ended_is_not_begun_again(store, change):
    """An approval is used up by the end of its change."""
    uses(store, change, "run0")
    store.end_run("run0", "completed")
    store.move_change(change, lambda _row: Move("completed", "completed", True))

    with pytest.raises(Refusal, match=r"CLOSED: the approvals of .* were used: it is completed"):
        uses(store, change, "run1")


def test_of_processes_at_once_one_wins(store, change, path, clock):
    """Four processes ask in the same moment: one begins, the others are told which."""
    store.close()

    def ask(number):
        with Store.open(path, clock) as own:
            try:
                return uses(own, change, f"run{number}")
            except Refusal as refusal:
                return refusal.code

    answers = at_once(ask, 4)
    assert [1] == [answer for answer in answers if answer != "LEASE"], answers
    assert 3 == answers.count("LEASE")


def compared(store):
    """What the rows are found to differ in from the entries."""
    comparison = Comparison(store)
    for entry in store.entries():
        comparison.see(entry)
    return [finding.message for finding in comparison.finish()]


def test_an_audit_misses_no_decision(store, change):
    """Each row has its entry, and each entry its row."""
    store.add_approval(approval(change))
    store.add_approval(approval(change, person="bob", decision="veto"))
    assert [] == [text for text in compared(store) if "approve" in text or "veto" in text]

    with store.writing() as connection:
        values = {**asdict(approval(change, person="eve")), "at": "2026-11-24T12:00:00.000000Z"}
        connection.execute(APPROVALS.insert().values(values))
    assert ["the approve of eve has no entry"] == [text for text in compared(store) if "approve" in text]


DOCTORED = [
    ("UPDATE approvals SET document = '{\"v\":2}'", "the approve of ada is not the one of entry"),
    ("UPDATE approvals SET signature = 'x'", "the approve of ada is not the one of entry"),
    ("UPDATE approvals SET key = 'SHA256:y'", "the approve of ada is not the one of entry"),
    ("UPDATE approvals SET revision = 2", "the approve of ada is not the one of entry"),
    ("UPDATE approvals SET at = '2999'", "the approve of ada is not the one of entry"),
    ("UPDATE approvals SET evidence = replace(evidence, 'ada.there', 'eve')", "the approve of ada is not the one of"),
    ("UPDATE approvals SET person = 'eve'", "the approve of ada is gone; entry"),
    ("UPDATE approvals SET decision = 'veto'", "the approve of ada is gone; entry"),
    ("DELETE FROM approvals", "the approve of ada is gone; entry"),
    ("UPDATE moves SET actor = 'eve' WHERE number = 1", "move 1 of CHG-2026-0001 is not the one of entry"),
    ("UPDATE moves SET reason = 'no reason' WHERE number = 1", "move 1 of CHG-2026-0001 is not the one of entry"),
    ("UPDATE moves SET at = '2999' WHERE number = 2", "move 2 of CHG-2026-0001 is not the one of entry"),
    ("UPDATE moves SET after = 'draft' WHERE number = 1", "move 1 of CHG-2026-0001 is not the one of entry"),
    ("DELETE FROM moves WHERE number = 1", "move 1 of CHG-2026-0001 is gone; entry"),
    (
        "INSERT INTO moves SELECT change_id, 3, at, event, before, after, revision, actor, reason FROM moves LIMIT 1",
        "move 3 of CHG-2026-0001 has no entry",
    ),
    ("UPDATE changes SET state = 'rejected'", "CHG-2026-0001 is rejected, and entry"),
]


@pytest.mark.parametrize(("statement", "told"), DOCTORED)
def test_each_decision_and_each_move_is_held_against_its_entry(store, change, statement, told):
    """Rows that were edited, taken away or slipped in, while the log stayed what it was, are named."""
    store.add_approval(approval(change, evidence={"system": "awx", "reference": "7", "account": "ada.there"}))
    store.move_change(change, lambda _row: Move("submit", "submitted", False), reason="zu spät e\u0301")
    store.move_change(change, lambda _row: Move("approve", "approved", False), actor="bob")
    before = compared(store)
    doctor(store, statement)
    assert [told] == [text[: len(told)] for text in compared(store) if text not in before][:1]


@pytest.mark.parametrize(
    "statement", ["UPDATE approvals SET at = '2999'", "DELETE FROM approvals", "DELETE FROM attempts"]
)
def test_decisions_are_only_added(store, change, statement):
    """What was decided is not edited by accident, nor by a program that knows the tables only."""
    store.add_approval(approval(change))
    uses(store, change, "run0")
    with pytest.raises(Refusal, match="only added to"), store.writing() as connection:
        connection.exec_driver_sql(statement)
    assert 1 == len(store.approvals(change))
