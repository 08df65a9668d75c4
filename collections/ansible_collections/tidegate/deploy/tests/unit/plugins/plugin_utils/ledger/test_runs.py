# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs: hosts, notes, waves, and how they end."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import MAX_DOC_BYTES, MAX_TEXT

HOLDER = {"host": "controller", "pid": 4711, "user": "ops"}
WAVES = [["web2"], ["web1", "web3"]]


def nobody_died(_holder):
    return False


@pytest.fixture
def change(store):
    return store.new_change("web", "production", "c" * 64, b"{}", "x")[0]


@pytest.fixture
def run(store, change):
    return store.begin_run("run", change, 1, "rollout", HOLDER, WAVES, False).id


def test_a_run_begins_with_all_its_hosts_untouched(store, change, run):
    """Hosts are there from the start, in wave order, with nothing said about them."""
    begun = store.run(run)
    assert (begun.change_id, begun.revision, begun.verb, begun.holder) == (change, 1, "rollout", HOLDER)
    assert (begun.state, begun.live, begun.waves, begun.leased) == ("running", True, 2, False)
    rows = store.host_rows(run)
    assert [(row.host, row.wave, row.position) for row in rows] == [("web2", 0, 0), ("web1", 1, 0), ("web3", 1, 1)]
    assert {(row.verdict, row.touched) for row in rows} == {(None, False)}
    assert [found.id for found in store.runs(change)] == [run]
    assert (store.run("other"), store.run_state("other")) == (None, None)


def test_a_run_begun_again_is_the_same_run(store, change, run):
    """Asking twice answers what stands; another verb or change under the id is the caller's bug."""
    store.halt(run, "BUDGET", "web2 failed")
    assert store.begin_run("run", change, 1, "rollout", HOLDER, WAVES, False).state == "halted"
    with pytest.raises(ValueError, match="run run is already a rollout of CHG-2026-0001"):
        store.begin_run("run", change, 1, "rollback", HOLDER, WAVES, False)


def test_a_run_can_begin_before_its_change_is_known(store, change):
    """It keeps a document for its other processes, is bound once, and the same again changes nothing."""
    begun = store.begin_run("early", None, None, "rollout", HOLDER, WAVES, True, doc={"source": "changes/web.yml"})
    assert (begun.change_id, begun.revision, begun.doc) == (None, None, {"source": "changes/web.yml"})
    assert store.runs(change) == []
    store.bind_run("early", change, 1)
    store.bind_run("early", change, 1)
    assert [(run.id, run.revision, run.doc) for run in store.runs(change)] == [
        ("early", 1, {"source": "changes/web.yml"})
    ]
    with pytest.raises(ValueError, match="run early is already a rollout of CHG-2026-0001"):
        store.bind_run("early", change, 2)
    with pytest.raises(ValueError, match="knows no run nothing"):
        store.bind_run("nothing", change, 1)


def test_a_host_that_failed_once_stays_bad(store, run):
    """Failed and unknown count, whatever came after; back, skipped and ok do not."""
    for host, verdicts in {"web1": ["failed", "back"], "web2": ["ok", "back"], "web3": ["unknown", "ok"]}.items():
        for verdict in verdicts:
            store.note(run, host, "activate", verdict)
    assert store.bad_hosts(run) == {"web1", "web3"}


def test_a_host_in_two_waves_is_a_bug(store, change):
    """A host has one place in a run."""
    with pytest.raises(ValueError, match="a host appears twice"):
        store.begin_run("run", change, 1, "rollout", HOLDER, [["web1"], ["web1"]], False)


def test_a_note_is_an_event_and_the_host_s_row(store, run, clock):
    """Events stay in order; the row shows the last; touched stays until it is said otherwise."""
    store.note(run, "web1", "stage", "ok", doc={"bytes_received": 7})
    clock.turn(1)
    store.note(run, "web1", "activate", "failed", "PROBE", "answered 500", touched=True)
    store.note(run, "web1", "rollback", "back")
    assert [(e.number, e.host, e.step, e.verdict, e.code, e.message, e.doc) for e in store.events(run)] == [
        (1, "web1", "stage", "ok", None, None, {"bytes_received": 7}),
        (2, "web1", "activate", "failed", "PROBE", "answered 500", None),
        (3, "web1", "rollback", "back", None, None, None),
    ]
    row = store.host_row(run, "web1")
    assert (row.step, row.verdict, row.code, row.touched) == ("rollback", "back", None, True)
    assert row.updated_at == "2026-11-24T12:00:01.000000Z"
    store.note(run, "web1", "ask", "ok", touched=False)
    assert store.host_row(run, "web1").touched is False
    assert store.host_row(run, "web9") is None


@pytest.mark.parametrize(
    ("host", "verdict", "says"), [("web9", "ok", "host 'web9' is not of run run"), ("web1", "fine", "verdict 'fine'")]
)
def test_a_note_of_nothing_known_is_a_bug(store, run, host, verdict, says):
    """Hosts of other runs and other verdicts are refused, and leave no event."""
    with pytest.raises(ValueError, match=says):
        store.note(run, host, "stage", verdict)
    assert store.events(run) == []


def test_large_and_strange_notes_are_cut_to_size(store, run):
    """Text is bounded and valid UTF-8; a large document leaves its size and digest."""
    store.note(run, "web1", "stage", "ok", message="\udcff" + "x" * 10_000, doc={"x": "y" * MAX_DOC_BYTES})
    (event,) = store.events(run)
    assert (len(event.message), event.message[0], event.message[-1]) == (MAX_TEXT, "?", "…")
    assert set(event.doc) == {"left_out_bytes", "left_out_digest"}


def test_a_note_lets_the_lease_begin_anew(store, change, clock):
    """Whoever still reports keeps the lease."""
    store.begin_run("run", change, 1, "rollout", HOLDER, WAVES, True)
    store.take_lease("web", "production", "run", HOLDER, 60, nobody_died)
    clock.turn(59)
    store.note("run", "web1", "stage", "ok")
    assert store.lease("web", "production").expires_at == "2026-11-24T12:01:59.000000Z"


def test_the_first_cause_of_a_halt_stays(store, run):
    """A halted run keeps its first cause, and no further wave opens."""
    assert store.halt(run, "BUDGET", "web2 failed") is True
    assert store.halt(run, "UNREACHABLE", "web1 is gone") is False
    halted = store.run(run)
    assert (halted.state, halted.code, halted.message, halted.live) == ("halted", "BUDGET", "web2 failed", True)
    with pytest.raises(Refusal, match=r"the run is halted \(BUDGET: web2 failed\): no further wave opens") as caught:
        store.open_wave(run, 0)
    assert caught.value.code == "WAVE"


def test_the_first_end_of_a_run_stays(store, change, clock):
    """An end is written once, with its outcome, and gives the lease back."""
    store.begin_run("run", change, 1, "rollout", HOLDER, WAVES, True)
    store.take_lease("web", "production", "run", HOLDER, 60, nobody_died)
    clock.turn(5)
    assert store.end_run("run", "done", {"hosts": 3}) is True
    assert store.end_run("run", "interrupted") is False
    ended = store.run("run")
    assert (ended.state, ended.live, ended.outcome) == ("done", False, {"hosts": 3})
    assert ended.ended_at == "2026-11-24T12:00:05.000000Z"
    assert store.lease("web", "production") is None
    with pytest.raises(ValueError, match="a run cannot end halted"):
        store.end_run("run", "halted")


def test_interrupt_ends_all_runs_of_a_process_and_no_other(store, change):
    """Live runs of the process end, keep their cause and give their leases back; the rest stays."""
    other = {**HOLDER, "pid": 4712}
    store.begin_run("one", change, 1, "rollout", HOLDER, WAVES, True)
    store.take_lease("web", "production", "one", HOLDER, 60, nobody_died)
    store.begin_run("two", change, 1, "rollout", HOLDER, WAVES, False)
    store.halt("two", "BUDGET", "web2 failed")
    store.begin_run("three", change, 1, "rollout", HOLDER, WAVES, False)
    store.end_run("three", "done")
    store.begin_run("four", change, 1, "rollout", other, WAVES, False)
    assert sorted(store.interrupt(HOLDER, "INTERRUPTED", "interrupted by SIGTERM")) == ["one", "two"]
    assert {run.id: (run.state, run.code) for run in store.runs(change)} == {
        "one": ("interrupted", "INTERRUPTED"),
        "two": ("interrupted", "BUDGET"),
        "three": ("done", None),
        "four": ("running", None),
    }
    assert store.lease("web", "production") is None
    assert store.interrupt(HOLDER, "INTERRUPTED", "again") == []


def test_runs_of_processes_that_are_gone_are_ended(store, change):
    """Whoever begins a run ends those of the dead, also of one that died before it held a lease; nobody else's."""
    dead, alive = {**HOLDER, "pid": 1}, {**HOLDER, "pid": 2}
    store.begin_run("dead", None, None, "rollout", dead, [["web1"]], lease=True)
    store.begin_run("alive", None, None, "rollout", alive, [["web1"]], lease=True)

    assert store.bury(lambda holder: holder == dead) == ["dead"]

    assert (store.run("dead").state, store.run("dead").code) == ("interrupted", "INTERRUPTED")
    assert store.run("alive").state == "running"
    assert store.bury(lambda holder: holder == dead) == []


def test_waves_open_one_after_the_other(store, run):
    """Exactly the next one opens, after the one before is closed; asking again is no error."""
    assert store.wave_state(run) == (0, 0)
    assert store.open_wave(run, 0, {"hosts": ["web2"]}) is True
    assert store.open_wave(run, 0, {"hosts": ["web2"]}) is False
    assert store.wave_state(run) == (1, 0)
    assert store.close_wave(run, 0) is True
    assert store.close_wave(run, 0) is False
    assert (store.open_wave(run, 1), store.close_wave(run, 1), store.wave_state(run)) == (True, True, (2, 2))


@pytest.mark.parametrize(
    ("opened", "closed", "event", "index"),
    [
        (0, 0, "open_wave", 1),
        (0, 0, "close_wave", 0),
        (1, 0, "open_wave", 1),
        (1, 0, "close_wave", 1),
        (1, 1, "open_wave", 0),
        (2, 2, "open_wave", 2),
        (2, 2, "close_wave", 2),
    ],
)
def test_any_other_wave_is_refused(store, run, opened, closed, event, index):
    """A wave out of turn is refused, and nothing changes."""
    for number in range(opened):
        store.open_wave(run, number)
        if number < closed:
            store.close_wave(run, number)
    with pytest.raises(Refusal, match=f"of 2 waves {opened} were opened and {closed} closed") as caught:
        getattr(store, event)(run, index)
    assert caught.value.code == "WAVE"
    assert store.wave_state(run) == (opened, closed)


def test_a_leased_run_opens_no_wave_without_its_lease(store, change, clock):
    """The wave and the lease are asked in one transaction; opening renews it."""
    store.begin_run("run", change, 1, "rollout", HOLDER, WAVES, True)
    with pytest.raises(Refusal, match="no longer holds the lease: it was given back") as caught:
        store.open_wave("run", 0)
    assert caught.value.code == "LEASE_LOST"
    store.take_lease("web", "production", "run", HOLDER, 60, nobody_died)
    clock.turn(30)
    assert store.open_wave("run", 0) is True
    assert store.lease("web", "production").expires_at == "2026-11-24T12:01:30.000000Z"


def test_questions_about_no_run_are_a_bug(store):
    """Waves belong to a run."""
    with pytest.raises(ValueError, match="knows no run nothing"):
        store.wave_state("nothing")
