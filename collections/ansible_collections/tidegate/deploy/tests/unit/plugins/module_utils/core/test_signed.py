# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose signatures stand under some bytes: decided by keys, and by nothing that a signature says of itself."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import MOST_SIGNATURES, Signed, voices
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PRESENT, VERIFIED

from .made_trust import NOW, PEOPLE, bundle, line, person, signed, verify

DATA, USE = b"what is signed", "approval@tidegate"
FIDO = {**PEOPLE, "fay": person("fay", "ops", fido=True)}


def heard(signatures, data=DATA, **changes):
    found = voices(data, USE, signatures, bundle(people=FIDO, **changes), NOW, verify)
    return [voice.person for voice in found.voices], [flaw.code for flaw in found.flaws]


HEARD = {
    "two people": ([signed("ada", DATA), signed("bob", DATA)], ["ada", "bob"], []),
    "B06 one signature nine times": ([signed("ada", DATA)] * 9, ["ada"], []),
    "A02 of other bytes": ([signed("ada", b"other")], [], ["SIG_INVALID"]),
    "A03 for another use": ([signed("ada", DATA, "git")], [], ["NAMESPACE"]),
    "A18 a veto": ([signed("ada", DATA, "veto@tidegate")], [], ["NAMESPACE"]),
    "A05 of somebody unknown": ([signed("mallory", DATA)], [], ["KEY"]),
    "of the log": ([signed("log", DATA)], [], ["KEY"]),
    "what is none": (["hello", "", "-----BEGIN SSH SIGNATURE-----"], [], ["SIG_INVALID"] * 3),
    "good among bad": ([signed("eve", b"x"), "hello", signed("bob", DATA)], ["bob"], ["SIG_INVALID"] * 2),
    "a false one before a true one": ([signed("ada", b"x"), signed("ada", DATA)], ["ada"], ["SIG_INVALID"]),
    "H14 nobody touched it": ([signed("fay", DATA, fido=True, flags=0)], [], ["PRESENCE"]),
    "touched": ([signed("fay", DATA, fido=True, flags=PRESENT)], ["fay"], []),
}


@pytest.mark.parametrize(("signatures", "people", "flaws"), HEARD.values(), ids=HEARD)
def test_whose_signatures_are_true(signatures, people, flaws):
    """Each is judged by itself, and what is wrong is told."""
    assert (people, flaws) == heard(signatures)


TOUCHED = {
    "H14 a key that cannot say who is there": ({"require_presence": True}, signed("ada", DATA), ["PRESENCE"]),
    "a FIDO key": ({"require_presence": True}, signed("fay", DATA, fido=True), []),
    "H14 touched by anybody": ({"require_verification": True}, signed("fay", DATA, fido=True), ["PRESENCE"]),
    "H14 known, and not touched": (
        {"require_verification": True},
        signed("fay", DATA, fido=True, flags=VERIFIED),
        ["PRESENCE"],
    ),
    "known and touched": (
        {"require_presence": True, "require_verification": True},
        signed("fay", DATA, fido=True, flags=PRESENT | VERIFIED),
        [],
    ),
}


@pytest.mark.parametrize(("asked", "signature", "flaws"), TOUCHED.values(), ids=TOUCHED)
def test_what_a_bundle_asks_of_keys(asked, signature, flaws):
    """Presence: only FIDO keys count; verification: only those that knew who touched them."""
    assert flaws == heard([signature], **asked)[1]


def test_a_person_with_two_keys_is_one_person():
    """B04: both signatures are true, and counting is by person."""
    two = {**PEOPLE["ada"], "keys": [*PEOPLE["ada"]["keys"], {"line": line("ada2"), "from": None, "until": None}]}
    found = voices(DATA, USE, [signed("ada", DATA), signed("ada2", DATA)], bundle(people={"ada": two}), NOW, verify)
    assert ["ada", "ada"] == [voice.person for voice in found.voices]
    assert 2 == len({voice.key for voice in found.voices})


def test_mathematics_is_asked_once_per_key_and_never_of_strangers():
    """Whoever hands in many signatures does not make a host work for long."""
    asked = []

    def counted(*call):
        asked.append(call)
        return verify(*call)

    many = [*[signed(f"x{number}", DATA) for number in range(30)], *[signed("ada", DATA)] * 30]
    voices(DATA, USE, many, bundle(), NOW, counted)
    assert [line("ada")] == [key for key, *_others in asked]


TEXT = base64.b64encode(DATA).decode()
WRONG = {
    "nothing": (None, "permit: found no mapping"),
    "no statement": ({"signatures": []}, "permit.statement: found something else, expected bytes in base64"),
    "no base64": ({"statement": "ä", "signatures": []}, "permit.statement: found something else"),
    "odd base64": ({"statement": "abc", "signatures": []}, "permit.statement: found something else"),
    "no signatures": ({"statement": TEXT}, "permit.signatures: found something else"),
    "a number": ({"statement": TEXT, "signatures": [1]}, "permit.signatures: found something else"),
    "too many": ({"statement": TEXT, "signatures": [""] * (MOST_SIGNATURES + 1)}, "expected up to 64 signatures"),
}


@pytest.mark.parametrize(("doc", "says"), WRONG.values(), ids=WRONG)
def test_what_is_not_signed(doc, says):
    """What travels is read strictly."""
    with pytest.raises(Refusal) as caught:
        Signed.parse(doc)
    assert "PERMIT" == caught.value.code
    assert says in caught.value.message


def test_what_is_signed_travels_as_it_is():
    """There and back."""
    there = Signed(DATA, (signed("ada", DATA),))
    assert there == Signed.parse(there.doc())
