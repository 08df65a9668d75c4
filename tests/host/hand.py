# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that speaks the protocol by hand to an enrolled host, as its login: no Ansible, no gate, no callbacks."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from host.driver import Driver, Release, definition

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, evidence
from ansible_collections.tidegate.deploy.plugins.module_utils.core.countersigned import Countersigned
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
    wanted,
)

LOGIN = f"sudo -n {LAUNCHER}"
TRACES = "ls -d /var/lib/tidegate/identity.json /etc/sudoers.d/tidegate /var/lib/tidegate-login"
FORGET = f"rm -rf {TRACES.partition('-d ')[2]} /var/lib/tidegate/trust; userdel -f deploy; true"


def moment(**later: float) -> str:
    """A moment, from now on."""
    return (datetime.now(UTC) + timedelta(**later)).strftime("%Y-%m-%dT%H:%M:%SZ")


def base64_of(data: bytes) -> str:
    """Bytes as a request holds them."""
    return base64.b64encode(data).decode("ascii")


def request(step: str, **fields: Any) -> bytes:
    """A request as the host program reads it."""
    return canonical.dumps({"protocol": PROTOCOL, "step": step, "check": False, **fields}) + b"\n"


def answer(text: str) -> dict[str, Any]:
    """What the host program has printed."""
    return dict(canonical.loads(text.strip().splitlines()[-1].encode()))


class Hand:
    """Whoever has the login of an enrolled host, and what people and the store gave them."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.host = driver.host
        self.log = Log()
        self.definition = definition()
        self.uid = ""
        self.token = ""

    def call(self, step: str, payload: bytes = b"", **fields: Any) -> dict[str, Any]:
        """One step as the login."""
        done = self.host.ssh(LOGIN, user="deploy", check=False, stdin=request(step, **fields) + payload)
        assert done.stdout.startswith("{"), done.stderr
        assert done.returncode == 0, done.stderr
        return answer(done.stdout)

    # --- trust

    def bundle(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        """The document of a trust bundle: two of `ops` for a release, two of `trust` for the next version."""
        people = {name: someone(groups, line(name)) for name, groups in PEOPLE.items()}
        doc = {"v": 1, "type": "trust", "number": number, "site": "site", "environment": "production", "people": people}
        doc.update(made_at=moment(), expires_at=moment(days=9), login="deploy", sources=[], countersigned_opens=False)
        doc.update(log={"origin": ORIGIN, "keys": [line("log")]}, trust_rule=rule("trust", groups={"trust": 2}))
        doc.update(rules=[{**rule("two of ops", groups={"ops": 2}), "match": {}}], programs=[host_program().digest])
        doc.update(services={"web": [{"definition": self.definition, "hosts": []}]})
        return {**doc, "require_presence": False, "require_verification": False, **changes}

    def signed_bundle(self, doc: Mapping[str, Any], signers: Sequence[str] = ("cy", "dan")) -> dict[str, Any]:
        """A trust bundle with its signatures."""
        data = canonical.dumps(doc)
        return {"data": base64_of(data), "signatures": [sign(who, data, "trust@tidegate") for who in signers]}

    def enrollment(self, doc: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """The fields of `enroll`."""
        signed = self.signed_bundle(doc)
        program = self.host.ssh_command()
        key = Path(f"{program[program.index('-i') + 1]}.pub").read_text(encoding="ascii").strip()
        asked = {"name": self.host.name, "bundle": signed["data"], "signatures": signed["signatures"], "utc": moment()}
        return {**asked, "login": "deploy", "login_keys": [key], **changes}

    def enroll(self, doc: Mapping[str, Any] | None = None) -> None:
        """By root, over the way that ships the program."""
        done = self.driver.call("enroll", **self.enrollment(doc or self.bundle())).or_refuse()
        self.uid = done.fields["uid"]

    def leaving(self) -> dict[str, Any]:
        """The document by which the host would leave."""
        doc = {"v": 1, "type": "unenroll", "hosts": [{"name": self.host.name, "uid": self.uid}], "trust": 1}
        return {**doc, "not_after": moment(hours=1), "reason": "the test is over"}

    def unenrollment(self, signers: Sequence[str] = ("cy", "dan"), **changes: Any) -> dict[str, Any]:
        """The fields of `unenroll`."""
        data = canonical.dumps({**self.leaving(), **changes})
        made = [sign(who, data, "unenroll@tidegate") for who in signers]
        return {"statement": base64_of(data), "signatures": made}

    # --- permits

    def statement(self, change: str, release: Release, **changes: Any) -> Statement:
        """What people sign about a release that takes the place of the one that runs."""
        artifact = hashlib.sha256(release.path.read_bytes()).hexdigest()
        doc = {"v": 1, "type": "approval", "change": change, "revision": 1, "service": "web", "action": "deploy"}
        doc.update(environment="production", artifact=artifact, manifest=release.manifest, window=None, rules=None)
        doc.update(plan=hashlib.sha256(change.encode()).hexdigest(), definitions=[canonical.digest(self.definition)])
        doc.update(max_attempts=2, min_trust=1, requester="eve", change_type="normal", risk="low", reason="")
        named = {"name": self.host.name, "uid": self.uid, "previous": self.driver.current(), "challenge": ""}
        return Statement.of({**doc, "back_for_s": 3600, "hosts": [named], **changes})

    def signed(self, statement: Statement, signers: Sequence[str] = ("ada", "bob")) -> dict[str, Any]:
        """A permit without a grant."""
        made = [sign(who, statement.data, statement.namespace) for who in signers]
        signed = {"statement": base64_of(statement.data), "signatures": made}
        return {**signed, "request": wanted(statement), "grant": None}

    def vouched(self, statement: Statement, person: str, by: str) -> dict[str, Any]:
        """That somebody approved it in another system, countersigned by a bridge."""
        there = {
            "system": "awx",
            "reference": "17",
            "account": person,
            "given_at": moment(),
            "url": "https://awx.example",
        }
        made = sign(by, evidence.message(statement.id, person, there), evidence.NAMESPACE)
        return Countersigned(person, there, made).doc()

    def mint(self) -> dict[str, Any]:
        """What the host says when it is asked for a challenge."""
        return self.call("challenge", services=["web"])

    def grant(
        self, statement: Statement, minted: Mapping[str, Any], log: Log | None = None, **changes: Any
    ) -> dict[str, Any]:
        """The logged consent to a wave of this one host."""
        log = log or self.log
        at = changes.pop("at", moment())
        body = {"statement": statement.id, "service": "web", "wave": 0, "lease_until": moment(minutes=5)}
        body["hosts"] = {self.uid: minted["challenges"]["web"]}
        return log.proof(log.add("grant", {**body, **changes}, at), minted["seen"]["size"], at)

    def permit(self, statement: Statement, signers: Sequence[str] = ("ada", "bob")) -> dict[str, Any]:
        """A whole one, over a new challenge."""
        return {**self.signed(statement, signers), "grant": self.grant(statement, self.mint())}

    def activation(self, change: str, release: Release, previous: str, **changes: Any) -> dict[str, Any]:
        """The fields of `activate`, but for the permit."""
        asked = {"definition": self.definition, "back_until": moment(hours=1), **changes}
        fields = self.driver.activation(change, release, previous, **asked)
        self.token = self.driver.token
        return fields


def someone(groups: Sequence[str], *lines: str, **dates: str) -> dict[str, Any]:
    """A person of a trust bundle: groups, and keys with the dates from and until which they count."""
    return {"groups": [*groups], "keys": [{"line": key, "from": None, "until": None, **dates} for key in lines]}
