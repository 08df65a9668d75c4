# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step came to on one host, and what of it a task result may show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

OK, FAILED, UNKNOWN, SKIPPED, BACK = "ok", "failed", "unknown", "skipped", "back"
"""Verdicts: done; refused or broken; nobody could ask; not done, on purpose; taken back."""


@dataclass(frozen=True)
class StepResult:
    """What a step came to.

    Attributes:
        step: the step's name.
        verdict: one of `OK`, `FAILED`, `UNKNOWN`, `SKIPPED`, `BACK`.
        say: one short sentence for people.
        changed: something is different now.
        code: why it did not go well, a key of `CODES`.
        where: what of the host's own account is kept with it (allow-listed by `where_it_stands`).
        data: documented return values of the action.
        diff: what ``--diff`` shows.
    """

    step: str
    verdict: str
    say: str
    changed: bool = False
    code: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    diff: Mapping[str, Any] | None = None

    @classmethod
    def refused(cls, step: str, refusal: Refusal, where: Mapping[str, Any] | None = None) -> StepResult:
        """The result of a refusal."""
        return cls(step, FAILED, refusal.message, code=refusal.code, where=where or {})

    @property
    def bad(self) -> bool:
        """Whether it counts against the failure budget."""
        return self.verdict in (FAILED, UNKNOWN)

    def as_task_result(self) -> dict[str, Any]:
        """The dictionary that Ansible gets; callbacks find theirs under ``tidegate``."""
        result: dict[str, Any] = {
            **self.data,
            "changed": self.changed,
            "msg": f"{self.code}: {self.say}" if self.code else self.say,
            "tidegate": {"step": self.step, "verdict": self.verdict, "say": self.say, "code": self.code},
        }
        if self.bad:
            result["failed"] = True
        if self.verdict == SKIPPED:
            result["skipped"] = True
            result["skip_reason"] = self.say
        if self.diff is not None:
            result["diff"] = dict(self.diff)
        return result


def where_it_stands(service: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a host's account of a service; nothing where it gave none."""
    if not service:
        return {}
    reverted = service.get("reverted") or {}
    return {
        "state": service.get("state"),
        "current": service.get("current"),
        "change": service.get("change"),
        "reverted_change": reverted.get("change"),
        "deadline_in_s": service.get("deadline_in_s"),
        "back_until": service.get("back_until"),
        "reason": service.get("reason") or reverted.get("why"),
    }
