# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Permits: what a run keeps for its enrolled hosts is what a host believes, and nothing where nobody granted it."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.logged import Seen
from ansible_collections.tidegate.deploy.plugins.module_utils.core.permit import Permit, require_grant
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import of_change
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.difference import difference
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import opening, permits
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.availability import Wave
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.permits import Challenges, Permits
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import PLAN, Run, change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now

from .conftest import OLD, a_plan

UIDS = {"web1": "1" * 32, "web2": "2" * 32}
CHALLENGES = {"web1": "a" * 64, "web2": "b" * 64}
WAVES = (("web1", "web2"), ("web3",))


class Identity:
    def __init__(self, name):
        self.name, self.uid = name, UIDS[name]


class Fleet:
    """Hosts that give challenges, each with what it saw of the log."""

    def __init__(self):
        self.seen = dict.fromkeys(UIDS, Seen())
        self.asked = []
        self.silent = {}

    def each(self, _door, names, check, _ask):
        self.asked.append((list(names), check))
        return {name: self.silent.get(name) or self.gives(name) for name in names}

    def gives(self, name):
        return Said("ok", fields={"challenges": {"web": CHALLENGES[name]}, "seen": self.seen[name].doc()})


@pytest.fixture
def fleet(monkeypatch):
    made = Fleet()
    monkeypatch.setattr(permits, "each", made.each)
    return made


@pytest.fixture
def run(site):
    """A run whose first wave has two enrolled hosts, and whose second has one that is not."""
    begun = site.begin(a_plan(waves=WAVES))
    for name in begun.plan.host_names:
        where = {"state": "steady", "current": OLD, "change": None, "uid": UIDS.get(name, "")}
        site.say(name, "precheck", where=where)
    held = opening.lets_out(opening.freeze(Run.current(site.store), 2026).run)
    site.store.open_wave(held.id, 0)
    return held


WAVE = Wave(0, ("web1", "web2"), ("web3",))


def bundle(store):
    log = {"origin": store.origin(), "keys": [store.key_line()]}
    return Bundle(b"{}", {"log": log})


def believed(run, fleet, name):
    """What a host makes of its permit: the index of the grant, and what it keeps."""
    permit = Permit.parse(Permits(run.store.folder, run.id).of(name))
    return require_grant(
        permit.grant,
        permit.statement,
        Identity(name),
        CHALLENGES[name],
        fleet.seen[name],
        bundle(run.store),
        now().replace(microsecond=0),
        signing.verify,
    )


def test_each_enrolled_host_of_a_wave_believes_its_permit(run, fleet):
    """Whatever each has seen of the log before: one nothing, one all of it; hosts that are not enrolled are not asked."""
    assert permits.grant(None, run, WAVE) == []
    first = believed(run, fleet, "web1")
    fleet.seen["web1"] = first.seen
    run.store.append("denied", "eve", {})
    assert permits.grant(None, run, WAVE) == []
    assert [names for names, _check in fleet.asked] == [["web1", "web2"]] * 2
    again, other = believed(run, fleet, "web1"), believed(run, fleet, "web2")
    assert again.index > first.index
    assert again.index == other.index == Permits(run.store.folder, run.id).index_of("web1")
    assert again.seen == other.seen


def test_a_permit_is_for_its_host_alone(run, fleet):
    """Another host's challenge is not the one that this host gave."""
    permits.grant(None, run, WAVE)
    kept = Permits(run.store.folder, run.id)
    permit = Permit.parse(kept.of("web1"))
    with pytest.raises(Refusal) as refused:
        require_grant(
            permit.grant,
            permit.statement,
            Identity("web1"),
            CHALLENGES["web2"],
            Seen(),
            bundle(run.store),
            now(),
            signing.verify,
        )
    assert refused.value.code == "CHALLENGE"


def test_what_is_kept_is_for_its_user_only_and_goes_with_the_run(run, fleet):
    permits.grant(None, run, WAVE)
    kept = Permits(run.store.folder, run.id)
    files = list(kept._folder.iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in (*files, kept._folder)} == {0o600, 0o700}
    kept.forget()
    with pytest.raises(Refusal, match="web1 gave no challenge before this wave") as refused:
        kept.of("web1")
    assert (refused.value.code, kept.index_of("web1")) == ("CHALLENGE", None)


def test_a_host_that_gives_no_challenge_is_named_and_granted_nothing(run, fleet):
    """The others of its wave are; its own activation then says why it cannot begin."""
    fleet.silent["web2"] = Said("unknown", "UNREACHABLE", "cannot be reached")
    assert permits.grant(None, run, WAVE) == ["web2: UNREACHABLE: cannot be reached"]
    entry = next(entry for entry in run.store.entries() if entry.kind == "grant")
    assert entry.body["hosts"] == {UIDS["web1"]: CHALLENGES["web1"]}
    assert Permits(run.store.folder, run.id).index_of("web2") is None


def test_a_challenge_that_came_with_the_staging_is_not_asked_for_again(run, fleet):
    """While it is fresh; a host that gave none, or whose clocks and waits nobody can vouch for, is asked as ever."""
    kept, now = Challenges(run.store.folder, run.id), run.store.now()
    kept.keep("web1", fleet.gives("web1").fields, now)
    kept.keep("web2", {"changed": True}, now)  # a program that knows no challenge there
    assert permits.grant(None, run, WAVE) == []
    assert [names for names, _check in fleet.asked] == [["web2"]]
    assert believed(run, fleet, "web1").index == believed(run, fleet, "web2").index
    for moment in (now - timedelta(minutes=3), now + timedelta(minutes=3)):
        kept.keep("web1", fleet.gives("web1").fields, moment)
        assert kept.of("web1", now) is None
    kept.forget()
    assert kept.of("web1", now) is None


def test_a_wave_without_enrolled_hosts_asks_nobody(run, fleet):
    size = run.store.log_size()
    assert permits.grant(None, run, Wave(1, ("web3",), ("web1", "web2"))) == []
    assert (fleet.asked, run.store.log_size()) == ([], size)


def test_a_host_that_saw_another_log_stops_the_wave_by_name(run, fleet):
    """A store that was set back or forked is found by whoever saw more of it."""
    fleet.seen["web2"] = Seen(1, b"x" * 32, "")
    with pytest.raises(Refusal, match=r"web2: .* with another root") as refused:
        permits.grant(None, run, WAVE)
    assert refused.value.code == "LEDGER"


def test_what_people_signed_is_shown_without_what_was_withdrawn(run):
    """And without what was signed about an earlier plan, or was only recorded."""
    store, change = run.store, change_of(run.store, run.change_id)
    statement = of_change(change)
    row = ApprovalRow(
        statement.id,
        change.id,
        change.revision,
        "ada",
        "approve",
        "signed",
        "SHA256:a",
        statement.data.decode(),
        None,
        "A",
    )
    for more in (
        row,
        replace(row, person="bob", signature="B"),
        replace(row, person="bob", decision="withdraw", signature="W"),
        replace(row, person="cyd", strength="recorded", signature=None),
        replace(row, person="dan", statement="0" * 64, signature="D"),
    ):
        store.add_approval(more)
    assert permits.signed(store, change)["signatures"] == ["A"]


def planned(site, uids):
    """A plan of hosts that say who they are, and what is to be said about it."""
    run = site.begin(a_plan(waves=WAVES), verb=PLAN)
    for name in run.plan.host_names:
        where = {"state": "steady", "current": OLD, "change": None, "uid": uids.get(name, "")}
        site.say(name, "precheck", where=where)
    frozen = opening.freeze(Run.current(site.store), 2026)
    site.store.end_run(frozen.run.id, "completed")
    return frozen


def test_hosts_that_are_enrolled_later_make_a_new_revision(site):
    """What a host demands is in what people sign: a plan that does not know it is revised, and its approvals are void."""
    first, same = planned(site, UIDS), planned(site, UIDS)
    assert first.run.plan.enrolled == UIDS
    assert (same.run.row.revision, same.notes) == (1, [])
    assert difference(a_plan(waves=WAVES), first.run.plan.as_found({}, UIDS, 7)) == []
    later = planned(site, {**UIDS, "web3": "3" * 32, "web1": ""})
    assert later.run.row.revision == 2
    assert later.notes == [
        "revision 2",
        "web1 is enrolled no longer, and was as 11111111 when this was planned",
        "web3 is enrolled as 33333333, and was not when this was planned",
    ]
    assert sorted(later.run.plan.enrolled) == ["web2", "web3"]
