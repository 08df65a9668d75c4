# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolled host remembers is bounded, is about what people signed, and nothing that was closed opens again when it forgets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.host import program, record, staging
from ansible_collections.tidegate.deploy.plugins.module_utils.host.record import Record
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host import enrolled
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import WALL, Enrolled

WINDOW = {"not_before": None, "not_after": "2026-11-28T12:30:00Z"}
LATER = "2026-11-28T12:31:00Z"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Enrolled:
    """An enrolled host on which release 1.0 runs, and that remembers three statements and two vetoes of one person at most."""
    monkeypatch.setattr(program, "require_root_and_systemd", lambda: None)
    monkeypatch.setattr(staging, "stage", lambda _request, _stream, _host: {"changed": True})
    monkeypatch.setattr(record, "MOST", 3)
    monkeypatch.setattr(record, "MOST_OF_ONE", 2)
    enrolled.look_up_signatures(monkeypatch)
    bench = Enrolled(tmp_path)
    bench.deploy("1.0")
    return bench


def made(host: Enrolled, **more: Any) -> Statement:
    """A statement about a change of its own."""
    return host.statement(host.new_change(), host.release("2.0"), **more)


def staged(host: Enrolled, statement: Statement) -> str:
    """With which code its staging is refused, if it is."""
    asked = {
        "definition": host.definition(),
        "release": host.release("2.0"),
        "artifact": {"sha256": "a" * 64},
        "source": {},
    }
    answer = host.answer("stage", permit=host.signed(statement), **asked)
    return str(answer.get("code", ""))


def tried(host: Enrolled, statement: Statement) -> str:
    """With which code its activation is refused, if it is."""
    answer = host.answer("activate", permit=host.permit(statement), **host.asked(statement, host.release("2.0")))
    return str(answer.get("code", ""))


def taken_back(host: Enrolled, change: str, statement: str = "") -> dict[str, Any]:
    """What the host says when somebody with the login asks it to go back."""
    asked = {"definition": host.definition(), "why": "asked", "operator": True, "wait_s": 0}
    return host.ask("back", change=change, statement=statement, **asked)


def vetoed(host: Enrolled, statement: Statement, who: str) -> str:
    """With which code a veto is refused, if it is."""
    asked = {key: value for key, value in host.signed(statement.as_type("veto", "no"), [who]).items() if key != "grant"}
    return str(host.answer("veto", **asked).get("code", ""))


def pushed_out(host: Enrolled) -> None:
    """The marks of changes are forgotten, as they are once there are many more."""
    for change in host.stands["closed"]:
        os.unlink(os.path.join(host.host.paths.service("web"), "closed", change))


def trusted(host: Enrolled, number: int) -> None:
    """The next version of trust."""
    host.ask("trust", bundles=[host.signed_bundle(host.bundle(number))])


# --- whoever can only log in


def test_changes_that_nobody_signed_leave_no_mark(host: Enrolled) -> None:
    """However many somebody names, with whatever statement: not one file and not one byte, and no mark of others goes."""
    statement = made(host)
    assert staged(host, statement) == ""
    assert taken_back(host, statement.change, statement.id)["closed"]
    before = (host.disk.count, Record(host.host, "web").doc)
    for number in range(120):
        said = taken_back(host, f"CHG-9999-{number}", (statement.id, "", "f" * 64)[number % 3])
        assert (said["changed"], said["closed"]) == (False, False)
    assert host.code("back", change="CHG-9999-1", definition=host.definition(), why="x", operator=True) != ""
    assert (host.disk.count, Record(host.host, "web").doc) == before
    assert host.stands["closed"] == [statement.change]


def test_what_was_staged_is_closed_before_it_was_tried(host: Enrolled) -> None:
    """A rollout elsewhere cannot go on here; nor is it staged again. A rehearsal closes nothing, and says what it would."""
    statement = made(host)
    assert staged(host, statement) == ""
    asked = {"definition": host.definition(), "why": "asked", "operator": True, "wait_s": 0, "statement": statement.id}
    assert host.ask("back", change=statement.change, check=True, **asked)["would"] == [f"close {statement.change}"]
    assert taken_back(host, statement.change, statement.id)["changed"]
    assert not taken_back(host, statement.change, statement.id)["changed"]
    assert (tried(host, statement), staged(host, statement)) == ("CLOSED", "CLOSED")


def test_a_rehearsal_remembers_nothing(host: Enrolled) -> None:
    """Nor does a staging that was refused."""
    statement = made(host)
    asked = {
        "definition": host.definition(),
        "release": host.release("2.0"),
        "artifact": {"sha256": "a" * 64},
        "source": {},
    }
    host.ask("stage", check=True, permit=host.signed(statement), **asked)
    host.code("stage", permit=host.signed(statement, ["ada"]), **asked)
    assert not taken_back(host, statement.change, statement.id)["closed"]


# --- what people signed


def full(host: Enrolled, **more: Any) -> list[Statement]:
    """As many statements as are remembered beside the one by which the host runs what it does, closed here."""
    found = [made(host, **more) for _number in range(2)]
    for statement in found:
        assert staged(host, statement) == ""
        assert taken_back(host, statement.change, statement.id)["closed"]
    return found


def test_a_statement_more_than_are_remembered_is_refused(host: Enrolled) -> None:
    """Rather than to forget one that could open the host: what was closed stays that. How room is made is told."""
    closed, another = full(host), made(host)
    assert (staged(host, another), tried(host, another)) == ("FULL", "FULL")
    told = host.answer("activate", permit=host.permit(another), **host.asked(another, host.release("2.0")))["message"]
    assert "tidegate.deploy.trust drafts one with -e tidegate_trust_renew=true" in told
    pushed_out(host)
    assert {tried(host, statement) for statement in closed} == {"CLOSED"}
    assert len(Record(host.host, "web").doc["known"]) == 3


def test_what_ended_is_forgotten_and_opens_nothing(host: Enrolled) -> None:
    """Its window is over by a time that the host has counted, and by no other clock."""
    ended = full(host, window=WINDOW)
    host.clock.wall = LATER
    assert staged(host, made(host)) == "FULL"  # so far nothing was counted at that time
    host.clock.wall = WALL
    kept = Record(host.host, "web")
    kept.doc["highest_utc"] = LATER
    kept.write()
    host.clock.wall = LATER
    assert staged(host, made(host)) == ""
    pushed_out(host)
    assert {tried(host, statement) for statement in ended} == {"WINDOW"}
    host.clock.wall = WALL
    assert {tried(host, statement) for statement in ended} == {"CLOCK"}


def test_the_next_version_of_trust_makes_room(host: Enrolled) -> None:
    """What was planned under the one before is taken no more, remembered or not, and vetoes of that are forgotten, too."""
    closed = full(host)
    unknown, vetoed_one = made(host), made(host)
    assert vetoed(host, vetoed_one, "ada") == ""
    trusted(host, 2)
    assert tried(host, unknown) == "FULL"  # itself planned under the one before
    newer = made(host, min_trust=2)
    assert staged(host, newer) == ""
    found = Record(host.host, "web").doc
    assert (list(found["known"]), found["vetoed"], found["least_trust"]) == ([newer.id], {}, 2)
    pushed_out(host)
    assert {tried(host, one) for one in (*closed, unknown, vetoed_one)} == {"CLOSED"}
    assert tried(host, newer) == ""


# --- vetoes


def test_nobody_pushes_out_what_somebody_else_vetoed(host: Enrolled) -> None:
    """Each person has places of their own, and is refused when these are full; what was vetoed stays that."""
    mine, others = made(host), [made(host) for _number in range(3)]
    assert vetoed(host, mine, "ada") == ""
    assert [vetoed(host, statement, "bob") for statement in others] == ["", "", "FULL"]
    assert vetoed(host, others[0], "bob") == ""  # once more the same
    assert {tried(host, statement) for statement in (mine, *others[:2])} == {"VETO"}


def test_a_veto_of_what_needs_later_trust_keeps_no_place(host: Enrolled) -> None:
    """Such a place would never be free again; and what is rejected cannot go forward before that trust is here."""
    later = made(host, min_trust=2)
    assert (vetoed(host, later, "ada"), tried(host, later)) == ("TRUST_STALE", "TRUST_STALE")
    trusted(host, 2)
    assert (vetoed(host, later, "ada"), tried(host, later)) == ("", "VETO")


def test_vetoes_are_told_with_whose_they_are(host: Enrolled) -> None:
    """To whoever asks the host how it stands."""
    statement = made(host)
    vetoed(host, statement, "bob")
    (told,) = host.ask("ask", services=[])["enrolled"]["vetoes"]
    veto = {"statement": statement.as_type("veto", "no").id, "change": statement.change, "by": "bob", "at": WALL}
    assert told == {"service": "web", "about": statement.about, **veto}


def test_what_is_remembered_stays_far_from_what_can_be_read(host: Enrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many of the longest as there may ever be: what statements call their changes is not kept whole."""
    statement = host.statement("\N{GREEK SMALL LETTER OMEGA}" * 1000, host.release("2.0"), window=WINDOW)
    assert vetoed(host, statement, "ada") == ""
    kept = Record(host.host, "web")
    kept.admit(statement)
    kept.close(statement.id)
    kept.count(statement, 2**53 - 2)
    each = sum(len(canonical.dumps(kept.doc[key])) for key in ("known", "statements", "vetoed"))
    monkeypatch.undo()
    assert each * record.MOST < record.MAX_BYTES // 2


def test_what_the_program_before_kept_stays_closed(host: Enrolled) -> None:
    """It kept less of each; nothing of that is forgotten, and none of it is told."""
    closed, vetoed_one = made(host), made(host)
    kept = Record(host.host, "web")
    del kept.doc["known"], kept.doc["least_trust"]
    used = {"attempts": 1, "seq": 2, "closed": True}
    kept.doc.update(statements={**kept.doc["statements"], closed.id: used}, vetoed=[vetoed_one.about])
    kept.write()
    trusted(host, 2)
    assert (tried(host, closed), tried(host, vetoed_one)) == ("CLOSED", "VETO")
    assert host.ask("ask", services=[])["enrolled"]["vetoes"] == []
    assert tried(host, made(host, min_trust=2)) == ""
    found = Record(host.host, "web").doc
    assert (found["known"][closed.id]["closed"], list(found["vetoed"])) == (True, [vetoed_one.about])
