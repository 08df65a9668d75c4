# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people decide about a change without any host, and what that does to a rollout that is under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import of_change
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.bundle import Bundle, File
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import RUN
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import WHO
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Kind, rules_for
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import (
    consent,
    deciding,
    ending,
    gating,
    moving,
    opening,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import outlook_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run, change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import now

from .conftest import OLD, a_plan

WEBS = ("web1", "web2", "web3")

PEOPLE = People.of({name: {"groups": ["ops"], "accounts": {"awx": name}} for name in ("ada", "bob", "cyd")})
FREE = Governed(Policy(), PEOPLE, "ada")
ASKED = Governed(
    Policy.of({"approvals": [{"name": "two", "groups": {"ops": 2}, "separation": ["author"], "strength": "recorded"}]}),
    PEOPLE,
    "ada",
)
WHY = "because"


def planned(site, by=FREE, **more):
    """A draft."""
    rules = rules_for(by.policy, Kind("web", "production", more.get("type", "normal"))).digest
    plan = a_plan(rules=rules, **more)
    change, _revision = site.store.new_change(
        "web", "production", plan.content_digest, canonical.dumps(plan.doc), "/changes/web.yml", year=2026
    )
    return site.store.change(change)


def decided(site, change, verb, by=FREE, reason=WHY):
    say = deciding.decide(site.store, change, verb, reason, by, site.store.now())
    return say, site.store.change(change.id)


def refusal_of(function, *arguments, **more):
    with pytest.raises(Refusal) as caught:
        function(*arguments, **more)
    return caught.value


# --- handing in ------------------------------------------------------------------------------------------------------


def test_a_change_is_wanted_by_whoever_hands_it_in(site):
    """Unless its file says who wants it; the record has the person who did it, and when."""
    say, change = decided(site, planned(site, ASKED), "submit", ASKED)
    assert (change.state, change.requested_by, say) == (
        "submitted",
        "ada",
        f"{change.id} is submitted, and wanted by ada",
    )
    assert [(move.event, move.actor) for move in site.store.moves(change.id)] == [("submit", "ada")]
    _say, other = decided(site, planned(site, ASKED, requester="bob"), "submit", ASKED)
    assert other.requested_by == "bob"


def test_what_nobody_could_approve_is_not_handed_in(site):
    """Whoever wants it and whoever made it do not count: the refusal names the rule, the group and who may not."""
    change = planned(site, ASKED, author="bob")
    refusal = refusal_of(decided, site, change, "submit", ASKED)
    assert refusal.code == "DATA"
    assert (
        "the rule 'two' asks 2 of ops, and 1 more person is needed whose approval would be recorded (ops has ada, bob, cyd; ada, bob may not)"
        in (refusal.message)
    )
    assert site.store.change(change.id) == change


@pytest.mark.parametrize("duty", ["requester", "author"])
def test_a_change_of_somebody_who_is_nobody_is_not_handed_in(site, duty):
    """A name that was mistyped would keep nobody from approving what is theirs."""
    change = planned(site, ASKED, **{duty: "adda"})
    refusal = refusal_of(decided, site, change, "submit", ASKED)
    assert str(refusal).startswith(
        f"DATA: /changes/web.yml: {duty}: found 'adda', who is nobody in tidegate_people (did you mean 'ada'?); name somebody"
    )
    assert site.store.change(change.id) == change


def test_what_was_planned_under_other_rules_is_planned_again(site):
    """Rules that were weakened meanwhile approve nothing that was planned under the stronger ones."""
    change = planned(site, ASKED)
    weaker = replace(ASKED, policy=Policy.of({"approvals": [{"name": "two", "groups": {"ops": 1}}]}))
    for by in (weaker, FREE):
        refusal = refusal_of(decided, site, change, "submit", by)
        assert refusal.code == "RULES"
        assert "-e tidegate_change_file=/changes/web.yml" in refusal.message
        assert consent.why_not(site.store, replace(change, state="approved"), by, site.store.now()).code == "RULES"


def test_a_change_that_nobody_is_asked_about_is_not_handed_in(site):
    """It is rolled out as it is."""
    assert refusal_of(decided, site, planned(site), "submit").code == "STATE"


@pytest.mark.parametrize("verb", ["cancel", "pause", "review"])
@pytest.mark.parametrize("reason", [None, "", " \n "])
def test_a_decision_has_a_reason(site, verb, reason):
    """It is what people read later; without it nothing is decided."""
    change = planned(site)
    refusal = refusal_of(decided, site, change, verb, reason=reason)
    assert (refusal.code, refusal.message.partition(":")[0]) == ("DATA", "tidegate_reason")
    assert site.store.change(change.id) == change


def test_a_decision_names_its_change(site):
    """A change file is no way to name it, so none is proposed."""
    refusal = refusal_of(change_of, site.store, None)
    assert str(refusal) == "NO_CHANGE: tidegate_change was not given; name a change with -e tidegate_change=CHG-…"


def test_a_change_is_given_up_before_it_begins(site):
    """For good; once a host was touched it is taken back or closed instead."""
    assert decided(site, planned(site), "cancel")[1].state == "cancelled"
    run = site.frozen()
    run.mark_touched("web1")
    site.forget()
    moving.move(site.store, run.change_id, "edit")
    assert refusal_of(decided, site, site.store.change(run.change_id), "cancel").code == "STATE"


def test_other_content_voids_what_was_handed_in(site):
    """A new revision is a draft, wanted by nobody yet, whatever was approved before."""
    _say, change = decided(site, planned(site, ASKED), "submit", ASKED)
    moving.move(site.store, change.id, "approve", actor="bob")
    other = a_plan(budget=1, rules=rules_for(ASKED.policy, Kind("web", "production")).digest)
    edit = moving.decider(site.store, site.store.change(change.id), "edit")
    site.store.add_revision(change.id, other.content_digest, canonical.dumps(other.doc), edit)
    found = site.store.change(change.id)
    assert (found.state, found.revision, found.requested_by) == ("draft", 2, None)
    refusal = consent.why_not(site.store, found, ASKED, site.store.now())
    assert (refusal.code, "tidegate.deploy.submit" in refusal.message) == ("APPROVAL", True)


# --- what is older ---------------------------------------------------------------------------------------------------

NEWER = "3.0.0-bbbbbbbbbbbb"
REFUSING = replace(FREE, policy=Policy.of({"downgrade": "refuse"}))


def downgrade(site, **more):
    """A change that is planned while web1 runs something newer."""
    run = site.looked(site.begin(a_plan(**more)), {"web1": NEWER})
    return site.store.change(opening.freeze(run, 2026).run.change_id)


def test_an_older_release_than_hosts_run_is_named_and_can_be_refused(site):
    """Before it begins, before each wave, and wherever people look at it; an emergency may, for it is reviewed."""
    change = downgrade(site)
    assert consent.why_not(site.store, change, FREE, site.store.now()) is None
    refusal = consent.why_not(site.store, change, REFUSING, site.store.now())
    assert refusal.code == "DOWNGRADE"
    assert f"is older than {NEWER} on web1, and policy refuses that" in refusal.message
    assert refusal_of(consent.require, site.store, change, REFUSING, site.store.now()).code == "DOWNGRADE"
    assert outlook_of(site.store, change, REFUSING, site.store.now()).missing[0].startswith("DOWNGRADE: ")
    assert halted(site, refusal).policy == "pause"
    site.over()
    urgent = downgrade(site, type="emergency", reason="it burns", budget=1)
    assert consent.why_not(site.store, urgent, REFUSING, site.store.now()) is None


def test_an_older_plan_is_no_plan_any_more(site):
    """Its bytes were approved before a newer release was confirmed: that is another plan now, which nobody has approved."""
    rules = rules_for(ASKED.policy, Kind("web", "production")).digest
    run = site.looked(site.begin(a_plan(rules=rules)))
    older = opening.freeze(run, 2026).run
    site.forget()
    for event, actor in (("submit", "ada"), ("approve", "bob")):
        moving.move(site.store, older.change_id, event, actor=actor)
    statement = of_change(site.store.change(older.change_id)).id
    run = site.looked(site.begin(a_plan(rules=rules), expected=older.change_id), dict.fromkeys(WEBS, NEWER))
    replayed = opening.freeze(run, 2026).run
    change = site.store.change(older.change_id)
    assert (replayed.change_id, change.revision, change.state) == (older.change_id, 2, "draft")
    assert of_change(change).id != statement
    refusal = refusal_of(consent.require, site.store, change, ASKED, site.store.now())
    assert refusal.code == "APPROVAL"
    assert NEWER in str(replayed.plan.doc["hosts"])


# --- a rollout that is under way -------------------------------------------------------------------------------------


def wave(site, by=FREE, change=None):
    run = Run.current(site.store)
    row = change or site.store.change(run.change_id)
    consent.require_wave(site.store, row, by, site.store.now(), moment(run.row.started_at))


def halted(site, refusal):
    """What the availability check does with a refusal."""
    site.store.halt(Run.current(site.store).id, refusal.code, refusal.message)
    return Run.current(site.store)


def test_a_pause_stops_the_next_wave_and_takes_nobody_back(site):
    """The hosts stay as they are, whatever the change does when it fails, and the change waits for somebody."""
    run = site.frozen()
    wave(site)
    site.store.open_wave(run.id, 0, going=consent.GOING)
    for host in run.plan.waves[0]:
        site.say(host, "activate", touched=True, where={"state": "ready", "current": run.plan.release_id})
        site.say(host, "confirm", where={"state": "steady", "current": run.plan.release_id})
    site.store.close_wave(run.id, 0)
    say, change = decided(site, site.store.change(run.change_id), "pause")
    assert (change.state, say) == ("paused", f"{change.id} holds before its next wave")
    refusal = refusal_of(wave, site)
    assert refusal.code == refusal_of(site.store.open_wave, run.id, 1, going=consent.GOING).code == "PAUSED"
    run = halted(site, refusal)
    outcome = ending.outcome_of(run)
    assert (run.policy, outcome.verdict, outcome.at("new")) == ("pause", "paused", ["web1"])
    ending.end(run, outcome)
    assert site.store.change(change.id).state == "paused"
    assert site.store.lease("web", "production") is None


@pytest.mark.parametrize("event", ["reject", "withdraw"])
def test_a_veto_or_a_withdrawal_holds_a_rollout(site, event):
    """In the transaction in which it is recorded: no wave can slip through beside it."""
    run = site.frozen()
    moving.move(site.store, run.change_id, event, actor="bob", reason=WHY)
    assert refusal_of(site.store.open_wave, run.id, 0, going=consent.GOING).code == "PAUSED"
    assert site.store.wave_state(run.id) == (0, 0)
    assert refusal_of(wave, site).code == "PAUSED"


def test_a_freeze_in_mid_rollout_opens_no_new_wave(site):
    """The wave that is under way ends; the change holds."""
    site.frozen()
    day = site.store.now().strftime("%Y-%m-%d")
    freeze = {"name": "fair", "from": day, "until": day, "reason": "the fair"}
    refusal = refusal_of(wave, site, replace(FREE, policy=Policy.of({"freezes": [freeze]})))
    assert (refusal.code, "the fair" in refusal.message) == ("WINDOW", True)
    assert halted(site, refusal).policy == "pause"


def test_a_rollout_that_takes_too_long_opens_no_further_wave(site):
    """It has failed then: its hosts go back, unless the change says otherwise."""
    site.frozen(a_plan(max_runtime_s=600))
    wave(site)
    site.later = timedelta(seconds=601)
    refusal = refusal_of(wave, site)
    assert (refusal.code, "max_runtime of 600 s" in refusal.message) == ("RUNTIME", True)
    assert halted(site, refusal).policy == "rollback"


def test_a_clock_that_was_set_back_opens_no_wave_and_no_window(site):
    """Neither by its own hour, when the window was open, nor at all while it is that far behind; the change waits."""
    site.frozen()
    freeze = {"name": "fair", "from": "2027-03-01", "until": "2027-03-01", "reason": "the fair"}
    frozen = replace(FREE, policy=Policy.of({"freezes": [freeze]}))
    before = datetime(2027, 2, 28, 23, 58, tzinfo=UTC)
    site.later = before - now()
    wave(site, frozen)
    site.later += timedelta(minutes=3)
    site.store.append("denied", "ada", {})
    site.later -= timedelta(minutes=3)
    assert refusal_of(consent.require_wave, *asked_by(site, frozen)).code == "WINDOW"
    site.later -= timedelta(minutes=10)
    refusal = refusal_of(consent.require_wave, *asked_by(site, frozen))
    assert (refusal.code, "behind the last entry of the ledger" in refusal.message) == ("CLOCK", True)
    assert refusal_of(site.store.open_wave, Run.current(site.store).id, 0).code == "CLOCK"
    assert halted(site, refusal).policy == "pause"


def asked_by(site, by):
    """What the availability check asks with."""
    run = Run.current(site.store)
    change = site.store.change(run.change_id)
    return site.store, change, by, site.store.latest(), moment(run.row.started_at)


def test_a_rollout_begins_again_where_it_was_interrupted(site):
    """The change is being implemented all the time, by one run after the other."""
    first = site.frozen()
    site.forget()
    assert site.store.change(first.change_id).state == "implementing"
    again = site.frozen()
    assert (again.change_id, again.row.revision) == (first.change_id, 1)
    assert [move.event for move in site.store.moves(first.change_id)] == ["begin", "begin"]


def test_a_paused_change_stays_paused_when_its_resume_is_interrupted(site):
    """No other rollout begins beside it, and resume goes on."""
    run = site.frozen()
    run.mark_touched("web1")
    moving.move(site.store, run.change_id, "paused", outcome={"verdict": "paused"})
    site.forget()
    resumed = site.looked(opening.begin_again(site.store, site.store.change(run.change_id)), {"web1": OLD})
    opening.lets_out(opening.freeze(resumed, 2026).run)
    site.forget()
    change = site.store.change(run.change_id)
    assert (change.state, change.before) == ("implementing", "paused")
    assert refusal_of(site.begin).code == "PAUSED"
    assert opening.begin_again(site.store, change).verb == "resume"


def test_a_way_back_asks_nobody(site):
    """Neither approval nor window: a change that nobody approved is taken back at once."""
    change = planned(site, ASKED)
    assert opening.begin_way_back(site.store, change).change_id == change.id


# --- emergencies -----------------------------------------------------------------------------------------------------


def emergency(site, by=FREE, **more):
    return planned(site, by, type="emergency", reason="it burns", review_within_s=3600, **more)


def test_an_emergency_is_reviewed_and_blocks_the_next_one_until_it_is(site):
    """From its beginning on a review is due; once that is overdue no other emergency of the service begins."""
    first = emergency(site, requester="ada")
    since = site.store.moment_in(3600)
    begun = moving.move(site.store, first.id, "begin")
    assert since <= begun.review_due_at <= site.store.moment_in(3600)
    moving.move(site.store, first.id, "completed", outcome={})
    second = emergency(site)
    site.later = timedelta(seconds=3602)
    refusal = consent.why_not(site.store, second, FREE, site.store.now())
    assert (refusal.code, refusal.facts["overdue"]) == ("REVIEW", [first.id])
    assert consent.why_not(site.store, planned(site), FREE, site.store.now()) is None
    refusal = refusal_of(decided, site, first, "review")
    assert (refusal.code, "ada, who may not review it" in refusal.message) == ("SELF", True)
    say, reviewed = decided(site, first, "review", replace(FREE, operator="bob"), "it was needed")
    assert (say, reviewed.state) == (f"the review of {first.id} is recorded", "completed")
    assert consent.why_not(site.store, second, FREE, site.store.now()) is None
    assert refusal_of(decided, site, reviewed, "review", replace(FREE, operator="bob")).code == "STATE"


def test_an_emergency_that_the_gate_lets_through_is_reviewed(site):
    """A playbook of the site's own is not begun by any verb: from when it first may touch hosts, a review is due."""
    first = emergency(site)
    asked = [site.store, first.id, ["web1"], site.store.now(), Policy(), dict.fromkeys(WHO)]
    assert gating.decide(*asked[:2], ["db1"], *asked[3:]).code == "HOSTS"
    assert site.store.change(first.id).review_due_at is None
    assert gating.decide(*asked).allowed
    due = site.store.change(first.id).review_due_at
    assert due is not None
    assert gating.decide(*asked).allowed
    assert site.store.change(first.id).review_due_at == due
    assert [(move.event, move.after) for move in site.store.moves(first.id)] == [("let_through", "draft")]
    assert gating.decide(site.store, planned(site).id, *asked[2:]).allowed
    site.later = timedelta(seconds=3602)
    assert gating.decide(site.store, emergency(site).id, *asked[2:]).code == "REVIEW"


def test_an_emergency_needs_two_people_where_others_are_approved(site):
    """Without a rule for it neither handing in nor a rollout goes on."""
    rule = {"name": "one", "match": {"type": ["normal"]}, "groups": {"ops": 1}}
    by = replace(FREE, policy=Policy.of({"approvals": [rule]}))
    change = emergency(site)
    refusal = consent.why_not(site.store, change, by, site.store.now())
    assert (refusal.code, "no rule that asks 2 people for emergencies" in refusal.message) == ("DATA", True)


# --- what to type next -----------------------------------------------------------------------------------------------


def test_each_state_says_what_to_type_next(site):
    """Who has approved, what is missing, and one command."""
    change = planned(site, ASKED)
    draft = outlook_of(site.store, change, ASKED, site.store.now())
    assert (draft.state, draft.asked, draft.approved_by) == ("draft", True, ())
    assert draft.next == (f"ansible-playbook tidegate.deploy.submit -e tidegate_change={change.id}",)
    _say, change = decided(site, change, "submit", ASKED)
    submitted = outlook_of(site.store, change, ASKED, site.store.now())
    assert submitted.missing == ("QUORUM: missing 2 of ops (two)",)
    assert submitted.next == (f"ansible-playbook tidegate.deploy.approve -e tidegate_change={change.id}",)
    assert submitted.doc()["missing"] == ["QUORUM: missing 2 of ops (two)"]
    free = planned(site)
    assert outlook_of(site.store, free, FREE, site.store.now()).next == (
        f"ansible-playbook tidegate.deploy.rollout -e tidegate_change={free.id}",
    )
    paused = moving.move(site.store, free.id, "pause", reason=WHY)
    assert len(outlook_of(site.store, paused, FREE, site.store.now()).next) == 3
    cancelled = moving.move(site.store, change.id, "cancel", reason=WHY)
    assert outlook_of(site.store, cancelled, ASKED, site.store.now()).next == ()


def test_a_playbook_of_the_site_is_run_and_closed_and_never_rolled_out(site):
    """What would be refused is not proposed: neither rollout, nor resume and rollback of what is paused."""
    own = Bundle(None, (), {"0-playbooks/site.yml": File(b"- hosts: web\n", False)})
    change = planned(site, action=RUN, bundle=own)
    draft = outlook_of(site.store, change, FREE, site.store.now())
    assert draft.next == (f"ansible-playbook site.yml -e tidegate_change={change.id}",)
    paused = moving.move(site.store, change.id, "pause", reason=WHY)
    assert outlook_of(site.store, paused, FREE, site.store.now()).next == (
        f"ansible-playbook tidegate.deploy.close -e tidegate_change={change.id} -e \"tidegate_reason='WHY'\"",
    )


def test_a_review_that_is_due_is_told_beside_the_state(site):
    """Until when, and how it is recorded."""
    change = emergency(site)
    moving.move(site.store, change.id, "begin")
    done = moving.move(site.store, change.id, "completed", outcome={})
    found = outlook_of(site.store, done, FREE, site.store.now())
    assert found.review_due_at == done.review_due_at
    assert "tidegate.deploy.review" in found.next[-1]


def test_rules_that_changed_are_told_as_what_is_missing(site):
    """Whoever looks at the status sees why the change goes nowhere."""
    found = outlook_of(site.store, planned(site, ASKED), FREE, site.store.now())
    assert found.missing[0].startswith("RULES: ")
