# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another system says about an approval: who decided what, when, and about which change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import printable

APPROVED, PENDING, REJECTED = "approved", "pending", "rejected"

MOST_SEEN = 20
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Decision:
    """What one person decided there.

    Attributes:
        account: the name that the person logs in with.
        approves: or rejects.
        at: the earliest time at which it can have been given; systems that keep no time of it name that of what it is
            about.
        comment: what the person wrote with it.
    """

    account: str
    approves: bool
    at: datetime
    comment: str = ""


@dataclass(frozen=True)
class Evidence:
    """What a system says about one reference.

    Attributes:
        system: its name.
        reference: what was looked at, as people write it.
        state: APPROVED, PENDING or REJECTED, as the other side sees it.
        says: the state in that side's own words.
        decisions: the people and what they decided.
        asked_by: the accounts that asked for it: none of them can approve it.
        text: what the other side's record says about itself, where the change or its plan may be named.
        environment: where it applies, in that side's words; empty where it does not say.
        project: whose it is, in that side's words; empty where it does not say.
        planned_start: when the other side has it begin; None where it says nothing.
        planned_end: when it has it end.
        url: of the record.
    """

    system: str
    reference: str
    state: str
    says: str
    decisions: tuple[Decision, ...]
    asked_by: tuple[str, ...]
    text: str
    url: str
    environment: str = ""
    project: str = ""
    planned_start: datetime | None = None
    planned_end: datetime | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """The accounts that approved it, each once."""
        return tuple(dict.fromkeys(decision.account for decision in self.decisions if decision.approves))

    @property
    def name(self) -> str:
        """System and reference, as `tidegate_evidence` has them."""
        return f"{self.system}:{self.reference}"

    def seen(self) -> dict[str, Any]:
        """What the ledger keeps of it, whether it counts or not."""
        people = [printable(account) for account in self.people[:MOST_SEEN]]
        return {"system": self.system, "reference": self.reference, "state": self.state, "people": people}

    def doc(self, decision: Decision) -> dict[str, Any]:
        """What is recorded of one decision; no free text of the other side."""
        return {
            "system": self.system,
            "reference": self.reference,
            "account": decision.account,
            "given_at": decision.at.isoformat(),
            "url": self.url,
        }


class Adapter(Protocol):
    """One system."""

    def look(self, reference: str) -> Evidence:
        """What the system says now.

        Args:
            reference: as people write it, without the system's name.

        Raises:
            Refusal: ELSEWHERE, it cannot be asked, or answers what is not understood; DATA, no such reference can be.
        """


def names(text: str, change: str) -> bool:
    """Whether a text names a change, as a word of its own."""
    return re.search(rf"(?<![A-Za-z0-9-]){re.escape(change)}(?![A-Za-z0-9-])", text) is not None


def value(record: Any, *path: str) -> Any:
    """What is at the end of a path of keys in a document of another side; None where there is none."""
    for key in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(key)
    return record


def text_of(record: Any, *path: str) -> str:
    """The text at the end of a path; empty where there is none."""
    found = value(record, *path)
    return found if isinstance(found, str) else ""


def moment_of(text: object) -> datetime | None:
    """A time in RFC 3339 with a zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
