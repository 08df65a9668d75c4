# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In any order of taking, dying, waiting, giving back and losing the store, at most one run holds a lease."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

TTL_S = 60
RUNS = st.sampled_from(["one", "two", "three", "four"])


def attempt(call: Callable[..., Any], *args: Any) -> tuple[Any, str | None]:
    """What a call answers, and the code of its refusal."""
    try:
        return call(*args), None
    except Refusal as refusal:
        return None, refusal.code


class Leases(RuleBasedStateMachine):
    """The store beside a model: who holds the lease, until when, who is dead, and the largest number ever given."""

    def __init__(self) -> None:
        super().__init__()
        self.begin = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
        self.now = self.begin + timedelta(days=1)
        self.folder = tempfile.TemporaryDirectory()
        self.holder: str | None = None
        self.until = self.now
        self.largest = 0
        self.stores = 0
        self.dead: set[str] = set()
        self.ended: set[str] = set()
        self.open_store()

    def address(self) -> str:
        """Where a store is that is not there yet."""
        return f"{self.folder.name}/{self.stores}/store.db"

    def open_store(self) -> None:
        self.store = Store.open(self.address(), lambda: self.now)
        change = self.store.new_change("web", "production", "c" * 64, b"{}", "x")[0]
        for run in ("one", "two", "three", "four"):
            self.store.begin_run(run, change, 1, "rollout", {"run": run}, [["web1"]], True)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def is_dead(self, holder: dict[str, str]) -> bool:
        return holder["run"] in self.dead

    @rule(run=RUNS)
    def take(self, run: str) -> None:
        held = self.holder not in (None, run) and self.now < self.until and self.holder not in self.dead
        number, code = attempt(self.store.take_lease, "web", "production", run, {"run": run}, TTL_S, self.is_dead)
        assert code == ("LEASE_LOST" if run in self.ended else "LEASE" if held else None)
        if code is not None:
            return
        if self.holder == run:
            assert number == self.largest
        else:
            assert number > self.largest
            self.ended |= {self.holder} - {None}
        self.holder, self.until, self.largest = run, self.now + timedelta(seconds=TTL_S), number

    @rule(run=RUNS)
    def renew(self, run: str) -> None:
        _nothing, code = attempt(self.store.renew_lease, run, TTL_S)
        assert code == (None if self.holder == run else "LEASE_LOST")
        if code is None:
            self.until = self.now + timedelta(seconds=TTL_S)

    @rule(run=RUNS)
    def note(self, run: str) -> None:
        self.store.note(run, "web1", "activate", "ok")
        if self.holder == run:
            self.until = self.now + timedelta(seconds=TTL_S)

    @rule(run=RUNS)
    def give_back(self, run: str) -> None:
        self.store.release_lease(run)
        self.holder = None if self.holder == run else self.holder

    @rule(run=RUNS)
    def end(self, run: str) -> None:
        assert self.store.end_run(run, "done") is (run not in self.ended)
        self.ended.add(run)
        self.holder = None if self.holder == run else self.holder

    @rule(run=RUNS)
    def die(self, run: str) -> None:
        self.dead.add(run)

    @rule(seconds=st.sampled_from([1, 59, 60, 61, 3600]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def clock_goes_back(self) -> None:
        self.now = max(self.now - timedelta(seconds=7), self.begin)

    @rule()
    def lose_the_store(self) -> None:
        """A new store begins with nothing but the clock, which by now is past the last number."""
        self.store.close()
        self.stores += 1
        self.holder, self.ended, self.dead = None, set(), set()
        self.begin = self.now = max(self.now, datetime.fromtimestamp(self.largest + 1, tz=UTC))
        self.open_store()

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        lease = self.store.lease("web", "production")
        assert (lease.run_id if lease else None) == self.holder
        if lease:
            assert (lease.number, lease.live) == (self.largest, self.now < self.until)


Leases.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestLeases = Leases.TestCase
