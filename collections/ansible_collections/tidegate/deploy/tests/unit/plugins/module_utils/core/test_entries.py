# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of the ledger: composed canonically, parsed strictly, of known kinds, and never with free text."""

from __future__ import annotations

import hashlib
import re
import typing

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import entries

AT = "2026-11-28T13:00:00.000000Z"
GOOD = entries.compose(0, entries.NO_ENTRY, AT, "change.planned", "ada@ops1", {"revision": 1}, "CHG-2026-0001")

REFUSED = [
    (GOOD.replace(b'"index":0', b'"index":0,"index":0'), "key 'index' appears twice"),
    (GOOD.replace(b'"index":0', b'"index":0.0'), "number '0.0' is not an integer"),
    (GOOD.replace(b'"revision":1', b'"revision":NaN'), "number 'NaN' is not an integer"),
    (GOOD.replace(b'"revision":1', b'"revision":9007199254740992'), "is not below 2^53"),
    (GOOD.replace(b"ada", b"\\ud800"), "lone surrogate"),
    (GOOD.replace(b"ada", "a\u0308da".encode()), "a text that is not normalized (NFC)"),
    (GOOD.replace(b"ada", b"\\u0061da"), "not in canonical form"),
    (GOOD.replace(b'"index":0', b'"index": 0'), "not in canonical form"),
    (GOOD + b"\n", "not in canonical form"),
    (GOOD + b"{}", "Extra data"),
    (GOOD.replace(b'"index":0', b'"index":-1'), "index -1 is not a number from 0 on"),
    (GOOD.replace(b'"index":0', b'"index":false'), "index False is not a number from 0 on"),
    (GOOD.replace(b'"index"', b'"indez"'), "an entry has exactly the fields"),
    (GOOD.replace(b"0" * 64, b"0" * 63), "is not a SHA-256 in hexadecimal"),
    (GOOD.replace(b".000000Z", b"Z"), "is not a moment"),
    (GOOD.replace(b"change.planned", b"change.forgot"), "kind 'change.forgot' is not known"),
    (GOOD.replace(b'"ada@ops1"', b"7"), "actor is not a text"),
    (GOOD.replace(b'"CHG-2026-0001"', b"7"), "change is neither a text nor null"),
    (GOOD.replace(b'{"revision":1}', b"[1]"), "body is not an object"),
    (GOOD.replace(b"ada", b"a" * entries.MAX_BYTES), "at most 16384 are an entry"),
    (b"[]", "an entry has exactly the fields"),
    (b"", "Expecting value"),
]


def test_an_entry_says_what_it_was_made_of():
    """Parsed back, field by field; its leaf is the hash of RFC 6962."""
    found = entries.parse(GOOD)
    assert found == (0, entries.NO_ENTRY, AT, "change.planned", "ada@ops1", "CHG-2026-0001", {"revision": 1})
    assert entries.leaf(GOOD) == hashlib.sha256(b"\x00" + GOOD).hexdigest()


def test_texts_are_normalized():
    """Two ways to write one letter are one entry."""
    found = entries.parse(entries.compose(0, entries.NO_ENTRY, AT, "run.ended", "A\u0308da", {"o": ["u\u0308"]}))
    assert (found.actor, found.body) == ("\u00c4da", {"o": ["\u00fc"]})


@pytest.mark.parametrize(("document", "message"), REFUSED)
def test_what_is_not_exactly_an_entry_is_refused(document, message):
    """Each message says what is odd."""
    with pytest.raises(ValueError, match=re.escape(message)):
        entries.parse(document)


def test_an_unknown_kind_is_not_composed():
    """The table of kinds is closed."""
    with pytest.raises(ValueError, match=r"kind 'run\.danced' is not known"):
        entries.compose(0, entries.NO_ENTRY, AT, "run.danced", "ada", {})


def test_free_text_is_a_digest():
    """None stays none."""
    assert entries.digest_of("secret") == hashlib.sha256(b"secret").hexdigest()
    assert entries.digest_of("lone \ud800") == hashlib.sha256(b"lone ?").hexdigest()
    assert entries.digest_of(None) is None


def test_the_fields_are_those_of_the_tuple():
    """One list of fields, not two."""
    assert set(typing.get_type_hints(entries.Entry)) == {
        "index",
        "previous",
        "at",
        "kind",
        "actor",
        "change",
        "body",
    }
