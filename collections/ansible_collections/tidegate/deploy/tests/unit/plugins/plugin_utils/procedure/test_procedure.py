# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes next: beginning, freezing, waves, budget, the way back and the end of a run."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import ABSENT
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import Move
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import availability, ending, opening, order
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run

from .conftest import OLD, a_plan

NEW = a_plan().release_id


def steady(current):
    return {"state": "steady", "current": current}


def confirm(site, host):
    site.say(host, "activate", touched=True, where={"state": "ready", "current": NEW})
    site.say(host, "confirm", where=steady(NEW))


def refusal_of(function, *arguments):
    with pytest.raises(Refusal) as caught:
        function(*arguments)
    return caught.value


# --- freezing --------------------------------------------------------------------------------------------------------


def test_a_play_entered_in_the_middle_finds_no_run(site):
    """Without the first play nothing is open, and the refusal says how to begin."""
    refusal = refusal_of(Run.current, site.store)

    assert refusal.code == "NO_CHANGE"
    assert "--start-at-task" in refusal.message


def test_a_playbook_works_on_one_change_at_a_time(site):
    """Several rollouts may follow each other in one playbook; a second one beside an open one is refused."""
    first = site.frozen()
    refusal = refusal_of(site.begin)

    assert refusal.code == "LEASE"
    assert f"works on {first.change_id} already" in refusal.message


def test_a_plan_freezes_what_hosts_run(site):
    """The previous release of each host is the one that it said, or none."""
    run = site.looked(site.begin(), {"web3": ABSENT})
    plan = opening.freeze(run, 2026).run.plan

    assert [OLD, OLD, ABSENT] == [host.previous for host in plan.hosts]


def test_unchanged_content_is_the_same_open_change(site):
    """Planning again returns the change, also when part of the hosts went on to its release meanwhile."""
    first = site.frozen()
    site.forget()
    run = site.looked(site.begin())
    site.say("web1", "precheck", where={**steady(NEW), "change": first.change_id})
    again = opening.freeze(Run.current(site.store), 2026)

    assert (first.change_id, 1) == (again.run.change_id, again.run.row.revision)
    assert OLD == again.run.plan.host("web1").previous
    assert again.notes == ["resumed: 1 of 3 hosts are on the release already"]
    assert run.id != first.id


def test_changed_content_is_a_new_revision(site):
    """The same change file with other content revises the change that it opened, and says what differs."""
    first = site.frozen()
    site.forget()
    again = opening.freeze(site.looked(site.begin(a_plan(budget=1))), 2026)

    assert (first.change_id, 2) == (again.run.change_id, again.run.row.revision)
    assert "changed: budget: 0 → 1" in again.notes


def test_a_host_that_drifted_is_a_new_revision(site):
    """A host that somebody moved in between is named, and its expected previous release is the one it runs."""
    first = site.frozen()
    site.forget()
    again = opening.freeze(site.looked(site.begin(), {"web2": "1.5.0-bbbbbbbbbbbb"}), 2026)

    assert (first.change_id, 2) == (again.run.change_id, again.run.row.revision)
    assert "1.5.0-bbbbbbbbbbbb" == again.run.plan.host("web2").previous
    assert any(note.startswith("web2 runs 1.5.0") for note in again.notes)


def test_nothing_to_do_where_all_hosts_are_there(site):
    """A completed change that still holds everywhere is not rolled out again."""
    first = site.frozen()
    site.over()
    again = opening.freeze(site.looked(site.begin(), dict.fromkeys(a_plan().host_names, NEW)), 2026)

    assert again.done
    assert first.change_id == again.run.change_id


def test_a_closed_change_is_not_taken_up_by_its_id(site):
    """A change that came back is refused by name, with the way to a new one."""
    first = site.frozen()
    site.over("rolled_back")
    with pytest.raises(Refusal, match="opens a new change") as caught:
        site.begin(expected=first.change_id)

    assert caught.value.code == "NOT_OPEN"


def test_files_that_changed_since_the_plan_are_refused(site):
    """What was planned is what runs: naming the change's id does not take other content."""
    first = site.frozen()
    site.forget()
    with pytest.raises(Refusal, match="budget: 0 → 1") as caught:
        site.begin(a_plan(budget=1), expected=first.change_id)

    assert caught.value.code == "DRIFT"


# --- waves -----------------------------------------------------------------------------------------------------------


def test_only_the_plans_next_wave_may_begin(site):
    """Another batch, another order or a wave too early are refused with both lists."""
    run = site.frozen()

    assert "wave 1 of the plan is web1" in refusal_of(availability.next_wave, run, ["web2", "web3"]).message
    assert availability.next_wave(run, ["web1"]).others == ("web2", "web3")
    site.store.open_wave(run.id, 0)
    assert "web1 were not confirmed" in refusal_of(availability.next_wave, run, ["web2", "web3"]).message
    confirm(site, "web1")
    assert "web3, web2" in refusal_of(availability.next_wave, Run.current(site.store), ["web3", "web2"]).message
    assert availability.next_wave(Run.current(site.store), ["web2", "web3"]).index == 1


def test_a_step_needs_its_own_wave_to_be_open(site):
    """Activation without the availability check, or of a host of another wave, is refused."""
    run = site.frozen()

    assert "no wave is open" in refusal_of(run.require_open_wave, "web1").message
    site.store.open_wave(run.id, 0)
    run.require_open_wave("web1")
    assert "web2 belongs to wave 2" in refusal_of(run.require_open_wave, "web2").message


def test_the_floor_names_who_does_not_serve(site):
    """A wave does not begin while too few others serve."""
    run = site.frozen()
    wave = availability.next_wave(run, ["web1"])

    assert "2 other hosts serve" in availability.require_floor(run, wave, {"web2": "", "web3": ""})
    availability.require_floor(run, wave, {"web2": "", "web3": "stopped"})
    refusal = refusal_of(availability.require_floor, run, wave, {"web2": "stopped", "web3": "cannot be reached"})
    assert refusal.code == "FLOOR"
    assert "web2: stopped; web3: cannot be reached" in refusal.message


def test_a_first_deployment_has_no_floor_to_keep(site):
    """Hosts that never had the service cannot serve it."""
    run = site.looked(site.begin(), dict.fromkeys(a_plan().host_names, ABSENT))
    run = opening.freeze(run, 2026).run

    assert availability.effective_floor(run) == 0


# --- budget and the way back -----------------------------------------------------------------------------------------


def test_a_failure_beyond_the_budget_stops_the_rollout(site):
    """With a budget of 0 the first failed host stops everything, and its cause is the run's."""
    run = site.frozen()
    site.store.open_wave(run.id, 0)
    site.say("web1", "activate", "failed", "PROBE", touched=True)
    run = Run.current(site.store)

    assert run.halted == "PROBE: web1: activate failed"
    assert run.reason_to_skip("web2") == "not started, the rollout stopped with PROBE"


def test_failures_within_the_budget_go_on(site):
    """A budget of 1 lets one host fail, wherever, and no second one."""
    run = site.frozen(a_plan(budget=1))
    site.store.open_wave(run.id, 0)
    site.say("web1", "activate", "unknown", "UNREACHABLE", touched=True)
    assert not Run.current(site.store).halted
    assert availability.next_wave(Run.current(site.store), ["web2", "web3"]).index == 1
    site.store.open_wave(run.id, 1)
    site.say("web2", "confirm", "failed", "TOKEN")

    assert Run.current(site.store).halted == "TOKEN: web2: confirm failed"


def test_failures_before_the_first_wave_count(site):
    """A host on which the release could not be put stops the rollout before anything is switched."""
    run = site.frozen()
    site.say("web3", "stage", "failed", "NO_SPACE")

    assert "web3: stage stage failed" in refusal_of(availability.require_budget, Run.current(site.store)).message
    assert order.way_back(Run.current(site.store)) == []
    assert run.plan.waves == order.waves(run)


def test_a_change_that_has_begun_nowhere_stays_open(site):
    """The first host refused it before anything was switched: the same command may try again. What has begun is closed."""
    run = site.frozen()
    site.store.open_wave(run.id, 0)
    site.say("web1", "activate", "failed", "CHALLENGE", touched=False, where={"state": "steady", "current": OLD})
    run = Run.current(site.store)

    assert (bool(run.halted), order.closes(run), order.way_back(run)) == (True, False, [])
    site.say("web2", "activate", touched=True)
    assert order.closes(run)


def test_the_way_back_takes_the_unhealthy_first_and_closes_the_change_everywhere(site):
    """Touched hosts go back, sick ones before healthy ones; the untouched follow at once."""
    plan = a_plan(waves=[["web1"], ["web2", "web3"], ["web4"]], floor=2)
    run = site.frozen(plan)
    site.store.open_wave(run.id, 0)
    confirm(site, "web1")
    site.store.close_wave(run.id, 0)
    site.store.open_wave(run.id, 1)
    site.say("web2", "activate", touched=True)
    site.say("web3", "activate", "failed", "PROBE", touched=True)

    assert order.way_back(Run.current(site.store)) == [("web3",), ("web1", "web2"), ("web4",)]


def test_nothing_goes_back_of_a_rollout_that_went_well(site):
    """The play of the way back has no hosts then."""
    run = site.frozen()
    site.store.open_wave(run.id, 0)
    confirm(site, "web1")

    assert order.way_back(Run.current(site.store)) == []


# --- the end ---------------------------------------------------------------------------------------------------------


def all_waves(site):
    run = site.frozen()
    for members in run.plan.waves:
        wave = availability.next_wave(Run.current(site.store), members)
        site.store.open_wave(run.id, wave.index)
        for host in members:
            confirm(site, host)
    availability.finish_waves(Run.current(site.store))
    return Run.current(site.store)


def test_a_completed_rollout_closes_its_change_and_gives_the_lease_back(site):
    """The change is completed only from what every host said at last."""
    run = all_waves(site)
    outcome = ending.outcome_of(run)
    ending.end(run, outcome)

    assert outcome.as_planned
    assert site.store.change(run.change_id).state == "completed"
    assert site.store.lease("web", "production") is None


def test_waves_that_never_ran_are_no_success(site):
    """A playbook that ended early without a failure still ends as interrupted."""
    run = site.frozen()
    outcome = ending.outcome_of(run)

    assert outcome.cause == "INTERRUPTED: 0 of 2 waves were finished"
    assert outcome.verdict == "not_started"
    ending.end(run, outcome)
    assert site.store.change(run.change_id).closed_at is None


def test_a_wave_that_nobody_finished_stops_the_rollout(site):
    """A host that was not confirmed, although no step failed, does not pass as done: it goes back."""
    run = site.frozen()
    site.store.open_wave(run.id, 0)
    site.say("web1", "activate", touched=True)

    assert "web1 were not confirmed" in refusal_of(availability.finish_waves, Run.current(site.store)).message
    confirm(site, "web1")
    assert "1 of 2 waves were begun" in refusal_of(availability.finish_waves, Run.current(site.store)).message


def test_a_rollback_takes_the_lease_from_a_rollout(site):
    """Going back waits for nobody; the rollout finds itself stopped."""
    rollout = site.frozen()
    change = site.store.change(rollout.change_id)
    site.store.begin_run("f" * 32, change.id, 1, "rollback", {"pid": 1}, a_plan().waves, lease=True)
    back = Run(site.store, "f" * 32, site.store.run("f" * 32), rollout.plan)
    site.store.take_lease("web", "production", back.id, {"pid": 1}, 60, lambda _holder: True)

    assert Run.current(site.store).halted.startswith("INTERRUPTED")
    assert "not started" in Run.current(site.store).reason_to_skip("web1")
    assert refusal_of(lambda: Run.current(site.store).fence).code == "LEASE_LOST"


def test_hosts_that_are_there_already_count_as_touched_on_resume(site):
    """What an interrupted run confirmed goes back, too, if the resumed one fails."""
    site.frozen()
    site.forget()
    site.looked(site.begin())
    site.say("web1", "precheck", where={**steady(NEW), "change": "CHG-2026-0001"})
    run = opening.leased(opening.freeze(Run.current(site.store), 2026).run)
    site.store.halt(run.id, "FLOOR", "too few")

    assert order.way_back(Run.current(site.store)) == [("web1",), ("web2", "web3")]


def test_a_run_follows_its_own_revision(site):
    """A plan that somebody revises meanwhile is not the plan of a run that began before."""
    run = site.frozen()
    other = a_plan(budget=1)
    site.store.add_revision(run.change_id, other.content_digest, b'{"v":1}', lambda row: Move("edit", row.state, False))

    assert Run.current(site.store).plan.digest == run.plan.digest


def test_the_cause_of_a_host_outlives_its_way_back(site):
    """After it came back a host still tells why it had to."""
    run = site.frozen()
    site.store.open_wave(run.id, 0)
    site.say("web1", "activate", "failed", "PROBE", touched=True)
    site.say("web1", "back", "back", where=steady(OLD))
    for host in ("web2", "web3"):
        site.say(host, "back", where=steady(OLD))
    run = Run.current(site.store)
    outcome = ending.outcome_of(run)

    assert outcome.verdict == "rolled_back"
    assert outcome.hosts[0].cause == "activate failed"
    ending.end(run, outcome)
    assert site.store.change(run.change_id).state == "rolled_back"


def test_ids_that_hosts_remember_are_not_given_again(site):
    """A store that was lost does not hand out the id of a change that a host has closed."""
    run = site.looked(site.begin(), remembers=["CHG-2026-0041", "CHG-2025-0900"])

    assert opening.freeze(run, 2026).run.change_id == "CHG-2026-0042"
