# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder keeps results while the store is away, writes them once it is back, and never more than it may."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import recording
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.recording import Recorder, result_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now

RUN, ANN = "0" * 32, "ann@control"
AT = datetime(2026, 11, 28, 13, tzinfo=UTC)


class Opener:
    """Opens a store, unless it is away; counts how often it was asked."""

    def __init__(self, opened):
        self.opened = opened
        self.away = False
        self.asked = []

    def __call__(self, busy_s):
        self.asked.append(busy_s)
        if self.away:
            raise Refusal("STORE", "the store is away")
        return self.opened()


@pytest.fixture
def opener(tmp_path):
    return Opener(lambda: Store.open(str(tmp_path / "store.db"), now))


@pytest.fixture
def recorder(opener):
    return Recorder([], "site.yml", "CHG-2026-0001", RUN, ANN, opener)


def a_result(host="web1", status="ok"):
    return result_of(AT, host, status, "ansible.builtin.command", "site.yml:3", 12, None)


def batches(opener):
    with opener.opened() as store:
        return [entry.body["results"] for entry in store.entries() if entry.kind == "record.batch"]


def run_of(opener):
    with opener.opened() as store:
        [run] = store.recorded_runs()
        return run


def test_results_wait_for_their_batch(opener, recorder, monkeypatch):
    """Results are written together, a failure takes those before it along at once, the end takes the rest."""
    monkeypatch.setattr(recording, "PAUSE_MS", 60_000)
    recorder.begin()
    for status in ("ok", "changed", "failed", "ok"):
        recorder.add(a_result(status=status))

    assert [3] == batches(opener)
    recorder.end()
    assert [3, 1] == batches(opener)
    assert ("CHG-2026-0001", 0, {"ok": 2, "changed": 1, "failed": 1, "unreachable": 0, "skipped": 0}) == (
        run_of(opener).change_id,
        recorder.unwritten,
        run_of(opener).hosts["web1"],
    )


def test_a_full_batch_is_written(opener, recorder, monkeypatch):
    """Many results do not wait for the clock."""
    monkeypatch.setattr(recording, "PAUSE_MS", 60_000)
    monkeypatch.setattr(recording, "BATCH", 10)
    recorder.begin()
    for _number in range(25):
        recorder.add(a_result())

    assert [10, 10] == batches(opener)


def test_what_waited_for_the_store_is_written_when_it_is_back(opener, recorder):
    """Nothing is lost by a short outage, and nothing is written twice."""
    opener.away = True
    recorder.begin()
    recorder.add(a_result("web1"))
    opener.away = False
    recorder.end()

    assert [1] == batches(opener)
    assert (0, 0) == (recorder.unwritten, run_of(opener).lost)


@pytest.mark.parametrize("begun", [True, False])
def test_what_the_store_could_not_take_to_the_end_is_left_for_the_next_run(opener, begun):
    """With when the playbook began and ended; nothing of it counts as lost."""
    left = []
    recorder = Recorder([], "site.yml", "CHG-2026-0001", RUN, ANN, opener, lambda noted: left.extend(noted) or True)
    opener.away = not begun
    recorder.begin()
    opener.away = True
    recorder.add(a_result("web1"))
    recorder.end()

    assert ["add_batch"] == [kind for kind, _said in left][-1:]
    assert (not begun) == ("begin_record" in dict(left))
    assert 0 == recorder.unwritten
    opener.away = False
    with opener.opened() as store:
        for kind, said in left:
            getattr(store, kind)(*said)
    assert ({"ok": 1}, True) == (
        {status: count for status, count in run_of(opener).hosts["web1"].items() if count},
        run_of(opener).started_at <= run_of(opener).ended_at,
    )


def test_what_nobody_keeps_is_told(opener):
    """A file that cannot be used is not waited for."""
    recorder = Recorder([], "site.yml", None, RUN, ANN, opener, lambda _noted: False)
    opener.away = True
    recorder.begin()
    recorder.add(a_result("web1"))
    recorder.end()

    assert 1 == recorder.unwritten


def test_a_store_that_is_away_is_not_asked_for_each_result(opener, recorder):
    """An outage costs a run next to nothing."""
    opener.away = True
    recorder.begin()
    for _number in range(1000):
        recorder.add(a_result(status="failed"))

    assert [recording.BUSY_S] == opener.asked
    assert 1000 == recorder.unwritten


def test_what_memory_does_not_hold_is_counted_as_lost(opener, recorder, monkeypatch):
    """The record says how much it lacks."""
    monkeypatch.setattr(recording, "MOST_WAITING", 10)
    opener.away = True
    recorder.begin()
    for _number in range(15):
        recorder.add(a_result())
    opener.away = False
    recorder.end()

    assert (10, 5) == (sum(batches(opener)), run_of(opener).lost)


@pytest.mark.parametrize("named", [None, "", "CHG-1", "CHG-2026-0001 or so", "{{ x }}"])
def test_what_is_no_change_is_not_recorded_as_one(opener, named):
    """A name is kept only if it is one."""
    recorder = Recorder([], "site.yml", named, RUN, ANN, opener)
    recorder.begin()

    assert None is run_of(opener).change_id


@pytest.mark.parametrize(
    ("action", "where", "kept"),
    [
        ("ansible.builtin.command", "site.yml:3", ("ansible.builtin.command", "site.yml:3")),
        ("{{ secret }}", "site.yml", ("?", "?")),
        ("command; echo x", "a b.yml:1", ("?", "?")),
        ("a" * 200, "x\n.yml:1", ("?", "?")),
    ],
)
def test_only_names_are_kept(action, where, kept):
    """What does not look like a module or a place in a file is not kept."""
    result = result_of(AT, "web1", "ok", action, where, None, None)

    assert kept == (result["action"], result["where"])
    assert {"at", "host", "status", "action", "where", "ms"} == set(result)
