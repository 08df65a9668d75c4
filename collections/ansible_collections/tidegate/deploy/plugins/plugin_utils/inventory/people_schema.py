# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``tidegate_people`` holds, as a JSON Schema. The descriptions are the *expected* of its errors."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import GROUP

NAME = "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$"
"""Exactly one person: no pattern, no list, no negation."""

SYSTEMS = ("login", "servicenow", "awx", "gitlab", "github")
"""Where people have accounts; login is the user who runs ansible-playbook."""

_TIME = {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$",
    "description": 'a day such as "2026-11-28" or a time such as "2026-11-28T13:00:00Z", in UTC and in quotes',
}
_WHO = {"type": "string", "pattern": NAME, "description": "the name of one of tidegate_people"}


def _object(description: str, properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": items, "description": description}


KEY = _object(
    "a mapping with key, and from and until where it is not for ever",
    {
        "key": {"type": "string", "description": "the line of a .pub file, such as ssh-ed25519 AAAA… name"},
        "from": _TIME,
        "until": _TIME,
    },
    required=("key",),
)

ABSENCE = _object(
    "a mapping with from, until and deputy", {"from": _TIME, "until": _TIME, "deputy": _WHO}, required=("from", "until")
)

PERSON = _object(
    "a mapping with groups and keys",
    {
        "name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "what the person is called"},
        "groups": _list(GROUP, "a list of names of groups"),
        "keys": _list(KEY, "a list of public keys"),
        "absent": _list(ABSENCE, "a list of times in which the person is away"),
        "accounts": _object(
            f"a mapping of {', '.join(SYSTEMS)} to the person's name there",
            {
                system: {"type": "string", "minLength": 1, "maxLength": 200, "description": "the person's name there"}
                for system in SYSTEMS
            },
        ),
    },
)

PEOPLE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The people of a site",
    "type": "object",
    "propertyNames": {
        "pattern": NAME,
        "description": "the name of exactly one person: letters, digits and . _ @ + -, no pattern",
    },
    "additionalProperties": PERSON,
    "description": "a mapping of names of people to their groups and keys",
}
