# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``tidegate_services`` holds, as a JSON Schema. The descriptions are the *expected* of its errors.

Patterns, words and fields come from `core`, which checks single values again when a definition is made of them.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import definition, health, vitals


def _object(description: str, properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def _text(description: str, pattern: str | None = None) -> dict[str, Any]:
    return {
        "type": "string",
        "description": description,
        **({"pattern": f"^{pattern}$"} if pattern else {"minLength": 1}),
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"], "description": f"{schema['description']}, or null"}


_SECONDS = {
    "type": "integer",
    "minimum": 1,
    "maximum": definition.LONGEST_S,
    "description": f"seconds, from 1 to {definition.LONGEST_S}",
}
_USER = _text("the name of a user", definition.USER.pattern)
_URL = _or_null(_text("a URL such as http://127.0.0.1:8080/health", "https?://.+"))
_WAIT = {**_SECONDS, "minimum": 0, "description": f"seconds, from 0 to {definition.LONGEST_S}"}

HOOK = _object(
    "{command: [PROGRAM, ARGUMENT…]}",
    {
        "command": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "description": "text; put it in quotes"},
            "description": "a list: a program (absolute, or relative to the release) and its arguments",
        },
        "user": _or_null(_USER),
        "timeout_s": _SECONDS,
    },
    required=("command",),
)

_PROBE_KEYS = ("name", *health.COMMON)
_PROBE_NEEDS = {
    "url": "a URL such as http://127.0.0.1:8080/health",
    "port": "the number of a port",
    "command": "a list: a program (absolute, or relative to the release) and its arguments",
    "pattern": "a regular expression",
}


def _probe(kind: str) -> dict[str, Any]:
    # that a unit is the service's own unless said otherwise is known here, not in core
    required = tuple(key for key in health.required(kind) if key != "unit")
    keys = dict.fromkeys((*health.KINDS[kind], *_PROBE_KEYS))
    properties = {key: {"description": _PROBE_NEEDS[key]} if key in required else {} for key in keys}
    return _object(f"a mapping of what the {kind} probe asks", properties, required)


def _threshold(key: str) -> dict[str, Any]:
    if isinstance(vitals.DEFAULTS[key], str):
        return {"enum": list(vitals.LEVELS), "description": f"one of {', '.join(vitals.LEVELS)}"}
    return {"type": "integer", "minimum": 0, "description": "a number, 0 or more"}


PROBE = {
    **_object(
        f"a probe: one of {', '.join(health.KINDS)}, as in {{http: {{url: URL}}}}",
        {kind: _probe(kind) for kind in health.KINDS},
    ),
    "minProperties": 1,
    "maxProperties": 1,
}

SERVICE = _object(
    "a mapping that says at least the unit",
    {
        "unit": _text("the systemd unit of the service, such as web.service", definition.UNIT.pattern),
        "root": _text("an absolute path to a folder of its own, such as /opt/web", "/.*"),
        "hosts": _text("an inventory pattern"),
        "owner": _USER,
        "group": _text("the name of a group", definition.USER.pattern),
        "user": _or_null(_USER),
        "start": {"enum": list(definition.STARTS), "description": " or ".join(definition.STARTS)},
        "links": {
            "type": "object",
            "additionalProperties": _text("an absolute path outside the release", "/.*"),
            "description": "a mapping of paths in the release to absolute paths",
        },
        "drain": _or_null(
            _object(
                "{file: PATH} or {drain: HOOK, undrain: HOOK}",
                {
                    "file": _text("an absolute path", "/.*"),
                    "drain": HOOK,
                    "undrain": HOOK,
                    "wait_s": _WAIT,
                    "closes": _URL,
                },
            )
        ),
        "hooks": _object("{before: HOOK, after: HOOK}", {"before": _or_null(HOOK), "after": _or_null(HOOK)}),
        "probes": {
            "type": "array",
            "maxItems": health.MAX_PROBES,
            "items": PROBE,
            "description": f"a list of at most {health.MAX_PROBES} probes",
        },
        "suites": {
            "type": "array",
            "items": _text("the path of a file or folder of tests, from the inventory's folder"),
            "description": "a list of files or folders of tests for pytest-testinfra",
        },
        "limits": _object(f"a mapping of {', '.join(definition.LIMITS)}", dict.fromkeys(definition.LIMITS, _SECONDS)),
        "keep": {
            "type": "integer",
            "minimum": 0,
            "maximum": definition.MAX_KEEP,
            "description": f"how many old releases stay, from 0 to {definition.MAX_KEEP}",
        },
        "floor": {
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^[0-9]+%$",
            "description": 'how many hosts stay up: a number or a percentage such as "50%"',
        },
        "checks": _object(
            "a mapping of thresholds of the pre-checks", {key: _threshold(key) for key in vitals.DEFAULTS}
        ),
    },
    required=("unit",),
)

SERVICES: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The services of Tidegate",
    "description": "a mapping of services",
    "type": "object",
    "propertyNames": {
        "pattern": f"^{definition.SERVICE.pattern}$",
        "description": "a name of lower-case letters, digits and -, at most 63",
    },
    "additionalProperties": SERVICE,
}
