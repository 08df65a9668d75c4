# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of trust are numbered in order and only added to; hosts are enrolled once under one uid."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

PROGRAM = "f" * 64


def entries(store, kind):
    return [entry for entry in store.entries() if entry.kind == kind]


def test_versions_come_in_order(store):
    """A number is neither skipped nor drafted again once another follows it."""
    store.add_trust("production", 1, b'{"n":1}')
    with pytest.raises(Refusal, match="found version 3, expected 2, or 1 again"):
        store.add_trust("production", 3, b'{"n":3}')
    store.add_trust("production", 2, b'{"n":2}')
    with pytest.raises(Refusal, match="found version 1, expected 3, or 2 again"):
        store.add_trust("production", 1, b'{"n":"other"}')
    assert [(row.number, row.document) for row in store.trust("production")] == [(1, b'{"n":1}'), (2, b'{"n":2}')]
    assert store.trust("staging") == []
    assert [entry.body["number"] for entry in entries(store, "trust.made")] == [1, 2]


def test_a_draft_stands_in_for_the_one_before(store):
    """Its signatures are its own, and what it replaced is signed no more."""
    store.add_trust("production", 1, b"{}")
    (first,) = store.trust("production")
    assert store.sign_trust(first, "ada", "SHA256:a", "armored")
    assert not store.sign_trust(first, "ada", "SHA256:a", "armored")
    store.add_trust("production", 1, b"[]")
    (second,) = store.trust("production")
    assert (second.document, second.signatures) == (b"[]", ())
    with pytest.raises(Refusal, match="was drafted again meanwhile"):
        store.sign_trust(first, "bob", "SHA256:b", "armored")
    store.sign_trust(second, "bob", "SHA256:b", "armored")
    assert [one.person for one in store.trust("production")[0].signatures] == ["bob"]
    assert [entry.actor for entry in entries(store, "trust.signed")] == ["ada", "bob"]
    assert "armored" not in str(entries(store, "trust.signed"))


def test_the_ledger_says_what_a_host_enforces_and_by_which_program(store):
    """Each version of trust and each program that it is brought to has an entry, once; another uid ends the one before."""
    told = [("a" * 32, 1, PROGRAM), ("a" * 32, 2, PROGRAM), ("a" * 32, 2, "e" * 64), ("b" * 32, 2, "e" * 64)]
    for uid, trust, program in told:
        assert store.enroll_host("web1", uid, "production", trust, program)
        assert not store.enroll_host("web1", uid, "production", trust, program)
        assert (store.enrolled("web1").uid, store.enrolled("web1").trust) == (uid, trust)

    found = [entry.body for entry in entries(store, "host.enrolled")]
    assert told == [(body["uid"], body["trust"], body["program"]) for body in found]
    assert [None, "a" * 32, "a" * 32, "a" * 32] == [body["before"] for body in found]


def test_a_host_that_came_back_under_another_uid_is_known_by_both(store, clock):
    """Unless it was let go between; also where it comes back as it was before that, from a copy of its disk."""

    def enrolled(name, letter, trust=1):
        clock.turn(1)
        store.enroll_host(name, letter * 32, "production", trust, PROGRAM)
        return store.enrolled(name).before

    assert [None, "a" * 32, "a" * 32] == [enrolled("web1", "a"), enrolled("web1", "b"), enrolled("web1", "b", 2)]
    assert [None, "c" * 32] == [enrolled("web2", "c"), enrolled("web2", "d")]
    store.unenroll_host("web2", "d" * 64)
    assert (enrolled("web2", "e"), enrolled("web1", "a")) == (None, "b" * 32)
    assert {"web1": "a" * 32, "web2": "e" * 32} == {name: row.uid for name, row in store.all_enrolled().items()}


def test_an_unenrolled_host_is_not_enrolled(store):
    """The entry names what was signed for it."""
    store.enroll_host("web1", "a" * 32, "production", 1, PROGRAM)
    assert store.unenroll_host("web1", "d" * 64)
    assert not store.unenroll_host("web1", "d" * 64)
    assert (store.enrolled("web1"), store.all_enrolled()) == (None, {})
    (entry,) = entries(store, "host.unenrolled")
    assert entry.body == {"host": "web1", "uid": "a" * 32, "statement": "d" * 64}
