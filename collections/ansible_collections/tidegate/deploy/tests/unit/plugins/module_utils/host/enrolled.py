# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An enrolled host without systemd and without time, with people, keys and a log; every signature is ssh-keygen's."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, checkpoint, entries, merkle
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL
from ansible_collections.tidegate.deploy.plugins.module_utils.host import signatures
from ansible_collections.tidegate.deploy.plugins.module_utils.host.program import Program
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core import ssh_keys
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.bench import TOKEN, Bench

PEOPLE = {"ada": ["ops"], "bob": ["ops"], "cy": ["trust"], "dan": ["trust"], "eve": []}
NAME = "web1"
PROGRAM = "0" * 64
ORIGIN = "tidegate/" + "ab" * 16
WALL = "2026-11-28T12:00:00Z"


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """It goes when the tests end."""
    return tempfile.TemporaryDirectory(prefix="tidegate-keys-")


@functools.cache
def keys() -> Path:
    """A folder with a private key of each person, of the log, and of a log of somebody else; made once."""
    folder = Path(_folder().name)
    for name in (*PEOPLE, "log", "other-log", "login"):
        ssh_keys.a_key(folder, name=name)
    return folder


def line(name: str) -> str:
    """The public key of somebody, without a comment."""
    return " ".join(ssh_keys.public(keys() / name).split()[:2])


@functools.cache  # ed25519: the same each time
def sign(who: str, data: bytes, namespace: str) -> str:
    """Somebody's signature."""
    return ssh_keys.signed(keys() / who, data, namespace)


def wanted(statement: Statement, by: str = "") -> str:
    """The signature of a statement's requester under its request; nobody's where it is wanted by nobody.

    Args:
        statement: of any type.
        by: whoever signs instead.
    """
    request, who = statement.as_request(), by or statement.requester
    return sign(who, request.data, request.namespace) if who else ""


_LOOKED_UP: set[tuple[str, str, bytes]] = set()


@functools.cache
def _one_signature(who: str, namespace: str) -> str:
    return ssh_keys.signed(keys() / who, b"x", namespace)


def _quick_sign(who: str, data: bytes, namespace: str) -> str:
    armored = _one_signature(who, namespace)
    _LOOKED_UP.add((line(who), armored, hashlib.sha256(data).digest()))
    return armored


def _quick_verify(key: str, _namespace: str, message: bytes, armored: str) -> bool:
    return (key, armored, hashlib.sha256(message).digest()) in _LOOKED_UP


def look_up_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of many hosts: each person signs once, and what else was signed is kept here instead of asked of ssh-keygen."""
    monkeypatch.setattr(signatures, "verify", _quick_verify)
    monkeypatch.setattr(signatures, "require_able", lambda: None)
    monkeypatch.setitem(globals(), "sign", _quick_sign)


def rule(name: str, **asks: Any) -> dict[str, Any]:
    """A rule for approval."""
    filled = {"any_of": [], "count": 0, "strength": "signed", "separation": ["requester"], "expires_after_s": 86400}
    return {"name": name, "groups": {}, **filled, **asks}


class Log:
    """A ledger in memory.

    Args:
        key: who signs its checkpoints.
    """

    def __init__(self, key: str = "log") -> None:
        self.key = key
        self.documents: list[bytes] = []
        self.add("log.begun", {"log": ORIGIN.partition("/")[2]})

    def add(self, kind: str, body: Mapping[str, Any], at: str = WALL) -> int:
        """Append an entry; its index."""
        previous = entries.leaf(self.documents[-1]) if self.documents else entries.NO_ENTRY
        moment = at.replace("Z", ".000000Z")
        self.documents.append(entries.compose(len(self.documents), previous, moment, kind, "ada@ops1", dict(body)))
        return len(self.documents) - 1

    def proof(self, index: int, seen: int, at: str = WALL) -> dict[str, Any]:
        """That an entry is in the log, and that the log only grew."""
        tree = merkle.Tree(map(merkle.leaf_hash, self.documents))
        frontier = merkle.Frontier()
        for document in self.documents:
            frontier.append(merkle.leaf_hash(document))
        made = checkpoint.of(ORIGIN, at.replace("Z", ".000000Z"), frontier)
        note = checkpoint.Note(made, sign(self.key, made.text(), checkpoint.NAMESPACE))
        return {
            "entry": base64.b64encode(self.documents[index]).decode(),
            "inclusion": [node.hex() for node in tree.inclusion(index)],
            "checkpoint": note.data().decode(),
            "consistency": [node.hex() for node in tree.consistency(min(seen, tree.size))],
            "from": seen,
        }


class Enrolled(Bench):
    """A host that is enrolled, with short words for who signs what for it."""

    def __init__(self, top: Path, enroll: bool = True) -> None:
        super().__init__(top)
        self.clock.wall = WALL
        self.log = Log()
        self.uid = ""
        self.program = Program(PROGRAM, self.host)
        ssh = top / "etc" / "ssh"
        ssh.mkdir(parents=True)
        (top / "etc" / "machine-id").write_text("0123456789abcdef\n")
        (ssh / "ssh_host_ed25519_key.pub").write_text(f"{line('login')} root@web1\n")
        launcher = top / "lib" / PROGRAM / "tidegate-host"
        launcher.parent.mkdir(parents=True)
        launcher.write_text("#!/usr/bin/python3 -IS\n")
        launcher.chmod(0o755)
        (top / "lib" / "current").symlink_to(PROGRAM)
        if enroll:
            self.uid = self.ask("enroll", **self.enrollment())["uid"]

    # --- trust

    def bundle(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        """The document of a trust bundle."""
        people = {
            name: {"groups": groups, "keys": [{"line": line(name), "from": None, "until": None}]}
            for name, groups in PEOPLE.items()
        }
        doc = {"v": 1, "type": "trust", "number": number, "site": "site", "environment": "production", "people": people}
        doc.update(made_at="2026-11-01T00:00:00Z", expires_at="2027-11-01T00:00:00Z", login="deploy")
        doc.update(log={"origin": ORIGIN, "keys": [line("log")]}, trust_rule=rule("trust", groups={"trust": 2}))
        doc.update(programs=[PROGRAM], sources=[], require_presence=False, require_verification=False)
        doc.update(countersigned_opens=False, services={"web": [{"definition": self.definition(), "hosts": []}]})
        normal = {**rule("two of ops", groups={"ops": 2}), "match": {"type": ["normal"]}}
        urgent = {**rule("urgent", groups={"ops": 2}), "match": {"type": ["emergency"]}}
        return {**doc, "rules": [normal, urgent], **changes}

    def signed_bundle(self, doc: Mapping[str, Any], *signers: str) -> dict[str, Any]:
        """A trust bundle with its signatures."""
        data = canonical.dumps(doc)
        made = [sign(who, data, "trust@tidegate") for who in signers or ("cy", "dan")]
        return {"data": base64.b64encode(data).decode(), "signatures": made}

    def enrollment(self, doc: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        """The fields of `enroll`."""
        signed = self.signed_bundle(doc or self.bundle())
        asked = {"name": NAME, "bundle": signed["data"], "signatures": signed["signatures"], "login": "deploy"}
        return {**asked, "login_keys": [line("login")], "utc": self.clock.wall, **changes}

    # --- statements

    def statement(self, change: str, release: Mapping[str, str], **changes: Any) -> Statement:
        """What people sign about a change."""
        doc = {
            "v": 1,
            "type": "approval",
            "change": change,
            "revision": 1,
            "service": "web",
            "environment": "production",
        }
        doc.update(
            action="deploy",
            artifact="a" * 64,
            manifest=release["manifest"],
            plan="0" * 64,
            window=None,
            back_for_s=604800,
        )
        doc.update(definitions=[canonical.digest(self.definition())], max_attempts=2, min_trust=1, requester="eve")
        doc.update(change_type="normal", risk="low", rules=None, reason="")
        host = {"name": NAME, "uid": self.uid, "previous": self.current, "challenge": ""}
        return Statement.of({**doc, "hosts": [host], **changes})

    def signed(self, statement: Statement, signers: Sequence[str] = ("ada", "bob")) -> dict[str, Any]:
        """A statement with its signatures and its requester's, as a permit without a grant."""
        made = [sign(who, statement.data, statement.namespace) for who in signers]
        signed = {"statement": base64.b64encode(statement.data).decode(), "signatures": made}
        return {**signed, "request": wanted(statement), "grant": None}

    def mint(self, **more: Any) -> dict[str, Any]:
        """What the host says when it is asked for a challenge."""
        return self.ask("challenge", services=["web"], **more)

    def grant(
        self, statement: Statement, minted: Mapping[str, Any], log: Log | None = None, **changes: Any
    ) -> dict[str, Any]:
        """The logged consent to a wave of this one host."""
        log = log or self.log
        lease_until = changes.pop("lease_until", "2026-11-28T13:00:00Z")
        at = changes.pop("at", self.clock.wall)
        challenges = {minted["uid"]: minted["challenges"]["web"]}
        body = {"statement": statement.id, "service": "web", "wave": 0, "hosts": challenges, "lease_until": lease_until}
        return log.proof(log.add("grant", {**body, **changes}, at), minted["seen"]["size"])

    def permit(self, statement: Statement, signers: Sequence[str] = ("ada", "bob")) -> dict[str, Any]:
        """A whole permit over a new challenge."""
        return {**self.signed(statement, signers), "grant": self.grant(statement, self.mint())}

    # --- what a controller asks for

    def answer(self, step: str, payload: bytes = b"", **asked: Any) -> dict[str, Any]:
        """What the program answers, whatever that is."""
        request = canonical.dumps({"protocol": PROTOCOL, "step": step, "check": False, **asked}) + b"\n"
        answer, _status = self.program.answer(request, io.BytesIO(payload), installed=True)
        return dict(json.loads(json.dumps(answer)))

    def ask(self, step: str, **asked: Any) -> dict[str, Any]:
        """What the program answers to what it does."""
        answer = self.answer(step, **asked)
        assert answer["ok"], answer
        return answer

    def code(self, step: str, **asked: Any) -> str:
        """The code by which the program refuses; nothing on its disk has changed."""
        before = self.disk.log.copy()
        answer = self.answer(step, **asked)
        assert not answer["ok"], answer
        assert answer["enforced"] is self.host.is_enrolled
        assert self.disk.log == before, self.disk.log[len(before) :]
        return str(answer["code"])

    def asked(self, statement: Statement, release: Mapping[str, str], **changes: Any) -> dict[str, Any]:
        """The fields of `activate`, without the permit."""
        back_until = "2026-12-05T12:00:00Z"
        request = self.request(statement.change, dict(release), back_until=back_until, plan=statement.plan)
        del request["check"]
        return {**request, "previous": statement.doc["hosts"][0]["previous"], **changes}

    def deploy(self, version: str, **changes: Any) -> str:
        """A whole approved change that goes well."""
        if not self.uid:
            return super().deploy(version, **changes)
        release = self.release(version)
        statement = self.statement(self.new_change(), release)
        self.ask("activate", permit=self.permit(statement), **self.asked(statement, release))
        self.run_effects()
        self.ask("confirm", service="web", change=statement.change, token=TOKEN)
        return statement.change


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
