# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a rollout while the store is away: by the actions themselves, with hosts that only say what they are to say."""

from __future__ import annotations

from functools import partialmethod
from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.deploy.plugins.action import activate, availability, back, close, confirm, finish
from ansible_collections.tidegate.deploy.plugins.lookup import hosts
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import door as doors
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import Tokens, open_store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.procedure import conftest as procedure


class Hosts:
    """What the hosts answer, and what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.release = self.change = ""

    def answer(self, door, step, request, within_s=0, fresh=False):
        host = door.task_vars["inventory_hostname"]
        self.asked.append((step, host))
        service = {"state": "steady", "current": self.release, "change": self.change}
        if step == "back":
            service = {"state": "steady", "current": procedure.OLD, "reverted": {"change": self.change}}
        return Answer(True, True, "", "", service, {"ok": True})


def _answered(door, hosts, *asked, **how):
    return hosts.answer(door, *asked, **how)


class Rollout:
    """A rollout of this process, of which the canary is activated, with its store in PostgreSQL."""

    def __init__(self, server, folder):
        self.server = server
        self.sources = [str(folder / "hosts.yml")]
        self.hosts = Hosts()
        site = procedure.Site.__new__(procedure.Site)
        site.store = open_store(self.sources, check=False)
        with site.store as store:
            run = site.frozen(procedure.a_plan())
            self.change, self.run = run.change_id, run.id
            self.hosts.release, self.hosts.change = run.plan.release_id, run.change_id
            store.open_wave(run.id, 0)
            Tokens(store.folder, run.id).new("web1")
            Run.current(store).mark_touched("web1", 60)
            site.say("web1", "activate", where={"state": "pending", "current": run.plan.release_id}, touched=True)

    def act(self, action, host="localhost", batch=(), **arguments):
        door = action.ActionModule.__new__(action.ActionModule)
        door._task = SimpleNamespace(check_mode=False, diff=False, get_play=lambda: SimpleNamespace(strategy="linear"))
        door.task_vars = {
            "inventory_hostname": host,
            "ansible_inventory_sources": self.sources,
            "ansible_play_batch": list(batch),
        }
        return door.perform(arguments)

    def query(self, term):
        variables = {"ansible_inventory_sources": self.sources, "groups": {"all": ["web1", "web2", "web3"]}}
        return hosts._asked(term, variables)


@pytest.fixture
def rollout(stoppable, tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEGATE_STORE", stoppable.database())
    (tmp_path / "hosts.yml").write_text("")
    begun = Rollout(stoppable, tmp_path)
    monkeypatch.setattr(doors.HostStep, "call_until_answered", partialmethod(_answered, begun.hosts))
    monkeypatch.setattr(availability.ActionModule, "_require_consent", lambda *_: None)
    monkeypatch.setattr(availability.ActionModule, "_who_serves", lambda *_: {"web1": ""})
    monkeypatch.setattr(availability.ActionModule, "_tell", lambda *_: None)
    monkeypatch.setattr(close.ActionModule, "sign_off", lambda *_: None)
    return begun


def recorded(rollout):
    """What the store knows of the run once it is back."""
    rollout.server.start()
    with open_store(rollout.sources, check=False) as store:
        return store.run(rollout.run), [(event.host, event.step, event.verdict) for event in store.events(rollout.run)]


def test_the_wave_that_is_under_way_is_finished_and_no_other_opens(rollout):
    """Confirmed by its token, without the store; the next wave is stopped by name, and its hosts are not asked for anything."""
    rollout.server.stop()

    assert rollout.act(confirm, "web1").verdict == "ok"
    stopped = rollout.act(availability, batch=["web2", "web3"])

    assert (stopped.verdict, stopped.code) == ("skipped", "STORE_AWAY")
    assert rollout.act(activate, "web2").verdict == "skipped"
    assert rollout.query("cause")[0].startswith("STORE_AWAY: ")
    assert rollout.hosts.asked == [("confirm", "web1")]
    run, events = recorded(rollout)
    assert (run.state, run.code, run.opened) == ("halted", "STORE_AWAY", 1)
    assert ("web1", "confirm", "ok") in events


def test_nothing_is_begun_on_a_host_without_the_store(rollout):
    """An activation is refused before the host hears of it."""
    rollout.server.stop()
    with pytest.raises(Refusal, match="Nothing new starts without it") as caught:
        rollout.act(activate, "web1")
    assert caught.value.code == "STORE_AWAY"
    assert rollout.hosts.asked == []


def test_a_rollout_that_stops_takes_its_hosts_back_and_ends(rollout):
    """The way back needs no store; the outcome is shown, kept, and recorded once with everything that led to it."""
    rollout.server.stop()
    rollout.act(confirm, "web1")
    rollout.act(availability, batch=["web2", "web3"])

    rollout.act(finish)
    assert "web1" in rollout.query("back")
    assert rollout.act(back, "web1").verdict == "back"
    ended = rollout.act(close, verb="rollout")

    assert (ended.verdict, ended.code) == ("failed", "STORE_AWAY")
    run, events = recorded(rollout)
    assert (run.state, run.code) == ("rolled_back", "STORE_AWAY")
    assert events[-2:] == [("web1", "confirm", "ok"), ("web1", "back", "back")]
    with open_store(rollout.sources, check=False) as store:
        assert store.change(rollout.change).state == "rolled_back"
        assert store.lease("web", "production") is None


def test_a_store_that_comes_back_in_time_lets_the_rollout_go_on(rollout):
    """An outage between two waves leaves no trace but the times: the next wave opens."""
    rollout.server.stop()
    assert rollout.act(confirm, "web1").verdict == "ok"
    rollout.server.start()

    assert rollout.act(availability, batch=["web2", "web3"]).verdict == "ok"
    run, events = recorded(rollout)
    assert (run.state, run.opened, run.closed) == ("running", 2, 1)
    assert ("web1", "confirm", "ok") in events
