# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step on many hosts outside of any change: all are looked at first, and one that refuses stops all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import VERDICTS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.everywhere import adopted_text, removed_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import everywhere
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import last_of_process
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach import fan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer

REQUESTS = {"web1": {"n": 1}, "web2": {"n": 2}}


class Hosts:
    """Hosts that answer what they are told to; what each was asked is kept."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def program_of(self, _door, _hostvars, name, check, installs):
        return SimpleNamespace(call=lambda step, request, payload: self.call(name, check, installs))

    def call(self, name, check, installs):
        self.asked.append((name, check, installs))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(ok=True, changed=True, code="", message="", **fields):
    return Answer(ok, changed, code, message, {}, {"changed": changed, **fields})


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Ask hosts with these answers; gives what came of it, what was asked, and the store."""

    def run(check=False, **answers):
        hosts = Hosts(answers)
        monkeypatch.setattr(fan, "program_of", hosts.program_of)
        door = SimpleNamespace(check=check, task_vars={"hostvars": {}})
        store = Store.open(str(tmp_path / "store.db"), now)
        try:
            done = everywhere.everywhere(door, "adopt", REQUESTS, True, store)
        except Refusal as refusal:
            done = refusal
        return SimpleNamespace(done=done, asked=sorted(hosts.asked), run=last_of_process(store), store=store)

    return run


def test_all_are_looked_at_and_then_all_do_it(ask):
    """In check mode nothing is installed; the run and its hosts are recorded."""
    came = ask(web1=answer(), web2=answer())
    assert came.asked == [(name, check, not check) for name in REQUESTS for check in (False, True)]
    assert (came.run.verb, came.run.state, came.run.change_id) == ("adopt", "completed", None)
    assert [(row.host, row.verdict) for row in came.store.host_rows(came.run.id)] == [("web1", "ok"), ("web2", "ok")]
    assert {said.verdict for said in came.done.values()} <= set(VERDICTS)


def test_one_that_refuses_stops_all(ask):
    """Nothing is asked for that would change anything, and nothing is recorded."""
    came = ask(web1=answer(), web2=answer(ok=False, code="ADOPT", message="current dangles"))
    assert came.done.code == "ADOPT"
    assert came.done.message == "1 host refused, and nothing was changed on any: web2: ADOPT: current dangles"
    assert (came.asked, came.run) == ([("web1", True, False), ("web2", True, False)], None)


def test_one_that_has_it_already_is_left_alone(ask):
    """Only who would change is asked again."""
    came = ask(web1=answer(changed=False), web2=answer())
    assert [asked for asked in came.asked if not asked[1]] == [("web2", False, True)]
    assert came.run.state == "completed"


def test_one_that_cannot_be_reached_waits_for_the_next_time(ask):
    """The others do it; the run has failed."""
    came = ask(web1=answer(), web2=Unreachable("no route"))
    assert {name: said.verdict for name, said in came.done.items()} == {"web1": "ok", "web2": "unknown"}
    assert everywhere.told({"web2": came.done["web2"]}) == "web2: UNREACHABLE: cannot be reached: no route"
    assert came.run.state == "failed"


def test_check_mode_only_looks(ask):
    """And records nothing."""
    came = ask(check=True, web1=answer(), web2=answer())
    assert (came.asked, came.run) == ([("web1", True, False), ("web2", True, False)], None)


def test_what_people_read(ask):
    """Each host on a line; what is left for them, and what stays, follows."""
    adopted = {"release": "1.0-aaaaaaaaaaaa", "from": "/srv/app", "files": 3, "todo": ["let web.service run current"]}
    came = ask(web1=answer(**adopted), web2=Unreachable("no route"))
    text = adopted_text("web", came.done, check=False)
    assert "web1  taken over  1.0-aaaaaaaaaaaa  3 files of /srv/app" in text
    assert "web2  unknown" in text
    assert text.endswith("before the next rollout: let web.service run current")
    stays = {"service": "web", "state": "steady", "current": "1.0-aaaaaaaaaaaa", "root": "/opt/web", "releases": 2}
    gone = {"removed": ["/var/lib/tidegate"], "left": [{**stays, "change": "CHG-2026-0001"}]}
    text = removed_text(ask(web1=answer(**gone), web2=answer(changed=False)).done, check=True, store="/s/store.db")
    assert "web1  would be removed  /var/lib/tidegate" in text
    assert "web2  unchanged" in text
    assert "web1  web      1.0-aaaaaaaaaaaa  /opt/web  2         CHG-2026-0001" in text
    assert text.endswith("what stays here: the store /s/store.db")
