# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: one holder, numbers that only rise, and what becomes of the dead."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

ONE = {"host": "alpha", "pid": 4711, "user": "ops"}
TWO = {"host": "beta", "pid": 4712, "user": "ops"}
NOON_S = 1795521600


def alive(_holder):
    return False


def dead(_holder):
    return True


@pytest.fixture
def runs(store):
    change = store.new_change("web", "production", "c" * 64, b"{}", "x")[0]
    store.begin_run("one", change, 1, "rollout", ONE, [["web1"]], True)
    store.begin_run("two", change, 1, "rollout", TWO, [["web1"]], True)
    return change


def take(store, run="one", holder=None, is_dead=alive, ttl_s=60, service="web"):
    return store.take_lease(service, "production", run, holder or ONE, ttl_s, is_dead)


def test_a_free_lease_is_taken(store, runs):
    """The row says who, for which change, and until when."""
    assert take(store) == NOON_S
    lease = store.lease("web", "production")
    assert (lease.run_id, lease.change_id, lease.holder, lease.number) == ("one", runs, ONE, NOON_S)
    assert (lease.taken_at, lease.expires_at) == ("2026-11-24T12:00:00.000000Z", "2026-11-24T12:01:00.000000Z")
    assert lease.live


def test_a_held_lease_names_its_holder(store, runs, clock):
    """The refusal says host, process, user, change, and since when."""
    take(store)
    clock.turn(30)
    with pytest.raises(Refusal) as caught:
        take(store, "two", TWO)
    assert caught.value.code == "LEASE"
    assert caught.value.message == (
        "web in production is being rolled out by ops on alpha, process 4711 for CHG-2026-0001, since "
        "2026-11-24T12:00:00.000000Z. Wait for it to end; if it is gone, run again after 2026-11-24T12:01:00.000000Z"
    )
    assert caught.value.facts["pid"] == 4711
    assert store.lease("web", "production").run_id == "one"
    assert store.run_state("one") == "running"


def test_services_and_environments_do_not_share_a_lease(store, runs):
    """Another service is free."""
    take(store)
    assert take(store, "two", TWO, service="worker") == NOON_S


def test_the_holder_may_take_it_again(store, runs, clock):
    """Asked again, the same run keeps its number and its lease begins anew."""
    number = take(store)
    clock.turn(50)
    assert take(store) == number
    assert store.lease("web", "production").expires_at == "2026-11-24T12:01:50.000000Z"


@pytest.mark.parametrize(("later_s", "judge"), [(61, alive), (1, dead)], ids=["run out", "dead"])
def test_a_lease_that_nobody_holds_any_more_is_taken_over(store, runs, clock, later_s, judge):
    """The old run is interrupted, the new number is larger, and the old run learns that it lost the lease."""
    number = take(store)
    clock.turn(later_s)
    assert take(store, "two", TWO, judge) > number
    old = store.run("one")
    assert (old.state, old.code, old.message) == ("interrupted", "INTERRUPTED", "its lease was taken over by run two")
    for call in (lambda: store.renew_lease("one", 60), lambda: take(store)):
        with pytest.raises(Refusal) as caught:
            call()
        assert caught.value.code == "LEASE_LOST"
    store.note("one", "web1", "activate", "ok", touched=True)
    assert store.lease("web", "production").run_id == "two"


def test_a_lost_lease_says_who_has_it(store, runs, clock):
    """The message names the run that took it over."""
    take(store)
    clock.turn(61)
    take(store, "two", TWO)
    with pytest.raises(Refusal, match="run two holds it since 2026-11-24T12:01:01"):
        store.renew_lease("one", 60)


def test_a_taken_over_run_keeps_its_first_cause(store, runs):
    """Why a run had halted is not lost when its process died."""
    take(store)
    store.halt("one", "BUDGET", "web1 failed")
    take(store, "two", TWO, dead)
    assert (store.run("one").state, store.run("one").code) == ("interrupted", "BUDGET")


def test_a_lease_that_ran_out_is_still_its_holder_s_until_taken(store, runs, clock):
    """A slow holder goes on, if nobody came."""
    take(store)
    clock.turn(600)
    assert store.lease("web", "production").live is False
    store.renew_lease("one", 60)
    assert store.lease("web", "production").live


def test_giving_back_frees_and_keeps_the_number(store, runs):
    """The next number is larger, though the second is the same."""
    number = take(store)
    store.release_lease("one")
    store.release_lease("one")
    assert store.lease("web", "production") is None
    assert take(store, "two", TWO) == number + 1


def test_a_clock_that_went_back_does_not_lower_numbers(store, runs, clock):
    """Numbers rise whatever the clock does."""
    number = take(store)
    store.release_lease("one")
    clock.turn(-86_400)
    assert take(store, "two", TWO) == number + 1


def test_a_store_made_anew_gives_larger_numbers(store, runs, clock, tmp_path):
    """A lost store does not let its successor fall behind what hosts have seen."""
    number = take(store)
    clock.turn(2)
    with Store.open(str(tmp_path / "anew/store.db"), clock) as anew:
        assert take(anew) > number


def test_a_judge_that_fails_changes_nothing(store, runs):
    """An error while asking whether the holder is gone undoes the transaction."""
    take(store)

    def broken(_holder):
        raise RuntimeError("cannot look")

    with pytest.raises(RuntimeError, match="cannot look"):
        take(store, "two", TWO, broken)
    assert store.lease("web", "production").run_id == "one"


def test_a_run_that_died_before_it_had_a_lease_is_recorded_as_interrupted(store, runs):
    """Whoever begins next says so of it; live ones stay, also one that has a lease."""
    store.begin_run("three", None, None, "rollout", {"host": "alpha", "pid": 4713}, [], True)
    take(store, "two", TWO, service="worker")
    store.bury(lambda holder: holder["pid"] == 4713)
    take(store)
    assert [store.run_state(run) for run in ("one", "two", "three")] == ["running", "running", "interrupted"]
    assert store.run("three").message == "its process is gone"


def test_a_lease_that_is_taken_by_force_ends_only_the_run_that_held_it(store, runs):
    """A way back takes the lease whoever holds it; a run that is about to begin, of whatever service, goes on."""
    store.begin_run("three", None, None, "rollout", {"host": "alpha", "pid": 4713}, [], True)
    take(store)
    take(store, "two", TWO, is_dead=lambda _holder: True)
    assert [store.run_state(run) for run in ("one", "two", "three")] == ["interrupted", "running", "running"]
