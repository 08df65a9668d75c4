# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Tidegate writes into ServiceNow: the change request of a plan, notes while it is rolled out, and how it ended.

Published as "Change Management API": POST ``/sn_chg_rest/change/normal`` and ``…/emergency``, PATCH
``/sn_chg_rest/change/{sys_id}``. Fields that the account may not write are ignored there without an error, so
what matters is read back from the answer. States go step by step: scheduled, implement, review, closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.client import Client
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.evidence import value
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.servicenow import (
    CANCELED,
    CLOSED,
    IMPLEMENT,
    REVIEW,
    SCHEDULED,
    ServiceNow,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import Create

SUCCESSFUL, WITH_ISSUES, UNSUCCESSFUL = "successful", "successful_issues", "unsuccessful"
_STEPS = (SCHEDULED, IMPLEMENT, REVIEW, CLOSED)
_MOST_TEXT = 4000


@dataclass(frozen=True)
class Wanted:
    """The change request that a plan asks for.

    Args:
        change: the id of the change, which finds the request again.
        plan_digest: named in its description.
        title: one line.
        text: what is to be read there.
    """

    change: str
    plan_digest: str
    title: str
    text: str

    @property
    def description(self) -> str:
        """What the request says, with the plan that is to be approved."""
        return f"{self.text[:_MOST_TEXT]}\n\nTidegate change {self.change}, plan sha256 {self.plan_digest}"


class ServiceNowChange:
    """Writes change requests.

    Args:
        client: of the API.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reads = ServiceNow(client)

    def ensure(self, wanted: Wanted, create: Create) -> tuple[str, bool]:
        """Have a change request for a plan that names it; made once, and brought up to date by a new revision.

        Returns:
            Its number, and whether anything was written.

        Raises:
            Refusal: ELSEWHERE.
        """
        record = self._reads.find("correlation_id", wanted.change)
        if record is None:
            return self._made(wanted, create), True
        if self._reads.stored(record, "state") in (CLOSED, CANCELED):
            number, state = self._reads.stored(record, "number"), self._reads.state_of(record)
            raise self._client.unclear(f"found {number} of {wanted.change} {state} already")
        if wanted.plan_digest not in self._reads.stored(record, "description"):
            note = f"Planned again: sha256 {wanted.plan_digest}. What was approved before does not count for it."
            said = self._write(record, {"description": wanted.description, "work_notes": note}, ())
            if wanted.plan_digest not in self._reads.stored(said, "description"):
                raise self._client.unclear("found that description was not taken: the account may not write it")
            return self._reads.stored(record, "number"), True
        return self._reads.stored(record, "number"), False

    def number_of(self, change: str) -> str | None:
        """The number of the change request that was made for a change; None where there is none."""
        record = self._reads.find("correlation_id", change)
        return None if record is None else self._reads.stored(record, "number")

    def note(self, number: str, text: str, begins: bool = False) -> None:
        """Add a work note.

        Args:
            number: of the change request.
            text: of the note.
            begins: whether the work begins, so that a scheduled request goes to implement.

        Raises:
            Refusal: ELSEWHERE.
        """
        record = self._record(number)
        fields = {"work_notes": text[:_MOST_TEXT]}
        if begins and self._reads.stored(record, "state") == SCHEDULED:
            fields["state"] = IMPLEMENT
        self._write(record, fields, tuple(name for name in fields if name == "state"))

    def close(self, number: str, code: str, notes: str) -> bool:
        """Close a change request, through the states that lead there.

        Returns:
            Whether it was written; one that is closed with this code stays as it is.

        Raises:
            Refusal: ELSEWHERE; also where it is not in a state that closing leads from.
        """
        record = self._record(number)
        state = self._reads.stored(record, "state")
        if state == CLOSED:
            return False
        if state not in _STEPS:
            raise self._client.unclear(
                f"found {number} in state {self._reads.state_of(record)}, which closing does not follow"
            )
        outcome = {"close_code": code, "close_notes": notes[:_MOST_TEXT]}
        for step in _STEPS[_STEPS.index(state) + 1 :]:
            self._write(record, {"state": step, **(outcome if step == CLOSED else {})}, ("state",))
        return True

    def _record(self, number: str) -> Any:
        record = self._reads.find("number", number)
        if record is None:
            raise self._client.unclear(f"found no change {number}, or the account may not see it")
        return record

    def _made(self, wanted: Wanted, create: Create) -> str:
        fields = {
            **create.fields,
            "short_description": wanted.title[:160],
            "description": wanted.description,
            "correlation_id": wanted.change,
            "correlation_display": "Tidegate",
        }
        answer = self._client.send("POST", f"sn_chg_rest/change/{create.kind}", fields)
        record = value(answer.document, "result")
        if self._reads.stored(record, "correlation_id") != wanted.change:
            raise self._client.unclear("found a new change without its correlation_id: the account may not write it")
        return self._reads.stored(record, "number")

    def _write(self, record: Any, fields: dict[str, str], certain: tuple[str, ...]) -> Any:
        """Change fields, and see in the answer that those which matter were taken."""
        sys_id = self._reads.stored(record, "sys_id")
        answer = self._client.send("PATCH", f"sn_chg_rest/change/{sys_id}", fields)
        result = value(answer.document, "result")
        for name in certain:
            if self._reads.stored(result, name) != fields[name]:
                raise self._client.unclear(
                    f"found that {name} was not taken: the account, or a rule there, does not allow it"
                )
        return result
