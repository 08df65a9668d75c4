# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``tidegate_policy.elsewhere`` holds, as a JSON Schema: the systems in which approvals are given, too."""

from __future__ import annotations

from typing import Any

SYSTEMS = ("servicenow", "awx", "gitlab", "github")
LONGEST_S = 300

_NAMES: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "minLength": 1, "description": "a name, in quotes if it looks like a number"},
    "description": "a list of names",
}

_SECRET: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {
        "env": {
            "type": "string",
            "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
            "description": "the name of an environment variable, without $",
        },
        "file": {"type": "string", "pattern": "^/.+", "description": "the absolute path of a file"},
    },
    "description": "{env: NAME} or {file: PATH}, which say where the secret is, never the secret",
}

_COMMON: dict[str, Any] = {
    "url": {"type": "string", "minLength": 1, "description": "the address of its API, such as https://HOST/api"},
    "secret": _SECRET,
    "ca_file": {"type": "string", "pattern": "^/.+", "description": "the absolute path of a file of certificates"},
    "timeout_s": {
        "type": "integer",
        "minimum": 1,
        "maximum": LONGEST_S,
        "description": f"seconds, from 1 to {LONGEST_S}",
    },
}

_WHERE: dict[str, Any] = {
    "projects": {
        "type": "object",
        "additionalProperties": _NAMES,
        "description": "a mapping of services to lists of projects, as in {web: [acme/web]}",
    },
    "environments": {
        "type": "object",
        "additionalProperties": _NAMES,
        "description": "a mapping of environments to lists of what they are called there",
    },
}

_CREATE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "environments": _NAMES,
        "type": {"enum": ["normal", "emergency"], "description": "normal or emergency"},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string", "description": "text; put it in quotes"},
            "description": "a mapping of columns of change_request to their values",
        },
    },
    "description": "a mapping of environments, type and fields",
}


def _system(**more: Any) -> dict[str, Any]:
    properties = {**_COMMON, **more}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["url", "secret"],
        "properties": properties,
        "description": "a mapping with at least url and secret",
    }


ELSEWHERE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "servicenow": _system(
            user={
                "type": "string",
                "minLength": 1,
                "description": "the name of a user; without it the secret is a token",
            },
            create=_CREATE,
        ),
        "awx": _system(),
        "gitlab": _system(**_WHERE),
        "github": _system(**_WHERE),
    },
    "description": f"a mapping of {', '.join(SYSTEMS)}",
}
