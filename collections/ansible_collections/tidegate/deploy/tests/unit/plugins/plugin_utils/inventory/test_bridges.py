# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges stand beside people and are none of them; each mistake in them is named with its path."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import with_bridges
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People

from .test_people import NOW, a_line, ada

PLACE = "tidegate_bridges of host localhost"
PEOPLE = People.of({"ada": ada(accounts={"awx": "ada"})})


def a_bridge(number=10, **more):
    return {"systems": ["servicenow"], "keys": [{"key": a_line(number)}], **more}


def test_a_bridge_has_systems_and_keys_with_dates_and_is_nobody():
    """It is not among the people, their keys or the members of a group."""
    entry = {"systems": ["servicenow", "awx"], "keys": [{"key": a_line(10), "until": "2026-12-01"}]}
    people = with_bridges(PEOPLE, {"board": entry}, PLACE)
    [bridge] = people.bridges
    assert ("board", {"servicenow", "awx"}) == (bridge.name, bridge.systems)
    [(fingerprint, span)] = bridge.keys.items()
    assert span.holds(NOW)
    assert people.of_key(fingerprint) is None
    assert fingerprint not in people.keys
    assert a_line(10) == people.bridge_keys[fingerprint].line
    assert (PEOPLE.by_name, PEOPLE.members(NOW, "signed")) == (people.by_name, people.members(NOW, "signed"))


def test_a_site_without_the_variable_has_none():
    """And that is no error."""
    assert () == with_bridges(PEOPLE, None).bridges


WRONG = {
    "a list": (["board"], "the document: found a list of 1, expected a mapping of names of bridges"),
    "a pattern": ({"*": a_bridge()}, "the name '*', expected the name of exactly one bridge"),
    "no system": ({"board": a_bridge(systems=[])}, "board.systems: "),
    "an unknown system": ({"board": a_bridge(systems=["jira"])}, "expected one of servicenow, awx, gitlab, github"),
    "a login": ({"board": a_bridge(systems=["login"])}, "expected one of servicenow, awx, gitlab, github"),
    "no keys": ({"board": {"systems": ["awx"]}}, "board.keys: found nothing, expected a list of public keys"),
    "groups": ({"board": a_bridge(groups=["ops"])}, "board.groups: found an unknown key"),
    "a weak key": (
        {"board": a_bridge(keys=[{"key": "ssh-dss AAAA"}])},
        "board.keys[0].key: found the kind of key 'ssh-dss'",
    ),
    "a certificate": (
        {"board": a_bridge(keys=[{"key": f"cert-authority {a_line(10)}"}])},
        "board.keys[0].key: found a certificate",
    ),
    "no such day": (
        {"board": a_bridge(keys=[{"key": a_line(10), "until": "2026-02-30"}])},
        "board.keys[0].until: found '2026-02-30', expected a day that there is",
    ),
    "a key of two bridges": ({"board": a_bridge(), "other": a_bridge()}, "which is a key of board, expected a key"),
    "a key of a person": ({"board": a_bridge(9)}, "which is a key of ada, expected a key that is no person's"),
    "the name of a person": (
        {"ada": a_bridge()},
        "ada: found the name of a person of tidegate_people, expected a name of its own",
    ),
}


@pytest.mark.parametrize(("variable", "says"), WRONG.values(), ids=WRONG)
def test_mistakes_are_named_with_their_place(variable, says):
    """One clear error with place, path, what was found and what was expected."""
    with pytest.raises(Refusal) as caught:
        with_bridges(PEOPLE, variable, PLACE)
    assert "DATA" == caught.value.code
    assert caught.value.message.startswith(f"{PLACE}: ")
    assert says in caught.value.message
