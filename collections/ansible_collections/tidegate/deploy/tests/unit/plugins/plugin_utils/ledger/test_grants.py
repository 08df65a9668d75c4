# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grants: the entry by which enrolled hosts see that the store agreed, made only where nothing stops the wave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow

HOLDER = {"host": "controller", "pid": 4711, "user": "ops"}
UID = "1" * 32
HOSTS = {UID: "c" * 64}
VETO = ApprovalRow("a" * 64, "", 1, "carol", "veto", "signed", "SHA256:x", "{}")


@pytest.fixture
def run(store):
    change = store.new_change("web", "production", "c" * 64, b"{}", "x")[0]
    store.begin_run("run", change, 1, "rollout", HOLDER, [["web1"], ["web2"]], True)
    store.take_lease("web", "production", "run", HOLDER, 900, lambda _holder: False)
    return store.run("run")


def going(store, run):
    return (store.change(run.change_id).state,)


def grant(store, run, state=None):
    return store.grant(run.id, 0, "a" * 64, "web", HOSTS, state or going(store, run))


def granted(store):
    return [entry for entry in store.entries() if entry.kind == "grant"]


def test_a_grant_is_an_entry_that_says_until_when_the_lease_holds(store, run):
    """With what the caller shows hosts; asked for again, it is another entry: a host gives a challenge once."""
    store.open_wave(run.id, 0)
    index = grant(store, run)[UID]
    entry = store.entries()[index]
    until = store.lease("web", "production").expires_at
    assert (entry.index, entry.kind, entry.change) == (index, "grant", run.change_id)
    assert entry.body == {
        "statement": "a" * 64,
        "service": "web",
        "hosts": HOSTS,
        "wave": 1,
        "lease_until": f"{until[:19]}Z",
    }
    assert grant(store, run) == {UID: index + 1}


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (lambda store, run: store.halt(run.id, "BUDGET", "web2 failed"), "WAVE"),
        (lambda store, run: store.release_lease(run.id), "LEASE_LOST"),
        (lambda store, run: store.add_approval(replace(VETO, change_id=run.change_id)), "VETO"),
        (lambda store, run: store.close_wave(run.id, 0), "WAVE"),
    ],
)
def test_nothing_is_granted_where_something_stops_the_wave(store, run, stop, code):
    """Whatever happened since the wave was opened: no entry, so that no host can be shown one."""
    store.open_wave(run.id, 0)
    state = going(store, run)
    stop(store, run)
    with pytest.raises(Refusal) as refused:
        grant(store, run, state)
    assert refused.value.code == code
    assert granted(store) == []


def test_a_change_that_is_stopped_is_granted_nothing(store, run):
    store.open_wave(run.id, 0)
    with pytest.raises(Refusal, match="no further wave opens") as refused:
        grant(store, run, ("implementing",))
    assert (refused.value.code, granted(store)) == ("PAUSED", [])


def test_a_veto_that_was_taken_back_stops_nothing(store, run):
    store.open_wave(run.id, 0)
    veto = replace(VETO, change_id=run.change_id)
    store.add_approval(veto)
    store.add_approval(replace(veto, decision="withdraw"))
    assert grant(store, run)


def test_a_wave_of_many_hosts_has_as_many_entries_as_it_takes(store, run):
    """Each host is in exactly one of them, and no entry is too large to be one."""
    store.open_wave(run.id, 0)
    hosts = {f"{number:032x}": f"{number:064x}" for number in range(250)}
    said = store.grant(run.id, 0, "a" * 64, "web", hosts, going(store, run))
    entries = granted(store)
    assert [len(entry.body["hosts"]) for entry in entries] == [100, 100, 50]
    assert {uid: hosts[uid] for entry in entries for uid in entry.body["hosts"]} == hosts
    assert said == {uid: entry.index for entry in entries for uid in entry.body["hosts"]}
