# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real host that is enrolled, and a controller that speaks the protocol by hand: no Ansible, no gate, no callbacks."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from host.driver import ROOT, V1, V2, Driver, definition

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import LAUNCHER
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import (
    ORIGIN,
    PEOPLE,
    Log,
    line,
    rule,
    sign,
)

TRACES = "ls -d /var/lib/tidegate/identity.json /etc/sudoers.d/tidegate /var/lib/tidegate-login"
FORGET = f"rm -rf {TRACES.partition('-d ')[2]} /var/lib/tidegate/trust; userdel -f deploy; true"


def moment(**later: float) -> str:
    """A moment, from now on."""
    return (datetime.now(UTC) + timedelta(**later)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Hand:
    """Whoever has the login of an enrolled host, and what people and the store gave them."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.host = driver.host
        self.log = Log()
        self.uid = ""
        self.token = ""

    def call(self, step: str, payload: bytes = b"", **fields: Any) -> dict[str, Any]:
        """One step as the login."""
        request = canonical.dumps({"protocol": PROTOCOL, "step": step, "check": False, **fields}) + b"\n"
        done = self.host.ssh(f"sudo -n {LAUNCHER}", user="deploy", check=False, stdin=request + payload)
        assert done.stdout.startswith("{"), done.stderr
        return dict(canonical.loads(done.stdout.strip().splitlines()[-1].encode()))

    def enroll(self) -> None:
        """By root, over the way that ships the program."""
        people = {
            name: {"groups": groups, "keys": [{"line": line(name), "from": None, "until": None}]}
            for name, groups in PEOPLE.items()
        }
        doc = {"v": 1, "type": "trust", "number": 1, "site": "site", "environment": "production", "people": people}
        doc.update(made_at=moment(), expires_at=moment(days=9), login="deploy", sources=[], countersigned_opens=False)
        doc.update(log={"origin": ORIGIN, "keys": [line("log")]}, trust_rule=rule("trust", groups={"trust": 2}))
        doc.update(rules=[{**rule("two of ops", groups={"ops": 2}), "match": {}}], programs=[host_program().digest])
        doc.update(services={"web": [{"definition": definition(), "hosts": []}]})
        data = canonical.dumps({**doc, "require_presence": False, "require_verification": False})
        program = self.host.ssh_command()
        key = Path(f"{program[program.index('-i') + 1]}.pub").read_text(encoding="ascii").strip()
        answer = self.driver.call(
            "enroll",
            name=self.host.name,
            bundle=base64.b64encode(data).decode(),
            signatures=[sign(who, data, "trust@tidegate") for who in ("cy", "dan")],
            login="deploy",
            login_keys=[key],
            utc=moment(),
        ).or_refuse()
        self.uid = answer.fields["uid"]

    def unenroll(self) -> dict[str, Any]:
        """As those decide who rule its trust."""
        doc = {"v": 1, "type": "unenroll", "hosts": [{"name": self.host.name, "uid": self.uid}], "trust": 1}
        data = canonical.dumps({**doc, "not_after": moment(hours=1), "reason": "the test is over"})
        made = [sign(who, data, "unenroll@tidegate") for who in ("cy", "dan")]
        return self.call("unenroll", statement=base64.b64encode(data).decode(), signatures=made)

    def statement(self, change: str) -> Statement:
        """What two people sign about V2."""
        artifact = hashlib.sha256(V2.path.read_bytes()).hexdigest()
        doc = {
            "v": 1,
            "type": "approval",
            "change": change,
            "revision": 1,
            "service": "web",
            "environment": "production",
        }
        doc.update(action="deploy", artifact=artifact, manifest=V2.manifest, window=None, back_for_s=3600, rules=None)
        doc.update(plan=hashlib.sha256(change.encode()).hexdigest(), definitions=[canonical.digest(definition())])
        doc.update(max_attempts=2, min_trust=1, requester="eve", change_type="normal", risk="low", reason="")
        named = {"name": self.host.name, "uid": self.uid, "previous": V1.id, "challenge": ""}
        return Statement.of({**doc, "hosts": [named]})

    def signed(self, statement: Statement) -> dict[str, Any]:
        """A permit without a grant."""
        made = [sign(who, statement.data, statement.namespace) for who in ("ada", "bob")]
        return {"statement": base64.b64encode(statement.data).decode(), "signatures": made, "grant": None}

    def permit(self, statement: Statement) -> dict[str, Any]:
        """A whole one."""
        minted = self.call("challenge", services=["web"])
        hosts = {self.uid: minted["challenges"]["web"]}
        body = {
            "statement": statement.id,
            "service": "web",
            "wave": 0,
            "hosts": hosts,
            "lease_until": moment(minutes=5),
        }
        index = self.log.add("grant", body, moment())
        return {**self.signed(statement), "grant": self.log.proof(index, minted["seen"]["size"], moment())}

    def activation(self, change: str) -> dict[str, Any]:
        """The fields of `activate`."""
        fields = self.driver.activation(change, V2, V1.id, back_until=moment(hours=1))
        self.token = self.driver.token
        return fields


@pytest.fixture
def hand(driver: Driver) -> Iterator[Hand]:
    """An enrolled host that runs V1; it is as before afterwards."""
    hand = Hand(driver)
    try:
        hand.enroll()
        yield hand
    finally:
        driver.host.ssh(FORGET, check=False)


def test_an_enrolled_host_refuses_by_itself(hand: Hand) -> None:
    """Whoever asks, root and the program that travels included; what was signed and granted comes in, and goes back."""
    driver, host = hand.driver, hand.host
    # the login reaches one thing, without arguments
    for command in (
        f"sudo -n {LAUNCHER} boot",
        "sudo -n sh -c id",
        f"sudo -n env {LAUNCHER}",
        "cat /var/lib/tidegate/identity.json",
    ):
        assert host.ssh(command, user="deploy", check=False).returncode != 0, command
    assert "deploy:*:" in host.read("/etc/shadow").decode()
    # nobody brings a release in without a permit: not the login, not root, not a program of root's own
    change = driver.new_change()
    statement = hand.statement(change)
    release = V2.path.read_bytes()
    assert hand.call("stage", release, **driver.staging(V2))["code"] == "PERMIT"
    assert driver.stage(V2).code == "PERMIT"
    assert driver.activate(change, V2, V1.id).code == "PERMIT"
    assert driver.preview.call("stage", driver.staging(V2), io.BytesIO(release)).code == "PERMIT"
    assert driver.call("remove").code == "ENROLLED"
    assert hand.call("stage", release, permit=hand.signed(statement), **driver.staging(V2))["changed"]
    assert hand.call("activate", permit=hand.signed(statement), **hand.activation(change))["code"] == "CHALLENGE"
    # with one it comes in; a copy of it does not
    permit = hand.permit(statement)

    answer = hand.call("activate", permit=permit, **hand.activation(change))

    assert (answer["ok"], answer["enforced"], answer["service"]["state"]) == (True, True, "ready"), answer
    assert hand.call("confirm", service="web", change=change, token=hand.token)["changed"]
    assert driver.answers() == V2.version
    back = {"definition": definition(), "change": change, "why": "asked by a test", "operator": True, "wait_s": 60}
    assert hand.call("back", **back)["code"] == "PERMIT"
    assert hand.call("back", statement=statement.id, **back)["changed"]
    assert driver.current() == V1.id
    assert hand.call("activate", permit=permit, **hand.activation(change))["code"] == "CLOSED"
    # after a reboot it refuses still, and no challenge is good any more
    change = driver.new_change()
    statement = hand.statement(change)
    permit = hand.permit(statement)
    host.reboot()
    host.wait_ready()
    assert hand.call("activate", permit=permit, **hand.activation(change))["code"] == "CHALLENGE"
    told = hand.call("ask", services=[{"service": "web", "root": ROOT}])
    assert (told["enforced"], told["enrolled"]["uid"], told["services"]["web"]["current"]) == (True, hand.uid, V1.id)
    assert told["enrolled"]["checkpoint"]["size"] == 2
    # those who rule its trust let it go, and nothing of it stays
    assert hand.unenroll()["changed"]
    assert host.ssh(TRACES, check=False).stdout == ""
    assert host.ssh("getent passwd deploy", check=False).returncode != 0
    assert driver.service()["current"] == V1.id
    assert driver.stage(V2).or_refuse().fields["enforced"] is False
