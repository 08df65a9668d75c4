# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change file holds, as a JSON Schema. The descriptions are the *expected* of its errors."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.release import CHANGE_ID, SHA256, VERSION
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people_schema import NAME
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import RISKS, TYPES
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.windows_schema import MOMENT, ZONE

TAKE_BACK, PAUSE, KEEP = POLICIES = ("rollback", "pause", "keep")
"""What a rollout that fails does: takes every host back; stops and waits for somebody; stops for good."""

_HOST = {"type": "string", "minLength": 1, "description": "the name of a host"}
_PERSON = {
    "type": "string",
    "pattern": NAME,
    "description": "the name of a person, as tidegate_people has it",
}
_SHA256 = {
    "type": "string",
    "pattern": f"^{SHA256.pattern}$",
    "description": "a SHA-256 digest: 64 hexadecimal digits in lower case",
}

BEFORE, AFTER = TIMES = ("before", "after")
"""When a task that runs once per change runs: before the first wave, or after the last one."""

NONE, UNNEEDED = ("none", "unneeded")
"""Tasks without a way back: the change cannot go back past them; or they may stay when it does."""

_PART = {
    "type": ["string", "object"],
    "minLength": 1,
    "additionalProperties": False,
    "required": ["role"],
    "properties": {
        "role": {"type": "string", "minLength": 1, "description": "the name of a role, or the path of its folder"},
        "tasks_from": {"type": "string", "minLength": 1, "description": "a file in the role's tasks folder"},
    },
    "description": "the path of a task file, relative to the change file, or {role: NAME, tasks_from: FILE}",
}

TASKS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apply", "revert", "check"],
    "properties": {
        "apply": {**_PART, "description": f"what makes the change on a host: {_PART['description']}"},
        "revert": {**_PART, "description": f"what takes it back, or none: {_PART['description']}"},
        "check": {**_PART, "description": f"what says whether it is there: {_PART['description']}"},
    },
    "description": "{apply: FILE, revert: FILE or none, check: FILE}",
}

ONCE: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "on", "apply"],
        "properties": {
            "name": {
                "type": "string",
                "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$",
                "description": "a name of its own: letters, digits, spaces and . _ -, at most 64",
            },
            "when": {"enum": list(TIMES), "description": "before (the first wave) or after (the last one)"},
            "on": _HOST,
            "apply": {**_PART, "description": f"what is done once: {_PART['description']}"},
            "check": {**_PART, "description": f"what says whether it was done: {_PART['description']}"},
            "revert": {
                "enum": [NONE, UNNEEDED],
                "description": "none (there is no way back past it), or unneeded (it may stay when the change goes back)",
            },
        },
        "description": "a mapping with name, on and apply",
    },
    "description": "a list of tasks that run once per change, each with name, on and apply",
}

WINDOW: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "not_before": {**MOMENT, "description": f"the first moment: {MOMENT['description']}"},
        "not_after": {**MOMENT, "description": f"the last moment: {MOMENT['description']}"},
        "zone": ZONE,
    },
    "description": "{not_before: MOMENT, not_after: MOMENT, zone: ZONE}, with at least one of the first two",
}

CHANGE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A change file of Tidegate",
    "description": "a mapping with service, and release and artifact, or tasks, or playbook",
    "type": "object",
    "additionalProperties": False,
    "required": ["service"],
    "properties": {
        "service": {"type": "string", "minLength": 1, "description": "a service that tidegate_services defines"},
        "release": {
            "type": ["string", "integer"],
            "pattern": f"^{VERSION.pattern}$",
            "minimum": 0,
            "description": "a version such as 2.4.0: letters, digits and . _ + -, at most 128",
        },
        "artifact": {
            "type": "object",
            "description": "{file: PATH}, or {url: URL, sha256: DIGEST}",
            "additionalProperties": False,
            "properties": {
                "file": {"type": "string", "minLength": 1, "description": "a path; relative to the change file"},
                "url": {
                    "type": "string",
                    "pattern": "^https?://[^\\s/?#@]+/[^\\s#]+$",
                    "description": "an http or https URL of a file, without user, password and fragment",
                },
                "sha256": _SHA256,
                "size": {"type": "integer", "minimum": 1, "description": "the size of the artifact in bytes"},
                "allow_hosts": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "minLength": 1, "description": "the name of a web server"},
                    "description": "a list of names of web servers that may be asked, redirects included",
                },
                "strip": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 16,
                    "description": "how many leading folders of the archive are left out, from 0 to 16",
                },
            },
        },
        "tasks": TASKS,
        "playbook": {
            "type": "string",
            "minLength": 1,
            "description": "the path of a playbook of your own, relative to the change file",
        },
        "once": ONCE,
        "id": {
            "type": "string",
            "pattern": f"^{CHANGE_ID.pattern}$",
            "description": "the id of a change, such as CHG-2026-0007",
        },
        "title": {
            "type": "string",
            "pattern": "^[^\\x00-\\x1f\\x7f]{1,200}$",
            "description": "one line of at most 200 characters",
        },
        "type": {"enum": list(TYPES), "description": "standard, normal or emergency"},
        "risk": {"enum": list(RISKS), "description": "low, medium or high"},
        "reason": {
            "type": "string",
            "pattern": "^[^\\x00-\\x1f\\x7f]{1,1000}$",
            "description": "why the change is made: one line of at most 1000 characters",
        },
        "author": {**_PERSON, "description": f"who made what is rolled out: {_PERSON['description']}"},
        "requester": {**_PERSON, "description": f"who wants the change: {_PERSON['description']}"},
        "max_runtime": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,8}[smhd]$",
            "description": "for how long a rollout begins new waves, such as 90m, 12h or 7d",
        },
        "hosts": {
            "type": ["array", "string"],
            "minLength": 1,
            "items": _HOST,
            "description": "a list of names of hosts, or an inventory pattern",
        },
        "waves": {
            "type": "array",
            "items": {
                "type": ["integer", "string", "array"],
                "minimum": 1,
                "pattern": "^([0-9]+%|rest)$",
                "items": _HOST,
                "description": 'a number of hosts, a percentage such as "25%", rest, or a list of names of hosts',
            },
            "description": 'sizes such as [1, "25%", rest], or lists of names of hosts',
        },
        "floor": {
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^[0-9]+%$",
            "description": 'how many hosts stay up: a number or a percentage such as "50%"',
        },
        "budget": {"type": "integer", "minimum": 0, "description": "how many hosts may fail: a number, 0 or more"},
        "back_for": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,8}[smhd]$",
            "description": "how long the way back stays open, such as 90m, 12h or 7d",
        },
        "on_failure": {"enum": list(POLICIES), "description": "rollback, pause or keep"},
        "catch_up_for": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,8}[smhd]$",
            "description": "how long hosts that were down can be caught up, such as 90m, 12h or 7d",
        },
        "window": WINDOW,
    },
}
