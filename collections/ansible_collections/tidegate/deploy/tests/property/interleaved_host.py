# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory on which several processes of the real host program stand still between any two visible operations.

A process pauses before it takes the lock, before each rename or removal, and before it asks systemd for something. Where
it stands is a value: the states of the host that it saw at its earlier pauses. To go on, the real code is run again from
its beginning through those states, and then in the present one up to its next pause. So any process can go on from
any state, be killed in any, and no thread is needed.

Invariants:

- What a process does between two pauses touches nothing that another one decides from, or is held under the lock.
- Notes and history are not kept: nothing is decided from them.
- What an activation that never began leaves behind goes with the process that died; retention would remove it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import (
    activate,
    back,
    confirm,
    forward,
    journal,
    paths,
    prune,
    reaper,
    revert,
    standing,
    switch,
    waiting,
)
from ansible_collections.tidegate.deploy.tests.property.memory_host import (
    PATHS,
    ROOT,
    WEB,
    Again,
    Files,
    MemoryHost,
    MemoryOs,
    parsed,
)

DEADLINE_S, RENEW_UNTIL_S, BOOT_MS, BEGIN_MS = 17, 30, 5_000, 1_000_000


class Actor(NamedTuple):
    """A process of the host program: what it runs, where it stands still, and the states that it saw before."""

    name: str
    args: tuple[Any, ...]
    at: str = "start"
    seen: tuple[State, ...] = ()
    read: frozenset[Any] = frozenset()  # what it keeps of all that it has read: with `args` and `at` its inner state


class State(NamedTuple):
    """A host, and everything that runs on it."""

    files: Files
    ms: int
    boot: int
    up: bool  # the boot has come to where services start
    runs: str  # the release that the service runs, or nothing
    enabled: bool
    armed: frozenset[int]
    actors: tuple[Actor, ...]
    lock: str
    asked: frozenset[str] = frozenset()  # what was asked for already
    kills: int = 0  # processes that may still be killed
    cuts: int = 0  # power cuts that may still come

    @property
    def host(self) -> tuple[Any, ...]:
        """What tells two hosts apart, whatever runs on them."""
        return self.files.digest, self[1:7]

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells two states apart."""
        actors = tuple((one.name, one.args, one.at, one.read) for one in self.actors)
        return self.host, actors, self[8:]

    @property
    def view(self) -> dict[str, Any]:
        """The journal's document."""
        return self.files.view

    @property
    def current(self) -> str:
        """What `current` names."""
        return self.files.current

    def is_closed(self, change: str) -> bool:
        """Whether a change was taken back here."""
        return f"{PATHS.service(WEB)}/closed/{change}" in self.files

    def actor(self, name: str) -> Actor | None:
        """The process of that name, if it is there."""
        return next((one for one in self.actors if one.name == name), None)


class Pause(BaseException):
    """A process stands still; nothing of the program catches it."""


class Machine:
    """Lets one process go on, in any state, up to its next pause.

    Args:
        unwell: releases that do not start.
    """

    def __init__(self, unwell: frozenset[str] = frozenset()) -> None:
        self.unwell = unwell
        self.host = MemoryHost(self)
        self.now: SimpleNamespace = SimpleNamespace()
        self.me = ""
        self.answer: Any = None
        self._seen: tuple[State, ...] = ()
        self._position = 0
        self._read: list[Any] = []
        self._kept: frozenset[Any] = frozenset()
        self._after: State | None = None
        self._known: dict[Any, tuple[State, Actor | None, list[Actor], list[str], Any]] = {}

    def step(self, state: State, actor: Actor) -> State:
        """The state in which the process pauses next, or has ended; its answer is in `answer` then.

        What comes of it depends on the host and on the process alone, and is worked out once.
        """
        known = tuple(one for one in state.actors if one.name in ("effects", "revert"))
        key = (actor[:3], actor.read, state.host, state.lock, tuple((one.name, one.args) for one in known))
        if key not in self._known:
            self._known[key] = self._worked_out(state, actor)
        after, me, started, stopped, self.answer = self._known[key]
        others = {one.name: one for one in state.actors if one.name not in (actor.name, *stopped)}
        for one in started:
            others.setdefault(one.name, one)
        if me is not None:
            others[me.name] = me
        actors = tuple(others[name] for name in sorted(others))
        lock = "" if after.lock in stopped else after.lock
        return after._replace(actors=actors, lock=lock, asked=state.asked, kills=state.kills, cuts=state.cuts)

    def _worked_out(self, state: State, actor: Actor) -> tuple[State, Actor | None, list[Actor], list[str], Any]:
        self._seen, self._position, self._read, self.me = (*actor.seen, state), 0, [], actor.name
        self._load()
        me, answer, after = None, None, None
        try:
            answer = SCRIPTS[actor.name](self, *actor.args)
        except Pause as pause:
            after, me = self._after, Actor(actor.name, actor.args, str(pause), self._seen, self._kept)
        except Again:
            me = Actor(actor.name, actor.args)
        except Refusal as refusal:
            answer = refusal
        return after or self._frozen(), me, self.started, self._stopped, answer

    # what a process does

    def point(self, what: str) -> None:
        """Stand still before doing something; retention does all that it does under the lock in one go."""
        if self.me == "prune":
            return
        if self._position + 1 < len(self._seen):
            self._position += 1
            self._load()
            return
        self._after, self._kept = self._frozen(), frozenset(self._read)  # before anything is cleaned up
        raise Pause(what)

    def read(self, *what: Any) -> None:
        """A process has learnt something."""
        self._read.append(what)

    def forget(self, word: str) -> None:
        """What a process has learnt matters no longer."""
        self._read = [what for what in self._read if what[0] != word]

    def runs(self, name: str) -> bool:
        """Whether a process of that name is there."""
        return self._seen[self._position].actor(name) is not None

    def start(self, name: str, *args: Any) -> None:
        """Start another process, if none of that name is there."""
        self.started.append(Actor(name, args))

    def stop(self, name: str) -> None:
        """End another process; what systemd runs after it begins."""
        victim = self._seen[self._position].actor(name)
        if victim is not None:
            self._stopped.append(name)
            self.start("ended", *victim.args)

    def _load(self) -> None:
        state = self._seen[self._position]
        self.now = SimpleNamespace(**state._asdict())
        self.now.files = Files(state.files)
        self.started: list[Actor] = []
        self._stopped: list[str] = []

    def _frozen(self) -> State:
        now = self.now
        return State(
            Files(now.files),
            now.ms,
            now.boot,
            now.up,
            now.runs,
            now.enabled,
            now.armed,
            (),
            now.lock,
            now.asked,
            now.kills,
            now.cuts,
        )


def patch(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    """Let the real host program work on the machine's memory."""
    fake = MemoryOs(machine)
    for module in (activate, journal, paths, prune, standing, switch, waiting):
        monkeypatch.setattr(module, "os", fake)
    monkeypatch.setattr(journal, "open", fake.open, raising=False)
    monkeypatch.setattr(journal, "canonical", SimpleNamespace(loads=parsed, dumps=canonical.dumps))
    monkeypatch.setattr(activate, "_damage", lambda *_: "")
    monkeypatch.setattr(back, "_damage", lambda *_: "")


DEFINITION: dict[str, Any] = {
    "v": 1, "service": WEB, "root": ROOT, "unit": "web.service", "owner": "root", "group": "root", "user": None,
    "start": "restart", "links": {}, "drain": None, "hooks": {"before": None, "after": None}, "probes": [], "keep": 3,
    "limits": {"drain_s": 1, "hook_s": 1, "restart_s": 1, "probe_s": 1, "confirm_s": 10},
}  # fmt: skip


class Plan(NamedTuple):
    """One attempt that a controller makes."""

    change: str
    release: str
    fence: int
    token: str

    @property
    def token_sha256(self) -> str:
        """What the host gets of the token."""
        return _sha256(self.token)


_sha256 = functools.lru_cache(16)(lambda text: hashlib.sha256(text.encode("ascii")).hexdigest())


# --- what processes run; the first word of an actor's name picks it


def _activate(machine: Machine, plan: Plan, previous: str) -> Any:
    reaper.reap_all(machine.host)
    asked = {"check": False, "change": plan.change, "plan": "0" * 64, "definition": DEFINITION, "previous": previous}
    asked.update(release={"id": plan.release, "manifest": "0" * 64}, fence=plan.fence, token_sha256=plan.token_sha256)
    asked.update(back_until="2026-12-01T00:00:00Z", renew_until_s=RENEW_UNTIL_S, deadline_s=DEADLINE_S, wait_s=0)
    return activate.step(machine.host, asked)


def _confirm(machine: Machine, plan: Plan) -> Any:
    reaper.reap_all(machine.host)
    return confirm.step(machine.host, {"check": False, "service": WEB, "change": plan.change, "token": plan.token})


def _renew(machine: Machine, plan: Plan) -> Any:
    reaper.reap_all(machine.host)
    asked = {"check": False, "service": WEB, "change": plan.change, "token": plan.token, "extend_s": RENEW_UNTIL_S}
    return confirm.renew(machine.host, asked)


def _back(machine: Machine, plan: Plan) -> Any:
    reaper.reap_all(machine.host)
    asked = {"check": False, "definition": DEFINITION, "change": plan.change, "why": "asked", "wait_s": 0}
    return back.step(machine.host, {**asked, "operator": True})


def _effects(machine: Machine, aid: str) -> None:
    forward.run(machine.host, WEB, aid)
    if machine.host.journal(WEB).read("")["state"] == "pending":
        machine.start("ended", aid)


def _ended(machine: Machine, aid: str) -> None:
    forward.ended(machine.host, WEB, aid, "killed")


def _revert(machine: Machine) -> None:
    revert.run(machine.host, WEB)


def _reap(machine: Machine, deadline_ms: int) -> None:
    reaper.reap(machine.host, WEB, deadline_ms)


def _prune(machine: Machine) -> None:
    prune.run(machine.host, WEB)


def _boot(machine: Machine) -> None:
    reaper.at_boot(machine.host)
    machine.point("services start")
    come_up(machine.now, machine.unwell)
    machine.start("resume")


def _resume(machine: Machine) -> None:
    reaper.after_boot(machine.host)


def come_up(now: Any, unwell: frozenset[str]) -> None:
    """The boot has come to where services start."""
    current = str(now.files.get(f"{ROOT}/current", "")).rpartition("/")[2]
    now.up, now.runs = True, current if now.enabled and current not in unwell else ""


SCRIPTS: Mapping[str, Callable[..., Any]] = {
    "activate": _activate, "confirm": _confirm, "renew": _renew, "back": _back, "effects": _effects, "ended": _ended,
    "revert": _revert, "reap": _reap, "prune": _prune, "boot": _boot, "resume": _resume,
}  # fmt: skip


class Edge(NamedTuple):
    """Something that happens: in words, who does it (if a process), and the state afterwards."""

    what: str
    actor: Actor | None
    after: State
    answer: Any = None

    @property
    def by_host(self) -> bool:
        """Whether it happens with nobody asking the host for anything, and nothing going wrong any more."""
        return not self.what.startswith(("kill", "power", "ask"))
