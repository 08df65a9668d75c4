# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints: notes of one form, parsed strictly."""

from __future__ import annotations

import re

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint, merkle

from .made_log import made, note_of

NOTE = note_of(made(5))
DATA = NOTE.data()
LINES = DATA.split(b"\n")


def line(number, new):
    lines = list(LINES)
    lines[number] = new
    return b"\n".join(lines)


REFUSED = [
    (b"", "not five lines, an empty one and a signature"),
    (DATA.replace(b"\n\n", b"\n"), "not five lines, an empty one and a signature"),
    (line(0, b"elsewhere/" + b"0" * 32), "is not that of a log of Tidegate"),
    (line(1, b"05"), "size '05' is not a number"),
    (line(1, b"4"), "a frontier of 2 hashes does not fit 4 leaves"),
    (line(2, b"A" * 43 + b"="), "root and subtrees do not say the same"),
    (line(2, b"??"), "is not base64"),
    (line(3, b"at noon"), "no time, or no subtrees"),
    (line(4, b"trees"), "no time, or no subtrees"),
    (line(3, LINES[3] + b" "), "no time, or no subtrees"),
    (DATA.replace(b"tidegate", "tid\u00e9gate".encode()), "not ASCII"),
    (DATA + b"x" * checkpoint.MAX_BYTES, "are a checkpoint"),
]


def test_a_note_says_what_it_was_made_of():
    """Five lines, an empty one, and the signature as it was."""
    assert checkpoint.parse(DATA) == NOTE
    assert DATA.startswith(b"tidegate/0123456789abcdef0123456789abcdef\n5\n")
    assert NOTE.checkpoint.root == merkle.root_of(merkle.leaf_hash(document) for document in made(5))
    assert DATA.endswith(b"\n\n" + NOTE.signature.encode())


def test_an_empty_log_has_a_checkpoint_too():
    """Of size 0."""
    assert checkpoint.parse(note_of([]).data()).checkpoint.root == merkle.EMPTY_ROOT


@pytest.mark.parametrize(("data", "message"), REFUSED)
def test_what_is_not_exactly_a_checkpoint_is_refused(data, message):
    """Each message says what is odd."""
    with pytest.raises(ValueError, match=re.escape(message)):
        checkpoint.parse(data)
