# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An enrolled host with a past, and what somebody who has its login makes of it.

Whoever attacks has the login, every permit that was ever used, a log of their own, and the keys of one approver. What
they are given more than that is said where it is given.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from e2e.hosts import Fleetful
from host.driver import V2, V3, Driver, Release
from host.hand import LOGIN, Hand, answer, base64_of, moment, request, someone

from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core import ssh_keys
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.ssh_agent import UNTOUCHED, Token
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.enrolled import (
    PEOPLE,
    Log,
    keys,
    line,
    rule,
    sign,
    wanted,
)

OTHER_PROGRAM = "1" * 64
"""A program that the trust of the host names, and nobody has."""

FIDO = Token.ed25519()
MORE_PEOPLE = ("gil", "gil2", "old", "new", "bridge", "certified")


@functools.cache
def more_keys() -> None:
    """Keys of people of these tests, beside those of all tests; one of them has a certificate of an authority."""
    for name in MORE_PEOPLE:
        ssh_keys.a_key(keys(), name=name)
    authority = ssh_keys.a_key(keys(), name="authority")
    made = ["ssh-keygen", "-q", "-s", str(authority), "-I", "ada", "-n", "ada", f"{keys() / 'certified'}.pub"]
    subprocess.run(made, check=True)


def people() -> dict[str, Any]:
    """Those of the trust: two with dates, one with two keys, one with a FIDO key."""
    more_keys()
    return {
        **{name: someone(groups, line(name)) for name, groups in PEOPLE.items()},
        "fay": someone(["ops"], " ".join(FIDO.line.split()[:2])),
        "gil": someone(["ops"], line("gil"), line("gil2")),
        "new": someone(["ops"], line("new"), **{"from": moment(days=1)}),
        "old": someone(["ops"], line("old"), until=moment(days=-1)),
    }


class Used(NamedTuple):
    """A statement that was used on the host, and the permit by which."""

    statement: Statement
    permit: dict[str, Any]
    release: Release


class Ground(Hand):
    """The enrolled host, what happened to it, and how it looks since.

    Attributes:
        confirmed: put there what runs now.
        spent: has no attempt left; the host went back by itself.
        closed: was taken back.
        vetoed: was rejected on the host.
        under_way: what steps answered while `spent` was being activated.
    """

    def __init__(self, hosts: Fleetful, name: str) -> None:
        super().__init__(Driver(hosts[name]))
        self.definition = hosts.see([name])[name].journal["new_definition"]
        self.hosts = hosts
        self.under_way: dict[str, str] = {}

    def trust(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        """A version of the trust: a standard change needs one person by itself, and two as any other."""
        standard = {**rule("one of ops", groups={"ops": 1}), "match": {"type": ["standard"]}}
        normal = {**rule("two of ops", groups={"ops": 2}), "match": {"type": ["normal"]}}
        plain = self.bundle(number)
        programs = [OTHER_PROGRAM, *plain["programs"]]
        return {**plain, "people": people(), "rules": [standard, normal], "programs": sorted(programs), **changes}

    def begin(self) -> None:
        """Let the host be enrolled and have a past."""
        self.enroll(self.trust())
        self.confirmed = self.use(V2)
        assert self.call("confirm", service="web", change=self.confirmed.statement.change, token=self.token)["ok"]
        self.spent = self.use(V3, max_attempts=1, wait_s=0)
        self.under_way = {step: self.call(step, **fields)["code"] for step, fields in self.of_trust().items()}
        self.take_back(self.spent, closes=False)
        self.closed = self.use(V3, wait_s=0)
        self.take_back(self.closed)
        statement = self.about(V3)
        self.vetoed = Used(statement, self.signed(statement), V3)
        veto = self.changed(statement, type="veto", reason="the fair is on")
        assert self.call("veto", **_without_grant(self.signed(veto, ["ada"])))["changed"]

    def of_trust(self) -> dict[str, dict[str, Any]]:
        """What enough people signed about the host itself, by the step that it is for."""
        return {
            "trust": {"bundles": [self.signed_bundle(self.trust(2))]},
            "unenroll": self.unenrollment(),
            "upgrade": {"size_bytes": 1, "sha256": OTHER_PROGRAM},
        }

    def looks(self) -> str:
        """Everything of the host that an attack could change, and the process of the service."""
        return str(self.hosts.listing([self.host.name])[self.host.name])

    # --- what is asked of it

    def about(self, release: Release = V3, **changes: Any) -> Statement:
        """A statement about a new change."""
        return self.statement(self.driver.new_change(), release, **changes)

    def changed(self, statement: Statement, **changes: Any) -> Statement:
        """The same with other fields."""
        return Statement.of({**statement.doc, **changes})

    def use(self, release: Release, wait_s: int = 60, **changes: Any) -> Used:
        """Stage and activate what enough people signed."""
        statement = self.about(release, **changes)
        self.stage(release, statement)
        used = Used(statement, self.permit(statement), release)
        begun = self.forward(used.statement, used.permit, release, wait_s=wait_s)
        assert begun["ok"], begun
        return used

    def stage(self, release: Release, statement: Statement) -> None:
        """From a file of the login's own, into which it goes on to write, also through a descriptor opened before."""
        file = "/tmp/hostile-request"
        asked = request("stage", permit=self.signed(statement), **self.staging(release))
        self.host.ssh(f"cat > {file}", user="deploy", stdin=asked + release.path.read_bytes())
        spoil = f"dd if=/dev/urandom of={file} conv=notrunc bs=64k count=9 2>/dev/null; head -c 99999 /dev/urandom >&9"
        staged = self.host.ssh(f"exec 9<>{file}; {LOGIN} < {file}; {spoil}; rm {file}", user="deploy")
        assert answer(staged.stdout)["ok"], staged.stdout

    def staging(self, release: Release) -> dict[str, Any]:
        """The fields of `stage`, by push."""
        return self.driver.staging(release, self.definition)

    def forward(self, statement: Statement, permit: Any, release: Release = V3, **changes: Any) -> dict[str, Any]:
        """An activation, as the statement says unless something is changed."""
        asked = self.activation(statement.change, release, statement.doc["hosts"][0]["previous"])
        return self.call("activate", **{**asked, "permit": permit, **changes})

    def take_back(self, used: Used, **more: Any) -> None:
        """Go back from it."""
        assert self.back(used.statement.change, used.statement.id, **more)["changed"]
        self.driver.wait_for_state("steady", 60)

    def back(self, change: str, statement: str, **more: Any) -> dict[str, Any]:
        """A way back."""
        asked = {
            "definition": self.definition,
            "change": change,
            "why": "asked by a test",
            "operator": True,
            "wait_s": 60,
        }
        return self.call("back", statement=statement, **{**asked, **more})

    def granted(self, statement: Statement, signatures: Sequence[str], **grant: Any) -> dict[str, Any]:
        """A permit with these signatures, and a grant over a new challenge in which something may be odd."""
        signed = {"statement": base64_of(statement.data), "signatures": [*signatures], "request": wanted(statement)}
        return {**signed, "grant": self.grant(statement, self.mint(), **grant)}

    def by(self, statement: Statement, *signers: str, namespace: str = "") -> list[str]:
        """Signatures of people."""
        return [sign(who, statement.data, namespace or statement.namespace) for who in signers]

    # --- logs of one's own

    def log_of(self, documents: Sequence[bytes], key: str = "log") -> Log:
        """A log that goes on from these entries."""
        log = Log(key)
        log.documents = list(documents)
        return log


def flipped(armored: str) -> str:
    """A signature whose last bytes were changed."""
    blob = bytearray(base64.b64decode("".join(armored.split("\n")[1:-2])))
    blob[-1] ^= 1
    return Signature.of_blob(bytes(blob)).armored


def untouched(statement: Statement) -> str:
    """What a FIDO key signs when nobody touches it."""
    namespace = statement.namespace.encode()
    told = ssh_keys.blob_of(namespace, b"", b"sha512", hashlib.sha512(statement.data).digest())
    FIDO.flags = UNTOUCHED
    made = FIDO.signature(b"SSHSIG" + told)
    assert made is not None
    return Signature.of_blob(ssh_keys.signature_blob(FIDO.blob, made, namespace)).armored


def by_certificate(statement: Statement) -> str:
    """A signature that names a certificate as its key."""
    certificate = base64.b64decode((keys() / "certified-cert.pub").read_text().split()[1])
    made = sign("certified", statement.data, statement.namespace)
    own = base64.b64decode(line("certified").split()[1])
    blob = base64.b64decode("".join(made.split("\n")[1:-2]))
    other = blob.replace(ssh_keys.string(own), ssh_keys.string(certificate), 1)
    text = "\n".join(textwrap.wrap(base64.b64encode(other).decode(), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"


def _without_grant(permit: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in permit.items() if key != "grant"}
