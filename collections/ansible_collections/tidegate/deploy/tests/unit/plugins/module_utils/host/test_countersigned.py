# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An enrolled host and what a bridge countersigned, with real keys: it opens where the trust says so, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import evidence
from ansible_collections.tidegate.deploy.plugins.module_utils.core.countersigned import Countersigned
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.host import program
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core import ssh_keys
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import TOKEN
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import (
    NAME,
    Enrolled,
    keys,
    line,
    rule,
    sign,
)


@pytest.fixture(scope="module", autouse=True)
def bridges() -> None:
    """The keys of a bridge, and of one that the trust does not know."""
    for name in ("board", "other"):
        ssh_keys.a_key(keys(), name=name)


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs without root and systemd."""
    monkeypatch.setattr(program, "require_root_and_systemd", lambda: None)


def opening(host: Enrolled, number: int, **key: Any) -> dict[str, Any]:
    """A version of the trust by which what the board countersigned opens this host."""
    board = {"systems": ["servicenow"], "keys": [{"line": line("board"), "from": None, "until": None, **key}]}
    accounts = {name: {"servicenow": f"{name}.there"} for name in ("ada", "bob")}
    rules = [
        {**rule(kind, groups={"ops": 2}, strength="countersigned"), "match": {"type": [kind]}}
        for kind in ("normal", "emergency")
    ]
    opened = {"countersigned_opens": True, "evidence": {"bridges": {"board": board}, "accounts": accounts}}
    return host.signed_bundle(host.bundle(number, rules=rules, **opened))


@pytest.fixture
def host(tmp_path: Path) -> Enrolled:
    """An enrolled host that counts what the board countersigned."""
    bench = Enrolled(tmp_path)
    bench.ask("trust", bundles=[opening(bench, 2)])
    return bench


def given(statement: Statement, *people: str, by: str = "board") -> list[dict[str, Any]]:
    """Approvals of a statement in another system, countersigned."""
    there = {
        "system": "servicenow",
        "reference": "CHG0030001",
        "url": "https://there",
        "given_at": "2026-11-28T11:00:00Z",
    }
    made = []
    for person in people:
        kept = {**there, "account": f"{person}.there"}
        signature = sign(by, evidence.message(statement.id, person, kept), evidence.NAMESPACE)
        made.append(Countersigned(person, kept, signature).doc())
    return made


def asked(
    host: Enrolled, statement: Statement, release: Any, shown: list[dict[str, Any]], signers: Iterable[str] = ()
) -> dict[str, Any]:
    """What an activation by such approvals asks for."""
    permit = {**host.permit(statement, list(signers)), "evidence": shown}
    return {"permit": permit, **host.asked(statement, release)}


def test_a_release_that_people_approved_elsewhere_comes_to_the_host(host: Enrolled) -> None:
    """Two whom the bridge saw, or one beside somebody who signed; staging and activation, with grant and request as ever."""
    for version, people, signers in (("2.0", ("ada", "bob"), ()), ("3.0", ("ada",), ("bob",))):
        release = host.release(version)
        statement = host.statement(host.new_change(), release)
        staged = {"release": release, "definition": host.definition(), "artifact": {"sha256": "a" * 64}}
        pull = {"source": {"kind": "url", "url": "https://x.example/x", "allow_hosts": []}}
        permit = {**host.signed(statement, signers), "evidence": given(statement, *people)}
        assert (
            host.answer("stage", permit=permit, **staged, **pull)["code"] == "FETCH"
        )  # as far as that: nothing to pull from
        assert host.ask("activate", **asked(host, statement, release, given(statement, *people), signers))["changed"]
        host.run_effects()
        host.ask("confirm", service="web", change=statement.change, token=TOKEN)
        assert host.current == release["id"]


def test_what_opens_nothing(host: Enrolled) -> None:
    """Of another plan or host, by no bridge, for somebody who wants the change, of one person twice, and other documents."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    other_host = [{"name": NAME, "uid": "9" * 32, "previous": host.current, "challenge": ""}]
    for shown, signers, code in (
        (given(host.statement("CHG-2026-0099", release), "ada", "bob"), (), "SIG_INVALID"),
        (given(host.statement(statement.change, release, hosts=other_host), "ada", "bob"), (), "SIG_INVALID"),
        (given(statement, "ada", "bob", by="other"), (), "QUORUM"),
        (given(statement, "ada", "bob", by="cy"), (), "QUORUM"),
        (given(statement, "ada", "ada"), ("ada",), "QUORUM"),
        (given(statement, "ada", "eve"), (), "QUORUM"),
        ([{**one, "person": "bob"} for one in given(statement, "ada")], ("ada",), "QUORUM"),
        ([{"person": "ada"}], ("ada", "bob"), "PERMIT"),
        ("ada", ("ada", "bob"), "PERMIT"),
    ):
        assert host.code("activate", **asked(host, statement, release, shown, signers)) == code, (shown, signers)  # type: ignore[arg-type]
    selfish = host.statement(host.new_change(), release, requester="ada")
    assert host.code("activate", **asked(host, selfish, release, given(selfish, "ada", "bob"))) == "SELF"


def test_it_closes_with_the_trust(host: Enrolled) -> None:
    """The key of a bridge that ran out, and a trust that says so no longer: what was countersigned before opens nothing."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    shown = given(statement, "ada", "bob")
    assert host.ask("ask", services=[])["enrolled"]["countersigned_opens"]
    host.ask("trust", bundles=[opening(host, 3, until="2026-11-28T11:59:59Z")])
    ended = host.answer("activate", **asked(host, statement, release, shown))
    assert (ended["code"], "is not valid now" in ended["message"]) == ("QUORUM", True)
    host.ask("trust", bundles=[host.signed_bundle(host.bundle(4))])
    closed = host.answer("activate", **asked(host, statement, release, shown))
    assert closed["code"] == "QUORUM"
    assert closed["message"].startswith("countersigned evidence does not open this host: version 4 of its trust")
    assert not host.ask("ask", services=[])["enrolled"]["countersigned_opens"]
    assert host.ask("activate", **asked(host, statement, release, shown, ("ada", "bob")))["changed"]


def test_a_veto_outranks_it(host: Enrolled) -> None:
    """Shown again or anew, whoever countersigned it."""
    release = host.release("2.0")
    statement = host.statement(host.new_change(), release)
    before = asked(host, statement, release, given(statement, "ada", "bob"))
    host.ask(
        "veto",
        **{key: one for key, one in host.signed(statement.as_type("veto", "no"), ["bob"]).items() if key != "grant"},
    )
    assert host.answer("activate", **before)["code"] == "VETO"
    anew = asked(host, statement, release, given(statement, "ada", "bob"))
    assert host.answer("activate", **anew)["code"] == "VETO"


def test_an_emergency_is_signed_by_people(host: Enrolled) -> None:
    """It needs no grant, so no bridge stands in for them, whatever its rule is content with."""
    release = host.release("2.0")
    challenge = host.mint(emergency=True)["challenges"]["web"]
    named = {"name": NAME, "uid": host.uid, "previous": host.current, "challenge": challenge}
    window = {"not_before": "2026-11-28T12:00:00Z", "not_after": "2026-11-28T16:00:00Z"}
    more = {"type": "emergency", "reason": "the site is down", "window": window, "change_type": "emergency"}
    made = host.statement(host.new_change(), release, hosts=[named], **more)
    permit = {**host.signed(made, ["ada"]), "evidence": given(made, "bob")}
    assert host.code("activate", permit=permit, **host.asked(made, release)) == "QUORUM"
    assert host.ask("activate", permit=host.signed(made), **host.asked(made, release))["changed"]


def test_a_bridge_with_somebodys_key_is_not_taken_in(host: Enrolled) -> None:
    """Nor one whose key is none: the version before goes on to count."""
    for key in ({"line": line("ada")}, {"line": "ssh-dss AAAA"}):
        assert host.code("trust", bundles=[opening(host, 3, **key)]) in ("KEY", "ALG")
