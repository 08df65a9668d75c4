# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is asked for follows from what it says of itself, and stops at what it refuses."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import enrolling
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enrolling import Errand
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer, HostProgram

from .test_trusting import NOW, Office

OURS, OLDER, UID = host_program().digest, "0" * 64, "a" * 32


class Host(HostProgram):
    """A host that answers as a real one does, and believes every signature."""

    def __init__(self, trust=0, carries=OLDER, name="web1", problem="", refuses="", code="UNDER_WAY"):
        self.number, self.carries, self.name, self.problem = trust, carries, name, problem
        self.refuses, self.code, self.asked = refuses, code, []
        self.steps = {"ask": self.ask, "enroll": self.enroll, "trust": self.follow, "upgrade": self.upgrade}

    def carried(self):
        return self

    def call(self, step, fields, payload=None):
        self.asked.append(step)
        if step == self.refuses:
            return Answer(False, False, self.code, "not now", {}, {})
        said = self.steps[step](fields, payload)
        return Answer(True, bool(said.get("changed")), "", "", {}, said)

    def ask(self, _fields, _payload):
        about = {"uid": UID, "name": self.name, "trust": self.number, "program": self.carries, "problem": self.problem}
        return {"enforced": bool(self.number), **({"enrolled": about} if self.number else {})}

    def enroll(self, fields, _payload):
        assert ("web1", "deploy", "2026-11-28T13:00:00Z") == (fields["name"], fields["login"], fields["utc"])
        return {"changed": True, "uid": UID, "would": []}

    def follow(self, fields, _payload):
        before, self.number = self.number, self.number + len(fields["bundles"]) - 1
        return {"changed": before != self.number, "trust": self.number}

    def upgrade(self, fields, payload):
        assert payload.read() == host_program().data
        self.carries = fields["sha256"]
        return {"changed": True, "carried": self.carries, "would": []}


@pytest.fixture
def errand(tmp_path, keys):
    """What hosts are to enforce: version 3, whose trust no longer knows cyd."""
    office = Office(tmp_path, keys)
    for names in (("ada", "bob", "cyd"), ("ada", "bob", "eve"), ("ada", "bob")):
        office.people(*names)
        office.draft()
        office.sign("ada", "bob")
    yield Errand(office.versions, office.material.data, NOW)
    office.store.close()


def bring(host, errand, check=False):
    return enrolling._bring(host, "web1", errand, check)


def test_a_host_that_is_not_enrolled_gets_the_newest_version(errand):
    """In one step, by which it also carries this collection's program."""
    host = Host()
    went = bring(host, errand)
    assert (("enrolled, trust version 3",), UID, 3, OURS) == (went.did, went.uid, went.trust, went.program)
    assert ["ask", "enroll"] == host.asked


def test_a_host_that_nobody_let_go_is_told(errand):
    """The store has it as enrolled, and it is not: root has taken it out."""
    went = bring(Host(), replace(errand, known={"web1": "a" * 32, "web2": "b" * 32}))
    told = f"it was taken out as {'a' * 32}, and nobody signed that: find out who did"
    assert ("enrolled, trust version 3", told) == went.did


def test_a_host_that_was_away_catches_up_in_order(errand):
    """The version that it has goes along, so that both mean the same one; the program comes last."""
    host = Host(trust=1)
    went = bring(host, errand)
    assert ("trust version 1 → 3", f"host program {OLDER[:12]} → {OURS[:12]}") == went.did
    assert (3, OURS, ["ask", "ask", "trust", "upgrade"]) == (went.trust, went.program, host.asked)


def test_a_host_that_is_up_to_date_is_left(errand):
    """It is asked, and nothing was done."""
    went = bring(Host(trust=3, carries=OURS), errand)
    assert ((), "ok", 3) == (went.did, went.said.verdict, went.trust)


def test_check_mode_looks_at_an_upgrade_once_its_version_is_there(errand):
    """Before that the host would refuse a program that its trust does not name yet."""
    behind, there = Host(trust=1), Host(trust=3)
    bring(behind, errand, check=True)
    bring(there, errand, check=True)
    assert ["ask", "ask", "trust"] == behind.asked
    assert ["ask", "ask", "trust", "upgrade"] == there.asked


@pytest.mark.parametrize("refuses", ["enroll", "trust", "upgrade"])
def test_the_first_refusal_ends_it(errand, refuses):
    """What was done before stays told, and nothing is tried after it."""
    host = Host(trust=0 if refuses == "enroll" else 2, refuses=refuses)
    went = bring(host, errand)
    assert ("failed", "UNDER_WAY", refuses) == (went.said.verdict, went.said.code, host.asked[-1])
    assert (["trust version 2 → 3"] if refuses == "upgrade" else []) == list(went.did)


def test_a_host_that_refuses_keeps_the_others_unless_they_are_named(errand, monkeypatch):
    """That is said, where there are others."""
    refused = Said("failed", "UNDER_WAY", "found a service that goes back")
    for names, said in ((("web1", "web2"), True), (("web1",), False)):
        found = {name: enrolling.Went(refused if name == "web1" else Said("ok")) for name in names}
        monkeypatch.setattr(enrolling, "each", lambda *_of, found=found: found)
        with pytest.raises(Refusal) as caught:
            enrolling.enroll(SimpleNamespace(check=False), None, dict.fromkeys(names, errand))
        assert (
            caught.value.message.endswith("; to go on with others meanwhile, name those: -e tidegate_hosts=PATTERN")
            == said
        )


def test_a_newer_program_stays(errand):
    """A host that another controller has upgraded keeps that, and follows the trust all the same."""
    went = bring(Host(trust=2, refuses="upgrade", code="PROGRAM_NEWER"), errand)
    assert ("ok", ("trust version 2 → 3",), OLDER) == (went.said.verdict, went.did, went.program)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (Host(trust=2, name="web7"), "it is enrolled as web7, expected web1"),
        (Host(trust=2, problem="another machine-id"), "not the host that was enrolled: another machine-id"),
    ],
)
def test_another_host_is_refused(errand, host, said):
    """A clone, or a host whose name went to another one."""
    went = bring(host, errand)
    assert ("IDENTITY", ["ask", "ask"]) == (went.said.code, host.asked)
    assert said in went.said.message
