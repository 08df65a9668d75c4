# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold of a host in every state that it can be in, and of everything that happens to it."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import states
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.tests.property.interleaved_host import Actor, Edge, Plan, State
from ansible_collections.tidegate.deploy.tests.property.memory_host import PATHS, ROOT, WEB

ALLOWED = {  # moves from state to state
    ("steady", "pending"), ("failed", "pending"), ("pending", "ready"), ("ready", "steady"), ("ready", "ready"),
    ("pending", "reverting"), ("ready", "reverting"), ("steady", "reverting"), ("failed", "reverting"),
    ("reverting", "reverting"), ("reverting", "steady"), ("reverting", "failed"),
}  # fmt: skip


class Promises:
    """The promises of one host, each an assertion.

    Args:
        plans: the attempts that controllers make.
        stale: attempts that are never to be heard.

    Attributes:
        kinds: the moves from state to state that were seen.
    """

    def __init__(self, plans: tuple[Plan, ...], stale: tuple[Plan, ...]) -> None:
        self.plans, self.stale = plans, stale
        self.kinds: set[tuple[str, str]] = set()
        self._refused: set[Any] = set()

    def check_state(self, state: State) -> None:
        """What must be so in a state, whatever comes next."""
        view, current = state.view, state.current
        if current != states.ABSENT:
            assert f"{ROOT}/releases/{current}" in state.files, "current leads nowhere"
            assert f"{PATHS.manifest(WEB, current)}" in state.files, "current leads to what was never staged"
        if view["state"] in ("steady", "ready"):
            assert current == view["new"], f"{view['state']} on {view['new']}, current is {current}"
        else:
            assert current in (view["old"], view["new"]), "current is neither old nor new"
        if state.host not in self._refused:
            self._refused.add(state.host)
            self._check_refusals(state, view)
        if not state.actors:
            assert not state.lock, "nobody holds the lock"
            if view["state"] not in ("steady", "failed"):
                assert state.armed, f"nothing watches a service that is {view['state']}"

    def _check_refusals(self, state: State, view: dict[str, Any]) -> None:
        """Late, of another boot, or with another token: refused whatever else is so, also before the reaper ran."""
        known = {"now_ms": state.ms, "boot_id": f"boot-{state.boot}", "current": state.current}
        due = states.due(view, state.ms, f"boot-{state.boot}")
        for plan in (*self.plans, *self.stale):
            asked = {**known, "change": plan.change, "token_sha256": plan.token_sha256}
            asked.update(closed=state.is_closed(plan.change), release=plan.release, fence=plan.fence)
            right = plan.token_sha256 == view.get("token_sha256") and plan.change == view.get("change")
            for event in ("confirm", "renew"):
                if _accepts(view, event, asked):
                    assert right, f"{event} with a token of another attempt"
                    assert not due, f"{event} although {due}"
                    assert view["state"] == "steady" or not asked["closed"], f"{event} of a closed change"
            if plan.change in view["past"]:
                assert not _accepts(view, "back", {**asked, "operator": True}), (
                    "a change under a later one is taken back"
                )
            if plan.fence < view["fence"] or asked["closed"]:
                moves = _moves(view, {**asked, "previous": state.current})
                assert not moves, "a run that lost its lease, or whose change was closed, activates"

    def check_edge(self, before: State, edge: Edge) -> None:
        """What may have moved by what happened, by whom, and when."""
        old, new, after = before.view, edge.after.view, edge.after
        if isinstance(edge.answer, Exception) and not isinstance(edge.answer, Refusal):
            raise edge.answer
        if before.current != after.current:
            self._check_link(before, edge)
        if (old["state"], old.get("aid"), old.get("attempt"), old.get("deadline_ms")) == (
            new["state"], new.get("aid"), new.get("attempt"), new.get("deadline_ms"),
        ):  # fmt: skip
            return
        self.kinds.add((old["state"], new["state"]))
        assert (old["state"], new["state"]) in ALLOWED, f"{old['state']} became {new['state']}"
        assert new["fence"] >= old["fence"], "the highest lease number was forgotten"
        assert _kept(old) <= _known(new), "a change was forgotten that did something here"
        assert edge.actor is not None, "the state moved by itself"
        assert before.lock == edge.actor.name, "the state moved without the lock"
        self._check_move(before, edge, old, new)

    def _check_link(self, before: State, edge: Edge) -> None:
        view = before.view
        assert edge.actor is not None
        assert before.lock == edge.actor.name, "current moved without the lock"
        if edge.after.current == view["old"]:
            assert view["state"] == "reverting", f"current went back while {view['state']}"
            return
        assert view["state"] == "pending", f"current went forward while {view['state']}"
        assert edge.actor.args == (view["aid"],), "current was moved by an activation that is over"
        assert _due(before, edge.actor) is None, "current went forward after the deadline"

    def _check_move(self, before: State, edge: Edge, old: dict[str, Any], new: dict[str, Any]) -> None:
        assert edge.actor is not None
        name, args = edge.actor.name, edge.actor.args
        due = _due(before, edge.actor)
        if new["state"] == "pending":
            assert name == "activate"
            assert args[0].token_sha256 not in (
                old.get("token_sha256"),
                (old.get("reverted") or {}).get("token_sha256"),
            )
            assert not before.is_closed(args[0].change), "a closed change began"
        if new["state"] == "ready" or (old["state"], new["state"]) == ("ready", "steady"):
            assert not due, f"{name} although {due}"
            assert not before.is_closed(old["change"]), f"{name} of a closed change"
            assert new["aid"] == old["aid"]
            assert name in {"pending": ("effects",), "ready": ("confirm", "renew")}[old["state"]]
            if old["state"] == "pending":
                assert args == (old["aid"],), "made ready by an activation that is over"
            else:
                assert args[0].token_sha256 == old["token_sha256"], f"{name} with a token of another attempt"
        if new["state"] == "reverting" and old["state"] != "reverting":
            assert new["aid"] == old["aid"]
            by_back = name == "back" and args[0].change == old["change"]
            by_itself = name in ("effects", "ended") and args == (old["aid"],)
            if old["state"] in ("steady", "failed"):
                assert by_back, f"{name} took back what was {old['state']}"
            assert by_back or by_itself or due, f"{name} took back what is not due"
        if old["state"] == "reverting":
            assert new["state"] != "steady" or new["reverted"]["aid"] == old["aid"]
            assert new["state"] != "steady" or new["new"] == old["old"]


def _kept(view: dict[str, Any]) -> set[str]:
    """The changes that were confirmed here and were not taken back since."""
    return {*view["past"], *({view["change"]} if view["state"] == "steady" and view.get("change") else ())}


def _known(view: dict[str, Any]) -> set[str]:
    """The changes of which a document knows that they did something here."""
    return {*view["past"], view.get("change", ""), (view.get("reverted") or {}).get("change", "")}


def _due(before: State, actor: Actor) -> str | None:
    """Whether an activation was due when this process took the lock, in which it now moves something."""
    return states.due(before.view, actor.seen[-1].ms, f"boot-{before.boot}")


def _accepts(view: dict[str, Any], event: str, asked: dict[str, Any]) -> bool:
    try:
        states.decide(view, event, states.Facts(**asked))
    except Refusal:
        return False
    return True


def _moves(view: dict[str, Any], asked: dict[str, Any]) -> bool:
    try:
        return states.decide(view, "activate", states.Facts(**asked)).changed
    except Refusal:
        return False
