# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules for approval are meant for a change, and whom they ask: one answer for the controller and for a host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

STANDARD, NORMAL, EMERGENCY = CHANGE_TYPES = ("standard", "normal", "emergency")
"""Types of changes: routine, with rules of its own; the default; one that cannot wait, and is reviewed afterwards."""

LOW, MEDIUM, HIGH = RISKS = ("low", "medium", "high")

REQUESTER, AUTHOR, OPERATOR = DUTIES = ("requester", "author", "operator")
"""Who may not approve: whoever wants the change, made what is rolled out, or rolls it out."""

STRENGTHS = ("recorded", "countersigned", "signed")
"""How sure an approval is, weakest first."""

FEWEST_IN_EMERGENCY = 2
"""How many people some rule asks for, or no emergency is let through."""


def meant_for(
    match: Mapping[str, Sequence[str]],
    service: str,
    environment: str,
    change_type: str,
    risk: Optional[str],
) -> bool:
    """Whether a rule with these matches is meant for a change; a risk that nobody has judged is any of them.

    Args:
        match: ``service``, ``environment``, ``type`` and ``risk``, each a list; what is absent is any.
        service: whom the change is for.
        environment: where.
        change_type: one of `CHANGE_TYPES`.
        risk: one of `RISKS`, or None.
    """
    named = (("service", service), ("environment", environment), ("type", change_type))
    return all(value in match.get(key, (value,)) for key, value in named) and (
        risk is None or risk in match.get("risk", (risk,))
    )


def people_asked(rule: Mapping[str, Any]) -> int:
    """How many distinct people a rule asks for."""
    return int(sum(rule.get("groups", {}).values()) + rule.get("count", 0))


def asked_of(rule: Mapping[str, Any]) -> str:
    """Whom a rule asks, in words."""
    groups = [f"{count} of {name}" for name, count in sorted(rule["groups"].items())]
    return ", ".join([*groups, *([f"{rule['count']} of {' or '.join(rule['any_of'])}"] if rule["any_of"] else [])])
