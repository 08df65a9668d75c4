# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An enrolled host beside a model of what it demands, through any sequence of events; and documents that are none."""

from __future__ import annotations

import functools
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.host import demands, program, reaper, signatures
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host import enrolled
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import Enrolled

VERSIONS = ("1.0", "2.0", "3.0")
PERMITS = ("good", "good", "good", "one person", "old", "no grant", "another challenge")
ENDS = ("confirmed", "overdue", "taken back", "rebooted")
real_sign = enrolled.sign
TRUE: set[tuple[str, str, bytes]] = set()


@functools.cache
def one_signature(who: str, namespace: str) -> str:
    """A signature of somebody, made by ssh-keygen; which bytes it is of, is kept here instead of asked of ssh-keygen again."""
    return real_sign(who, b"x", namespace)


def sign(who: str, data: bytes, namespace: str) -> str:
    """Somebody's signature, as fast as many examples need it."""
    armored = one_signature(who, namespace)
    TRUE.add((enrolled.line(who), armored, hashlib.sha256(data).digest()))
    return armored


def verify(key: str, _namespace: str, message: bytes, armored: str) -> bool:
    """Whether `sign` has made it of these bytes."""
    return (key, armored, hashlib.sha256(message).digest()) in TRUE


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures are looked up; the program runs without root and systemd."""
    monkeypatch.setattr(program, "require_root_and_systemd", lambda: None)
    monkeypatch.setattr(signatures, "verify", verify)
    monkeypatch.setattr(signatures, "require_able", lambda: None)
    monkeypatch.setattr(enrolled, "sign", sign)


class Events(RuleBasedStateMachine):
    """What people, the store, a hostile controller and time do to one service of an enrolled host."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="tidegate-warden-"))
        self.host = Enrolled(self.top)
        self.statements: list[Statement] = []
        self.attempts: dict[str, int] = {}
        self.order: list[str] = []  # statements in the order of their first attempt
        self.confirmed = ""  # the statement that put current there
        self.closed: set[str] = set()  # changes
        self.vetoed: set[str] = set()  # statements
        self.old_permit: Any = None
        self.trust = 1
        self.number = 0

    def teardown(self) -> None:
        shutil.rmtree(self.top)

    @initialize()
    def begins(self) -> None:
        """Something runs."""
        self.host.deploy("1.0")
        self.confirmed = self.host.host.journal("web").read("x")["statement"]
        self.order.append(self.confirmed)
        self.attempts[self.confirmed] = 1

    @rule(version=st.sampled_from(VERSIONS), most=st.integers(1, 2), ahead=st.booleans(), how=st.sampled_from(ENDS))
    def a_change_is_approved_and_tried(self, version: str, most: int, ahead: bool, how: str) -> None:
        """A new statement, perhaps one that needs the next version of trust."""
        release = self.host.release(version)
        more = {"max_attempts": most, "min_trust": self.trust + ahead}
        self.statements.append(self.host.statement(self.host.new_change(), release, **more))
        self._try(self.statements[-1], "good", how)

    @precondition(lambda self: self.statements)
    @rule(data=st.data(), permit=st.sampled_from(PERMITS), how=st.sampled_from(ENDS))
    def an_older_one_is_tried(self, data: st.DataObject, permit: str, how: str) -> None:
        """By somebody who has what it takes, or not all of that."""
        self._try(data.draw(st.sampled_from(self.statements)), permit, how)

    def _try(self, statement: Statement, permit: str, how: str) -> None:
        """It begins exactly when the model says so."""
        release = self._release(statement)
        self.number += 1
        asked = self.host.asked(statement, release, token_sha256=f"{self.number:064x}")
        expected = permit == "good" and self._may_begin(statement)
        state, current = self.host.state, self.host.current
        answer = self.host.answer("activate", permit=self._permit(permit, statement), **asked)
        assert (answer["ok"] and answer["changed"]) is expected, answer
        if not expected:
            assert (self.host.state, self.host.current) == (state, current)
            return
        self.attempts[statement.id] = self.attempts.get(statement.id, 0) + 1
        if statement.id not in self.order:
            self.order.append(statement.id)
        self._ends(statement, how)

    def _release(self, statement: Statement) -> dict[str, str]:
        found = map(self.host.release, VERSIONS)
        return next(release for release in found if release["manifest"] == statement.doc["manifest"])

    def _may_begin(self, statement: Statement) -> bool:
        tried = self.attempts.get(statement.id, 0)
        overtaken = tried > 0 and self.order.index(statement.id) < self.order.index(self.confirmed)
        here = self.host.host.journal("web").read("x")
        same = here.get("change") == statement.change and here["new"] == self._release(statement)["id"]
        return (
            not same
            and statement.doc["hosts"][0]["previous"] == self.host.current
            and statement.change not in self.closed
            and statement.id not in self.vetoed
            and tried < statement.doc["max_attempts"]
            and not overtaken
            and statement.doc["min_trust"] <= self.trust
        )

    def _permit(self, kind: str, statement: Statement) -> Any:
        if kind == "old" and self.old_permit is not None:
            return self.old_permit
        permit = self.host.permit(statement, ["ada"] if kind == "one person" else ["ada", "bob"])
        if kind in ("old", "another challenge"):
            self.host.mint()
        if kind == "good":
            self.old_permit = permit
        return {**permit, "grant": None} if kind == "no grant" else permit

    def _ends(self, statement: Statement, how: str) -> None:
        self.host.run_effects()
        if how == "confirmed":
            self.host.host.journal("web").move(self.host.host.journal("web").read("x")["aid"], "steady-new")
            self.confirmed = statement.id
        elif how == "overdue":
            self.host.clock.sleep(600)
            reaper.reap_all(self.host.host)
            self.host.run_revert()
        elif how == "rebooted":
            self.host.boot()
        else:
            self._back(statement)
        assert self.host.state == "steady"

    def _back(self, statement: Statement) -> None:
        asked = {"definition": self.host.definition(), "why": "asked", "operator": True, "wait_s": 0}
        refused = self.host.answer("back", change=statement.change, statement="0" * 64, **asked)
        assert refused["code"] == "PERMIT"
        assert self.host.ask("back", change=statement.change, statement=statement.id, **asked)["changed"]
        self.closed.add(statement.change)
        self.host.run_revert()

    @rule()
    def what_runs_is_taken_back(self) -> None:
        """Without a signature, whatever was vetoed or distrusted since."""
        journal = self.host.host.journal("web").read("x")
        statement = next((one for one in self.statements if one.id == journal.get("statement")), None)
        if statement is not None and journal["change"] == statement.change and statement.change not in self.closed:
            self._back(statement)
            self.confirmed = self.host.host.journal("web").read("x")["statement"]

    @precondition(lambda self: self.statements)
    @rule(data=st.data(), who=st.sampled_from(["ada", "eve"]))
    def somebody_vetoes(self, data: st.DataObject, who: str) -> None:
        """An entitled person closes a plan; anybody else closes nothing."""
        statement = data.draw(st.sampled_from(self.statements))
        answer = self.host.answer("veto", **self.host.signed(statement.as_type("veto", "no"), [who]))
        assert answer["ok"] is (who == "ada")
        if answer["ok"]:
            self.vetoed.add(statement.id)

    @rule(skips=st.booleans())
    def trust_moves_on(self, skips: bool) -> None:
        """One version after the other, and none is left out."""
        bundle = self.host.signed_bundle(self.host.bundle(self.trust + 1 + skips))
        assert self.host.answer("trust", bundles=[bundle])["ok"] is not skips
        self.trust += not skips

    @invariant()
    def only_what_was_counted_is_known(self) -> None:
        """What the host has counted is what the model has."""
        record = enrolled.canonical.loads(Path(self.host.host.paths.record("web")).read_bytes())
        counted = {name: known["attempts"] for name, known in record["statements"].items()}
        assert counted == self.attempts


def test_a_host_lets_forward_what_the_model_lets_forward() -> None:
    """In any order of events."""
    run_state_machine_as_test(Events, settings=settings(max_examples=20, stateful_step_count=20, deadline=None))


# --- documents that are none

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=20)
    | st.sampled_from(["AAAA", "web", "0" * 64]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["services", "definition", "v"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = (
    "services",
    "definition",
    "permit",
    "bundles",
    "bundle",
    "signatures",
    "statement",
    "service",
    "entry",
    "checkpoint",
)
FIELDS += (
    "inclusion",
    "consistency",
    "from",
    "name",
    "login",
    "login_keys",
    "uid",
    "utc",
    "size_bytes",
    "sha256",
    "fence",
    "change",
)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Enrolled:
    """An enrolled host that is asked for nonsense."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(program, "require_root_and_systemd", lambda: None)
        made = Enrolled(tmp_path_factory.mktemp("odd"))
        made.deploy("1.0")
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    step=st.sampled_from(sorted(set(demands.DEMANDS) - {"discover", "doctor"})),
    asked=st.dictionaries(st.sampled_from(FIELDS), ODD),
)
def test_nonsense_is_refused_and_changes_nothing(host: Enrolled, step: str, asked: dict[str, Any]) -> None:
    """No step of an enrolled host breaks, whatever it is asked; what it refuses has changed nothing.

    The two that look at the whole host need a systemd to look at.
    """
    before = host.disk.count
    answer = host.answer(step, **asked)
    assert answer.get("code") != "HOST_ERROR", answer
    assert answer["enforced"] is True
    assert answer["ok"] or host.disk.count == before
