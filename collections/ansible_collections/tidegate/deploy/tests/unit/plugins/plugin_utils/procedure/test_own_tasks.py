# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the site's own tasks in the store: what hosts have of it, what goes back, and what runs once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.build import build
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.bundle import Bundle, File
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.once import BEGUN, DONE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import opening, own_tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now

from .conftest import DEFINITION, WAVES

PART = {"root": "0-t", "entry": "apply.yml", "role": False}
MIGRATE = {"name": "migrate", "when": "before", "on": "db1", "apply": PART, "check": None, "revert": "none"}
CLEAN = {**MIGRATE, "name": "clean", "when": "after", "revert": "unneeded"}
BOTH_THROUGH = len(WAVES)


def a_plan(revert=..., once=(), **more):
    revert = PART if revert is ... else revert
    bundle = Bundle(
        {"apply": PART, "check": PART, "revert": revert}, once, {"0-t/apply.yml": File(b"- debug:\n", executable=False)}
    )
    return build(
        service="web",
        environment="production",
        title=None,
        version="tasks",
        manifest=None,
        artifact=None,
        bundle=bundle,
        hosts=[plans.Host(name, DEFINITION) for wave in WAVES for name in wave],
        waves=WAVES,
        floor=1,
        budget=0,
        back_for_s=3600,
        checks={},
        limits={},
        **more,
    )


def looked(site, plan=None, there=()):
    """A run whose hosts were looked at, and whose checks have answered."""
    run = site.begin(plan or a_plan())
    for name in run.plan.host_names:
        site.say(name, "precheck", where={"state": "steady", "current": "1.0.0-aaaaaaaaaaaa", "change": None})
        answer(run, name, name in there)
    return Run.current(site.store)


def answer(run, host, there):
    run.store.note(run.id, host, own_tasks.FOUND, "ok", None, "", own_tasks.found(run, host, there))


def frozen(site, plan=None, there=()):
    run = opening.leased(opening.freeze(looked(site, plan, there), 2026).run)
    own_tasks.mark_begun(run)
    return Run.current(site.store)


def flat(batches):
    return [name for batch in batches for name in batch]


def test_the_service_of_a_host_is_told_apart_from_its_tasks(site):
    """What runs there is kept beside what the check says, and only the check says whether the change is there."""
    run = frozen(site, there=["web2"])

    assert [host.previous for host in run.plan.hosts] == [plans.WITHOUT, run.plan.release_id, plans.WITHOUT]
    assert run.is_there("web2")
    assert run.known_of("web1")["serving"] == "1.0.0-aaaaaaaaaaaa"


def test_hosts_that_have_it_all_are_a_change_that_is_done(site):
    """The change that was completed is named again, and nothing is to be done."""
    first = frozen(site)
    site.over()

    done = opening.freeze(looked(site, there=first.plan.host_names), 2026)

    assert done.done
    assert done.run.change_id == first.change_id


def test_a_change_that_was_cut_off_goes_back_where_it_had_begun(site):
    """Web1 was begun by a run that was killed, and its check finds nothing: the next run that fails takes it back too."""
    frozen(site).mark_touched("web1")
    site.forget()

    run = frozen(site)
    run.store.halt(run.id, "TASKS", "web2: failed")

    assert flat(own_tasks.way_back(Run.current(site.store))) == ["web1"]


def test_what_others_made_meanwhile_is_no_drift(site):
    """Somebody patched web2 by hand before the change came to it: the change goes on, and web2 is one of its hosts."""
    first = frozen(site)
    site.forget()

    run = frozen(site, there=["web2"])

    assert (run.change_id, run.row.revision) == (first.change_id, 1)
    assert run.known_of("web2")["change"] == run.change_id
    assert not run.is_there("web2")


def test_a_host_that_was_taken_back_is_not_begun_any_more(site):
    """What the last run took back is not taken back again."""
    first = frozen(site)
    first.mark_touched("web1")
    site.say("web1", "back", "back", where={"state": "steady", "current": plans.WITHOUT, "needed": True})
    site.forget()

    assert not frozen(site).rows["web1"].touched


def test_unhealthy_hosts_go_back_first(site):
    """Web3 does not serve: it is in the first batch; the healthy ones follow, so that one of three stays up."""
    run = frozen(site)
    for name in run.plan.host_names:
        run.mark_touched(name)
    site.say("web3", "apply", "failed", code="TASKS")
    run.store.halt(run.id, "TASKS", "web3: failed")

    assert own_tasks.way_back(Run.current(site.store))[0] == ("web3",)


def test_tasks_without_a_way_back_stay(site):
    """No host is in any batch, whatever failed."""
    run = frozen(site, a_plan(revert=None, on_failure="pause"))
    run.mark_touched("web1")
    run.store.halt(run.id, "TASKS", "web1: failed")

    assert own_tasks.way_back(Run.current(site.store)) == []


def test_what_runs_once_has_its_host_and_its_time(site):
    """Before the waves on its host, beside this machine; after them only when all are through; never when it is done."""
    run = frozen(site, a_plan(once=[MIGRATE, CLEAN]))

    assert own_tasks.once_hosts(run, "before") == [["localhost", "db1"]]
    assert own_tasks.once_hosts(run, "after") == []
    run.store.move_once(run.change_id, "migrate", run.id, "db1", DONE, False)
    assert own_tasks.once_hosts(run, "before") == []
    for index in range(BOTH_THROUGH):
        run.store.open_wave(run.id, index)
        run.store.close_wave(run.id, index)
    assert own_tasks.once_hosts(run, "after") == [["localhost", "db1"]]


def test_no_wave_begins_before_what_runs_once_is_done(site):
    """The refusal names it, where it runs, and where it stands."""
    run = frozen(site, a_plan(once=[MIGRATE]))
    run.store.move_once(run.change_id, "migrate", run.id, "db1", BEGUN, True)

    with pytest.raises(Refusal) as caught:
        own_tasks.require_once(run, "before")

    assert caught.value.code == "ONCE"
    assert "migrate on db1 (begun, and nobody knows how it ended)" in caught.value.message


def test_there_is_no_way_back_past_a_point_of_no_return(site):
    """A migration that was only looked at is none; one that began is."""
    run = frozen(site, a_plan(once=[MIGRATE], on_failure="pause"))
    run.store.move_once(run.change_id, "migrate", run.id, "db1", None, True)
    change = site.store.change(run.change_id)

    own_tasks.require_way_back(site.store, change, now())
    run.store.move_once(run.change_id, "migrate", run.id, "db1", BEGUN, True)
    with pytest.raises(Refusal) as caught:
        own_tasks.require_way_back(site.store, change, now())
    assert caught.value.code == "NO_RETURN"
    assert "past migrate" in caught.value.message


def test_tasks_without_revert_are_past_it_once_a_host_has_begun(site):
    """Before the first host the change can still be taken back."""
    run = frozen(site, a_plan(revert=None, on_failure="pause"))
    change = site.store.change(run.change_id)

    own_tasks.require_way_back(site.store, change, now())
    run.mark_touched("web1")
    with pytest.raises(Refusal, match="apply on web1"):
        own_tasks.require_way_back(site.store, change, now())


def test_the_way_back_of_tasks_ends(site):
    """No host keeps a journal of them, so the store says when it is too late."""
    run = frozen(site)
    run.mark_touched("web1")
    site.over()
    change = site.store.change(run.change_id)

    own_tasks.require_way_back(site.store, change, now())
    with pytest.raises(Refusal) as caught:
        own_tasks.require_way_back(site.store, change, now() + timedelta(seconds=3601))
    assert caught.value.code == "BACK_UNTIL"
