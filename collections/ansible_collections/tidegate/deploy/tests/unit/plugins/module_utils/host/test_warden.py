# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolled host lets through, and what it refuses; H01 to H12 are attacks of the list of the project."""

from __future__ import annotations

import ast
import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import (
    demands,
    install,
    program,
    reaper,
    signatures,
    staging,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.host.record import Record
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import TOKEN
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import (
    NAME,
    PROGRAM,
    Enrolled,
    Log,
    sign,
    wanted,
)


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs without root and systemd."""
    monkeypatch.setattr(program, "require_root_and_systemd", lambda: None)


@pytest.fixture
def host(tmp_path: Path) -> Enrolled:
    """An enrolled host on which release 1.0 runs, approved and confirmed."""
    bench = Enrolled(tmp_path)
    bench.deploy("1.0")
    return bench


def steps_of_the_program() -> set[str]:
    """Every step, read from the program's source: what a step's name is compared with there."""
    tree = ast.parse(Path(program.__file__).read_text(encoding="utf-8"))
    functions = ("_plain_step", "_step_of_trust", "_fed_step", "_step")
    found = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Compare) and ast.unparse(node.left) == "name":
                    found |= {item.value for item in ast.walk(node) if isinstance(item, ast.Constant)}
    return found


def test_every_step_of_the_program_is_demanded_something() -> None:
    """No step is forgotten, and none is in the table that there is not."""
    assert steps_of_the_program() == set(demands.DEMANDS)
    assert {"ask", "activate", "stage", "upgrade", "veto"} < steps_of_the_program()


def test_an_unknown_step_is_refused(host: Enrolled) -> None:
    """Before anything is looked at."""
    assert host.code("dance") == "PROTOCOL"


@pytest.mark.parametrize(
    ("step", "odd"),
    [
        ("precheck", {"release": ["x"]}),
        ("precheck", {"release": {"id": "../../../../etc"}}),
        ("ask", {"services": ["web"], "health": "any"}),
        ("ask", {"services": [["web"]], "intact": True}),
    ],
)
def test_what_steps_that_look_are_asked_is_looked_at_first(host: Enrolled, step: str, odd: dict[str, Any]) -> None:
    """No place of the host is named by a caller, and nothing odd breaks the program."""
    assert host.code(step, **{"definition": host.definition(), "thresholds": {}, "controller_time": 0, **odd}) == "DATA"


# --- the whole way


def test_an_approved_release_comes_to_the_host(host: Enrolled) -> None:
    """The grant's index, the checkpoint and the attempt are kept; the journal knows the statement."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    permit = host.permit(statement)
    answer = host.ask("activate", permit=permit, **host.asked(statement, release))
    assert (answer["changed"], answer["enforced"]) == (True, True)
    record = Record(host.host, "web").doc
    assert record["statements"][statement.id] == {"attempts": 1, "seq": 2}
    assert (record["fence"], record["seen"]["size"]) == (len(host.log.documents) - 1, len(host.log.documents))
    assert not os.path.lexists(host.host.paths.challenge("web"))
    host.run_effects()
    host.ask("confirm", service="web", change=statement.change, token=TOKEN)
    view = host.host.journal("web").read("absent")
    assert (view["state"], view["statement"], view["seq"]) == ("steady", statement.id, 2)
    told = host.ask("ask", services=[])["enrolled"]
    assert told["checkpoint"]["size"] == record["seen"]["size"]


def test_what_was_asked_before_needs_no_permit(host: Enrolled) -> None:
    """A caller that lost the answer asks again: the challenge is gone, and nothing would change."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    asked = {"permit": host.permit(statement), **host.asked(statement, release)}
    assert host.ask("activate", **asked)["changed"]
    assert not host.ask("activate", **asked)["changed"]
    assert Record(host.host, "web").doc["statements"][statement.id]["attempts"] == 1


def test_a_rehearsal_needs_no_grant_and_uses_nothing_up(host: Enrolled) -> None:
    """It tells whether the host would accept what was signed."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    host.disk.log.clear()
    assert host.ask("challenge", check=True, services=["web"])["challenges"] == {}
    asked = {**host.asked(statement, release), "check": True}
    assert host.ask("activate", permit=host.signed(statement), **asked)["would"]
    assert host.code("activate", permit=host.signed(statement, ["ada"]), **asked) == "QUORUM"
    assert host.disk.log == []


# --- no permit, or not this one


def granted(host: Enrolled, statement: Any, signers: Any = ("ada", "bob"), **changes: Any) -> dict[str, Any]:
    """A permit over a new challenge, in which something may be odd."""
    return {**host.signed(statement, signers), "grant": host.grant(statement, host.mint(), **changes)}


def forked(host: Enrolled) -> Log:
    """A log that was another one when the host saw it last."""
    log = Log()
    log.documents = host.log.documents[:-1]
    log.add("denied", {"n": 1})
    return log


def strange(host: Enrolled) -> Log:
    """The log, signed by somebody else."""
    log = Log(key="other-log")
    log.documents = list(host.log.documents)
    return log


def another(host: Enrolled) -> Any:
    """A statement about another change."""
    return host.statement("CHG-2026-0099", host.release("2.0"))


PERMITS: dict[str, tuple[Any, str]] = {
    "none (H06)": (lambda host, statement: None, "PERMIT"),
    "something else": (lambda host, statement: {"statement": "x"}, "PERMIT"),
    "no grant (H02)": (lambda host, statement: {**granted(host, statement), "grant": None}, "GRANT"),
    "nobody's signature": (lambda host, statement: granted(host, statement, ()), "QUORUM"),
    "one person of two": (lambda host, statement: granted(host, statement, ("ada",)), "QUORUM"),
    "one person twice": (lambda host, statement: granted(host, statement, ("ada", "ada")), "QUORUM"),
    "who wants it, too": (lambda host, statement: granted(host, statement, ("eve", "ada")), "SELF"),
    "nobody's request": (lambda host, statement: {**granted(host, statement), "request": ""}, "REQUEST"),
    "wanted by another than it says (B01)": (
        lambda host, statement: {**granted(host, statement), "request": wanted(statement, by="ada")},
        "REQUEST",
    ),
    "the request of another change": (
        lambda host, statement: {**granted(host, statement), "request": wanted(another(host))},
        "SIG_INVALID",
    ),
    "an approval as the request": (
        lambda host, statement: {
            **granted(host, statement),
            "request": sign("eve", statement.data, statement.namespace),
        },
        "NAMESPACE",
    ),
    "no place for a request": (
        lambda host, statement: {key: value for key, value in granted(host, statement).items() if key != "request"},
        "PERMIT",
    ),
    "another change": (lambda host, statement: granted(host, another(host)), "PERMIT"),
    "another statement's grant": (
        lambda host, statement: {
            **granted(host, another(host)),
            **host.signed(statement),
            "grant": granted(host, another(host))["grant"],
        },
        "GRANT",
    ),
    "a lease that has ended": (
        lambda host, statement: granted(host, statement, lease_until="2026-11-28T12:00:00Z"),
        "GRANT",
    ),
    "a grant of another hour (H11)": (
        lambda host, statement: granted(host, statement, at="2026-11-28T11:54:59Z"),
        "CLOCK",
    ),
    "a log that was forked (H03)": (lambda host, statement: granted(host, statement, log=forked(host)), "GRANT"),
    "a log of another key (H03)": (lambda host, statement: granted(host, statement, log=strange(host)), "GRANT"),
}


@pytest.mark.parametrize("why", PERMITS)
def test_without_the_right_permit_nothing_begins(host: Enrolled, why: str) -> None:
    """Nothing is written, no attempt is counted, and the challenge stays good."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    host.mint()
    make, code = PERMITS[why]
    permit = make(host, statement)
    before = (host.current, host.state, Record(host.host, "web").doc)
    answer = host.answer("activate", permit=permit, **host.asked(statement, release))
    assert (answer["code"], answer["enforced"], answer["enrolled"]["uid"]) == (code, True, host.uid), answer["message"]
    assert (host.current, host.state, Record(host.host, "web").doc) == before
    assert os.path.lexists(host.host.paths.challenge("web"))


STATEMENTS = {
    "another host": ({"hosts": [{"name": "web2", "uid": "f" * 32, "previous": "absent", "challenge": ""}]}, "PERMIT"),
    "the name, before it was enrolled": (
        {"hosts": [{"name": NAME, "uid": "", "previous": "absent", "challenge": ""}]},
        "PERMIT",
    ),
    "another environment": ({"environment": "staging"}, "PERMIT"),
    "another definition (H04)": ({"definitions": ["d" * 64]}, "DEFINITION"),
    "trust that the host does not have": ({"min_trust": 2}, "TRUST_STALE"),
    "a window that is over (B11)": (
        {"window": {"not_before": None, "not_after": "2026-11-28T11:59:59Z"}},
        "WINDOW",
    ),
    "a window that has not begun": ({"window": {"not_before": "2026-11-28T12:00:01Z", "not_after": None}}, "WINDOW"),
    "nobody who wants it": ({"requester": ""}, "REQUEST"),
    "wanted by who approves (B01)": ({"requester": "ada"}, "SELF"),
    "tasks": ({"action": "run"}, "PERMIT"),
    "another manifest": ({"manifest": "e" * 64}, "PERMIT"),
    "another release before it": (
        {"hosts": [{"name": NAME, "uid": None, "previous": "9.9-0123456789ab", "challenge": ""}]},
        "PERMIT",
    ),
    "called standard (B18)": ({"change_type": "standard"}, "QUORUM"),
    "a veto": ({"type": "veto", "reason": "no"}, "PERMIT"),
    "a request": ({"type": "request"}, "PERMIT"),
}


@pytest.mark.parametrize("why", STATEMENTS)
def test_a_statement_holds_for_what_it_says(host: Enrolled, why: str) -> None:
    """However well it is signed and granted."""
    release, current = host.release("2.0"), host.current
    changes, code = STATEMENTS[why]
    changes = dict(changes)
    for named in changes.get("hosts", ()):
        changes["hosts"] = [{**named, "uid": host.uid if named["uid"] is None else named["uid"]}]
    statement = host.statement(host.new_change(), release, **changes)
    signers = ("ada",) if why.startswith("called") else ("ada", "bob")
    asked = host.asked(statement, release, previous=current)
    assert host.answer("activate", permit=host.permit(statement, signers), **asked)["code"] == code
    assert (host.current, host.state) == (current, "steady")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("change", "CHG-2026-0077"),
        ("plan", "1" * 64),
        ("previous", "absent"),
        ("back_until", "2027-12-05T12:00:00Z"),
        ("release", {"id": "2.0-eeeeeeeeeeee", "version": "2.0", "manifest": "e" * 64}),
    ],
)
def test_a_caller_asks_for_what_was_signed(host: Enrolled, field: str, value: Any) -> None:
    """A good permit opens nothing but what its statement says."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    asked = {**host.asked(statement, release), "permit": host.permit(statement), field: value}
    assert host.answer("activate", **asked)["code"] in ("PERMIT", "PREVIOUS")
    assert host.state == "steady"


def test_the_way_in_for_no_other_definition(host: Enrolled) -> None:
    """H04: whatever the caller's definition would do, it is refused before it is read."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    mine = host.definition(unit="evil.service")
    probe = [{"kind": "command", "command": ["/bin/touch", "/x"]}]
    for step, asked in (
        ("activate", {**host.asked(statement, release), "definition": mine, "permit": host.signed(statement)}),
        ("stage", {"definition": mine, "permit": host.signed(statement)}),
        ("precheck", {"definition": mine, "release": None}),
        ("probe", {"definition": host.definition(probes=probe), "release": None}),
        ("doctor", {"services": [{"definition": mine}]}),
        ("ask", {"services": [host.definition(probes=probe)], "health": "any"}),
        ("activate", {}),
        ("probe", {"definition": {"service": "api"}}),
    ):
        assert host.code(step, **asked) in ("DEFINITION", "DATA"), step


def test_a_host_is_asked_by_name(host: Enrolled) -> None:
    """Where a service lies it knows itself; folders that a caller names are not looked into."""
    secret = host.top / "secret" / "releases" / "1.0-0123456789ab"
    secret.mkdir(parents=True)
    told = host.ask(
        "ask", services=[{"service": "web", "root": str(host.top / "secret")}, {"service": "api", "root": "/"}]
    )
    assert told["services"]["web"]["current"] == host.current
    assert (told["services"]["api"]["current"], told["services"]["api"]["releases"]) == ("absent", [])
    answer = host.answer("confirm", service="web", change="x", token="0" * 64, root=str(host.top / "secret"))
    assert secret.name not in answer["service"]["releases"]


@pytest.mark.parametrize("step", ["adopt", "remove"])
def test_steps_that_would_go_round_it(host: Enrolled, step: str) -> None:
    """Nobody takes the warden away, or brings in what it never saw."""
    assert host.code(step, definition=host.definition(), runs={}) == "ENROLLED"
    assert host.code(step, check=True, definition=host.definition(), runs={}) == "ENROLLED"


def test_a_program_that_trust_does_not_name_is_not_installed(host: Enrolled) -> None:
    """H06: root's own way of shipping a program is answered by the one that is there."""
    descriptor = os.memfd_create("package")
    try:
        assert install.install_package(host.host, descriptor, "1" * 64) is False
        os.unlink(Path(host.host.paths.lib, "current"))
        with pytest.raises(Refusal, match="ENROLLED"):
            install.install_package(host.host, descriptor, "1" * 64)
    finally:
        os.close(descriptor)
    assert host.code("upgrade", size_bytes=3, sha256="1" * 64) == "TRUST"


def test_an_enrolled_host_asks_for_no_program(host: Enrolled) -> None:
    """Its login may not ship one."""
    assert host.ask("ask", services=[], program="1" * 64, version=[99, 0, 0])["ok"]


# --- challenges (H01)


def test_a_permit_is_good_once(host: Enrolled) -> None:
    """Replayed after the host went back, after a reboot, after ten minutes, and over a challenge that was replaced."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release, max_attempts=9)
    permit = host.permit(statement)
    host.ask("activate", permit=permit, **host.asked(statement, release))
    host.clock.sleep(60)
    reaper.reap_all(host.host)
    host.run_revert()
    assert host.state == "steady"
    token = {"token_sha256": "7" * 64}

    def again(permit: Any) -> str:
        asked = {**host.asked(statement, release), **token}
        return str(host.answer("activate", permit=permit, **asked)["code"])

    assert again(permit) == "CHALLENGE"
    permit = host.permit(statement)
    host.boot()
    assert again(permit) == "CHALLENGE"
    permit = host.permit(statement)
    host.clock.sleep(600)
    assert again(permit) == "CHALLENGE"
    permit = host.permit(statement)
    host.mint()
    assert again(permit) == "CHALLENGE"
    assert host.ask("activate", permit=host.permit(statement), **{**host.asked(statement, release), **token})["changed"]


def test_challenges_are_minted_for_services_of_the_bundle_alone(host: Enrolled) -> None:
    """Whoever has the login does not fill the host's memory with them."""
    assert host.code("challenge", services=["web", "api"]) == "DEFINITION"
    assert host.code("challenge", services=["../web"]) == "DATA"
    assert not os.path.lexists(host.host.paths.challenge("web"))


def test_a_staging_gives_the_challenge_of_its_wave(host: Enrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is asked to, is no rehearsal and was signed; it is a challenge like any other, good once, and not for long."""
    monkeypatch.setattr(staging, "stage", lambda _request, _stream, _host: {"changed": True})
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release, max_attempts=9)
    asked = {"definition": host.definition(), "release": release, "artifact": {"sha256": "a" * 64}, "source": {}}
    staged = {**asked, "permit": host.signed(statement), "challenge": True}

    def over(minted: dict[str, Any]) -> dict[str, Any]:
        return {**host.signed(statement), "grant": host.grant(statement, {**minted, "uid": host.uid})}

    assert host.code("stage", **{**staged, "permit": host.signed(statement, ["ada"])}) == "QUORUM"
    for quiet in ({"challenge": "yes"}, {"challenge": False}, {"check": True}):
        assert host.ask("stage", **{**staged, **quiet}).keys().isdisjoint({"challenges", "seen"})
    assert not os.path.lexists(host.host.paths.challenge("web"))
    late = over(host.ask("stage", **staged))
    host.clock.sleep(600)
    assert host.code("activate", permit=late, **host.asked(statement, release)) == "CHALLENGE"
    permit = over(host.ask("stage", **staged))
    assert host.ask("activate", permit=permit, **host.asked(statement, release))["changed"]
    assert not os.path.lexists(host.host.paths.challenge("web"))


def test_a_challenge_that_cannot_be_kept_spoils_no_staging(host: Enrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release is there; whoever asks for the challenge by itself is told what is wrong."""
    monkeypatch.setattr(staging, "stage", lambda _request, _stream, _host: {"changed": True})
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    asked = {"definition": host.definition(), "release": release, "artifact": {"sha256": "a" * 64}, "source": {}}
    host.ask("stage", permit=host.signed(statement), **asked)
    host.disk.full = True
    assert "challenges" not in host.ask("stage", permit=host.signed(statement), challenge=True, **asked)
    assert host.answer("challenge", services=["web"])["code"] == "NO_SPACE"


# --- attempts, closing, fences (H07)


def attempt(host: Enrolled, statement: Any, release: Any, number: int, log: Log | None = None) -> dict[str, Any]:
    """One attempt with a token of its own."""
    permit = {**host.signed(statement), "grant": host.grant(statement, host.mint(), log)}
    asked = {**host.asked(statement, release), "token_sha256": f"{number:064x}"}
    return host.answer("activate", permit=permit, **asked)


def overdue(host: Enrolled) -> None:
    """Nobody confirms, and the host goes back."""
    host.run_effects()
    host.clock.sleep(60)
    reaper.reap_all(host.host)
    host.run_revert()
    assert host.state == "steady"


def test_attempts_are_counted(host: Enrolled) -> None:
    """A host that goes back by itself may be tried again, as often as was signed."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    for number in (1, 2):
        assert attempt(host, statement, release, number)["ok"]
        overdue(host)
    assert attempt(host, statement, release, 3)["code"] == "ATTEMPTS"


def test_a_later_statement_closes_the_one_before(host: Enrolled) -> None:
    """What was tried before another was confirmed is not brought forward any more, also where all else would fit again."""
    release, before = host.release("2.0"), host.release("1.0")
    first = host.statement(host.new_change(), release, max_attempts=9)
    assert attempt(host, first, release, 1)["ok"]
    overdue(host)
    host.deploy("3.0")
    host.deploy("1.0")
    assert host.current == before["id"]
    assert attempt(host, first, release, 2)["code"] == "CLOSED"


def test_a_back_closes_the_statement(host: Enrolled) -> None:
    """It needs the statement that put `current` there, and nothing else; then nothing goes forward by it."""
    release, before = host.release("2.0"), host.current
    statement = host.statement(host.new_change(), release, max_attempts=9)
    assert attempt(host, statement, release, 1)["ok"]
    host.run_effects()
    asked = {"definition": host.definition(), "change": statement.change, "why": "asked", "operator": True, "wait_s": 0}
    assert host.code("back", **asked) == "PERMIT"
    assert host.code("back", statement="0" * 64, **asked) == "PERMIT"
    assert host.ask("back", statement=statement.id, **asked)["changed"]
    host.run_revert()
    assert host.current == before
    assert attempt(host, statement, release, 2)["code"] == "CLOSED"


@pytest.mark.parametrize("state", ["pending", "ready", "reverting"])
def test_nothing_changes_under_what_is_under_way(host: Enrolled, state: str) -> None:
    """Neither trust nor program nor whether the host is enrolled: what began by one set of rules ends by it."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    assert attempt(host, statement, release, 1)["ok"]
    if state != "pending":
        host.run_effects()
    if state == "reverting":
        asked = {"definition": host.definition(), "why": "asked", "operator": True, "wait_s": 0}
        host.ask("back", change=statement.change, statement=statement.id, **asked)
    assert host.state == state
    assert host.code("trust", bundles=[host.signed_bundle(host.bundle(2))]) == "UNDER_WAY"
    doc = {"v": 1, "type": "unenroll", "hosts": [{"name": NAME, "uid": host.uid}], "trust": 1, "reason": "retired"}
    data = canonical.dumps({**doc, "not_after": "2026-12-01T00:00:00Z"})
    made = [sign(who, data, "unenroll@tidegate") for who in ("cy", "dan")]
    assert host.code("unenroll", statement=base64.b64encode(data).decode(), signatures=made) == "UNDER_WAY"
    with host.host.lock():
        path = Path(host.host.paths.bundle(1))
        path.write_bytes(canonical.dumps({**canonical.loads(path.read_bytes()), "programs": [PROGRAM, "1" * 64]}))
    assert host.code("upgrade", size_bytes=3, sha256="1" * 64) == "UNDER_WAY"


def test_an_older_grant_is_fenced_off(host: Enrolled) -> None:
    """The index of the newest grant takes the place of the lease number, in both directions."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release, max_attempts=9)
    minted = host.mint()
    older = {**host.signed(statement), "grant": host.grant(statement, minted)}
    record = Record(host.host, "web")
    record.doc["fence"] = 10**6
    record.write()
    assert host.code("activate", permit=older, **{**host.asked(statement, release), "fence": 10**9}) == "FENCED"
    asked = {"definition": host.definition(), "change": "CHG-2026-0001", "why": "asked", "operator": False, "wait_s": 0}
    mine = host.host.journal("web").read("absent")["statement"]
    assert host.code("back", statement=mine, fence=10**6 - 1, **asked) == "FENCED"
    assert host.ask("back", statement=mine, fence=10**6, check=True, **asked)["changed"]


# --- what it has on its disk is damaged


@pytest.mark.parametrize("left", [b"", b"{", b'{"v":1', b"[]", b'{"v":1}', None], ids=str)
def test_damaged_trust_lets_nothing_forward_and_everything_back(host: Enrolled, left: bytes | None) -> None:
    """What is left of it is told with every refusal; going back does not need it."""
    before = host.current
    host.deploy("2.0")
    release = host.release("3.0")
    statement = host.statement(host.new_change(), release)
    permit, mine = host.permit(statement), host.host.journal("web").read("absent")["statement"]
    bundle = Path(host.host.paths.bundle(1))
    shutil.rmtree(bundle.parent) if left is None else bundle.write_bytes(left)

    told = host.answer("activate", permit=permit, **host.asked(statement, release))

    assert told["code"] == ("HOST_ERROR" if left in (b"[]", b'{"v":1}') else "TRUST"), told
    assert (told["enforced"], bool(told["enrolled"]["problem"])) == (True, True), told
    asked = {"definition": {"service": "web"}, "change": "CHG-2026-0002", "why": "asked", "operator": True, "wait_s": 0}
    assert host.ask("back", statement=mine, **asked)["changed"]
    host.run_revert()
    assert host.current == before


# --- clocks (H11)


def test_a_clock_that_was_set_back_lets_nothing_forward(host: Enrolled) -> None:
    """Not into a window that was open, and not to before the enrollment."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    permit = host.permit(statement)
    host.clock.wall = "2026-11-28T11:59:59Z"
    assert host.code("activate", permit=permit, **host.asked(statement, release)) == "CLOCK"
    assert host.ask("ask", services=[])["ok"]


# --- staging


def test_only_what_was_signed_is_staged(host: Enrolled) -> None:
    """Artifact, manifest and definition are those of the statement; what was pushed is read to its end."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    asked = {
        "definition": host.definition(),
        "release": release,
        "artifact": {"sha256": "a" * 64, "name": "web.tar.gz", "size_bytes": 3},
        "source": {"kind": "url", "url": "https://internal.example/x", "allow_hosts": ["internal.example"]},
    }
    signed = host.signed(statement)
    assert host.code("stage", **asked) == "PERMIT"
    assert host.code("stage", permit=host.signed(statement, ["ada"]), **asked) == "QUORUM"
    assert (
        host.code("stage", permit=signed, **{**asked, "artifact": {**asked["artifact"], "sha256": "b" * 64}})
        == "PERMIT"
    )
    other = {**release, "manifest": "e" * 64, "id": "2.0-eeeeeeeeeeee"}
    assert host.code("stage", permit=signed, **{**asked, "release": other}) == "PERMIT"
    assert host.code("stage", permit=signed, **asked) == "FETCH"  # the bundle names no host to pull from


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The signatures that ssh-keygen was asked about; a staging is asked of nobody else."""
    asked: list[str] = []
    verify = signatures.verify

    def counting(key: str, namespace: str, message: bytes, armored: str) -> bool:
        asked.append(armored)
        return verify(key, namespace, message, armored)

    monkeypatch.setattr(signatures, "verify", counting)
    monkeypatch.setattr(staging, "stage", lambda _request, _stream, _host: {"changed": True})
    return asked


def staged(host: Enrolled, statement: Any, release: dict[str, str], **more: Any) -> dict[str, Any]:
    """The fields of a staging of what was signed."""
    asked = {"definition": host.definition(), "release": release, "artifact": {"sha256": "a" * 64}, "source": {}}
    return {**asked, "permit": host.signed(statement), **more}


def test_signatures_that_a_staging_found_true_are_not_computed_again(host: Enrolled, computed: list[str]) -> None:
    """Until the host boots, and by no rehearsal and no refusal; the log's new signature always is."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release, max_attempts=9)
    host.ask("stage", check=True, **staged(host, statement, release))
    assert host.code("stage", **staged(host, statement, release, permit=host.signed(statement, ["ada"]))) == "QUORUM"
    assert not os.path.lexists(host.host.paths.verified)
    computed.clear()
    host.ask("stage", **staged(host, statement, release))
    of_people = {*computed}
    computed.clear()
    host.boot()
    permit = host.permit(statement)
    assert {*permit["signatures"]} <= of_people
    asked = host.asked(statement, release)
    assert host.code("activate", permit={**permit, "grant": None}, **asked) == "GRANT"
    assert {*computed} == of_people
    host.ask("stage", **staged(host, statement, release))
    computed.clear()

    assert host.ask("activate", permit=permit, **asked)["changed"]

    assert len(computed) == 1
    assert of_people.isdisjoint(computed)


def test_a_signature_that_is_remembered_opens_nothing_else(host: Enrolled, computed: list[str]) -> None:
    """Neither another statement, nor the same one when its key counts no more."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release, max_attempts=9)
    host.ask("stage", **staged(host, statement, release))
    other = host.statement(host.new_change(), release)
    moved = {**host.permit(other), "signatures": host.signed(statement)["signatures"]}
    assert host.code("activate", permit=moved, **host.asked(other, release)) == "SIG_INVALID"
    people = host.bundle()["people"]
    people["ada"]["keys"][0]["until"] = "2026-11-20T00:00:00Z"
    host.ask("trust", bundles=[host.signed_bundle(host.bundle(2, people=people))])
    assert host.code("activate", permit=host.permit(statement), **host.asked(statement, release)) == "KEY"


def test_what_is_remembered_is_bounded(host: Enrolled, computed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much is computed again; and where nothing can be kept, all is."""
    monkeypatch.setattr(signatures, "MOST", 4)
    release = host.release("2.0")
    for _number in range(4):
        statement = host.statement(host.new_change(), release)
        host.ask("stage", **staged(host, statement, release))
        assert 0 < len(os.listdir(host.host.paths.verified)) <= 4
    shutil.rmtree(host.host.paths.verified)
    Path(host.host.paths.verified).write_text("")
    assert host.ask("stage", **staged(host, statement, release))["changed"]


# --- going back needs nothing


def test_going_back_needs_neither_trust_nor_record_nor_space(host: Enrolled) -> None:
    """Whatever has become of what a permit is judged by, and on a clone, too."""
    before = host.current
    host.deploy("2.0")
    mine = host.host.journal("web").read("absent")["statement"]
    shutil.rmtree(host.host.paths.trust)
    Path(host.host.paths.record("web")).write_text("broken")
    Path(host.host.paths.etc, "machine-id").write_text("clone\n")
    host.disk.full = True
    asked = {"definition": {"service": "web"}, "change": "CHG-2026-0002", "why": "asked", "operator": True, "wait_s": 0}
    assert host.ask("back", statement=mine, **asked)["changed"]
    host.run_revert()
    assert (host.current, host.state) == (before, "steady")


def test_journals_from_before_are_read(tmp_path: Path) -> None:
    """A service that the version before has deployed, without the fields of this one, goes back and forward."""
    bench = Enrolled(tmp_path, enroll=False)
    bench.deploy("1.0")
    before = bench.current
    bench.deploy("2.0")
    for path in Path(bench.host.paths.services, "web").rglob("*"):
        if path.is_file() and b'"aid"' in path.read_bytes():
            doc = canonical.loads(path.read_bytes())
            path.write_bytes(canonical.dumps({key: doc[key] for key in doc if key not in ("statement", "seq")}))
    bench.uid = bench.ask("enroll", **bench.enrollment())["uid"]
    asked = {"definition": bench.definition(), "change": "CHG-2026-0002", "why": "asked", "operator": True, "wait_s": 0}
    assert bench.ask("back", **asked)["changed"]
    bench.run_revert()
    assert bench.current == before
    change = bench.deploy("3.0")
    assert (bench.stands["change"], bench.state) == (change, "steady")


# --- emergencies and vetoes


def emergency(host: Enrolled, release: Any, **changes: Any) -> Any:
    """An emergency over a challenge of this host."""
    minted = host.mint(emergency=True)
    window = {"not_before": "2026-11-28T12:00:00Z", "not_after": "2026-11-28T16:00:00Z"}
    named = {"name": NAME, "uid": host.uid, "previous": host.current, "challenge": minted["challenges"]["web"]}
    more = {"type": "emergency", "reason": "the site is down", "window": window, "change_type": "emergency"}
    return host.statement(host.new_change(), release, **{**more, "hosts": [named], **changes})


def test_an_emergency_needs_no_store_and_one_review(host: Enrolled) -> None:
    """It is journalled, and the next one waits until the log shows that somebody looked at it."""
    release = host.release("2.0")
    first = emergency(host, release)
    assert host.code("activate", permit=host.signed(first, ["ada"]), **host.asked(first, release)) == "QUORUM"
    assert host.ask("activate", permit=host.signed(first), **host.asked(first, release))["changed"]
    host.run_effects()
    host.ask("confirm", service="web", change=first.change, token=TOKEN)
    due = host.ask("ask", services=[])["enrolled"]["reviews_due"]
    assert [(one["service"], one["statement"], one["reason"]) for one in due] == [("web", first.id, "the site is down")]
    release = host.release("3.0")
    second = emergency(host, release)
    asked = host.asked(second, release)
    assert host.code("activate", permit=host.signed(second), **asked) == "REVIEW_DUE"
    seen = host.mint()["seen"]["size"]
    wrong = host.log.proof(host.log.add("emergency.reviewed", {"statement": second.id}), seen)
    assert host.code("review", service="web", **wrong) == "GRANT"
    right = host.log.proof(host.log.add("emergency.reviewed", {"statement": first.id}), seen)
    assert host.ask("review", service="web", **right)["reviewed"] == first.id
    assert not host.ask("review", service="web", **right)["changed"]
    assert host.ask("activate", permit=host.signed(second), **asked)["changed"]


def test_an_emergency_is_good_for_its_challenge(host: Enrolled) -> None:
    """Not without one, not for a usual challenge, and not twice."""
    release = host.release("2.0")
    made = emergency(host, release)
    asked = host.asked(made, release)
    host.mint(emergency=True)
    refused = host.answer("activate", permit=host.signed(made), **asked)
    assert (
        refused["code"],
        "ask for another with tidegate.deploy.emergency, and have that signed" in refused["message"],
    ) == (
        "CHALLENGE",
        True,
    )
    usual = host.mint()["challenges"]["web"]
    named = {"name": NAME, "uid": host.uid, "previous": host.current, "challenge": usual}
    made = emergency(host, release, hosts=[named])
    assert host.code("activate", permit=host.signed(made), **host.asked(made, release)) == "CHALLENGE"


def test_an_entitled_person_vetoes_on_the_host(host: Enrolled) -> None:
    """Without the store; what is closed is the plan, whoever asks for it, in an emergency, too."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    veto = statement.as_type("veto", "not today")
    for signers in (["eve"], [], ["cy"]):
        asked = {key: value for key, value in host.signed(veto, signers).items() if key != "grant"}
        assert host.code("veto", **asked) in ("QUORUM", "KEY")
    assert host.code("veto", **host.signed(statement, ["bob"])) == "PERMIT"
    asked = host.signed(veto, ["bob"])
    assert host.ask("veto", check=True, **asked)["would"]
    assert host.ask("veto", **asked)["by"] == ["bob"]
    assert not host.ask("veto", **asked)["changed"]
    assert host.answer("activate", permit=host.permit(statement), **host.asked(statement, release))["code"] == "VETO"


# --- what the checks cost who needs none


def test_a_host_that_is_not_enrolled_pays_one_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Per step; and nothing of the warden is imported."""
    bench = Enrolled(tmp_path, enroll=False)
    looks = []
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path, **more: looks.append(str(path)) or real(path, **more))
    answer = bench.ask("ask", services=[])
    assert [path for path in looks if path.endswith("identity.json")] == [bench.host.paths.identity]
    assert (answer["enforced"], "enrolled" in answer) == (False, False)


def test_a_disk_that_cannot_say_whether_it_is_enrolled_lets_nothing_through(
    host: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not being able to look is not the same as finding nothing."""

    def broken(path: str) -> Any:
        raise OSError(5, "Input/output error", path)

    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    asked = host.asked(statement, release)
    monkeypatch.setattr(os, "lstat", broken)
    assert not host.answer("activate", permit=None, **asked)["ok"]
    monkeypatch.undo()
    assert host.state == "steady"


def test_no_terminal_halts_the_program() -> None:
    """Whoever has the login could hold the lock for ever with Ctrl-Z, and keep the host from going back."""
    script = f"import os, signal\nfrom {program.__name__} import _enclose\n_enclose()\nos.kill(os.getpid(), signal.SIGTSTP)\nprint('on')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout == "on\n"
