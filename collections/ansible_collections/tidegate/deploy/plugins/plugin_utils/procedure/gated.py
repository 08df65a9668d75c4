# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate says of a playbook that is not Tidegate's. It imports little: most runs that are only observed name no change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NAME_ONE = "name an approved one with -e tidegate_change=CHG-… or in the environment variable TIDEGATE_CHANGE"
MOST_NAMED = 5


@dataclass(frozen=True)
class Decision:
    """What the gate says.

    Attributes:
        allowed: the hosts may be touched now.
        code: why they may not; empty where they may.
        message: the same for people, with what to do next.
        facts: for programs: change, service, environment, until, and the hosts that are not of the change.
    """

    allowed: bool
    code: str = ""
    message: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def no_change(named: str | None) -> Decision:
    """What is said where no change was named, or one that there is not."""
    what = f"there is no change {named[:40]!r}" if named else "no change was named"
    return Decision(False, "NO_CHANGE", f"{what}; {NAME_ONE}")


def listed(names: Iterable[str]) -> str:
    """Names of hosts, cut where there are many."""
    found = list(names)
    more = len(found) - MOST_NAMED
    return ", ".join(found[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
