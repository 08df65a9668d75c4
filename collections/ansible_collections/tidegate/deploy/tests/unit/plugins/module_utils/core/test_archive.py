# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of an archive are read strictly; the corpus beside `host` tries the rules themselves."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.archive import Limits, Member, Rules
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal


def test_limits_are_read_back_as_they_were() -> None:
    """What a document leaves out has its default."""
    doc = {"max_bytes": 2147483648, "max_entries": 200000, "max_ratio": 200, "max_path": 1024}
    assert Limits.parse({}).doc == doc
    assert Limits.parse({"max_bytes": 5}) == Limits(max_bytes=5)


@pytest.mark.parametrize(
    ("doc", "message"),
    [
        (None, "limits: None found"),
        ({"max_byte": 1}, "expected an object with keys of"),
        ({"max_bytes": 0}, "limits.max_bytes: 0 found, expected a positive integer"),
        ({"max_bytes": True}, "limits.max_bytes: True found"),
        ({"max_ratio": "1"}, "limits.max_ratio: '1' found"),
        ({"max_path": 4096}, "limits.max_path: 4096 found, expected at most 1024"),
    ],
)
def test_wrong_limits_are_refused(doc: Any, message: str) -> None:
    """A limit that does not limit is an error, not a default."""
    with pytest.raises(Refusal) as caught:
        Limits.parse(doc)
    assert caught.value.code == "DATA"
    assert message in caught.value.message


def test_a_refusal_carries_its_facts() -> None:
    """Programs read which member and which limit it was."""
    with pytest.raises(Refusal) as caught:
        Rules(Limits()).admit(Member(b"../x", "file"))
    assert caught.value.facts == {"member": "../x"}
    with pytest.raises(Refusal) as caught:
        Rules(Limits(max_bytes=5)).admit(Member(b"x", "file", size=6))
    assert caught.value.facts == {"member": "x", "limit": "max_bytes", "allowed": 5}


def test_a_refused_member_has_no_place() -> None:
    """After a refusal another member of that name is not a duplicate: nothing was kept of the first."""
    rules = Rules(Limits())
    with pytest.raises(Refusal):
        rules.admit(Member(b"a", "fifo"))
    placement = rules.admit(Member(b"a", "file", mode=0o777))
    assert placement is not None
    assert (placement.path, placement.mode, rules.write_bits_dropped) == ("a", 0o755, 1)


@pytest.mark.parametrize(("output", "bad"), [(1024 * 1024, False), (1024 * 1024 + 1, True)])
def test_the_ratio_counts_from_the_first_mebibyte_on(output: int, bad: bool) -> None:
    """Small archives are padded with zeros by every tar and would look like bombs."""
    rules = Rules(Limits(max_ratio=2))
    if bad:
        with pytest.raises(Refusal, match="at most 2 times as many"):
            rules.expanded(output, 100)
    else:
        rules.expanded(output, 100)


def test_a_negative_strip_is_a_bug_of_the_caller() -> None:
    """Not something that the world did."""
    with pytest.raises(ValueError, match="strip -1 is negative"):
        Rules(Limits(), strip=-1)
