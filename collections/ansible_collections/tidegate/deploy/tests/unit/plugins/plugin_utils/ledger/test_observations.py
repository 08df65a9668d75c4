# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate said and what was recorded of playbooks is in the store with its entry in the ledger, each once."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.observations import MOST_HOSTS, Said

ANN = "ann@control"
CHANGE = "CHG-2026-0001"


def said(run="run1", mode="observe", allowed=False, code="NO_CHANGE", hosts=("web1", "web2"), change=None):
    """What the gate says."""
    return Said(run, "site.yml", change, mode, allowed, code, "no change was named" if code else "", tuple(hosts))


def entries_of(store):
    """The entries of gate and recorder."""
    return [entry for entry in store.entries() if entry.kind.startswith(("gate.", "record."))]


@pytest.mark.parametrize(
    ("mode", "allowed", "kind"),
    [
        ("observe", False, "gate.observed"),
        ("observe", True, "gate.observed"),
        ("enforce", False, "gate.refused"),
        ("enforce", True, "gate.passed"),
    ],
)
def test_what_the_gate_says_has_its_entry(store, mode, allowed, kind):
    """Row and entry say the same; the entry has no text that somebody could have written."""
    store.gated(said(mode=mode, allowed=allowed, code="" if allowed else "WINDOW", change=CHANGE), ANN)

    [row] = store.gated_rows()
    [entry] = entries_of(store)
    assert (mode, int(allowed), ("web1", "web2"), ANN) == (row.mode, row.allowed, row.hosts, row.actor)
    assert (kind, ANN, CHANGE) == (entry.kind, entry.actor, entry.change)
    assert {"run", "playbook", "mode", "allowed", "code", "hosts", "hosts_in_all"} == set(entry.body)


def test_the_same_to_the_same_run_is_said_once(store):
    """Batches of a play and tasks in a loop make no second row; another reason or other hosts do."""
    for hosts, code in ((("web1",), "WINDOW"), (("web1",), "WINDOW"), (("web1",), "HOSTS"), (("web2",), "HOSTS")):
        store.gated(said(hosts=hosts, code=code), ANN)
    store.gated(said(run="run2", hosts=["web1"], code="WINDOW"), ANN)

    assert [("run1", 1), ("run1", 2), ("run1", 3), ("run2", 1)] == [
        (row.run_id, row.number) for row in store.gated_rows()
    ]
    assert 4 == len(entries_of(store))


def test_an_entry_stays_small(store):
    """Of a large fleet the row has all names, the entry some and the number."""
    names = tuple(f"web{number:04}" for number in range(2000))

    store.gated(said(hosts=names), ANN)

    assert names == store.gated_rows()[0].hosts
    body = entries_of(store)[0].body
    assert (MOST_HOSTS, 2000) == (len(body["hosts"]), body["hosts_in_all"])


def test_only_what_was_said_since(store, clock):
    """Older rows are left out."""
    store.gated(said(), ANN)
    clock.turn(3600)
    since = stamp(clock())
    store.gated(said(run="run2"), ANN)

    assert ["run2"] == [row.run_id for row in store.gated_rows(since)]


def result(host, status):
    """A result as it is kept."""
    return {"host": host, "status": status, "action": "ansible.builtin.command", "ms": 12}


def test_batches_add_up(store, clock):
    """Results stay in order, hosts have their counts, and each batch its entry with the digest of its document."""
    first = [result("web1", "ok"), result("web1", "changed"), result("web2", "failed")]
    last = [result("web1", "ok"), result("web2", "skipped")]
    store.begin_record("run1", CHANGE, ANN, "site.yml")
    store.begin_record("run1", None, "somebody@else", "other.yml")

    store.add_batch("run1", first)
    clock.turn(5)
    store.add_batch("run1", last, lost=3, ended=True)

    [run] = store.recorded_runs(CHANGE)
    assert (ANN, "site.yml", 3, stamp(clock())) == (run.actor, run.playbook, run.lost, run.ended_at)
    assert {
        "web1": {"ok": 2, "changed": 1, "failed": 0, "unreachable": 0, "skipped": 0},
        "web2": {"ok": 0, "changed": 0, "failed": 1, "unreachable": 0, "skipped": 1},
    } == run.hosts
    assert first + last == store.recorded_results("run1")
    digests = [hashlib.sha256(canonical.dumps(batch)).hexdigest() for batch in (first, last)]
    assert digests == [entry.body["digest"] for entry in entries_of(store)]
    assert [(CHANGE, False), (CHANGE, True)] == [(entry.change, entry.body["ended"]) for entry in entries_of(store)]


def test_a_batch_of_nobody_is_a_bug(store):
    """It is refused, and leaves nothing."""
    with pytest.raises(ValueError, match="no record of run run9"):
        store.add_batch("run9", [result("web1", "ok")])

    assert ([], []) == (store.recorded_results("run9"), entries_of(store))


@pytest.mark.parametrize("text", ["x' OR '1'='1", "%", "_", '"; DROP TABLE gated; --', "Robert\\'); --", "🌊"])
def test_no_text_becomes_sql(store, text):
    """Whatever a run, a host or a change is called is compared as it is."""
    store.begin_record(text, text, text, text)
    store.add_batch(text, [result(text, "ok")])
    store.begin_record("run1", CHANGE, ANN, "site.yml")
    store.gated(said(run=text, hosts=[text]), text)

    assert [text] == [run.run_id for run in store.recorded_runs(text)]
    assert [text] == list(store.recorded_runs(text)[0].hosts)
    assert [text] == [row.run_id for row in store.gated_rows()]
    assert 2 == len(store.recorded_runs())
