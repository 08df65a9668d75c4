# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``tidegate_policy`` holds about times, and about the gate for any playbook, as parts of its JSON Schema.

The descriptions are the *expected* of its errors.
"""

from __future__ import annotations

from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OF_MONTH = ("first", "second", "third", "fourth", "last")
OBSERVE, ENFORCE = MODES = ("observe", "enforce")
"""What the gate does with a run that is not allowed: writes it down and lets it through, or refuses it."""

_NAME = {
    "type": "string",
    "pattern": "^[^\\x00-\\x1f\\x7f]{1,100}$",
    "description": "one line of at most 100 characters",
}
_REASON = {
    "type": "string",
    "pattern": "^[^\\x00-\\x1f\\x7f]{1,200}$",
    "description": "one line of at most 200 characters",
}
_CLOCK = {
    "type": "string",
    "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
    "description": 'a time of day in quotes, from "00:00" to "23:59"',
}
ZONE = {
    "type": "string",
    "pattern": "^[A-Za-z][A-Za-z0-9+_-]*(/[A-Za-z0-9+_-]+)*$",
    "description": "a time zone such as Europe/Berlin or UTC",
}
_EXACT = "^[^*?!\\[\\]\\x00-\\x1f\\x7f]+$"
"""A pattern would be the name of nothing, and what it is written for would hold for no change."""

MOMENT = {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
    "description": 'a date or a moment in quotes, such as "2026-12-20" or "2026-12-20T18:00"',
}


def _names(what: str) -> dict[str, Any]:
    item = {"type": "string", "pattern": _EXACT, "description": f"the name of one {what}, no pattern"}
    return {"type": "array", "minItems": 1, "items": item, "description": f"a list of names of {what}s"}


def _one_of(words: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"enum": list(words), "description": f"one of {', '.join(words)}"},
        "description": f"a list of {', '.join(words)}, each once",
    }


MATCH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"service": _names("service"), "environment": _names("environment")},
    "description": "a mapping with service or environment, each a list of names",
}

WINDOW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "from", "to"],
    "properties": {
        "name": _NAME,
        "days": _one_of(DAYS),
        "of_month": _one_of(OF_MONTH),
        "from": _CLOCK,
        "to": {**_CLOCK, "description": f"{_CLOCK['description']}; at or before from means the next day"},
        "zone": ZONE,
        "match": MATCH,
    },
    "description": "a mapping with name, from and to",
}

WINDOWS = {"type": "array", "items": WINDOW, "description": "a list of windows, each with name, from and to"}

FREEZE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "from", "until", "reason"],
    "properties": {
        "name": _NAME,
        "from": MOMENT,
        "until": {**MOMENT, "description": f"{MOMENT['description']}; the day of a date is frozen, too"},
        "reason": _REASON,
        "zone": ZONE,
        "match": MATCH,
    },
    "description": "a mapping with name, from, until and reason",
}

FREEZES = {"type": "array", "items": FREEZE, "description": "a list of freezes, each with name, from, until and reason"}

GATE = {"enum": list(MODES), "description": "observe or enforce"}
