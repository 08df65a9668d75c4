# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever strangers hand in as a key, a signature or a statement is read whole or refused, in bounded time."""

from __future__ import annotations

import base64

from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import KINDS, PublicKey, Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement

ED25519 = bytes.fromhex("0000000b7373682d6564323535313900000020") + bytes([9]) + bytes(31)
POINT = ED25519[-32:]
WORDS = st.sampled_from(
    [
        *(kind.encode() for kind in KINDS),
        *(b"nistp256", b"nistp521", b"sha256", b"sha512", b"sha1", b"ssh:", b"", b"approval@tidegate", b"rsa-sha2-512"),
        *(POINT, ED25519, bytes(64), b"\x01\x00\x01", b"\x04" + bytes(64)),
    ]
)


def string(data):
    return len(data).to_bytes(4, "big") + data


PARTS = st.lists(WORDS | st.binary(max_size=70), max_size=8).map(lambda parts: b"".join(map(string, parts)))
BLOBS = st.binary(max_size=300) | PARTS | PARTS.map(lambda parts: b"SSHSIG\x00\x00\x00\x01" + parts)
GOOD = b"SSHSIG\x00\x00\x00\x01" + b"".join(
    map(string, (ED25519, b"approval@tidegate", b"", b"sha512", string(b"ssh-ed25519") + string(bytes(64))))
)
DOC = {
    "v": 1,
    "type": "approval",
    "change": "CHG-2026-0007",
    "revision": 1,
    "change_type": "normal",
    "risk": None,
    "service": "web",
    "environment": "production",
    "action": "deploy",
    "artifact": None,
    "manifest": "b" * 64,
    "definitions": ["c" * 64],
    "plan": "d" * 64,
    "hosts": [{"name": "web1", "uid": "", "previous": "absent", "challenge": ""}],
    "window": None,
    "back_for_s": 1,
    "max_attempts": 1,
    "min_trust": 0,
    "requester": "",
    "rules": None,
    "reason": "",
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def read_or_refused(read, data):
    """What was read, or None; any other error than ours fails the test."""
    try:
        return read(data)
    except Refusal:
        return None


@given(BLOBS)
@example(GOOD)
def test_blobs(blob):
    """A key or signature that was read is made of exactly these bytes, and is read again from its text."""
    key = read_or_refused(PublicKey.of_blob, blob)
    if key is not None:
        assert blob == key.blob
        assert key == PublicKey.of_line(key.line)
    signature = read_or_refused(Signature.of_blob, blob)
    if signature is not None:
        assert blob == signature.blob
        assert signature == Signature.parse(signature.armored)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_any_other_byte_is_another_signature_or_none(at, value):
    """No byte is passed over: each that is changed is refused or seen."""
    other = GOOD[:at] + bytes([value]) + GOOD[at + 1 :]
    signature = read_or_refused(Signature.of_blob, other)
    if signature is not None and other != GOOD:
        assert signature != Signature.of_blob(GOOD)


@given(st.text(max_size=200) | BLOBS.map(lambda blob: base64.b64encode(blob).decode()), st.sampled_from(KINDS))
def test_texts(text, kind):
    """Lines and armor of anything."""
    read_or_refused(PublicKey.of_line, text)
    read_or_refused(PublicKey.of_line, f"{kind} {text}")
    read_or_refused(Signature.parse, text)
    read_or_refused(Signature.parse, f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n")


@given(st.binary(max_size=300))
def test_bytes_as_statements(data):
    """Any bytes."""
    read_or_refused(Statement.parse, data)


@given(st.sampled_from([*DOC, "more"]), VALUES)
def test_any_value_in_any_field(field, value):
    """A statement that was read is its own canonical form, and each type is signed under its own name."""
    statement = read_or_refused(Statement.of, {**DOC, field: value})
    if statement is not None:
        assert canonical.dumps(statement.doc) == statement.data
        assert f"{statement.type}@tidegate" == statement.namespace
