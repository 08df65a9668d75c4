# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``tidegate_trust`` holds, as a JSON Schema. The descriptions are the *expected* of its errors."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import RULE

_OF_RULE: dict[str, Any] = RULE["properties"]
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "a SHA-256 digest in lower-case hexadecimal"}
_HOST = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$", "description": "the name of a host"}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "uniqueItems": True, "items": items, "description": description}


TRUST: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "What the enrolled hosts of a site trust",
    "type": "object",
    "additionalProperties": False,
    "required": ["site", "rule", "login_keys"],
    "properties": {
        "site": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            "description": "a name that this organization keeps: letters, digits and . _ -, at most 64",
        },
        "rule": {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: _OF_RULE[key] for key in ("groups", "any_of", "count")},
            "description": "who may change the trust: a mapping with groups, or any_of and count",
        },
        "login_keys": {
            **_list(
                {"type": "string", "description": "the line of a .pub file, such as ssh-ed25519 AAAA… name"},
                "a list of the public keys that may log in to enrolled hosts, those of the controllers",
            ),
            "minItems": 1,
        },
        "login": {
            "type": "string",
            "pattern": "^[a-z_][a-z0-9_-]{0,31}$",
            "description": "the name of the user that is made on enrolled hosts, by default deploy",
        },
        "expires_after": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,3}d$",
            "description": "for how many days a version holds, such as 365d, which is the default",
        },
        "sources": _list(_HOST, "a list of hosts that enrolled hosts may download releases from, by default none"),
        "require_presence": {
            "type": "boolean",
            "description": "true or false: whether only a FIDO key that was touched signs for hosts, by default false",
        },
        "require_verification": {
            "type": "boolean",
            "description": "true or false: whether only a FIDO key that asked for its PIN signs for hosts, by default false",
        },
        "countersigned_opens": {
            "type": "boolean",
            "description": "true or false: whether approvals given elsewhere open hosts where a bridge countersigned them, by default false",
        },
        "programs": _list(
            _DIGEST, "a list of digests of host programs that may run beside that of this collection, by default none"
        ),
    },
    "description": "a mapping with site, rule and login_keys",
}
