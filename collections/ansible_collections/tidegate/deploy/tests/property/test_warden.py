# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An enrolled host beside a model of what it demands, through any sequence of events; and documents that are none."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
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
from ansible_collections.tidegate.deploy.plugins.module_utils.host import demands, program, reaper, record, trusted
from ansible_collections.tidegate.deploy.plugins.module_utils.host.record import Record
from ansible_collections.tidegate.deploy.tests.property.warden_model import (
    LEASE_S,
    MOST,
    MOST_OF_ONE,
    Consent,
    Leave,
    Model,
    Trust,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host import enrolled
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import Enrolled, Log

RELEASES = ("1.0", "2.0", "3.0")
VERSIONS = st.sampled_from(RELEASES)
SELDOM = st.sampled_from([False] * 5 + [True])
OFTEN = st.sampled_from([True, True, True, False])
RECENT = st.sampled_from([0, 0, 0, 1, 2])
SIGNERS = {"one person": {"ada"}, "who wants it": {"ada", "eve"}, "who left": {"ada", "bob"}, "who came": {"ada", "cy"}}
GRANTS = ["of another host", "of another statement", "of another log", "of a fork", "none"]
STATEMENTS = ["for another host", "for later trust"]
GOOD = ""
FLAWS = st.sampled_from([GOOD] * 20 + [*SIGNERS, *GRANTS])
FLAWS_OF_NEW = st.sampled_from([GOOD] * 20 + [*SIGNERS, *GRANTS, *STATEMENTS])
WAITS = st.sampled_from([0] * 6 + [290, 600])
ENDS = st.sampled_from(["confirmed", "confirmed", "fails", "fails", "taken back", "ready", "pending"])
BRIEF = settings(deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
"""Without shrinking, which would take minutes."""
TRUSTEES = st.sampled_from(["both", "both", "old", "new"])


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs without root and systemd."""
    monkeypatch.setattr(program, "require_root_and_systemd", lambda: None)


Permit = tuple[Leave, dict[str, Any], Statement]


def _moment(text: str) -> datetime:
    """A time as hosts write it; Python 3.9 does not read the Z."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Events(RuleBasedStateMachine):
    """What people, the store, a hostile controller and time do to one service of an enrolled host."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="tidegate-warden-"))
        self.host = Enrolled(self.top)
        self.statements: list[tuple[Consent, Statement]] = []
        self.permits: list[Permit] = []
        self.minted: dict[str, Any] = {}
        self.token = ""
        self.fence = self.seen = 0

    def teardown(self) -> None:
        shutil.rmtree(self.top)

    @property
    def now(self) -> tuple[int, int]:
        """Boot clock and wall clock."""
        return self.host.clock.ms, int(_moment(self.host.clock.wall).timestamp())

    @initialize()
    def begins(self) -> None:
        """Something runs."""
        change = self.host.deploy("1.0")
        statement = self.host.host.journal("web").read("absent")["statement"]
        first = Consent(statement, change, self.host.current, "absent", 2, 1, True)
        self.model = Model(self.host.current, [first], attempts={statement: 1}, order=[statement], known={statement: 1})
        self.model.most[statement] = first.most
        self.model.highest_s = self.now[1]

    # --- people, the store, and a controller, hostile or not

    def _written(self, version: str, most: int, flaw: str) -> tuple[Consent, Statement]:
        release, previous, is_here = self.host.release(version), self.host.current, flaw != "for another host"
        min_trust = self.model.trust.number + (flaw == "for later trust")
        named = {"name": enrolled.NAME, "uid": self.host.uid if is_here else "f" * 32, "previous": previous}
        asks = {"max_attempts": most, "min_trust": min_trust, "hosts": [{**named, "challenge": ""}]}
        made = self.host.statement(self.host.new_change(), release, **asks)
        return Consent(made.id, made.change, release["id"], previous, most, min_trust, is_here), made

    def _mint(self) -> None:
        self.minted = self.host.mint()
        self.model.mint(self.minted["challenges"]["web"], self.host.clock.ms)

    @rule(version=VERSIONS, most=st.integers(1, 2), waits=WAITS, flaw=FLAWS_OF_NEW, then=ENDS)
    def a_new_statement_is_tried(self, version: str, most: int, waits: int, flaw: str, then: str) -> None:
        """Perhaps one that needs the next version of trust, or is for another host."""
        self.statements.append(self._written(version, most, flaw))
        self._mint()
        self.time_passes(waits)
        self._try(self._permit(self.statements[-1], flaw), then)

    @precondition(lambda self: self.statements)
    @rule(which=RECENT, waits=WAITS, flaw=FLAWS, then=ENDS)
    def an_old_statement_is_tried(self, which: int, waits: int, flaw: str, then: str) -> None:
        """With a new grant, over a challenge that may have run out."""
        self._mint()
        self.time_passes(waits)
        self._try(self._permit(self._recent(self.statements, which), flaw), then)

    @precondition(lambda self: self.permits)
    @rule(which=RECENT, mints=SELDOM, then=ENDS)
    def an_old_permit_is_tried(self, which: int, mints: bool, then: str) -> None:
        """It may have been used before, and somebody may have had another challenge minted since."""
        if mints:
            self._mint()
        self._try(self._recent(self.permits, which), then)

    def _recent(self, known: list[Any], which: int) -> Any:
        """One of the last, of those that fit what runs, if there are any."""
        fit = [one for one in known if self._consent_of(one).previous == self.model.current] or known
        return fit[-1 - which % len(fit)]

    @staticmethod
    def _consent_of(known: Any) -> Consent:
        return known[0].consent if isinstance(known[0], Leave) else known[0]

    def _permit(self, written: tuple[Consent, Statement], flaw: str) -> Permit:
        """Over the last challenge, by whoever signs, with a grant of the store or of somebody else."""
        consent, statement = written
        signers = SIGNERS.get(flaw, self.model.trust.ops)
        made = {**self.host.signed(statement, sorted(signers)), "grant": self._grant(flaw, statement)}
        leave = Leave(consent, frozenset(signers), self.minted["challenges"]["web"], flaw not in GRANTS, self.now[1])
        self.permits.append((leave, made, statement))
        return self.permits[-1]

    def _grant(self, kind: str, statement: Statement) -> Any:
        seen = self.minted["seen"]["size"]
        if kind == "none":
            return None
        if kind == "of another host":
            return self._granted(statement, uid="f" * 32)
        if kind == "of another statement":
            return self._granted(self.host.statement("CHG-2026-9999", self.host.release("1.0")))
        log = Log(key="other-log" if kind == "of another log" else "log")
        log.documents = self.host.log.documents[: seen - 1 if kind == "of a fork" else None]
        if kind == "of a fork":
            log.add("denied", {"n": 1})
        return self._granted(statement, log if kind in GRANTS else None)

    def _granted(self, statement: Statement, log: Log | None = None, **changes: str) -> dict[str, Any]:
        lease_until = self._later(LEASE_S)
        return self.host.grant(statement, {**self.minted, **changes}, log, lease_until=lease_until)

    def _try(self, made: Permit, then: str) -> None:
        """It begins exactly when the model says so."""
        leave, permit, statement = made
        self.token, before = f"{self.host.disk.count:064x}", self.token
        [release] = [found for found in map(self.host.release, RELEASES) if found["id"] == leave.consent.release]
        asked = self.host.asked(statement, release, token_sha256=enrolled.digest(self.token.encode()))
        answer = self.host.answer("activate", permit=permit, **asked)
        expected = self.model.may_begin(leave, *self.now)
        assert (answer["ok"] and answer["changed"]) is expected, answer.get("message", answer)
        if not expected:
            self.token = before
            return
        self.model.begin(leave, *self.now)
        if then != "pending":
            self.the_effects_end(then != "fails")
        if then == "confirmed":
            self.it_is_confirmed(True)
        elif then == "taken back":
            self.it_is_taken_back(True)
        elif then == "fails":
            self._try(made, then)
            self._mint()
            self._try(self._permit((leave.consent, statement), GOOD), "taken back")

    @precondition(lambda self: self.model.state == "pending")
    @rule(well=OFTEN)
    def the_effects_end(self, well: bool) -> None:
        """The release runs, or it does not start."""
        bad = {self.model.put_by[-1].release} - {self.host.current}
        self.host.units.bad = set() if well else bad
        self.host.run_effects()
        self.host.run_revert()
        self.host.units.bad = set()
        self.model.end_effects(well or not bad)

    @precondition(lambda self: self.model.state == "ready")
    @rule(right=OFTEN)
    def it_is_confirmed(self, right: bool) -> None:
        """By whoever has the token, and nobody else."""
        token = self.token if right else "ef" * 32
        answer = self.host.answer("confirm", service="web", change=self.model.put_by[-1].change, token=token)
        assert answer["ok"] is right, answer.get("message", answer)
        if right:
            self.model.confirm()

    @precondition(lambda self: len(self.model.put_by) > 1)
    @rule(right=OFTEN)
    def it_is_taken_back(self, right: bool) -> None:
        """By who names the statement, without a signature, whatever was vetoed, distrusted or set back since."""
        put_by = self.model.put_by[-1]
        asked = {"definition": self.host.definition(), "why": "asked", "operator": True, "wait_s": 0}
        named = put_by.id if right else "0" * 64
        answer = self.host.answer("back", change=put_by.change, statement=named, **asked)
        assert (answer["ok"], answer.get("code", "")) == ((True, "") if right else (False, "PERMIT")), answer
        if right:
            self.host.run_revert()
            self.model.take_back()

    @precondition(lambda self: self.statements)
    @rule(which=RECENT, names=st.sampled_from(["its own", "its own", "another", "none"]))
    def somebody_with_the_login_closes(self, which: int, names: str) -> None:
        """Whatever they name: that is closed whose signatures this host has seen, and nothing else is kept."""
        consent, statement = self._recent(self.statements, which)
        if consent in self.model.put_by:
            return
        named = {"its own": statement.id, "another": self.statements[0][1].id, "none": ""}[names]
        went_back = (self.host.stands["reverted"] or {}).get("change") == consent.change
        before = self.host.disk.count
        asked = {"definition": self.host.definition(), "why": "asked", "operator": True, "wait_s": 0}
        answer = self.host.answer("back", change=consent.change, statement=named, **asked)
        assert answer["ok"], answer
        if went_back or (named == consent.id and consent.id in self.model.known):
            self.model.closed.add(consent.change)
        else:
            assert self.host.disk.count == before

    @rule(which=RECENT, is_new=OFTEN, who=st.sampled_from(["ada", "ada", "bob", "cy", "eve"]))
    def somebody_vetoes(self, which: int, is_new: bool, who: str) -> None:
        """An entitled person closes a plan; anybody else closes nothing."""
        if is_new or not self.statements:
            self.statements.append(self._written("2.0", 1, GOOD))
        consent, statement = self.statements[-1] if is_new else self._recent(self.statements, which)
        answer = self.host.answer("veto", **self.host.signed(statement.as_type("veto", "no"), [who]))
        assert answer["ok"] is (self.model.may_veto(consent, who) and self._is_clock_right), answer
        if answer["ok"]:
            self.model.veto(consent, who)
        self._mint()
        self._try(self._permit((consent, statement), GOOD), "fails")

    @rule(step=st.sampled_from([1, 1, 1, 0, 2]), leaver=st.booleans(), moves=SELDOM, signers=TRUSTEES)
    def trust_moves_on(self, step: int, leaver: bool, moves: bool, signers: str) -> None:
        """By the quorums of both versions, one version after the other; somebody may leave, somebody else may rule it."""
        before = self.model.trust
        ops = frozenset({"ada", "cy"} if leaver else {"ada", "bob"})
        ruled_by = ({"trust", "ops"} - {before.ruled_by}).pop() if moves else before.ruled_by
        after = Trust(before.number + step, ops, ruled_by)
        signed_by = {"old": before.quorum, "new": after.quorum, "both": before.quorum | after.quorum}[signers]
        answer = self.host.answer("trust", bundles=[self.host.signed_bundle(self._bundle(after), *sorted(signed_by))])
        may = before.may_follow(after, signed_by) and self.model.state == "steady" and self._is_clock_right
        assert (answer["ok"] and answer["changed"]) is may, answer
        if may:
            self.model.trust = after

    def _bundle(self, trust: Trust) -> dict[str, Any]:
        doc = self.host.bundle(trust.number, trust_rule=enrolled.rule("it", groups={trust.ruled_by: 2}))
        for name, person in doc["people"].items():
            person["groups"] = sorted(
                {*person["groups"], "ops"} if name in trust.ops else {*person["groups"]} - {"ops"}
            )
        return doc

    @property
    def _is_clock_right(self) -> bool:
        return self.now[1] >= self.model.highest_s

    # --- time

    @rule(seconds=st.sampled_from([1, 20, 290, 600]))
    def time_passes(self, seconds: int) -> None:
        """What nobody confirmed in time goes back."""
        self.host.clock.sleep(seconds)
        self._set_clock(seconds)
        reaper.reap_all(self.host.host)
        self.host.run_revert()
        if self.model.is_overdue(self.host.clock.ms):
            self.model.go_back()

    @rule(seconds=st.sampled_from([-60, 60, 120, 310]))
    def the_clock_is_set(self, seconds: int) -> None:
        """Forward or back, by chance or by somebody."""
        self._set_clock(seconds)

    def _set_clock(self, seconds: int) -> None:
        self.host.clock.wall = self._later(seconds)

    def _later(self, seconds: int) -> str:
        moment = _moment(self.host.clock.wall) + timedelta(seconds=seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    @rule()
    def the_host_reboots(self) -> None:
        """Challenges are gone, and what was not confirmed goes back."""
        self.host.boot()
        self.model.challenge = ""
        if self.model.state != "steady":
            self.model.go_back()

    # --- what holds at any moment

    @invariant()
    def the_host_is_where_the_model_is(self) -> None:
        """Nothing runs that was not permitted when it began, and no attempt is uncounted or beyond what was signed."""
        kept = Record(self.host.host, "web").doc
        assert (self.host.state, self.host.current) == (self.model.state, self.model.current)
        counted = {name: known["attempts"] for name, known in kept["statements"].items()}
        assert counted == self.model.attempts
        assert all(attempts <= self.model.most[name] for name, attempts in counted.items())
        assert {name: one["min_trust"] for name, one in kept["known"].items()} == self.model.known
        assert len(self.model.known) <= MOST
        assert kept["least_trust"] == self.model.least_trust
        assert trusted.newest(self.host.host) == self.model.trust.number

    @invariant()
    def numbers_only_rise(self) -> None:
        """The index of the newest grant, and the log that was seen."""
        kept = Record(self.host.host, "web").doc
        assert (kept["fence"] >= self.fence, kept["seen"]["size"] >= self.seen) == (True, True)
        self.fence, self.seen = kept["fence"], kept["seen"]["size"]


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts remember few statements and vetoes."""
    monkeypatch.setattr(record, "MOST", MOST)
    monkeypatch.setattr(record, "MOST_OF_ONE", MOST_OF_ONE)


@pytest.mark.usefixtures("forgetful")
def test_a_host_lets_forward_what_the_model_lets_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order of events."""
    enrolled.look_up_signatures(monkeypatch)
    run_state_machine_as_test(Events, settings=settings(BRIEF, max_examples=35, stateful_step_count=25))


@pytest.mark.usefixtures("forgetful")
def test_so_it_is_with_real_signatures() -> None:
    """What was looked up above is what ssh-keygen says."""
    run_state_machine_as_test(Events, settings=settings(BRIEF, max_examples=2, stateful_step_count=15))


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
