# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breadth-first through all states that a host can be in, whatever happens to it next, with the promises (`host_promises`) on every edge.

What can happen in a state: any process goes on to its next pause, unless it waits for the lock; any process is killed;
the power is cut; the next deadline passes; a timer looks; the controller, or what is left of it, asks for something.
"""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import states
from ansible_collections.tidegate.deploy.plugins.module_utils.host import back
from ansible_collections.tidegate.deploy.tests.property.host_promises import Promises
from ansible_collections.tidegate.deploy.tests.property.interleaved_host import (
    BEGIN_MS,
    BOOT_MS,
    Actor,
    Edge,
    Machine,
    Plan,
    State,
    come_up,
)
from ansible_collections.tidegate.deploy.tests.property.memory_host import FOLDER, PATHS, REQUESTS, ROOT, WEB, Files


class Broken(AssertionError):
    """A promise does not hold; the message tells how it came to that."""


class Explorer:
    """All that can happen to one host.

    Args:
        machine: whose processes run.
        plans: the attempts that controllers make, in this order; the host allows two activations.
        renews: whether they renew deadlines.
        overlap: whether one begins while processes of another are still about.
        stale: attempts of controllers that lost their lease, or tokens of nobody: never to be heard.
    """

    def __init__(
        self,
        machine: Machine,
        plans: tuple[Plan, ...],
        stale: tuple[Plan, ...],
        renews: bool = True,
        overlap: bool = True,
    ) -> None:
        self.renews, self.overlap = renews, overlap
        self.machine = machine
        self.plans = plans
        self.states = 0
        self.transitions = 0
        self.promises = Promises(plans, stale)
        self._origin: dict[Any, tuple[Any, str]] = {}
        self._back_edges: dict[Any, list[Any]] = {}
        self._settled: list[Any] = []

    # --- walking

    def explore(self, start: State) -> None:
        """Visit everything that can be reached; raise Broken at the first promise that does not hold."""
        self._origin[start.key] = (None, "start")
        waiting = deque([(start, start.key)])
        while waiting:
            state, key = waiting.popleft()
            self.states += 1
            try:
                self.promises.check_state(state)
                if self._is_settled(state):
                    self._settled.append(key)
                for edge in self._edges(state):
                    self.transitions += 1
                    self.promises.check_edge(state, edge)
                    edge = edge._replace(after=self._at_rest(edge.after))
                    after = edge.after.key
                    if edge.by_host and after != key:
                        self._back_edges.setdefault(after, []).append(key)
                    if after not in self._origin:
                        self._origin[after] = (key, edge.what)
                        waiting.append((edge.after, after))
            except Exception as error:
                raise Broken(
                    f"{error!r}\n{self._story(key)}\n{str(state.view)[:300]}\n{[a[:3] for a in state.actors]}"
                ) from error
        self._check_settles()

    def _is_settled(self, state: State) -> bool:
        """Nothing is under way, and the service runs what `current` names, if that can run; or people are needed."""
        view, current = state.view, state.current
        if state.actors or view["state"] not in ("steady", "failed"):
            return False
        well = not state.runs if current == states.ABSENT else state.runs == current
        return well or view["state"] == "failed" or current in self.machine.unwell

    def _at_rest(self, state: State) -> State:
        """A host at rest, with what nothing depends on any longer taken away, so that such states are one.

        Those are timers that watch nothing and would see that, the time, and what retention removes.
        """
        if not self._is_settled(state):
            return state
        swept = self._begins("retention", state, Actor("prune", ())).after
        return swept._replace(armed=frozenset(), ms=BEGIN_MS, asked=frozenset(w for w in state.asked if w[0] in "ab"))

    def _story(self, key: Any) -> str:
        story = []
        while key is not None:
            key, what = self._origin[key]
            story.append(what)
        return " > ".join(reversed(story))

    def _check_settles(self) -> None:
        """From everywhere the host alone comes to rest, with the right release running."""
        reached, waiting = set(self._settled), list(self._settled)
        while waiting:
            for before in self._back_edges.get(waiting.pop(), ()):
                if before not in reached:
                    reached.add(before)
                    waiting.append(before)
        for key in self._origin:
            if key not in reached:
                raise Broken(f"the host never comes to rest after: {self._story(key)}")

    # --- what can happen

    def _edges(self, state: State) -> Iterator[Edge]:
        for actor in state.actors:
            if actor.at != "lock" or not state.lock:
                yield self._goes_on(f"{actor.name}: {actor.at}", state, actor)
        if state.cuts:
            yield self._settled_in("power cut", _power_cut(state))
        if not state.up:
            if state.kills:
                yield self._settled_in("kill boot", self._without_boot(state))
            return
        for actor in state.actors if state.kills else ():
            if actor.name not in ("boot", "resume") and not (actor.name in REQUESTS and actor.at == "start"):
                yield self._settled_in(f"kill {actor.name} at {actor.at}", _killed(state, actor))
        yield from self._time(state)
        yield from self._asks(state)

    def _goes_on(self, what: str, state: State, actor: Actor) -> Edge:
        """A process goes on to its next pause, and what it starts to its first; it does no more there than read."""
        after = self.machine.step(state, actor)
        return self._settled_in(what, after, actor, self.machine.answer)

    def _settled_in(self, what: str, state: State, actor: Actor | None = None, answer: Any = None) -> Edge:
        while begun := next((one for one in state.actors if one.at == "start"), None):
            state = self.machine.step(state, begun)
        return Edge(what, actor, state, answer)

    def _begins(self, what: str, state: State, actor: Actor) -> Edge:
        return self._goes_on(what, _with(state, actor), actor)

    def _time(self, state: State) -> Iterator[Edge]:
        view = state.view
        if view.get("deadline_ms", 0) > state.ms:
            yield Edge("time passes", None, state._replace(ms=view["deadline_ms"]))
        if state.actor("reap") is None:
            for ms in sorted(state.armed):
                if _waits(state.actor("back"), ms):
                    continue
                if ms <= state.ms or (view["state"] == "reverting" and state.actor("revert") is None):
                    yield self._begins(f"timer {ms}", state, Actor("reap", (ms,)))

        if not state.lock and view["state"] == "steady":
            yield self._begins("retention", state, Actor("prune", ()))

    def _asks(self, state: State) -> Iterator[Edge]:
        """Whoever asks waits for the answer, or dies; each thing is asked for once."""
        if any(actor.name in REQUESTS for actor in state.actors):
            return
        view = state.view
        for number, plan in enumerate(self.plans):
            mine = view.get("change") == plan.change
            asks = {
                "activate": self._may_begin(state, view, number),
                "confirm": mine and view["state"] == "ready",
                "renew": self.renews
                and mine
                and view["state"] == "ready"
                and view["deadline_ms"] < view["renew_until_ms"],
                "back": self._asked(state, number) and not (mine and view["state"] == "reverting"),
            }
            for verb, sensible in asks.items():
                again = verb == "back" and mine and view["state"] == "failed"
                if sensible and (again or f"{verb} {number}" not in state.asked):
                    actor = Actor(verb, (plan, state.current) if verb == "activate" else (plan,))
                    asked = state.asked | {f"{verb} {number}"}
                    yield self._begins(f"ask {verb} {number}", state._replace(asked=asked), actor)

    def _may_begin(self, state: State, view: dict[str, Any], number: int) -> bool:
        if view["state"] not in ("steady", "failed") or (number and not self._asked(state, number - 1)):
            return False
        return self.overlap or not state.actors

    @staticmethod
    def _asked(state: State, number: int) -> bool:
        return f"activate {number}" in state.asked

    def _without_boot(self, state: State) -> State:
        now = SimpleNamespace(files=state.files, enabled=state.enabled)
        come_up(now, self.machine.unwell)
        return _cleaned(
            state._replace(up=True, runs=now.runs, actors=(Actor("resume", ()),), lock="", kills=state.kills - 1)
        )


def _waits(actor: Actor | None, ms: int) -> bool:
    """Whether this timer was armed by a process that still is before its move: nobody waits so long for the lock."""
    return actor is not None and actor.at != "start revert" and ("ms", ms - back._LOOK_MS) in actor.read


def _with(state: State, actor: Actor) -> State:
    actors = sorted([*state.actors, actor])
    return state._replace(actors=tuple(actors))


def _killed(state: State, actor: Actor) -> State:
    """SIGKILL of one process, and what systemd makes of that."""
    left = [one for one in state.actors if one.name != actor.name]
    if actor.name == "effects" and not any(one.name == "ended" for one in left):
        left.append(Actor("ended", actor.args))
    if actor.name == "revert":
        left.append(Actor("revert", ()))
    lock = "" if state.lock == actor.name else state.lock
    return _cleaned(state._replace(actors=tuple(sorted(left)), lock=lock, kills=state.kills - 1))


def _power_cut(state: State) -> State:
    """Everything dies; another boot begins with the boot unit of the host program."""
    named = {posixpath.basename(str(state.view.get("boot_id", ""))), f"boot-{state.boot}"}
    boot = next(number for number in range(9) if f"boot-{number}" not in named)
    cut = state._replace(boot=boot, ms=BOOT_MS, up=False, runs="", armed=frozenset(), lock="", cuts=state.cuts - 1)
    return _cleaned(cut._replace(actors=(Actor("boot", ()),)))


def _cleaned(state: State) -> State:
    """Without what an activation left that never began; an activation that is still being written keeps its own."""
    if any(actor.name == "activate" for actor in state.actors):
        return state
    return state._replace(files=state.files.cleaned)


def fresh(releases: tuple[str, ...]) -> State:
    """A host with staged releases on which nothing was deployed yet."""
    files = Files({PATHS.service(WEB): FOLDER, PATHS.manifests(WEB): FOLDER, f"{ROOT}/releases": FOLDER})
    for release in releases:
        files[f"{ROOT}/releases/{release}"] = FOLDER
        files[PATHS.manifest(WEB, release)] = b"{}"
    return State(files, BEGIN_MS, 0, True, "", False, frozenset(), (), "")


def deployed(machine: Machine, state: State, plan: Plan) -> State:
    """The state after an activation that nothing disturbs."""
    for actor in (Actor("activate", (plan, state.current)), Actor("confirm", (plan,))):
        state = _with(state, actor)
        while state.actors:
            state = machine.step(state, state.actors[0])
            assert not isinstance(machine.answer, Exception), machine.answer
    return state
