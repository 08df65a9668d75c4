# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves are what was asked for, within floor and failure domains, or a refusal that names the place."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.sequence.waves import Member, floor_of, plan_waves


def fleet(*names):
    """Members from words such as ``w1`` or ``w1@a``, the domain behind the @."""
    return [Member(name, domain or None) for name, _at, domain in (word.partition("@") for word in names)]


def text(waves):
    """Waves as one readable line."""
    return " | ".join(" ".join(wave) for wave in waves.waves)


ONE = fleet("w1")
TWO = fleet("w1", "w2")
EIGHT = fleet(*(f"w{number}" for number in range(1, 9)))
TWO_RACKS = fleet("a1@a", "b1@b", "a2@a", "b2@b", "a3@a", "b3@b", "a4@a", "b4@b")
THREE_RACKS = fleet("a1@a", "a2@a", "b1@b", "b2@b", "c1@c", "c2@c")

GOOD = {
    "one host": (ONE, None, None, "w1", 0),
    "two hosts": (TWO, None, None, "w1 | w2", 1),
    "defaults": (EIGHT, None, None, "w1 | w2 w3 | w4 w5 w6 w7 | w8", 4),
    "defaults written out": (EIGHT, [1, "25%", "rest"], None, "w1 | w2 w3 | w4 w5 w6 w7 | w8", 4),
    "a quarter is of all hosts, rounded up": (fleet(*"abcde"), [1, "25%", "rest"], None, "a | b c | d e", 2),
    "a high floor splits percentages": (fleet(*"abcd"), ["50%", "rest"], 3, "a | b | c | d", 3),
    "a number may ask for more than is left": (TWO, [1, 5], 0, "w1 | w2", 0),
    "sizes that nothing is left for": (ONE, [1, "25%", "rest"], None, "w1", 0),
    "a floor of 0": (EIGHT, ["rest"], 0, "w1 w2 w3 w4 w5 w6 w7 w8", 0),
    "a floor in percent is rounded up": (fleet(*"abc"), ["rest"], "50%", "a | b | c", 2),
    "one domain is no domain rule": (fleet("a@x", "b@x"), ["rest"], 0, "a b", 0),
    "one domain at a time": (TWO_RACKS, None, None, "a1 | a2 a3 | b1 b2 b3 b4 | a4", 4),
    "a number takes the domain that has enough": (TWO_RACKS, [1, 4, "rest"], None, "a1 | b1 b2 b3 b4 | a2 a3 a4", 4),
    "two of three domains at once": (THREE_RACKS, ["rest"], 0, "a1 a2 b1 b2 | c1 c2", 0),
    "hosts without a label are one domain": (fleet("a", "b", "c@x"), ["rest"], 0, "a b | c", 0),
    "lists": (EIGHT[:3], [["w3"], ["w1", "w2"]], None, "w3 | w1 w2", 1),
    "lists across domains": (THREE_RACKS, [["a1", "b1"], ["a2", "c1"], ["b2", "c2"]], None, "a1 b1 | a2 c1 | b2 c2", 3),
}


@pytest.mark.parametrize(("members", "spec", "floor", "waves", "kept"), GOOD.values(), ids=GOOD)
def test_waves(members, spec, floor, waves, kept):
    """Each case of sizes, floors, domains and lists gives exactly these waves."""
    found = plan_waves(members, spec, floor)

    assert (waves, kept) == (text(found), found.floor)


BAD = {
    "no hosts": ([], None, None, "HOSTS", "the change has no hosts"),
    "a host twice": (fleet("a", "b", "a"), None, None, "HOSTS", "hosts named twice: a"),
    "no sizes": (TWO, [], None, "WAVES", "waves: found an empty list"),
    "sizes and lists": (TWO, [1, ["w2"]], None, "WAVES", "sizes and lists of hosts side by side"),
    "overlap": (TWO, [["w1"], ["w1", "w2"]], 0, "WAVES", "waves overlap: w1 is in waves[0] and waves[1]"),
    "twice in one wave": (TWO, [["w1", "w1"], ["w2"]], 0, "WAVES", "waves overlap: w1 is in waves[0]"),
    "host in no wave": (EIGHT[:3], [["w1"]], None, "WAVES", "waves: w2, w3 in no wave"),
    "stranger": (TWO, [["w1"], ["w2", "w9"]], None, "WAVES", "waves[1]: w9 not among the hosts of the change"),
    "empty wave": (TWO, [["w1", "w2"], []], 0, "WAVES", "waves[1]: found an empty wave"),
    "list breaks the floor": (TWO, [["w1", "w2"]], None, "WAVES", "waves[0]: 2 hosts at once (w1, w2) leave 0 up"),
    "list takes all domains": (fleet("a@x", "b@y"), [["a", "b"]], 0, "WAVES", "lie in all failure domains (x, y)"),
    "list takes all domains, one without label": (fleet("a@x", "b"), [["a", "b"]], 0, "WAVES", "(x, (no label))"),
    "number breaks the floor": (
        EIGHT,
        [5, "rest"],
        None,
        "WAVES",
        "waves[0]: found 5 hosts at once, expected at most 4",
    ),
    "number takes all domains": (
        TWO_RACKS,
        [1, 5],
        0,
        "WAVES",
        "expected at most 4, because one of the failure domains",
    ),
    "sizes miss hosts": (EIGHT, [1, "25%"], None, "WAVES", 'take 3 of 8 hosts; end the list with "rest"'),
    "rest in the middle": (EIGHT, ["rest", 1], None, "WAVES", 'waves[0]: "rest" leaves nothing'),
    "0 hosts": (EIGHT, [0, "rest"], None, "WAVES", "waves[0]: found 0, expected at least 1 host"),
    "a boolean": (EIGHT, [True, "rest"], None, "WAVES", "waves[0]: found True"),
    "0%": (EIGHT, ["0%", "rest"], None, "WAVES", "waves[0]: found '0%', expected a whole percentage from 1% to 100%"),
    "101%": (EIGHT, ["101%"], None, "WAVES", "from 1% to 100%"),
    "a word": (EIGHT, ["some"], None, "WAVES", "waves[0]: found 'some'"),
    "floor is all": (TWO, None, 2, "WAVES", "floor: 2 of 2 host(s) must stay up, so no host may go down"),
    "floor of the only host": (ONE, None, 1, "WAVES", "expected a floor from 0 to 0"),
    "floor of 100%": (EIGHT, None, "100%", "WAVES", "floor: 100% of 8 host(s)"),
    "floor of 101%": (EIGHT, None, "101%", "WAVES", "floor: found '101%', expected a whole percentage from 0% to 100%"),
}


@pytest.mark.parametrize(("members", "spec", "floor", "code", "message"), BAD.values(), ids=BAD)
def test_refusals(members, spec, floor, code, message):
    """What cannot be kept is refused, with its place, what was found and what was expected."""
    with pytest.raises(Refusal) as caught:
        plan_waves(members, spec, floor)

    assert code == caught.value.code
    assert message in caught.value.message


def test_a_refusal_names_the_file():
    """What a change file asked for is refused in its name."""
    with pytest.raises(Refusal, match=r"^WAVES: changes/web.yml: waves overlap: w1 is in waves\[0\] and waves\[1\]"):
        plan_waves(TWO, [["w1"], ["w1", "w2"]], 0, "changes/web.yml")


def test_questions():
    """A sequence knows its canary and the order of all hosts."""
    waves = plan_waves(EIGHT[:3], [["w3"], ["w1", "w2"]])

    assert ("w3",) == waves.canary
    assert ("w3", "w1", "w2") == waves.order


def test_floor_of():
    """The floor is half of the hosts, rounded down, unless somebody says otherwise."""
    assert [0, 1, 1, 2, 2] == [floor_of(total) for total in (1, 2, 3, 4, 5)]
    assert [0, 2, 4] == [floor_of(5, floor) for floor in (0, "25%", "80%")]
