# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridges of a site as it writes them in ``tidegate_bridges``: what may vouch for approvals given in other systems.

What is here has been linted together with the people: a bridge is none of them, and its keys are as strong as theirs and
nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import Bridge
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges_schema import BRIDGES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import VARIABLE as PEOPLE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import (
    People,
    key_problems,
    keys_of,
    public_keys,
    shared_problems,
    time_problems,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import Problem, problems, refuse

VARIABLE = "tidegate_bridges"
WHO = (PEOPLE, VARIABLE)
"""The variables that say who is who."""


def everybody(values: Mapping[str, Any], where: str) -> People:
    """People and bridges.

    Args:
        values: of the variables `WHO`, as `People.of` and `with_bridges` read them.
        where: they are, such as ``of host localhost``.

    Raises:
        Refusal: DATA, naming the place, the path in it, what was found and what was expected.
    """
    people = People.of(values[PEOPLE], f"{PEOPLE} {where}")
    return with_bridges(people, values[VARIABLE], f"{VARIABLE} {where}")


def with_bridges(people: People, variable: Any, place: str = VARIABLE) -> People:
    """People, with the bridges that vouch for what they approve in other systems.

    Args:
        people: of the site.
        variable: the value, templated; it may carry Ansible's tags. None where it is not defined: there is no bridge.
        place: such as ``tidegate_bridges of host localhost``.

    Raises:
        Refusal: DATA, naming the place, the path in it, what was found and what was expected.
    """
    if variable is None:
        return people
    value = plain(variable, place)
    refuse(place, problems(value, BRIDGES) or [*time_problems(value), *key_problems(value)])
    refuse(place, [*shared_problems(value), *_person_problems(value, people)])
    bridges = (Bridge(name, frozenset(entry["systems"]), keys_of(entry)) for name, entry in value.items())
    return replace(people, bridges=tuple(bridges), bridge_keys=public_keys(value))


def _person_problems(value: Mapping[str, Any], people: People) -> Iterator[Problem]:
    """Bridges that are called like a person, or have a person's key."""
    for name, entry in value.items():
        if name in people.by_name:
            yield Problem((name,), f"the name of a person of {people.place}", "a name of its own")
        for index, fingerprint in enumerate(keys_of(entry)):
            owner = people.of_key(fingerprint)
            if owner is not None:
                found = f"{fingerprint}, which is a key of {owner}"
                yield Problem((name, "keys", index, "key"), found, "a key that is no person's")
