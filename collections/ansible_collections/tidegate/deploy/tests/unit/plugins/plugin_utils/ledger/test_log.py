# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: entries in one row, each in the transaction of what it records, and never changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import entries
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.log import FORWARD, SKEW_S, append
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import ENTRIES, sa
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

from .processes import at_once

ATTACKS = [
    "UPDATE entries SET document = replace(document, 'ada', 'eve')",
    "DELETE FROM entries WHERE number = 1",
    "INSERT OR REPLACE INTO entries SELECT number, previous, leaf, change_id, 'x' FROM entries WHERE number = 1",
    "INSERT INTO entries SELECT number, previous, leaf, change_id, 'x' FROM entries WHERE true ON CONFLICT (number) DO UPDATE SET document = 'x'",
]


def chain_of(store):
    """The log, proved to be one row: each entry names the one before it and its own place."""
    previous = entries.NO_ENTRY
    found = []
    for number, document, leaf in store.rows():
        entry = entries.parse(document)
        assert (entry.index, entry.previous) == (number, previous) == (len(found), previous)
        assert leaf == entries.leaf(document)
        previous = leaf
        found.append(entry)
    return found


def test_a_log_begins_with_a_name_and_goes_on(store, clock):
    """Entry 0 names the log; what was asked for follows, with its time, actor and change."""
    assert store.append("denied", "ada", {"code": "SELF"}) == 1
    clock.turn(1)
    assert store.append("change.moved", "bob", {"to": "paused"}, "CHG-2026-0001") == 2
    begun, denied, moved = chain_of(store)
    assert (begun.kind, len(begun.body["log"])) == ("log.begun", 32)
    assert denied[2:] == ("2026-11-24T12:00:00.000000Z", "denied", "ada", None, {"code": "SELF"})
    assert moved[2:] == (
        "2026-11-24T12:00:01.000000Z",
        "change.moved",
        "bob",
        "CHG-2026-0001",
        {"to": "paused"},
    )
    assert store.log_size() == 3
    assert store.entries("CHG-2026-0001") == [moved]
    assert store.entries() == [begun, denied, moved]


def test_an_entry_goes_with_its_effect(store):
    """What is undone leaves no entry, and the next one takes its place."""
    store.append("denied", "ada", {})

    def broken():
        with store.writing() as connection:
            append(connection, store.now(), "denied", "bob", {})
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        broken()
    assert store.append("denied", "eve", {}) == 2
    assert [entry.actor for entry in chain_of(store)[1:]] == ["ada", "eve"]


def test_what_is_not_an_entry_undoes_its_transaction(store):
    """Of an unknown kind, or too large."""
    with pytest.raises(ValueError, match="is not known"):
        store.append("danced", "ada", {})
    with pytest.raises(ValueError, match="at most 16384 are an entry"):
        store.append("denied", "ada", {"x": "x" * 20000})
    assert store.log_size() == 0


@pytest.mark.parametrize("attack", ATTACKS)
def test_entries_stay_as_they_are(store, attack):
    """Whatever statement tries, on each connection that the store opens."""
    store.append("denied", "ada", {})
    before = chain_of(store)

    def run():
        with store.writing() as connection:
            connection.exec_driver_sql(attack)

    with pytest.raises(Refusal, match="the ledger is only added to"):
        run()
    assert chain_of(store) == before


def test_a_second_entry_behind_the_same_one_is_refused_by_the_table(store, path):
    """A fork cannot be written, also by a tool of somebody else's."""
    store.append("denied", "ada", {})
    with store.reading() as connection:
        last = connection.execute(sa.select(ENTRIES).order_by(ENTRIES.c.number.desc())).first()
    with (
        closing(sqlite3.connect(path)) as other,
        pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: entries\.previous"),
    ):
        other.execute("INSERT INTO entries VALUES (7, ?, 'x', NULL, 'x')", (last.previous,))


def test_what_is_entered_once_is_found_again(path, clock):
    """By its kind and key, whoever enters it, and by however many at once."""
    Store.open(path, clock).close()

    def work(number):
        with Store.open(path, clock) as store:
            return [store.append_once("host.said", f"process {number}", {}, key) for key in ("web1 a", "web2 a")]

    answers = at_once(work, 4)
    with Store.open(path, clock) as store:
        assert [entry.kind for entry in chain_of(store)] == ["log.begun", "host.said", "host.said"]
        assert store.append_once("emergency.reviewed", "ada", {}, "web1 a") == 3
    assert {tuple(sorted(one)) for one in answers} == {(1, 2)}
    assert len({tuple(one) for one in answers}) == 1


def test_pages_follow_each_other(store, monkeypatch):
    """A long log is read in pieces, none twice and none left out."""
    monkeypatch.setattr("ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.log._PAGE", 3)
    for _number in range(8):
        store.append("denied", "ada", {})
    assert [row[0] for row in store.rows()] == list(range(9))
    assert [row[0] for row in store.rows(4)] == list(range(4, 9))


def test_processes_that_append_at_once_make_one_row(path, clock):
    """Eight at a time: every answer is another index, and nothing is lost or forked."""
    Store.open(path, clock).close()

    def work(number):
        with Store.open(path, clock) as store:
            return [store.append("denied", f"process {number}", {"n": n}) for n in range(12)]

    answers = at_once(work, 8)
    with Store.open(path, clock) as store:
        found = chain_of(store)
    assert sorted(index for indices in answers for index in indices) == list(range(1, 97))
    for number, indices in enumerate(answers):
        assert [found[index].actor for index in indices] == [f"process {number}"] * 12
        assert [found[index].body["n"] for index in indices] == list(range(12))


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_times_never_go_back(store, clock):
    """A clock that is a little behind, as of another controller, has the time of the entry before it; nothing is refused."""
    noon = clock.moment
    store.append("denied", "ada", {})
    clock.turn(-SKEW_S)
    assert store.latest() == noon
    store.require_clock()
    for kind in FORWARD:
        store.append(kind, "bob", {})
    clock.turn(SKEW_S + 1)
    store.append("denied", "ada", {})
    seconds = [entries.parse(document).at[17:19] for _number, document, _leaf in store.rows()]
    assert seconds == ["00"] * (2 + len(FORWARD)) + ["01"]


@pytest.mark.parametrize("kind", FORWARD)
def test_nothing_goes_forward_by_a_clock_that_was_set_back(store, clock, kind):
    """By more than clocks differ: refused with the cause, and no entry; until the clock is right again."""
    store.append("denied", "ada", {})
    clock.turn(-SKEW_S - 1)
    for asked in (lambda: store.append(kind, "ada", {}), store.require_clock):
        with pytest.raises(Refusal, match=r"301 s behind the last entry of the ledger \(2026-11-24T12:00:00") as caught:
            asked()
        assert caught.value.code == "CLOCK"
    assert store.log_size() == 2
    clock.turn(1)
    assert store.append(kind, "ada", {}) == 2


def test_what_ends_or_stops_something_is_entered_by_any_clock(store, clock):
    """With the ledger's time, and how far the clock was behind; by it nothing is open again that was over."""
    noon = clock.moment
    store.append("denied", "ada", {})
    clock.turn(-3600)
    store.append("run.ended", "ada", {"run": "r"})
    store.deny("ada", "CLOCK", "set back")
    *_begun, ended, denied = chain_of(store)
    assert (ended.at, ended.body) == (denied.at, {"run": "r", "clock_behind_s": 3600})
    assert ended.at == "2026-11-24T12:00:00.000000Z"
    assert (denied.kind, denied.body["clock_behind_s"]) == ("denied", 3600)
    assert store.latest() == noon


def test_somebody_sets_the_ledger_back_to_the_clock(store, clock):
    """After an entry of a clock that was ahead; that, too, is an entry, and without need there is none."""
    store.append("denied", "ada", {})
    assert store.reset_clock() == 0
    clock.turn(86400)
    store.append("denied", "ada", {})
    clock.turn(-86400)
    assert store.reset_clock() == 86400
    *_others, reset = chain_of(store)
    assert (reset.kind, reset.at, reset.body) == (
        "log.clock",
        "2026-11-24T12:00:00.000000Z",
        {"before": "2026-11-25T12:00:00.000000Z"},
    )
    assert store.append(FORWARD[0], "ada", {}) == reset.index + 1
    assert store.latest() == clock.moment


def test_a_text_that_looks_like_a_time_is_none(store, clock):
    """The time of an entry is found whatever its actor is called."""
    store.append("denied", ',"at":"2036-01-01T00:00:00.000000Z"', {})
    assert store.latest() == clock.moment
    clock.turn(-1)
    assert store.latest() == clock.moment + timedelta(seconds=1)
