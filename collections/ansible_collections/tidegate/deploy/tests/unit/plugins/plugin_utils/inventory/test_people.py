# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People become members with keys and groups, and each mistake in them is named with its path."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import with_bridges
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People

PLACE = "tidegate_people of host localhost"

NOW = datetime(2026, 11, 28, 13, tzinfo=UTC)


def a_line(number, kind=b"ssh-ed25519"):
    """A key that nobody has the private half of."""
    parts = (kind, bytes([number]) + bytes(31))
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"{kind.decode()} {base64.b64encode(blob).decode()}"


def ada(**more):
    return {"groups": ["ops"], "keys": [{"key": a_line(9)}], **more}


def refused(variable):
    with pytest.raises(Refusal) as caught:
        People.of(variable, PLACE)
    assert "DATA" == caught.value.code
    assert caught.value.message.startswith(f"{PLACE}: ")
    return caught.value.message.removeprefix(f"{PLACE}: ")


def test_people_are_found_by_key_account_and_group():
    """A key names its person, an account too, and a group its people."""
    people = People.of(
        {
            "ada": ada(name="Ada Lovelace", accounts={"gitlab": "ada.l", "login": "ada"}),
            "bob": {"groups": ["ops", "security"], "keys": [{"key": f"{a_line(10)} bob at work"}]},
        },
        PLACE,
    )

    assert "ada" == people.of_key(PublicKey.of_line(a_line(9)).fingerprint)
    assert people.of_key(PublicKey.of_line(a_line(11)).fingerprint) is None
    assert "ada" == people.of_account("gitlab", "ada.l")
    assert ("ada (Ada Lovelace)", "bob") == (people.called("ada"), people.called("bob"))
    assert people.of_account("awx", "ada.l") is None
    assert {"ops": ("ada", "bob"), "security": ("bob",)} == dict(people.members(NOW, "signed"))


def test_nobody_is_nobody():
    """A site without the variable has no people, and that is no error."""
    assert {} == People.of(None).by_name


def test_a_day_ends_with_its_last_moment():
    """A key that is valid until a day is valid on that day, in UTC."""
    people = People.of({"ada": ada(keys=[{"key": a_line(9), "from": "2026-01-01", "until": "2026-11-28"}])}, PLACE)
    (span,) = people.by_name["ada"].keys.values()

    assert span.holds(datetime(2026, 11, 28, 23, 59, 59, tzinfo=UTC))
    assert not span.holds(datetime(2026, 11, 29, tzinfo=UTC))
    assert span.holds(datetime(2026, 1, 1, tzinfo=UTC))
    assert not span.holds(datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC))


def test_a_key_under_two_people_is_refused():
    """Whose signature would it be?"""
    message = refused({"ada": ada(), "bob": ada()})
    fingerprint = PublicKey.of_line(a_line(9)).fingerprint
    assert (
        f"bob.keys[0].key: found {fingerprint}, which is a key of ada, expected a key that is nobody else's, once"
        == message
    )


WRONG = {
    "a list": ([], "the document: found an empty list, expected a mapping of names"),
    "wildcard": ({"*": ada()}, "the name '*', expected the name of exactly one person"),
    "pattern": ({"*@example.org": ada()}, "expected the name of exactly one person"),
    "negation": ({"!ada": ada()}, "expected the name of exactly one person"),
    "two names": ({"ada,bob": ada()}, "expected the name of exactly one person"),
    "unknown key": ({"ada": ada(kies=[])}, "ada.kies: found an unknown key, expected one of name, groups, keys"),
    "no key at all": ({"ada": ada(keys=[{}])}, "ada.keys[0].key: found nothing, expected the line of a .pub file"),
    "no key line": (
        {"ada": ada(keys=[{"key": "x"}])},
        "ada.keys[0].key: found no public key in 'x', expected one line",
    ),
    "certificate": (
        {"ada": ada(keys=[{"key": a_line(9, b"ssh-ed25519-cert-v01@openssh.com")}])},
        "ada.keys[0].key: found a certificate (ssh-ed25519-cert-v01@openssh.com), which never counts, expected a plain key: ",
    ),
    "cert-authority": ({"ada": ada(keys=[{"key": f"cert-authority {a_line(9)}"}])}, "found a certificate"),
    "dsa": (
        {"ada": ada(keys=[{"key": "ssh-dss AAAA"}])},
        "found the kind of key 'ssh-dss', which may not sign, expected a plain key: ",
    ),
    "low order": (
        {"ada": ada(keys=[{"key": a_line(1)}])},
        "ada.keys[0].key: found an Ed25519 key that is no proper point",
    ),
    "twice": ({"ada": ada(keys=[{"key": a_line(9)}] * 2)}, "ada.keys[1].key: found SHA256:"),
    "account": (
        {"ada": ada(accounts={"awx": "a"}), "bob": {"accounts": {"awx": "a"}}},
        "bob.accounts.awx: found 'a', the account of ada, expected an account of their own",
    ),
    "no such day": (
        {"ada": ada(keys=[{"key": a_line(9), "until": "2026-02-30"}])},
        "ada.keys[0].until: found '2026-02-30', expected a day that there is",
    ),
    "backwards": (
        {"ada": ada(absent=[{"from": "2026-12-01", "until": "2026-11-28"}])},
        "ada.absent[0].until: found '2026-11-28', expected not before 2026-12-01",
    ),
    "deputy nobody": (
        {"ada": ada(absent=[{"from": "2026-11-28", "until": "2026-12-01", "deputy": "bob"}])},
        "ada.absent[0].deputy: found 'bob', who is nobody here, expected one of ada",
    ),
    "own deputy": (
        {"ada": ada(absent=[{"from": "2026-11-28", "until": "2026-12-01", "deputy": "ada"}])},
        "ada.absent[0].deputy: found the person themselves",
    ),
    "deputies in a circle": (
        {
            "ada": ada(absent=[{"from": "2026-11-28", "until": "2026-12-01", "deputy": "bob"}]),
            "bob": {"absent": [{"from": "2026-12-01", "until": "2026-12-09", "deputy": "ada"}]},
        },
        "ada.absent[0].deputy: found bob, who is absent then, too",
    ),
}


@pytest.mark.parametrize(("variable", "says"), WRONG.values(), ids=WRONG)
def test_mistakes_are_named_with_their_place(variable, says):
    """One clear error with place, path, what was found and what was expected."""
    assert says in refused(variable)


def test_who_can_approve_now():
    """Whoever is absent cannot; their deputy has their groups; a key that has run out is none."""
    people = People.of(
        {
            "ada": ada(absent=[{"from": "2026-11-28", "until": "2026-11-30", "deputy": "bob"}]),
            "bob": {"groups": ["security"], "keys": [{"key": a_line(10)}]},
            "cyd": {"groups": ["ops"], "keys": [{"key": a_line(11), "until": "2026-11-27"}]},
            "dan": {"groups": ["ops"], "accounts": {"awx": "dan"}},
        },
        PLACE,
    )

    assert {"ops": ("bob", "dan"), "security": ("bob",)} == people.members(NOW, "recorded")
    assert {"ops": ("ada", "dan"), "security": ("bob",)} == people.members(
        datetime(2026, 12, 1, tzinfo=UTC), "recorded"
    )


def test_who_can_approve_depends_on_the_strength_that_is_asked_for():
    """Only a key signs, a bridge countersigns what it may vouch for, and to log in to a controller is no approval."""
    people = with_bridges(
        People.of(
            {
                "ada": ada(),
                "bob": {"groups": ["ops"], "accounts": {"awx": "bob"}},
                "cyd": {"groups": ["ops"], "accounts": {"gitlab": "cyd"}},
                "dan": {"groups": ["ops"], "accounts": {"login": "dan"}},
            },
            PLACE,
        ),
        {"board": {"systems": ["awx"], "keys": [{"key": a_line(12)}]}},
    )
    able = {"signed": ("ada",), "countersigned": ("ada", "bob"), "recorded": ("ada", "bob", "cyd")}
    assert able == {strength: people.members(NOW, strength)["ops"] for strength in able}


def test_deputies_who_are_there_may_be_absent_later():
    """Two who stand in for each other at different times make no circle."""
    people = People.of(
        {
            "ada": ada(absent=[{"from": "2026-11-28", "until": "2026-11-30", "deputy": "bob"}]),
            "bob": {"absent": [{"from": "2026-12-01", "until": "2026-12-09", "deputy": "ada"}]},
        },
        PLACE,
    )
    assert people.by_name["ada"].away(datetime(2026, 11, 29, tzinfo=UTC))
