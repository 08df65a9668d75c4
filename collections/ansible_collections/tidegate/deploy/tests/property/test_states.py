# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to a service in whatever order, the promises of the state table hold."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.module_utils.core import futures, states
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.states import Facts

RELEASES = ["1.0-aaaaaaaaaaaa", "2.0-bbbbbbbbbbbb", "3.0-cccccccccccc"]
CHANGES = ["CHG-2026-0001", "CHG-2026-0002", "CHG-2026-0003"]
HASHES = ["a" * 64, "b" * 64]
DEFINITION = {"root": "/opt/web", "unit": "web.service"}
TIMES_MS = [0, 50, 99, 100, 101, 500]

facts = st.builds(
    Facts,
    now_ms=st.sampled_from(TIMES_MS),
    boot_id=st.sampled_from(["b1", "b2"]),
    utc=st.sampled_from(["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
    current=st.just(""),  # filled in by the world
    aid=st.sampled_from(["aid0", "aid1", "aid2", "aid3"]),
    change=st.sampled_from(CHANGES),
    release=st.sampled_from(RELEASES),
    previous=st.sampled_from([*RELEASES, states.ABSENT]),
    fence=st.integers(0, 3),
    damage=st.sampled_from(["", "", "damaged"]),
    busy=st.sampled_from([None, None, "worker"]),
    closed=st.booleans(),
    token_sha256=st.sampled_from(HASHES),
    operator=st.booleans(),
)
events = st.lists(st.tuples(st.sampled_from(sorted(states.EVENTS)), facts), max_size=60)


class World:
    """One service as the host program would keep it: the journal, futures by aid, and where the link points."""

    def __init__(self) -> None:
        self.journal: dict[str, Any] = states.steady_without_journal("web", RELEASES[0])
        self.futures: dict[str, dict[str, dict[str, Any]]] = {}
        self.current = RELEASES[0]

    def happen(self, event: str, known: Facts) -> states.Move | None:
        """Let an event happen as the host program does; None if it was refused."""
        known.current = self.current
        before = copy.deepcopy(self.journal)
        try:
            move = states.decide(self.journal, event, known)
        except Refusal:
            assert before == self.journal
            return None
        if move.future is not None:
            self._move(event, move.future, known)
            assert move.state == self.journal["state"]
        return move

    def _move(self, event: str, future: str, known: Facts) -> None:
        if event == "activate":
            self._begin(known)
        elif event == "renew":
            self.journal = futures.renewed(self.journal, known.now_ms + 50)
        else:
            if event == "back" and self.journal["state"] == "failed":
                self.futures[self.journal["aid"]].update(futures.ways_back(self.journal))
            self.journal = self.futures[self.journal["aid"]].pop(future)  # KeyError: a document was used up
        if self.journal["state"] == "reverting":
            self.current = self.journal["old"]

    def _begin(self, known: Facts) -> None:
        aid = f"aid{len(self.futures)}"
        base = self.journal
        if base["state"] == "failed":
            base = self.futures[base["aid"]]["steady-old"]
        begin = {"aid": aid, "change": known.change, "plan": "p", "old": self.current, "new": known.release}
        begin.update(old_definition=DEFINITION, new_definition=DEFINITION, back_until="2026-06-01T00:00:00Z")
        begin.update(token_sha256=known.token_sha256, enablement="", began="", began_ms=0, fence=known.fence)
        begin.update(deadline_ms=100, renew_until_ms=100, boot_id=known.boot_id, statement="", seq=0)
        documents = futures.all_of(base, begin)
        self.journal = documents.pop("pending")
        self.futures[aid] = documents


def _kept(view: dict[str, Any]) -> set[str]:
    """The changes that were confirmed here and were not taken back since."""
    return {*view["past"], *({view["change"]} if view["state"] == "steady" and view.get("change") else ())}


def _known(view: dict[str, Any]) -> set[str]:
    """The changes of which a document knows that they did something here."""
    return {*view["past"], view.get("change", ""), (view.get("reverted") or {}).get("change", "")}


@settings(max_examples=400, deadline=None)
@given(events)
def test_no_order_of_events_breaks_a_promise(happenings: list[tuple[str, Facts]]) -> None:
    """Nothing turns forward on the way back, no document is missing, the fence only rises, late is refused."""
    world = World()
    for event, known in happenings:
        before, link = world.journal, world.current
        if event == "activate" and before["state"] in ("steady", "failed"):
            known.previous = link  # so that the walk gets somewhere
        if before["state"] in ("pending", "ready", "reverting") and event not in ("activate", "confirm", "renew"):
            known.aid = before["aid"]
        if event == "ended":
            world.current = before.get("new", link) if before["state"] == "pending" else link
        move = world.happen(event, known)
        if move is None or not move.changed:
            assert before == world.journal
            continue
        assert world.journal["fence"] >= before["fence"]
        assert _kept(before) <= _known(world.journal)
        if before["state"] == "reverting":
            assert world.current in (before["old"], link)
            assert world.journal["state"] in ("reverting", "steady", "failed")
            assert world.journal["state"] != "steady" or world.journal.get("reverted", {}).get("aid") == before["aid"]
        if event in ("ended", "confirm", "renew"):
            assert not known.closed
            assert known.now_ms < before["deadline_ms"]
            assert known.boot_id == before["boot_id"]
            assert event == "ended" or known.token_sha256 == before["token_sha256"]
        if world.journal["state"] == "steady":
            assert world.current == world.journal["new"]


@given(st.sampled_from(["pending", "ready"]), facts, st.sampled_from(["confirm", "renew"]))
def test_of_confirm_and_reaper_exactly_one_wins_at_any_time(state: str, known: Facts, event: str) -> None:
    """There is no moment at which both the deadline has passed and a confirm is accepted, or neither could be."""
    view = {"v": 1, "service": "web", "state": state, "change": known.change, "aid": known.aid, "past": []}
    view.update(old=RELEASES[0], new=RELEASES[1], fence=0, deadline_ms=100, renew_until_ms=100, boot_id="b1")
    view.update(token_sha256=known.token_sha256)
    due = states.due(view, known.now_ms, known.boot_id)
    try:
        accepted = states.decide(view, event, known).changed
    except Refusal:
        accepted = False
    assert not (accepted and due)
    if due is not None:
        assert states.decide(view, due, known).state == "reverting"
    elif state == "ready":
        assert accepted == (not known.closed)
