# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``tidegate_policy`` holds, as a JSON Schema. The descriptions are the *expected* of its errors."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import quorum, rules
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory import elsewhere_schema, windows_schema

RECORDED, COUNTERSIGNED, SIGNED = STRENGTHS = quorum.STRENGTHS
"""How sure an approval is, weakest first: said elsewhere; that, signed by a bridge's key; signed by the person's own."""

REQUESTER, AUTHOR, OPERATOR = DUTIES = rules.DUTIES
"""Who may not approve: whoever wants the change, made what is rolled out, or rolls it out."""

STANDARD, NORMAL, EMERGENCY = TYPES = rules.CHANGE_TYPES
"""Types of changes: routine, with rules of its own; the default; one that cannot wait, and is reviewed afterwards."""

RISKS = rules.RISKS

ALLOW, REFUSE = DOWNGRADES = ("allow", "refuse")
"""What becomes of a change that brings hosts to an older release than they run."""

_DURATION = {"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhd]$", "description": "a time such as 90m, 12h or 7d"}
_COUNT = {"type": "integer", "minimum": 1, "maximum": 20, "description": "a number of people, from 1 to 20"}
GROUP = {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    "description": "the name of a group of tidegate_people",
}


def _list(item: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": item, "description": description}


def _words(words: tuple[str, ...]) -> dict[str, Any]:
    return _list({"enum": list(words), "description": f"one of {', '.join(words)}"}, f"a list of {', '.join(words)}")


_OF_TIMES: dict[str, Any] = windows_schema.MATCH
MATCH: dict[str, Any] = {
    **_OF_TIMES,
    "properties": {**_OF_TIMES["properties"], "type": _words(TYPES), "risk": _words(RISKS)},
    "description": "a mapping with service, environment, type or risk, each a list",
}

RULE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$",
            "description": "a name of its own: letters, digits, spaces and . _ -, at most 64",
        },
        "match": MATCH,
        "groups": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": GROUP,
            "additionalProperties": _COUNT,
            "description": "a mapping from names of groups to how many people of each, such as {ops: 1, security: 1}",
        },
        "any_of": _list(GROUP, "a list of names of groups, of which count people are asked"),
        "count": _COUNT,
        "strength": {"enum": list(STRENGTHS), "description": "recorded, countersigned or signed"},
        "separation": _words(DUTIES),
        "expires_after": _DURATION,
    },
    "description": "a mapping with name, and groups or any_of and count",
}

POLICY: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The policy of a site",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "approvals": {"type": "array", "items": RULE, "description": "a list of rules, each with name and groups"},
        "emergency": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "review_within": {
                    **_DURATION,
                    "description": f"how soon an emergency is reviewed: {_DURATION['description']}",
                }
            },
            "description": "{review_within: TIME}",
        },
        "downgrade": {"enum": list(DOWNGRADES), "description": "allow or refuse"},
        "zone": windows_schema.ZONE,
        "windows": windows_schema.WINDOWS,
        "freezes": windows_schema.FREEZES,
        "gate": windows_schema.GATE,
        "elsewhere": elsewhere_schema.ELSEWHERE,
    },
    "description": "a mapping with approvals, emergency, downgrade, zone, windows, freezes, gate or elsewhere",
}
