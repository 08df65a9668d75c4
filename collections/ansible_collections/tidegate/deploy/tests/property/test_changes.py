# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes in any order of events, in a real store, against a model that knows what must never happen.

The model does not know the table: it knows who has decided what about the newest content, and whether a host was touched.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import Facts
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

OUTCOMES = ("paused", "partial", "completed", "kept", "rolled_back", "failed", "not_begun")
ENDED = set(states.TERMINAL) | {"partial"}


@dataclass
class Model:
    """What is known of a change without its state."""

    asked: bool
    approved: bool = False
    touched: bool = False
    revision: int = 1
    moves: int = 0


class Changes(RuleBasedStateMachine):
    """Two people, a rollout and a policy that act on changes as they like."""

    changes = Bundle("changes")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = datetime(2026, 11, 28, tzinfo=UTC)
        self.store = Store.open(self.address(), lambda: self.now)
        self.models: dict[str, Model] = {}

    def address(self):
        """Where a store is that is not there yet."""
        return f"{self.folder.name}/store.db"

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    def happens(self, change, event, **facts):
        """Let an event happen; answers the state, or None where it was refused and nothing changed."""
        model = self.models[change]
        before = self.store.change(change)
        known = Facts(asked=model.asked, touched=model.touched, **facts)
        self.now += timedelta(seconds=1)
        try:
            found = self.store.move_change(change, lambda row: states.decide(row, event, known), reason="why")
        except Refusal:
            assert self.store.change(change) == before
            return None
        model.moves += 1
        return found.state

    @rule(target=changes, asked=st.booleans())
    def plan(self, asked):
        change, _revision = self.store.new_change("web", "production", "c" * 64, b"{}", "x", None, 2026)
        self.models[change] = Model(asked)
        return change

    @rule(change=changes)
    def submit(self, change):
        asked = self.models[change].asked
        state = self.happens(change, "submit")
        assert state is None or (asked and state == "submitted")

    @rule(change=changes)
    def approve(self, change):
        if self.happens(change, "approve") == "approved":
            self.models[change].approved = True

    @rule(change=changes, event=st.sampled_from(["reject", "withdraw"]))
    def objects(self, change, event):
        state = self.happens(change, event)
        assert state in (None, "rejected", "submitted", "paused")
        if state is not None:
            self.models[change].approved = False

    @rule(change=changes)
    def edit(self, change):
        model, row = self.models[change], self.store.change(change)
        known = Facts(asked=model.asked, touched=model.touched)
        try:
            self.store.add_revision(change, "d" * 64, b"{}", lambda found: states.decide(found, "edit", known))
        except Refusal:
            assert self.store.change(change) == row
            return
        model.revision, model.moves = model.revision + 1, model.moves + 1
        if self.store.change(change).state == "draft":
            model.approved = False

    @rule(change=changes)
    def begin(self, change):
        model, before = self.models[change], self.store.change(change).state
        state = self.happens(change, "begin")
        if state == "implementing" and before in states.WAITING:
            assert model.approved or not model.asked

    @precondition(lambda self: any(self.store.change(one).state == "implementing" for one in self.models))
    @rule(outcome=st.sampled_from(OUTCOMES), data=st.data())
    def ends(self, outcome, data):
        running = [one for one in self.models if self.store.change(one).state == "implementing"]
        change = data.draw(st.sampled_from(running))
        before = self.store.change(change)
        if outcome != "not_begun":
            self.models[change].touched = True
        state = self.happens(change, outcome)
        assert state == (states.resting(before) if outcome == "not_begun" else outcome)

    @rule(change=changes)
    def touch(self, change):
        """A run reaches a host, and perhaps never says what became of it."""
        if self.store.change(change).state == "implementing":
            self.models[change].touched = True

    @rule(change=changes)
    def cancel(self, change):
        touched = self.models[change].touched
        assert not (self.happens(change, "cancel") == "cancelled" and touched)

    @rule(change=changes, event=st.sampled_from(["pause", "closed", "rolled_back", "failed"]))
    def person(self, change, event):
        state = self.happens(change, event)
        if event in ("rolled_back", "failed"):
            assert state == event

    @invariant()
    def what_was_asked_was_given(self):
        """No change is implemented that somebody had to approve and nobody did, and approval is of the newest content."""
        for change, model in self.models.items():
            row = self.store.change(change)
            if row.state == "approved":
                assert model.asked
                assert model.approved
            assert (row.closed_at is not None) == (row.state in ENDED)
            assert (row.before is not None) == (row.state == "implementing")
            assert row.revision == model.revision

    @invariant()
    def everything_is_kept(self):
        """Each move has its line and its entry, in order, and each begins where the one before ended."""
        for change, model in self.models.items():
            moves = self.store.moves(change)
            entered = [entry for entry in self.store.entries(change) if entry.kind == "change.moved"]
            assert len(moves) == len(entered) == model.moves
            told = ["draft", *(move.after for move in moves)]
            assert [move.before for move in moves] == told[:-1]
            assert told[-1] == self.store.change(change).state
            assert [entry.body["after"] for entry in entered] == told[1:]


Changes.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestChanges = Changes.TestCase
