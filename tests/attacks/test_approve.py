# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of approvers, run as people run them: what counts is recorded, what does not is refused and recorded as that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attacks.office import CHECKOUT, Office

from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.ssh_agent import (
    TOUCHED,
    UNTOUCHED,
    Agent,
    Token,
)

VERIFIER = CHECKOUT / "collections/ansible_collections/tidegate/deploy/files/tidegate-verify.py"

EVIL = "web \x1b[2J\u202e{{ lookup('pipe', 'touch PWNED') }} '; DROP TABLE changes; --"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_two_people_approve(tmp_path: Path) -> None:
    """Each sees the plan, what is asked and who is missing, and then where the change stands; the second signature approves.
    Free text is only text."""
    office = Office(tmp_path, title=EVIL)
    first = office.play("approve", tidegate_key=str(office.keys["ada"]), tidegate_sign=True)
    assert 0 == first.returncode, first.stdout
    assert "missing 1 of ops (production)" in first.stdout
    assert "submitted: handed in for approval" in first.stdout
    assert "\x1b[2J" not in first.stdout
    assert "\u202e" not in first.stdout
    assert "\\x1b[2J\\u202e{{ lookup('pipe', 'touch PWNED') }}" in first.stdout
    assert not list(tmp_path.rglob("PWNED"))

    second = office.play("approve", tidegate_key=str(office.keys["bob"]), tidegate_sign=True)
    assert 0 == second.returncode, second.stdout
    assert "approve by bob; it is approved" in second.stdout
    assert "approved: approved by everybody whom policy asks" in second.stdout
    assert "next         ansible-playbook tidegate.deploy.rollout" in second.stdout
    assert "ada (signed)" in second.stdout
    assert ("approved", []) == (office.state, office.denied)


def test_check_mode_signs_nothing(office: Office) -> None:
    """It shows the same, and writes nothing anywhere."""
    before = {*office.folder.rglob("*")}
    shown = office.play("approve", "--check", tidegate_key=str(office.keys["ada"]), tidegate_sign=True)
    assert 0 == shown.returncode, shown.stdout
    assert "nothing was written" in shown.stdout
    assert "production" in shown.stdout
    after = {path for path in office.folder.rglob("*") if ".ansible" not in path.parts}
    assert after <= before
    with office.store() as store:
        assert [] == store.approvals(office.change)


REFUSED = {
    "B01 the requester": ({"tidegate_key": "cyd", "tidegate_sign": True}, "SELF"),
    "A05 nobody's key": ({"tidegate_key": "eve", "tidegate_sign": True}, "KEY"),
    "nobody says yes": ({"tidegate_key": "ada"}, "SIGNING"),
    "no key and no agent": ({"tidegate_sign": True}, "SIGNING"),
    "no such signature": ({"tidegate_signature": "nothing.sig"}, "DATA"),
    "no such change": ({"tidegate_change": "CHG-2099-0001", "tidegate_sign": True}, "NO_CHANGE"),
}


@pytest.mark.parametrize(("variables", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(office: Office, variables: dict[str, object], code: str) -> None:
    """One message with its code, no traceback, an entry, and the change as it was."""
    key = variables.get("tidegate_key")
    named = {**variables, **({"tidegate_key": str(office.keys[str(key)])} if key else {})}
    refused = office.play("approve", **named)

    assert 0 != refused.returncode
    assert f"{code}: " in refused.stdout, refused.stdout
    assert "Traceback" not in refused.stdout
    assert ("submitted", [code]) == (office.state, office.denied)


def test_signing_elsewhere(office: Office) -> None:
    """The exact bytes leave, the command that is shown signs them, and the signature comes back."""
    exported = office.play("approve", tidegate_export="statement.json")
    assert 0 == exported.returncode, exported.stdout
    command = "ssh-keygen -Y sign -n approval@tidegate -f ~/.ssh/id_ed25519 statement.json"
    assert command in exported.stdout
    assert "submitted" == office.state

    tool = [sys.executable, "-I", str(VERIFIER), "plan", "statement.json"]
    shown = subprocess.run(
        [*tool, "statement.json.plan"], cwd=office.folder, capture_output=True, text=True, check=True
    )
    assert f"approval of {office.change} revision 1" in shown.stdout
    assert '"floor": 1' in shown.stdout
    (office.folder / "other").write_text((office.folder / "statement.json.plan").read_text().replace("web3", "web4"))
    other = subprocess.run([*tool, "other"], cwd=office.folder, capture_output=True, text=True, check=False)
    assert 1 == other.returncode
    assert "BAD: the statement is not about this plan: they differ in plan, hosts; do not sign" in other.stdout

    subprocess.run(
        command.replace("~/.ssh/id_ed25519", "ada").split(), cwd=office.folder, check=True, capture_output=True
    )
    handed_in = office.play("approve", tidegate_signature="statement.json.sig")
    assert 0 == handed_in.returncode, handed_in.stdout
    assert "approve by ada" in handed_in.stdout

    # A01: the same with a letter changed
    text = (office.folder / "statement.json.sig").read_text()
    at = len(text) // 2
    (office.folder / "flipped.sig").write_text(f"{text[:at]}{'A' if text[at] != 'A' else 'B'}{text[at + 1 :]}")
    flipped = office.play("approve", tidegate_signature="flipped.sig")
    assert 0 != flipped.returncode
    assert 1 == len(office.denied), flipped.stdout


def test_whoever_wants_it_signs_elsewhere(office: Office) -> None:
    """B01a: what leaves is the request of whom the change file names; only their signature hands it in, and that shows."""
    office.want("cyd")
    exported = office.play("submit", tidegate_export="request.json")
    assert 0 == exported.returncode, exported.stdout
    assert f"{office.change} is in request.json; nothing was decided" in exported.stdout
    command = (
        next(line for line in exported.stdout.splitlines() if "ssh-keygen -Y sign" in line).split("  ")[-1].strip()
    )
    for name in ("ada", "cyd"):
        signed = command.replace("~/.ssh/id_ed25519", name).split()
        subprocess.run(signed, cwd=office.folder, check=True, capture_output=True)
        (office.folder / "request.json.sig").rename(office.folder / f"{name}.sig")
    tool = [sys.executable, "-I", str(VERIFIER), "plan", "request.json", "request.json.plan"]
    shown = subprocess.run(tool, cwd=office.folder, capture_output=True, text=True, check=True)
    assert f"request of {office.change} revision 1" in shown.stdout

    false = office.play("submit", tidegate_signature="ada.sig")
    assert 2 == false.returncode, false.stdout
    assert f"REQUEST: {office.change} is wanted by cyd, and the request is signed by" in false.stdout
    assert ("draft", ["REQUEST"]) == (office.state, office.denied)
    handed_in = office.play("submit", tidegate_signature="cyd.sig")
    assert 0 == handed_in.returncode, handed_in.stdout
    assert "cyd (signed)" in handed_in.stdout
    assert "submitted" == office.state


def test_the_key_of_the_agent(office: Office) -> None:
    """With an agent that holds one key of the people, nothing needs to be named."""
    agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    found = dict(part.split("=", 1) for part in agent.replace("\n", ";").split(";") if part.startswith("SSH_"))
    try:
        environment = {**os.environ, **found}
        for name in ("eve", "ada"):
            subprocess.run(["ssh-add", "-q", str(office.keys[name])], env=environment, check=True)
        signed = office.play("approve", tidegate_sign=True, agent=found["SSH_AUTH_SOCK"])
    finally:
        subprocess.run(["ssh-agent", "-k"], env={**os.environ, **found}, check=True, capture_output=True)
    assert 0 == signed.returncode, signed.stdout
    assert "approve by ada" in signed.stdout


@pytest.mark.parametrize("kind", [Token.ed25519, Token.ecdsa], ids=["sk-ssh-ed25519", "sk-ecdsa"])
def test_a_fido_key(office: Office, kind: Callable[[], Token]) -> None:
    """H14: a token in the agent that nobody touches approves nothing, one that is touched does."""
    with Agent(kind()) as agent:
        [token] = agent.tokens
        office.say(tidegate_people={"ada": {"groups": ["ops"], "keys": [{"key": token.line}]}})
        token.flags = UNTOUCHED
        refused = office.play("approve", tidegate_sign=True, agent=agent.path)
        token.flags = TOUCHED
        signed = office.play("approve", tidegate_sign=True, agent=agent.path)
    assert 2 == refused.returncode
    assert "PRESENCE: found a signature of a FIDO key that nobody touched; sign again and touch it" in refused.stdout
    assert 0 == signed.returncode, signed.stdout
    assert "approve by ada; it is submitted, missing 1 of ops (production)" in signed.stdout
    assert ["PRESENCE"] == office.denied


def test_a_veto_and_its_reason(office: Office) -> None:
    """A rejected change is over; the reason is shown as text."""
    without = office.play("reject", tidegate_key=str(office.keys["bob"]), tidegate_sign=True)
    assert "tidegate_reason: found nothing" in without.stdout
    office.play("approve", tidegate_key=str(office.keys["ada"]), tidegate_sign=True)
    vetoed = office.play(
        "reject", tidegate_key=str(office.keys["bob"]), tidegate_sign=True, tidegate_reason="no \x1b[2J"
    )
    assert 0 == vetoed.returncode, vetoed.stdout
    assert "no \\x1b[2J" in vetoed.stdout
    assert "rejected" == office.state


BAD_PEOPLE = {
    "A07 a pattern": ({"*@example.org": {"groups": ["ops"]}}, "expected the name of exactly one person"),
    "A08 a certificate": (
        {"ada": {"keys": [{"key": "cert-authority ssh-ed25519 AAAA"}]}},
        "ada.keys[0].key: found a certificate",
    ),
    "A14 dsa": ({"ada": {"keys": [{"key": "ssh-dss AAAA"}]}}, "ada.keys[0].key: found the kind of key 'ssh-dss'"),
    "not a mapping": (["ada"], "expected a mapping of names"),
}


@pytest.mark.parametrize(("people", "says"), BAD_PEOPLE.values(), ids=BAD_PEOPLE)
def test_bad_people(office: Office, people: object, says: str) -> None:
    """Who is written down wrongly is named with the place; nobody can approve meanwhile."""
    office.say(tidegate_people=people)
    refused = office.play("approve", tidegate_key=str(office.keys["ada"]), tidegate_sign=True)

    assert 0 != refused.returncode
    assert "DATA: tidegate_people of host web1: " in refused.stdout
    assert says in refused.stdout
    assert ("submitted", ["DATA"]) == (office.state, office.denied)


@pytest.mark.parametrize(("typed", "code"), [("yes", 0), ("no", 2)])
def test_at_a_terminal_somebody_is_asked(office: Office, typed: str, code: int) -> None:
    """Yes signs, anything else does not."""
    shown, returned = office.typing("approve", "Type yes:", f"{typed}\r", tidegate_key=str(office.keys["ada"]))
    assert code == returned, shown
    assert ("approve by ada" if typed == "yes" else "SIGNING: ") in shown
    with office.store() as store:
        assert (1 if typed == "yes" else 0) == len(store.approvals(office.change))
