# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clerk is a real process: it answers the gate, takes results, serves many at once, and is missed when it is gone."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import current_run_holder, run_id
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.courier import (
    COLLECTIONS,
    Broken,
    Courier,
    Questions,
    Results,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarding import (
    Found,
    checked,
    may_refuse,
    packed,
    unpacked,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now

RUN = {"sources": [], "playbook": "site.yml", "digest": None, "named": None, "check": False, "unsafe": ""}
NOBODY = {"tidegate_people": None, "tidegate_bridges": None}
WEB = [Found("web1", ("enforce",), None, NOBODY), Found("web2", ("enforce",), None, NOBODY)]
ABOUT = {"sources": [], "playbook": "site.yml", "named": None}
DONE = (1_800_000_000.5, "web1", "changed", "ansible.builtin.command", "site.yml:3", 12, None)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Opens the store that the clerk opens."""
    path = str(tmp_path / "store.db")
    monkeypatch.setenv("TIDEGATE_STORE", path)
    return lambda: Store.open(path, now)


@pytest.fixture
def courier(store):
    found = Courier()
    yield found
    found._end()


def question(asked=(), read=(), **more):
    return {"run": RUN, "asked": packed(asked), "read": packed(read), "real": False, **more}


def test_it_answers_the_gate_for_the_run(courier, store):
    """What it says is in the store, under the id of the process that asks."""
    answer = courier.ask(question(WEB))

    assert answer["refused"]
    assert answer["lines"][0].startswith("refuses web1, web2: NO_CHANGE: ")
    with store() as found:
        [row] = found.gated_rows()
    assert (run_id(current_run_holder()), ("web1", "web2")) == (row.run_id, row.hosts)


def test_a_refusal_and_an_error_come_back_as_what_they_are(courier):
    """Data that cannot be understood is told with its place; whatever breaks is told, too, and the next question answered."""
    with pytest.raises(Refusal, match="DATA: tidegate_policy of host web1: gates: found an unknown key"):
        courier.ask(question(read=[Found("web1", (None,), {"gates": "observe"}, NOBODY)]))
    with pytest.raises(Broken, match="TypeError: "):
        courier.ask(question(run={"sources": []}))

    assert {"refused": False, "lines": []} == courier.ask(question())


def test_questions_are_asked_without_waiting_and_answered_in_their_order(courier, store):
    """Nobody waits for a clerk that stands still, however much there is to say; then each has its answer, and its row, in that order."""
    questions = Questions(courier.line())
    courier._process.send_signal(signal.SIGSTOP)
    names = ["first", "second", "third"]
    for name in names:
        questions.ask(question([Found(name, (None,), {"zone": "x" * 300_000}, NOBODY)]))
    courier.tell(question([Found("told", (None,), None, NOBODY)]))

    assert [] == list(questions.answers(0))
    courier._process.send_signal(signal.SIGCONT)
    assert names == [answer["lines"][0].partition(":")[0].rpartition(" ")[2] for answer in questions.answers()]
    assert 0 == questions.open
    questions.close()
    courier.ask(question())
    with store() as found:
        rows = [row.hosts[0] for row in found.gated_rows()]
    assert names == [name for name in rows if name != "told"]
    assert "told" in rows


def test_what_was_asked_is_written_for_who_is_gone(courier, store):
    """An answer that nobody hears keeps none of the other questions from being answered."""
    with courier.line() as line:
        courier._process.send_signal(signal.SIGSTOP)
        questions = Questions(line)
        for name in ("first", "second"):
            questions.ask(question([Found(name, (None,), None, NOBODY)]))
    courier._process.send_signal(signal.SIGCONT)
    courier._end()

    with store() as found:
        assert ["first", "second"] == [row.hosts[0] for row in found.gated_rows()]


def test_results_go_beside_questions(courier, store):
    """A line for results stays open while others ask; at its end it is told what was not written."""
    results = Results(courier.line(), ABOUT)
    results.add(DONE)
    results.send()
    courier.ask(question(WEB))
    results.add(DONE)

    assert 0 == results.end()
    with store() as found:
        [run] = found.recorded_runs()
        kept = found.recorded_results(run.run_id)
    assert run_id(current_run_holder()) == run.run_id
    assert [("2027-01-15T08:00:00.500000Z", "changed")] * 2 == [(one["at"], one["status"]) for one in kept]


def test_results_of_a_process_that_is_gone_are_written(courier, store):
    """Whoever recorded is gone without a word: what they said is kept, and their run is over."""
    results = Results(courier.line(), ABOUT)
    results.add(DONE)
    results.send()
    results._line.close()

    until = time.monotonic() + 60
    while not _ended(store):
        assert time.monotonic() < until
        time.sleep(0.02)


def _ended(store):
    with store() as found:
        return [run for run in found.recorded_runs() if run.ended_at]


def test_when_it_is_gone_everybody_is_told(courier):
    """A question has no answer, and no result counts as written."""
    results = Results(courier.line(), ABOUT)
    courier._process.kill()
    courier._process.wait()
    for _number in range(3):
        results.add(DONE)
        results.send()

    assert 3 == results.end()
    assert 0 == Results(courier.line(), ABOUT).end()
    with pytest.raises(Broken, match="the process that asks the store has ended"):
        courier.ask(question(WEB))


def test_it_ends_with_the_last_process_of_the_run():
    """Nobody can reach it any more."""
    courier = Courier()
    courier._bell.close()

    assert 0 == courier._process.wait(60)


def test_it_imports_nothing_of_ansibles():
    """Its start is what a run of the gate waits for."""
    room = "ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure"
    program = (
        f"import sys; sys.path.insert(0, {os.path.dirname(COLLECTIONS)!r}); import {room}.clerk, {room}.gatekeeper; "
    )
    program += "print(sorted(name for name in sys.modules if name.split('.')[0] == 'ansible'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout


def test_hosts_are_carried_as_they_are():
    """Equal values once, hosts in their order; the mode comes from the host, else from its policy, and the stricter counts."""
    policy = {"gate": "enforce"}
    hosts = [Found("a", (None,), policy, NOBODY), Found("b", ("observe", None), policy, NOBODY)]
    hosts.append(Found("c", ("observe", "enforce"), None, NOBODY))
    document = packed(hosts)

    assert hosts == unpacked(document)
    assert [policy, NOBODY, None] == document["values"]
    assert ["enforce", "observe", "enforce"] == [host.mode for host in checked(hosts)]


def test_nobody_goes_on_where_the_gate_may_refuse():
    """What is told of unread policies agrees with what is read in them, and in doubt it is that the gate may refuse."""
    policies = [None, {}, {"gate": "observe"}, {"gate": "enforce"}, {"zone": "Europe/Berlin"}]
    modes = [(None,), ("observe",), ("enforce",), (None, None), (None, "enforce"), ("observe", "enforce")]
    for policy, mode in itertools.product(policies, modes):
        host = Found("web1", mode, policy, NOBODY)
        assert (checked([host])[0].mode == "enforce") == may_refuse([host], []), host
        assert not may_refuse([], [host])
    for policy in ("enforce", ["gate"], {"gates": "enforce"}, {"gate": "enforced"}, {"gate": ["enforce"]}, {1: 2}):
        host = Found("web1", ("observe",), policy, NOBODY)
        assert may_refuse([host], [])
        assert may_refuse([], [host])
