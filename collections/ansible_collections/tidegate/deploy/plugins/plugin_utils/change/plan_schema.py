# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan document holds, as a JSON Schema.

Definitions are checked by `core`, which owns them.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import (
    NONE,
    POLICIES,
    TIMES,
    UNNEEDED,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import RISKS, TYPES

HEX64 = "^[0-9a-f]{64}$"
VERSION = "^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$"


def _object(properties: dict[str, Any], optional: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": {**properties, **(optional or {})},
        **more,
    }


_NAME = {"type": "string", "minLength": 1, "description": "a name"}
_COUNT = {"type": "integer", "minimum": 0, "description": "a number, 0 or more"}
_OPTIONAL_TEXT = {"type": ["string", "null"], "description": "text or null"}
_DIGEST = {"type": "string", "pattern": HEX64, "description": "a SHA-256 digest in lower-case hexadecimal"}
_UID = {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "the uid of an enrolled host"}
_TRUST = {"type": "integer", "minimum": 1, "description": "the number of a version of trust"}
_ANY_OBJECT = {"type": "object"}
_PART = _object({"root": _NAME, "entry": _NAME, "role": {"type": "boolean", "description": "true or false"}})
_OPTIONAL_PART = {**_PART, "type": ["object", "null"]}

PLAN: dict[str, Any] = _object(
    {
        "v": {"const": 1, "description": "1, the version of plans that this version reads"},
        "action": {"enum": ["deploy", "run"], "description": "deploy or run"},
        "service": _NAME,
        "environment": _NAME,
        "title": _OPTIONAL_TEXT,
        "type": {"enum": list(TYPES), "description": "standard, normal or emergency"},
        "risk": {"enum": [*RISKS, None], "description": "low, medium, high or null"},
        "reason": _OPTIONAL_TEXT,
        "author": _OPTIONAL_TEXT,
        "requester": _OPTIONAL_TEXT,
        "rules": {**_DIGEST, "type": ["string", "null"]},
        "review_within_s": {"type": "integer", "minimum": 1, "description": "seconds, 1 or more"},
        "max_runtime_s": {"type": ["integer", "null"], "minimum": 1, "description": "seconds, 1 or more, or null"},
        "release": _object(
            {
                "version": {"type": "string", "pattern": VERSION, "description": "a version"},
                "id": _NAME,
                "manifest": _DIGEST,
                "files": _COUNT,
                "size_bytes": _COUNT,
            }
        ),
        "artifact": _object(
            {
                "kind": {"enum": ["file", "url"]},
                "name": _NAME,
                "sha256": _DIGEST,
                "size_bytes": _COUNT,
                "strip": _COUNT,
                "url": _OPTIONAL_TEXT,
                "allow_hosts": {"type": "array", "items": _NAME},
            },
            type=["object", "null"],
        ),
        "tasks": _object({"apply": _PART, "check": _PART, "revert": _OPTIONAL_PART}, type=["object", "null"]),
        "once": {
            "type": "array",
            "items": _object(
                {
                    "name": _NAME,
                    "when": {"enum": list(TIMES), "description": "before or after"},
                    "on": _NAME,
                    "apply": _PART,
                    "check": _OPTIONAL_PART,
                    "revert": {"enum": [NONE, UNNEEDED], "description": "none or unneeded"},
                }
            ),
        },
        "files": {
            "type": "object",
            "additionalProperties": _object({"sha256": _DIGEST, "executable": {"type": "boolean"}}),
        },
        "definitions": {"type": "object", "minProperties": 1, "additionalProperties": _ANY_OBJECT},
        "hosts": {
            "type": "array",
            "minItems": 1,
            "items": _object(
                {"name": _NAME, "definition": _DIGEST, "previous": _NAME, "domain": {"type": "string"}},
                optional={"uid": _UID},
            ),
        },
        "waves": {"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 1, "items": _NAME}},
        "floor": _COUNT,
        "budget": _COUNT,
        "back_for_s": {"type": "integer", "minimum": 1, "description": "seconds, 1 or more"},
        "on_failure": {"enum": list(POLICIES), "description": "rollback, pause or keep"},
        "catch_up_for_s": {"type": "integer", "minimum": 1, "description": "seconds, 1 or more"},
        "suites": {"type": "array", "items": _object({"path": _NAME, "digest": _DIGEST})},
        "window": _object({"not_before": _OPTIONAL_TEXT, "not_after": _OPTIONAL_TEXT}, type=["object", "null"]),
        "checks": _ANY_OBJECT,
        "limits": _ANY_OBJECT,
    },
    optional={"trust": _TRUST},
)
