# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each effect of the store has its entry, in the same transaction, with small facts and no free text."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import digest_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import batches, denials, log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import RUNS

from .rolled_out import HOLDER, KINDS, SECRET, roll_out


def kinds(store):
    return [entry.kind for entry in store.entries()]


def bodies(store, kind):
    return [entry.body for entry in store.entries() if entry.kind == kind]


def documents(store):
    return b"\n".join(document for _number, document, _leaf in store.rows())


def test_a_rollout_is_told_in_order(store):
    """From the plan to the end, each with the change and the process that did it; the clock stands in every entry."""
    change = roll_out(store)
    found = store.entries()
    assert [entry.kind for entry in found] == KINDS
    assert {entry.change for entry in found[1:]} == {change}
    assert {entry.actor for entry in found[2:]} == {"ada@ops1"}
    assert bodies(store, "run.begun") == [
        {
            "run": "run",
            "verb": "rollout",
            "revision": 1,
            "hosts": 2,
            "waves": canonical.digest([["web1"], ["web2"]]),
        }
    ]
    assert bodies(store, "wave.opened") == [{"run": "run", "wave": 1}, {"run": "run", "wave": 2}]
    assert bodies(store, "run.halted") == [{"run": "run", "code": "PROBE", "message": digest_of(SECRET)}]
    outcome = canonical.dumps({"verdict": "failed", "secret": SECRET}).decode()
    assert bodies(store, "run.ended") == [
        {"run": "run", "state": "failed", "code": "PROBE", "outcome": digest_of(outcome)}
    ]


def test_free_text_is_nowhere_in_the_log(store):
    """Neither of messages and documents, nor of what was refused."""
    change = roll_out(store)
    store.move_once(change, "migrate", "run", "web1", "begun", True)
    store.deny("eve", "SELF", SECRET, change, {"statement": "a" * 64})
    assert SECRET.encode() not in documents(store)


def test_notes_are_recorded_as_one_digest_per_wave(store):
    """Over the very rows; a wave without notes since the last batch has none."""
    roll_out(store)
    first, second = bodies(store, "hosts.recorded")
    assert (first["first"], first["last"], second["first"], second["last"]) == (1, 2, 3, 3)
    with store.reading() as connection:
        assert batches.digest(batches.rows_of(connection, "run", 1, 2)) == first["digest"]
        assert batches.digest(batches.rows_of(connection, "run", 3)) == second["digest"]
        assert batches.behind(connection) == []
    store.note("run", "web2", "back", "back")
    with store.reading() as connection:
        assert batches.behind(connection) == ["run"]


def test_what_changes_nothing_has_no_entry(store):
    """Asked again, each effect answers that it was there."""
    roll_out(store)
    before = store.log_size()
    store.begin_run("run", "CHG-2026-0001", 1, "rollout", HOLDER, [["web1"], ["web2"]], lease=True)
    assert not store.halt("run", "PROBE", "again")
    assert not store.end_run("run", "failed")
    assert not store.close_wave("run", 0)
    store.release_lease("run")
    assert store.log_size() == before


def test_a_run_that_gets_its_plan_later_says_so(store):
    """Once."""
    change, revision = store.new_change("web", "production", "c" * 64, b"{}", "x")
    store.begin_run("run", None, None, "rollout", HOLDER, [], lease=False)
    store.bind_run("run", change, revision)
    store.bind_run("run", change, revision)
    assert bodies(store, "run.bound") == [{"run": "run", "revision": 1}]
    assert store.entries(change)[-1].kind == "run.bound"


def test_a_lease_that_is_kept_is_taken_once(store, clock):
    """Taken over, the run that lost it ends in the same transaction, with its notes recorded before."""
    change, revision = store.new_change("web", "production", "c" * 64, b"{}", "x")
    for run in ("one", "two"):
        store.begin_run(run, change, revision, "rollout", {**HOLDER, "pid": run}, [["web1"]], lease=True)
    number = store.take_lease("web", "production", "one", HOLDER, 60, bool)
    assert store.take_lease("web", "production", "one", HOLDER, 60, bool) == number
    store.open_wave("one", 0)
    store.note("one", "web1", "activate", "ok")
    clock.turn(100)
    store.take_lease("web", "production", "two", HOLDER, 60, bool)
    assert kinds(store)[-3:] == ["hosts.recorded", "run.ended", "lease.taken"]
    assert [body["run"] for body in bodies(store, "lease.taken")] == ["one", "two"]
    assert bodies(store, "run.ended") == [
        {"run": "one", "state": "interrupted", "code": "INTERRUPTED", "outcome": None}
    ]


def test_a_task_that_runs_once_is_told_when_its_state_changes(store):
    """Not each time it is looked at."""
    change = roll_out(store)
    for state, under_way in ((None, True), (None, False), ("begun", True), ("begun", True), ("done", False)):
        store.move_once(change, "migrate", "run", "web1", state, under_way)
    assert [body["state"] for body in bodies(store, "once.moved")] == ["asked", "begun", "done"]


def test_an_effect_whose_entry_cannot_be_written_does_not_happen(store, monkeypatch):
    """And the other way round."""
    change, revision = store.new_change("web", "production", "c" * 64, b"{}", "x")

    def broken(*_arguments, **_more):
        raise Refusal("STORE", "the disk is full")

    monkeypatch.setattr(log, "append", broken)
    with pytest.raises(Refusal, match="the disk is full"):
        store.begin_run("run", change, revision, "rollout", HOLDER, [["web1"]], lease=False)
    with store.reading() as connection:
        assert connection.execute(RUNS.select()).all() == []


# -- what was refused ---------------------------------------------------------------------------------------------------


def test_a_refusal_is_recorded_before_it_is_answered(store):
    """With its code, the one who asked and names from an allow-list, cut; its words only as a digest."""
    index = store.deny("eve", "SELF", "you asked for it yourself", "CHG-2026-0001", {"statement": "s" * 500})
    (entry,) = store.entries("CHG-2026-0001")
    assert (entry.index, entry.kind, entry.actor) == (index, "denied", "eve")
    assert entry.body == {
        "code": "SELF",
        "message": digest_of("you asked for it yourself"),
        "statement": "s" * denials.MAX_FACT,
    }


def test_a_flood_of_refusals_does_not_fill_the_disk(store, clock):
    """One entry per minute and source; what is beyond is counted, and the count becomes an entry in the next minute."""
    answers = [store.deny("eve", "SELF", "no", source="eve@ops1") for _attempt in range(100)]
    assert [answer is None for answer in answers] == [False] + [True] * 99
    clock.turn(60)
    store.deny("eve", "SELF", "no", source="eve@ops1")
    assert kinds(store) == ["log.begun", "denied", "denied.more", "denied"]
    assert bodies(store, "denied.more") == [{"source": "eve@ops1 SELF -", "minute": "2026-11-24T12:00", "more": 99}]


def test_each_reason_and_change_has_an_entry_of_its_own(store):
    """Also when the same source was refused something else within the minute."""
    for code, change in (("SELF", None), ("QUORUM", None), ("SELF", "CHG-2026-0001"), ("SELF", None)):
        store.deny("eve", code, "no", change, source="eve@ops1")
    told = [(entry.body["code"], entry.change) for entry in store.entries() if entry.kind == "denied"]
    assert told == [("SELF", None), ("QUORUM", None), ("SELF", "CHG-2026-0001")]


def test_a_flood_from_many_sources_is_counted_as_one(store, clock):
    """Whatever names it comes under."""
    for number in range(60):
        store.deny("eve", "SELF", "no", source=f"eve{number}")
    assert kinds(store).count("denied") == denials.MAX_SOURCES + 1
    clock.turn(60)
    store.close_denials()
    store.close_denials()
    counted = {body["source"]: body["more"] for body in bodies(store, "denied.more")}
    assert counted == {denials.EVERYBODY: 60 - denials.MAX_SOURCES - 1}


def test_what_cannot_be_recorded_is_refused_all_the_same(store):
    """A full disk denies."""
    with store.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def fill():
        for number in range(10_000):
            store.append("denied", "eve", {"n": number, "x": "x" * 1000})

    with pytest.raises(Refusal, match="is full"):
        fill()
    with pytest.raises(Refusal, match="is full"):
        store.deny("eve", "SELF", "no", "x" * 4000)
