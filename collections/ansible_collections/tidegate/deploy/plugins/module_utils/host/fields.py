# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request must hold, checked where it enters; the steps work with values that are right."""

from __future__ import annotations

import re

from ..core.definition import SERVICE
from ..core.errors import Refusal
from ..core.release import RELEASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CHANGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
MOST_S = 90 * 24 * 3600


def text(request: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    """A field that is a string of one shape."""
    value = request.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Refusal("DATA", f"request.{key}: found {str(value)[:80]!r}, expected {pattern.pattern}", path=key)
    return value


def number(request: dict[str, Any], key: str, low: int = 0, high: int = MOST_S) -> int:
    """A field that is an integer between two bounds."""
    value = request.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refusal("DATA", f"request.{key}: found {str(value)[:80]!r}, expected {low} to {high}", path=key)
    return value


def words(request: dict[str, Any], key: str) -> str:
    """A field that is text for people; control characters become spaces."""
    value = request.get(key)
    if not isinstance(value, str):
        raise Refusal("DATA", f"request.{key}: found {str(value)[:80]!r}, expected text", path=key)
    return "".join(char if char.isprintable() else " " for char in value)[:2000]


def service(request: dict[str, Any]) -> str:
    """The service that a step is about."""
    return text(request, "service", SERVICE)


def mapping(request: dict[str, Any], key: str) -> dict[str, Any]:
    """A field that is a mapping."""
    value = request.get(key)
    if not isinstance(value, dict):
        raise Refusal("DATA", f"request.{key}: found {str(value)[:80]!r}, expected a mapping", path=key)
    return value


def previous(request: dict[str, Any]) -> str:
    """The release that the plan expects: an id, or ``absent``."""
    return "absent" if request.get("previous") == "absent" else text(request, "previous", RELEASE)
