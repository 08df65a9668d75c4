# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON: one sequence of bytes per value, and a refusal with its place for all that could be misread."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical


class Text(str):
    """A string as Ansible tags it."""


SAME = [
    ({"b": 1, "a": [True, None, "x"]}, b'{"a":[true,null,"x"],"b":1}'),
    ({"B": 1, "a": 2, "A": 3}, b'{"A":3,"B":1,"a":2}'),
    ("\u00e4\u20ac\U0001f600\n\x01", '"\u00e4\u20ac\U0001f600\\n\\u0001"'.encode()),
    ([2**53 - 1, -(2**53) + 1, 0], b"[9007199254740991,-9007199254740991,0]"),
    ((1, 2), b"[1,2]"),
    (Text("tagged"), b'"tagged"'),
    ({}, b"{}"),
]

ODD = [
    ({"a": [1, 1.5]}, r"\$\.a\[1\]: float is not canonical JSON"),
    ({"a": {"b": 2**53}}, r"\$\.a\.b: integer 9007199254740992 is not below 2\^53"),
    (["x", "\ud800"], r"\$\[1\]: string with a lone surrogate"),
    ({"\u00e4": 1}, r"\$: key '\u00e4' is not an ASCII string"),
    ({1: 1}, r"\$: key 1 is not an ASCII string"),
    ({"a": b"bytes"}, r"\$\.a: bytes is not canonical JSON"),
]

REFUSED = [
    (b'{"a":1,"a":2}', "key 'a' appears twice"),
    (b'{"a":1.0}', "number '1.0' is not an integer"),
    (b'{"a":1e3}', "number '1e3' is not an integer"),
    (b"[NaN]", "number 'NaN' is not an integer"),
    (b'["\\ud800"]', r"\$\[0\]: string with a lone surrogate"),
    (b"[9007199254740992]", r"\$\[0\]: integer 9007199254740992 is not below 2\^53"),
    (b"1 2", "Extra data"),
    (b"", "Expecting value"),
    (b'"\xff"', "utf-8"),
    (b'{"\xc3\xa4":1}', "is not an ASCII string"),
]


def nested(depth):
    """A list in lists."""
    value = []
    for _level in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(("value", "data"), SAME)
def test_bytes_of_a_value(value, data):
    """Keys are sorted, nothing is escaped that need not be, and the digest is of these bytes."""
    assert canonical.dumps(value) == data
    assert canonical.digest(value) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("data", [data for _value, data in SAME])
def test_what_was_written_is_read_back(data):
    """Reading and writing again gives the same bytes."""
    assert canonical.dumps(canonical.loads(data)) == data


def test_the_examples_of_rfc_8785():
    """3.2.2 to 3.2.4, in the subset that cannot be misread: without the floats of one and the non-ASCII names of the other."""
    text = rb"""{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"""
    expected = "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c22737472696e67223a"
    expected += "22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
    assert bytes.fromhex(expected) == canonical.dumps(canonical.loads(text))
    assert b'{"\\r":"Carriage Return","1":"One"}' == canonical.dumps({"1": "One", "\r": "Carriage Return"})
    for name in ("\u20ac", "\ufb33", "\U0001f600", "\u0080", "\u00f6"):
        with pytest.raises(ValueError, match="is not an ASCII string"):
            canonical.dumps({name: ""})
    for number in (b"333333333.33333329", b"1E30", b"4.50", b"2e-3", b"0.000000000000000000000000001"):
        with pytest.raises(ValueError, match="is not an integer"):
            canonical.loads(b'{"numbers":[%b]}' % number)


@pytest.mark.parametrize(("value", "told"), ODD)
def test_what_has_no_canonical_form(value, told):
    """The message names the place."""
    with pytest.raises(ValueError, match=told):
        canonical.dumps(value)


@pytest.mark.parametrize(("data", "told"), REFUSED)
def test_documents_that_could_be_misread(data, told):
    """Whatever two readers may understand differently is refused."""
    with pytest.raises(ValueError, match=told):
        canonical.loads(data)


def test_depth_is_bounded():
    """Up to the limit, and not one deeper, both ways."""
    deepest = nested(canonical.MAX_DEPTH)

    assert canonical.loads(canonical.dumps(deepest)) == deepest
    with pytest.raises(ValueError, match="nested deeper than 64"):
        canonical.dumps([deepest])
    with pytest.raises(ValueError, match="nested deeper than 64"):
        canonical.loads(b"[" * 66 + b"]" * 66)
    with pytest.raises(ValueError, match="nested deeper than 64"):
        canonical.loads(b"[" * 100_000)


def test_size_is_bounded():
    """A document over the limit is not even parsed."""
    with pytest.raises(ValueError, match="document of 12 bytes, at most 10 are read"):
        canonical.loads(b'"0123456789"', max_bytes=10)
