# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and signatures of the real ssh-keygen are read to the last byte; whatever else is refused with its code."""

from __future__ import annotations

import base64
import subprocess

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey, Signature

from .ssh_keys import MESSAGE, a_key, blob_of, public, signature_blob, signed, string

SOUND = {
    "ed25519": ("ed25519", 0, "ssh-ed25519"),
    "ecdsa 256": ("ecdsa", 256, "ecdsa-sha2-nistp256"),
    "ecdsa 384": ("ecdsa", 384, "ecdsa-sha2-nistp384"),
    "ecdsa 521": ("ecdsa", 521, "ecdsa-sha2-nistp521"),
    "rsa 3072": ("rsa", 3072, "rsa-sha2-512"),
}
POINT = bytes([9]) + bytes(31)
ED25519 = blob_of(b"ssh-ed25519", POINT)
FIDO = blob_of(b"sk-ssh-ed25519@openssh.com", POINT, b"ssh:")
MADE = blob_of(b"ssh-ed25519", bytes(64))
NAMES = (b"sk-ssh-ed25519@openssh.com", bytes(64))
LOW = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")

# A public vector: key and fingerprint that GitHub publishes for its hosts.
GITHUB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
GITHUB_FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"

SLACK = base64.b64encode(blob_of(b"ecdsa-sha2-nistp256", b"nistp256", b"\x04" + bytes(64))).decode("ascii")


def armored(blob: bytes) -> str:
    text = base64.b64encode(blob).decode("ascii")
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def refused(make, *arguments):
    with pytest.raises(Refusal) as caught:
        make(*arguments)
    return caught.value


@pytest.mark.parametrize(("kind", "bits", "algorithm"), SOUND.values(), ids=SOUND)
def test_what_ssh_keygen_makes_is_read(tmp_path, kind, bits, algorithm):
    """Key and signature come out as they went in, and the fingerprint is the one that ssh-keygen shows."""
    path = a_key(tmp_path, kind, bits)
    text = signed(path)
    key, signature = PublicKey.of_line(public(path)), Signature.parse(text)

    assert key == signature.key
    assert public(path).startswith(key.line)
    assert text == signature.armored
    assert (algorithm, "approval@tidegate") == (signature.algorithm, signature.namespace)
    assert signature.hash_algorithm in ("sha256", "sha512")
    shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{path}.pub"], capture_output=True, check=True, text=True)
    assert key.fingerprint == shown.stdout.split()[1]
    signature.require("approval@tidegate")


def test_a_published_fingerprint():
    """A key that the world knows has the fingerprint that the world knows."""
    assert GITHUB_FINGERPRINT == PublicKey.of_line(GITHUB).fingerprint


def test_the_signed_bytes_are_those_of_the_specification():
    """PROTOCOL.sshsig: the preamble, namespace, reserved, hash and the digest of the message."""
    import hashlib

    signature = Signature.of_blob(signature_blob(ED25519, MADE))
    expected = b"SSHSIG" + blob_of(b"approval@tidegate", b"", b"sha512", hashlib.sha512(MESSAGE).digest())
    assert expected == signature.signed_bytes(MESSAGE)


def test_fido_flags_are_read():
    """Presence, verification and counter of a FIDO signature are told apart."""
    made = blob_of(*NAMES) + b"\x05" + (7).to_bytes(4, "big")
    signature = Signature.of_blob(signature_blob(FIDO, made))

    assert signature.key.fido
    assert (True, True, 7) == (signature.present, signature.verified, signature.counter)


def test_a_fido_signature_without_a_touch_is_refused():
    """A key that was made with no-touch-required signs for whoever holds the machine."""
    signature = Signature.of_blob(signature_blob(FIDO, blob_of(*NAMES) + b"\x00" + bytes(4)))

    assert "PRESENCE" == refused(signature.require, "approval@tidegate").code


@pytest.mark.parametrize("namespace", ["file", "git", "approval@tidegate2", "request@tidegate"])
def test_another_use_is_refused(tmp_path, namespace):
    """A signature that somebody gave for something else is no approval, whatever it is of."""
    signature = Signature.parse(signed(a_key(tmp_path), MESSAGE, namespace))

    error = refused(signature.require, "approval@tidegate")
    assert "NAMESPACE" == error.code
    assert repr(namespace) in error.message


BAD_KEYS = {
    "empty": ("", "SIG_INVALID", "no public key"),
    "two lines": (f"{GITHUB}\n{GITHUB}", "SIG_INVALID", "no public key"),
    "a wildcard": (f"*@example.org {GITHUB}", "ALG", "'*@example.org'"),
    "cert-authority": (f"cert-authority {GITHUB}", "ALG", "certificate"),
    "a certificate": (f"ssh-ed25519-cert-v01@openssh.com {GITHUB.split()[1]}", "ALG", "certificate"),
    "options": (f'namespaces="file" {GITHUB}', "ALG", "kind of key"),
    "dsa": ("ssh-dss AAAAB3NzaC1kc3MAAAA=", "ALG", "'ssh-dss'"),
    "no base64": ("ssh-ed25519 ????", "SIG_INVALID", "cannot be read"),
    "base64 in two ways": (
        f"ecdsa-sha2-nistp256 {SLACK[:-2]}{chr(ord(SLACK[-2]) + 1)}=",
        "SIG_INVALID",
        "more than one",
    ),
    "another kind inside": (f"ssh-rsa {GITHUB.split()[1]}", "SIG_INVALID", "with the bytes of ssh-ed25519"),
    "escapes": (f"{GITHUB} \x1b[2J", "SIG_INVALID", "no public key"),
}


@pytest.mark.parametrize(("text", "code", "says"), BAD_KEYS.values(), ids=BAD_KEYS)
def test_lines_that_are_no_plain_keys(text, code, says):
    """Patterns, options, certificates and old kinds are refused by name."""
    error = refused(PublicKey.of_line, text)
    assert code == error.code
    assert says in error.message
    assert "\x1b" not in error.message


RSA_3072 = (1 << 3071) + 1
BAD_BLOBS = {
    "cut": (ED25519[:-1], "SIG_INVALID"),
    "more behind": (ED25519 + b"\x00", "SIG_INVALID"),
    "length beyond the end": (b"\xff\xff\xff\xff" + ED25519, "SIG_INVALID"),
    "low order": (blob_of(b"ssh-ed25519", LOW), "ALG"),
    "low order with the other sign": (blob_of(b"ssh-ed25519", LOW[:-1] + bytes([LOW[-1] | 0x80])), "ALG"),
    "not below the field": (blob_of(b"ssh-ed25519", (2**255 - 19 + 9).to_bytes(32, "little")), "ALG"),
    "rsa 2048": (blob_of(b"ssh-rsa", b"\x01\x00\x01", b"\x00" + ((1 << 2047) + 1).to_bytes(256, "big")), "ALG"),
    "rsa with exponent 3": (blob_of(b"ssh-rsa", b"\x03", b"\x00" + RSA_3072.to_bytes(384, "big")), "ALG"),
    "rsa with a long number": (
        blob_of(b"ssh-rsa", b"\x00\x01\x00\x01", b"\x00" + RSA_3072.to_bytes(384, "big")),
        "SIG_INVALID",
    ),
    "negative rsa": (blob_of(b"ssh-rsa", b"\x01\x00\x01", RSA_3072.to_bytes(384, "big")), "SIG_INVALID"),
    "another curve": (blob_of(b"ecdsa-sha2-nistp256", b"nistp384", b"\x04" + bytes(96)), "SIG_INVALID"),
    "compressed point": (blob_of(b"ecdsa-sha2-nistp256", b"nistp256", b"\x02" + bytes(64)), "SIG_INVALID"),
    "fido of the web": (blob_of(b"sk-ssh-ed25519@openssh.com", POINT, b"webauthn.io"), "SIG_INVALID"),
}


@pytest.mark.parametrize(("blob", "code"), BAD_BLOBS.values(), ids=BAD_BLOBS)
def test_blobs_that_are_no_sound_keys(blob, code):
    """Weak, cut, stretched and oddly written keys never become one."""
    assert code == refused(PublicKey.of_blob, blob).code


GOOD = armored(signature_blob(ED25519, MADE))
BAD_SIGNATURES = {
    "junk behind": (f"{GOOD}junk\n", "SIG_INVALID"),
    "blank line behind": (f"{GOOD}\n", "SIG_INVALID"),
    "junk before": (f"x\n{GOOD}", "SIG_INVALID"),
    "two": (GOOD + GOOD, "SIG_INVALID"),
    "carriage returns": (GOOD.replace("\n", "\r\n"), "SIG_INVALID"),
    "nothing inside": ("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n", "SIG_INVALID"),
    "bytes behind": (armored(signature_blob(ED25519, MADE) + b"\x00"), "SIG_INVALID"),
    "bytes behind the inner one": (armored(signature_blob(ED25519, MADE + b"\x00")), "SIG_INVALID"),
    "version 2": (armored(signature_blob(ED25519, MADE, magic=b"SSHSIG\x00\x00\x00\x02")), "SIG_INVALID"),
    "another magic": (armored(signature_blob(ED25519, MADE, magic=b"SSHSIX\x00\x00\x00\x01")), "SIG_INVALID"),
    "reserved": (armored(signature_blob(ED25519, MADE, reserved=b"x")), "SIG_INVALID"),
    "no namespace": (armored(signature_blob(ED25519, MADE, namespace=b"")), "NAMESPACE"),
    "a namespace with an escape": (armored(signature_blob(ED25519, MADE, namespace=b"a\x1b")), "NAMESPACE"),
    "sha1": (armored(signature_blob(ED25519, MADE, hash_name=b"sha1")), "ALG"),
    "rsa with sha1": (
        armored(
            signature_blob(
                blob_of(b"ssh-rsa", b"\x01\x00\x01", b"\x00" + RSA_3072.to_bytes(384, "big")),
                blob_of(b"ssh-rsa", bytes(384)),
            )
        ),
        "ALG",
    ),
    "algorithm of another key": (armored(signature_blob(ED25519, blob_of(b"rsa-sha2-512", bytes(64)))), "ALG"),
    "certificate as key": (
        armored(signature_blob(blob_of(b"ssh-ed25519-cert-v01@openssh.com", POINT), MADE)),
        "ALG",
    ),
    "a second form of the same signature": (
        armored(signature_blob(ED25519, blob_of(b"ssh-ed25519", bytes(32) + b"\xff" * 32))),
        "SIG_INVALID",
    ),
    "fido without its flags": (armored(signature_blob(FIDO, blob_of(*NAMES))), "SIG_INVALID"),
    "too long": ("x" * 20000, "SIG_INVALID"),
}


@pytest.mark.parametrize(("text", "code"), BAD_SIGNATURES.values(), ids=BAD_SIGNATURES)
def test_texts_that_are_no_one_signature(text, code):
    """Nothing around it, nothing left over, nothing weak, one form only."""
    assert code == refused(Signature.parse, text).code


def test_the_good_one_is_good():
    """The rows above fail for what they say, and not all alike."""
    assert Signature.parse(GOOD).armored == GOOD
    assert string(b"ab") == b"\x00\x00\x00\x02ab"
