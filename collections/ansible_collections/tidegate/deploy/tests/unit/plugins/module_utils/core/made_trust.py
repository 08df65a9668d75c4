# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trust bundle, permits for it and a log, made in memory; signatures are of the right form, and made of a digest."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint, entries, merkle
from ansible_collections.tidegate.deploy.plugins.module_utils.core.definition import Definition
from ansible_collections.tidegate.deploy.plugins.module_utils.core.logged import Logged, Seen
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle

from .made_log import LOG, at, grown, made
from .ssh_keys import blob_of, signature_blob
from .test_definition import GOOD

NOW = datetime(2026, 11, 28, 13, 1, tzinfo=timezone(timedelta()))
"""A minute after the log began."""

UID, OTHER_UID = "1" * 32, "2" * 32
CHALLENGE = "c" * 64
DIGEST = Definition(GOOD).digest


class Identity(NamedTuple):
    """An enrolled host."""

    name: str = "web1"
    uid: str = UID


def key_blob(name, fido=False):
    """The bytes of the key of a name; a FIDO key has others."""
    point = bytearray(hashlib.sha256(f"{name} {fido}".encode()).digest())
    point[31] &= 0x3F  # below the field's size, whatever the digest is
    parts = (b"sk-ssh-ed25519@openssh.com", bytes(point), b"ssh:") if fido else (b"ssh-ed25519", bytes(point))
    return blob_of(*parts)


def line(name, fido=False):
    """The line of the key of a name."""
    kind = "sk-ssh-ed25519@openssh.com" if fido else "ssh-ed25519"
    return f"{kind} {base64.b64encode(key_blob(name, fido)).decode()}"


def signed(name, data, namespace="approval@tidegate", fido=False, flags=1):
    """The signature by the key of a name that `verify` finds true."""
    blob = key_blob(name, fido)
    kind = b"sk-ssh-ed25519@openssh.com" if fido else b"ssh-ed25519"
    made = blob_of(kind, _numbers(blob, namespace, data)) + (bytes([flags, 0, 0, 0, 7]) if fido else b"")
    return Signature.of_blob(signature_blob(blob, made, namespace.encode())).armored


def verify(key, namespace, message, armored):
    """Stands for the mathematics."""
    signature = Signature.parse(armored)
    true = _numbers(signature.key.blob, namespace, message)
    return signature.key.line == key and signature.namespace == namespace and true in signature.blob


def _numbers(blob, namespace, data):
    return hashlib.sha256(b" ".join((blob, namespace.encode(), data))).digest() + bytes(32)


def rule(name="two", match=None, **changes):
    """A rule of a bundle; without a match, as the rule for trust is."""
    doc = {
        "name": name,
        "groups": {"ops": 2},
        "any_of": [],
        "count": 0,
        "strength": "signed",
        "separation": ["requester"],
        "expires_after_s": 604800,
        **changes,
    }
    return doc if match is None else {**doc, "match": match}


def person(name, *groups, fido=False, since=None, until=None):
    """A person with one key."""
    return {"groups": sorted(groups), "keys": [{"line": line(name, fido), "from": since, "until": until}]}


PEOPLE = {
    "ada": person("ada", "ops"),
    "bob": person("bob", "ops", "security"),
    "cy": person("cy", "ops", "trust"),
    "dan": person("dan", "trust"),
    "eve": person("eve"),
    "gus": person("gus"),
}
BUNDLE = {
    "v": 1,
    "type": "trust",
    "number": 3,
    "site": "acme",
    "environment": "production",
    "made_at": "2026-11-01T00:00:00Z",
    "expires_at": "2027-11-01T00:00:00Z",
    "log": {"origin": f"tidegate/{LOG}", "keys": [line("log")]},
    "people": PEOPLE,
    "rules": [
        rule("two of ops", {"type": ["normal", "standard"]}),
        rule("security too", {"risk": ["high"]}, groups={"security": 1}),
        rule("fire", {"type": ["emergency"]}, groups={}, any_of=["ops", "security"], count=2),
    ],
    "trust_rule": rule("trust", groups={"trust": 2}, separation=[]),
    "login": "deploy",
    "services": {"web": [{"definition": GOOD, "hosts": []}]},
    "programs": ["a" * 64],
    "sources": [],
    "require_presence": False,
    "require_verification": False,
    "countersigned_opens": False,
}


def bundle(**changes):
    """A bundle in which some fields are others."""
    return Bundle.of({**BUNDLE, **changes})


def statement(**changes):
    """An approval for two hosts."""
    hosts = [("web1", UID), ("web2", OTHER_UID)]
    doc = {
        "v": 1,
        "type": "approval",
        "change": "CHG-2026-0007",
        "revision": 1,
        "change_type": "normal",
        "risk": None,
        "service": "web",
        "environment": "production",
        "action": "deploy",
        "artifact": "a" * 64,
        "manifest": "b" * 64,
        "definitions": [DIGEST],
        "plan": "d" * 64,
        "hosts": [{"name": name, "uid": uid, "previous": "absent", "challenge": ""} for name, uid in hosts],
        "window": {"not_before": "2026-11-28T13:00:00Z", "not_after": "2026-11-28T16:00:00Z"},
        "back_for_s": 604800,
        "max_attempts": 3,
        "min_trust": 3,
        "requester": "gus",
        "rules": "e" * 64,
        "reason": "",
    }
    return Statement.of({**doc, **changes})


def by(names, of):
    """The signatures of some people under a statement."""
    return [signed(name, of.data, of.namespace) for name in names]


def wanted(of, by=None):
    """The signature of the requester of a statement, or of somebody else, under its request."""
    request = of.as_request()
    return signed(by or of.requester, request.data, request.namespace)


# --- the log ----------------------------------------------------------------------------------------------------------


def log_of(size, kind="grant", body=None, second=None, said="other"):
    """The documents of a log whose last entry is of some kind."""
    documents = grown(made(2), size, said)
    if body is None:
        return documents
    moment = at(size if second is None else second)
    return [*documents, entries.compose(size, entries.leaf(documents[-1]), moment, kind, "ada@ops1", body)]


def seen_of(documents):
    """What a host keeps that has seen a log at this size."""
    return Seen(len(documents), merkle.root_of(map(merkle.leaf_hash, documents)), "") if documents else Seen()


def body(of, hosts=None, **changes):
    """What a grant says."""
    return {
        "statement": of.id,
        "service": "web",
        "wave": 0,
        "hosts": {UID: CHALLENGE, OTHER_UID: "d" * 64} if hosts is None else hosts,
        "lease_until": "2026-11-28T13:30:00Z",
        **changes,
    }


def shown(documents, index=-1, since=0, key="log", log=LOG):
    """An entry of a log with its proofs, as it travels to a host."""
    tree = merkle.Tree(map(merkle.leaf_hash, documents))
    index = index % len(documents)
    frontier = merkle.Frontier()
    for document in documents:
        frontier.append(merkle.leaf_hash(document))
    made = checkpoint.of(f"tidegate/{log}", at(len(documents)), frontier)
    note = checkpoint.Note(made, signed(key, made.text(), checkpoint.NAMESPACE))
    return {
        "entry": base64.b64encode(documents[index]).decode(),
        "inclusion": [node.hex() for node in tree.inclusion(index)],
        "checkpoint": note.data().decode(),
        "consistency": [node.hex() for node in tree.consistency(since)] if since else [],
        "from": since,
    }


def logged(documents, **more):
    """The same, read."""
    return Logged.parse(shown(documents, **more))
