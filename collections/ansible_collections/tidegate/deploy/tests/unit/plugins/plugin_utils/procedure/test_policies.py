# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout that stops does by its policy, how a paused change goes on, and how hosts that were down are caught up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import NOT_STARTED, Outcome
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import ending, onward, opening, order
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import PLAN, Run

from .conftest import OLD, a_plan

NEW = a_plan().release_id
WAVES = (("web1",), ("web2", "web3"), ("web4",))


def steady(current, change=None):
    return {"state": "steady", "current": current, "change": change}


def refusal_of(function, *arguments, **named):
    with pytest.raises(Refusal) as caught:
        function(*arguments, **named)
    return caught.value


def confirm(site, host):
    change_id = Run.current(site.store).change_id
    site.say(host, "activate", touched=True, where={"state": "ready", "current": NEW, "change": change_id})
    site.say(host, "confirm", where=steady(NEW, change_id))


def stopped(site, policy, budget=0, **more):
    """A rollout of three waves: web1 is confirmed, web2 fails, web3 runs the release and was not tested yet."""
    run = site.frozen(a_plan(on_failure=policy, waves=WAVES, budget=budget, **more))
    site.store.open_wave(run.id, 0)
    confirm(site, "web1")
    site.store.close_wave(run.id, 0)
    site.store.open_wave(run.id, 1)
    site.say("web3", "activate", touched=True, where={"state": "ready", "current": NEW, "change": run.change_id})
    site.say("web2", "activate", "failed", "PROBE", touched=True, where=steady(OLD))
    return Run.current(site.store)


def ended(site):
    """The end of the run of this process."""
    run = Run.current(site.store)
    outcome = ending.outcome_of(run)
    ending.end(run, outcome)
    return outcome, site.store.change(run.change_id)


def paused(site):
    """A change that paused in its second wave, its failed host back and its neighbor confirmed."""
    stopped(site, "pause")
    confirm(site, "web3")
    site.say("web2", "back", "back", where={**steady(OLD), "open": True})
    outcome, change = ended(site)
    assert outcome.verdict == "paused"
    return change


def partial(site, **more):
    """A change that completed but for web4, which was down all the time."""
    run = site.begin(a_plan(waves=WAVES, budget=1, **more))
    for name in ("web1", "web2", "web3"):
        site.say(name, "precheck", where=steady(OLD))
    site.say("web4", "precheck", "unknown", "UNREACHABLE")
    run = opening.lets_out(opening.freeze(Run.current(site.store), 2026).run)
    for index, wave in enumerate(WAVES):
        site.store.open_wave(run.id, index)
        for host in wave:
            if host != "web4":
                confirm(site, host)
        site.store.close_wave(run.id, index)
    outcome, change = ended(site)
    assert outcome.verdict == "partial"
    return change


def looked_again(site, run, change, **others):
    """The pre-check of a later run: what was confirmed is there, the rest on the old release unless said otherwise."""
    for name in run.plan.host_names:
        there = name not in ("web4", *others)
        site.say(
            name, "precheck", where=others.get(name) or steady(NEW if there else OLD, change.id if there else None)
        )
    return Run.current(site.store)


# --- the policies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["pause", "keep"])
def test_hosts_that_run_the_release_are_tested_and_confirmed_although_the_rollout_stopped(site, policy):
    """Only what was not begun is skipped; the failed host is, too."""
    run = stopped(site, policy)

    assert run.halted.startswith("PROBE: web2")
    assert run.reason_to_skip("web3") == ""
    assert run.reason_to_skip("web4") == "not started, the rollout stopped with PROBE"
    assert run.reason_to_skip("web2") == "not started, activate came to failed: activate failed"


def test_by_default_a_rollout_that_stopped_tests_nobody_any_more(site):
    """Everybody goes back."""
    assert stopped(site, "rollback").reason_to_skip("web3") == "not started, the rollout stopped with PROBE"


def test_a_run_that_was_interrupted_confirms_nobody(site):
    """Whoever took its lease decides; a policy does not outlive its run."""
    stopped(site, "pause")
    site.forget()

    assert "not started" in Run.current(site.store).reason_to_skip("web3")


@pytest.mark.parametrize("policy", ["pause", "keep"])
def test_only_what_nobody_confirmed_goes_back(site, policy):
    """No way back of confirmed hosts; one that runs the release unconfirmed returns, one that went back is left alone."""
    stopped(site, policy)
    site.say("web2", "back", "back", where=steady(OLD))

    assert order.way_back(Run.current(site.store)) == [("web3",)]
    confirm(site, "web3")
    assert order.way_back(Run.current(site.store)) == []


def test_a_host_that_went_back_within_the_budget_is_closed_when_all_go_back(site):
    """It was left open, to be tried again; then the rollout stopped, and it may not go on there either."""
    run = stopped(site, "rollback", budget=1)
    site.say("web2", "back", "back", where={**steady(OLD), "open": True})
    site.say("web3", "probe", "failed", "PROBE", where={"state": "ready", "current": NEW})

    assert order.way_back(Run.current(site.store)) == [("web3",), ("web1",), ("web2", "web4")]
    site.say("web2", "back", "back", where=steady(OLD))
    assert order.way_back(Run.current(site.store)) == [("web3",), ("web1",), ("web4",)]
    assert run.policy == "rollback"


def test_keep_ends_the_change(site):
    """What was confirmed stays; the same file opens a new change then."""
    stopped(site, "keep")
    confirm(site, "web3")
    site.say("web2", "back", "back", where=steady(OLD))
    outcome, change = ended(site)

    assert (outcome.verdict, change.state, change.closed_at is None) == ("kept", "kept", False)
    assert {host.name: host.place for host in outcome.hosts} == {
        "web1": "new", "web2": "old", "web3": "new", "web4": "untouched",
    }  # fmt: skip
    run = site.begin(a_plan(on_failure="keep", waves=WAVES))
    looked_again(site, run, change, web2=steady(OLD))
    assert opening.freeze(Run.current(site.store), 2026).run.change_id != change.id


def test_keep_of_a_host_that_needs_people_is_a_failure(site):
    """A host that could not go back is not where the policy wants it."""
    stopped(site, "keep")
    confirm(site, "web3")
    site.say("web2", "back", "failed", "REVERT_FAILED", where={"state": "failed", "current": OLD})

    assert ended(site)[0].verdict == "failed"


# --- a paused change -------------------------------------------------------------------------------------------------


def test_a_paused_change_stays_open_and_says_how_it_goes_on(site):
    """Its lease is free, its cause is kept, and three commands lead on."""
    change = paused(site)

    assert (change.state, change.closed_at) == ("paused", None)
    assert change.outcome["cause"] == "PROBE: web2: activate failed"
    assert site.store.lease("web", "production") is None
    for verb, line in zip(("resume", "rollback", "close"), onward.ways_on(change.id), strict=True):
        assert line.startswith(f"ansible-playbook tidegate.deploy.{verb} -e tidegate_change={change.id}")


@pytest.mark.parametrize("version", ["2.0.0", "3.0.0"])
def test_no_rollout_begins_beside_a_paused_change(site, version):
    """Neither of the same file nor of another release of the service: somebody decides first."""
    change = paused(site)
    refusal = refusal_of(site.begin, a_plan(version, on_failure="pause", waves=WAVES))

    assert refusal.code == "PAUSED"
    assert "PROBE: web2: activate failed" in refusal.message
    assert refusal.facts["next"] == onward.ways_on(change.id)


def test_planning_does_not_revise_a_paused_change(site):
    """Its plan is what goes on; changed content would be another change."""
    paused(site)
    run = site.looked(site.begin(a_plan(on_failure="pause", waves=WAVES, budget=2), verb=PLAN))

    assert refusal_of(opening.freeze, run, 2026).code == "PAUSED"


def test_a_paused_change_goes_on_by_the_plan_that_was_frozen(site):
    """The same revision and digest; what was confirmed counts as touched; the failed host is begun anew."""
    change = paused(site)
    opening.begin_again(site.store, change)
    run = looked_again(site, Run.current(site.store), change, web2=steady(OLD))
    frozen = opening.freeze(run, 2026)
    goes_on = opening.lets_out(frozen.run)

    assert (goes_on.change_id, goes_on.row.revision) == (change.id, change.revision)
    assert goes_on.plan.digest == change.plan_digest
    assert goes_on.doc["artifact_path"] == "/artifact"
    assert {name for name, row in goes_on.rows.items() if row.touched} == {"web1", "web3"}
    assert goes_on.forward
    assert goes_on.policy == "pause"


def test_a_paused_change_does_not_go_on_where_the_world_moved(site):
    """A host that somebody put on a third release is named; the plan is not revised behind a pause."""
    change = paused(site)
    opening.begin_again(site.store, change)
    run = looked_again(site, Run.current(site.store), change, web2=steady("1.5.0-bbbbbbbbbbbb"))
    refusal = refusal_of(opening.freeze, run, 2026)

    assert refusal.code == "DRIFT"
    assert "web2 runs 1.5.0-bbbbbbbbbbbb, planned was 1.0.0" in refusal.message
    assert site.store.change(change.id).revision == 1


@pytest.mark.parametrize("state", ["implementing", "completed"])
def test_only_what_is_paused_or_left_hosts_behind_goes_on(site, state):
    """Everything else is refused with its state."""
    run = site.frozen()
    if state == "completed":
        site.over()
    else:
        site.forget()

    refusal = refusal_of(opening.begin_again, site.store, site.store.change(run.change_id))
    assert refusal.code == "NOT_OPEN"
    assert f"is {state}, expected paused or partial" in refusal.message


def test_a_paused_change_is_closed_as_it_stands(site):
    """The record keeps why and where every host was; it is closed for good."""
    change = paused(site)
    run = opening.begin_closing(site.store, change, "the next release mends it")
    for name in run.plan.host_names:
        site.say(name, "ask", where=steady(NEW if name in ("web1", "web3") else OLD))
    outcome, closed = ended(site)

    assert (outcome.verdict, closed.state, closed.closed_at is None) == ("closed", "closed", False)
    assert closed.outcome["reason"] == "the next release mends it"
    assert {host["name"]: host["place"] for host in closed.outcome["hosts"]}["web3"] == "new"
    assert site.store.lease("web", "production") is None
    assert refusal_of(opening.begin_closing, site.store, closed, "again").code == "NOT_OPEN"


# --- hosts that were down --------------------------------------------------------------------------------------------


def test_a_host_that_was_down_is_listed_with_what_its_own_rules_do(site):
    """Nothing was begun; or it goes back by itself in a time that is known; or it was confirmed before."""
    run = site.frozen(a_plan(budget=2))
    site.store.open_wave(run.id, 0)
    site.say("web1", "stage", "unknown", "UNREACHABLE")
    run.mark_touched("web2", 90)
    site.say("web2", "activate", "unknown", "UNREACHABLE")
    site.say("web3", "activate", touched=True, where={"state": "ready", "current": NEW, "deadline_in_s": 30})
    site.say("web3", "confirm", "unknown", "UNREACHABLE")
    futures = {host.name: host.future for host in ending.outcome_of(Run.current(site.store)).hosts}

    assert futures == {
        "web1": "nothing was begun there, it stays as it is",
        "web2": "if anything began there, it goes back by itself within 90 s",
        "web3": "unless it was confirmed it goes back by itself within 30 s",
    }


def test_what_was_rejected_is_not_run_again(site):
    """The same command would be refused again; whatever else kept a rollout from beginning is mended first."""
    run, next_of = site.frozen(), onward.next_commands
    (rejected,) = next_of(run, Outcome(NOT_STARTED, "VETO: web1: ada has rejected it on this host", []))
    (other,) = next_of(run, Outcome(NOT_STARTED, "FLOOR: too few serve", []))
    assert rejected == "ansible-playbook tidegate.deploy.status   # it was rejected: by whom, and how it is ended here"
    assert other == "mend the cause, then run the same command again"


def test_the_same_command_catches_up_the_change_itself(site):
    """Within the time no new change is opened, and the deadline is shown."""
    change = partial(site)
    assert "until " in onward.next_commands(Run.current(site.store), ending.outcome_of(Run.current(site.store)))[0]
    site.later = timedelta(days=6)
    run = site.begin(a_plan(waves=WAVES, budget=1))
    frozen = opening.freeze(looked_again(site, run, change), 2026)

    assert (frozen.run.change_id, frozen.done) == (change.id, False)
    assert frozen.run.plan.content_digest == change.content_digest
    assert frozen.run.plan.host("web4").previous == OLD
    assert frozen.notes == ["revision 2", f"web4 runs {OLD}, and was silent when this was planned"]
    assert frozen.run.policy == "keep"


def test_a_host_that_is_still_down_is_left_behind_once_more(site):
    """Nothing is known of it, and the plan stays what it was."""
    change = partial(site)
    run = site.begin(a_plan(waves=WAVES, budget=1))
    for name in ("web1", "web2", "web3"):
        site.say(name, "precheck", where=steady(NEW, change.id))
    site.say("web4", "precheck", "unknown", "UNREACHABLE")
    frozen = opening.freeze(Run.current(site.store), 2026)

    assert (frozen.run.change_id, frozen.run.row.revision) == (change.id, 1)
    assert frozen.run.plan.host("web4").previous == "unknown"
    assert run.verb == "rollout"


def test_catching_up_is_refused_when_its_time_is_over(site):
    """By the file and by the change's id, with the way to a new change; closing it opens that way."""
    change = partial(site, catch_up_for_s=3600)
    site.later = timedelta(seconds=3700)
    assert refusal_of(opening.begin_again, site.store, change).code == "CATCH_UP"
    run = looked_again(site, site.begin(a_plan(waves=WAVES, budget=1, catch_up_for_s=3600)), change)
    refusal = refusal_of(opening.freeze, run, 2026)

    assert refusal.code == "CATCH_UP"
    assert f"tidegate.deploy.close -e tidegate_change={change.id}" in refusal.facts["next"][0]
    site.store.end_run(run.id, "refused")
    opening.begin_closing(site.store, change, "web4 is gone")
    ended(site)
    run = looked_again(site, site.begin(a_plan(waves=WAVES, budget=1, catch_up_for_s=3600)), change)
    assert opening.freeze(run, 2026).run.change_id != change.id


def test_a_rollback_takes_silent_hosts_back_when_it_is_run_again(site):
    """Over all hosts of the change, caught up or not; the change is failed until the last one is read back."""
    change = partial(site)
    for silent, verdict in (("web2",), "failed"), ((), "rolled_back"):
        run = opening.begin_way_back(site.store, site.store.change(change.id))
        for name in run.plan.host_names:
            site.say(name, "ask", "unknown" if name in silent else "ok", where=steady(NEW, change.id))
        batches = order.way_back(Run.current(site.store))
        assert sorted(name for batch in batches for name in batch) == sorted(run.plan.host_names)
        for name in run.plan.host_names:
            if name in silent:
                site.say(name, "back", "unknown", "UNREACHABLE")
            elif name == "web4":
                site.say(name, "back", where=steady(OLD))
            else:
                site.say(name, "back", "back", where=steady(OLD), touched=True)
        outcome, after = ended(site)
        assert (outcome.verdict, after.state) == (verdict, verdict)
        left = {host.name: host.future for host in outcome.hosts if host.future}
        assert left == dict.fromkeys(silent, "goes back when rollback is run again and it answers")


def test_what_a_later_change_has_replaced_is_not_caught_up(site):
    """The same file is then the wish to go there again: a new change."""
    change = partial(site)
    run = site.begin(a_plan(waves=WAVES, budget=1))
    run = looked_again(site, run, change, web1=steady("3.0.0-cccccccccccc", "CHG-2026-0009"))

    assert opening.freeze(run, 2026).run.change_id != change.id


def test_a_catch_up_that_fails_takes_nobody_back(site):
    """The change stays partial, for as long as it was."""
    change = partial(site)
    run = looked_again(site, site.begin(a_plan(waves=WAVES, budget=1)), change)
    run = opening.lets_out(opening.freeze(run, 2026).run)
    site.store.halt(run.id, "FLOOR", "too few serve")
    assert order.way_back(Run.current(site.store)) == []
    site.later = timedelta(days=1)
    outcome, after = ended(site)

    assert (outcome.verdict, outcome.cause) == ("partial", "FLOOR: too few serve")
    assert (after.state, after.closed_at) == ("partial", change.closed_at)
