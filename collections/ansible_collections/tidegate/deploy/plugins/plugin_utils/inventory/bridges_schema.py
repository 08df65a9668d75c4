# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``tidegate_bridges`` holds, as a JSON Schema. The descriptions are the *expected* of its errors."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere_schema import SYSTEMS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people_schema import KEY, NAME

BRIDGE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["systems", "keys"],
    "properties": {
        "systems": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"enum": list(SYSTEMS), "description": f"one of {', '.join(SYSTEMS)}"},
            "description": f"a list of the systems that it may vouch for: {', '.join(SYSTEMS)}",
        },
        "keys": {"type": "array", "minItems": 1, "items": KEY, "description": "a list of public keys"},
    },
    "description": "a mapping with systems and keys",
}

BRIDGES: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The bridges of a site",
    "type": "object",
    "propertyNames": {
        "pattern": NAME,
        "description": "the name of exactly one bridge: letters, digits and . _ @ + -, no pattern",
    },
    "additionalProperties": BRIDGE,
    "description": "a mapping of names of bridges to their systems and keys",
}
