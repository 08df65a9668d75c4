# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change request of ServiceNow: what was approved there, by whom, and for when.

Published as "Change Management API" (``/sn_chg_rest/change``) and "Table API" (``/now/table/sysapproval_approver``). What
counts is the stored value of a field, in UTC, not what is displayed. The API answers a value in three forms, by endpoint
and ``sysparm_display_value``: plain, ``{value, display_value}``, ``{value, link}``. It ignores the part of a query that it
does not understand, so each record is compared with what was asked for; rows that the account may not see are missing
from a list, but are in ``X-Total-Count``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.client import Client
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.evidence import (
    APPROVED,
    PENDING,
    REJECTED,
    Decision,
    Evidence,
    value,
)

SYSTEM = "servicenow"
NEW, ASSESS, AUTHORIZE, SCHEDULED, IMPLEMENT, REVIEW, CLOSED, CANCELED = "-5", "-4", "-3", "-2", "-1", "0", "3", "4"

_STATES = {
    NEW: "new",
    ASSESS: "assess",
    AUTHORIZE: "authorize",
    SCHEDULED: "scheduled",
    IMPLEMENT: "implement",
    REVIEW: "review",
    CLOSED: "closed",
    CANCELED: "canceled",
}
_APPROVALS = {"not requested": PENDING, "requested": PENDING, "approved": APPROVED, "rejected": REJECTED}
_ROWS = {"approved": True, "rejected": False}
_UNDECIDED = ("not requested", "requested", "cancelled", "not_required", "duplicate", "skipped")
_NUMBER = re.compile(r"[A-Z]{2,10}[0-9]{1,20}")
_PAGE = 100
_MOST_ROWS = 1000
_COLUMNS = (
    "sys_id number state approval on_hold start_date end_date short_description description correlation_id "
    "requested_by.user_name opened_by.user_name"
).split()
_APPROVER_COLUMNS = "sysapproval state approver.user_name sys_updated_on sys_updated_by".split()


class ServiceNow:
    """Reads change requests.

    Args:
        client: of an API such as ``https://acme.service-now.com/api``.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def look(self, reference: str) -> Evidence:
        """What became of the approval of a change request.

        Args:
            reference: its number.

        Raises:
            Refusal: ELSEWHERE, DATA.
        """
        if not _NUMBER.fullmatch(reference):
            raise Refusal(
                "DATA", f"servicenow:{reference}: expected the number of a change, such as servicenow:CHG0030001"
            )
        record = self.find("number", reference)
        if record is None:
            raise self._client.unclear(f"found no change {reference}, or the account may not see it")
        sys_id = self.stored(record, "sys_id")
        return Evidence(
            SYSTEM,
            reference,
            self._state(record, reference),
            f"{self.state_of(record)}, approval {self.stored(record, 'approval')}",
            self._decisions(sys_id, reference),
            self._askers(record),
            "\n".join(self.stored(record, name) for name in ("correlation_id", "short_description", "description")),
            self._client.url_of(f"sn_chg_rest/change/{sys_id}"),
            planned_start=self._moment(record, "start_date"),
            planned_end=self._moment(record, "end_date"),
        )

    def find(self, column: str, wanted: str) -> Any:
        """The only change request that has a value in a column; None where there is none.

        Raises:
            Refusal: ELSEWHERE; there are several, or it cannot be asked.
        """
        rows = self._rows("now/table/change_request", f"{column}={wanted}", _COLUMNS)
        if any(self.stored(row, column) != wanted for row in rows):
            raise self._client.unclear(f"found changes with another {column} than {wanted}")
        if len(rows) > 1:
            raise self._client.unclear(f"found {len(rows)} changes with the {column} {wanted}, expected one")
        return rows[0] if rows else None

    def state_of(self, record: Any) -> str:
        """The state of a change in words.

        Raises:
            Refusal: ELSEWHERE; one that is not known, of a process that the site made itself.
        """
        state = self.stored(record, "state")
        if state not in _STATES:
            raise self._client.unclear(f"found the state {state!r:.40}, expected one of {', '.join(_STATES.values())}")
        return _STATES[state]

    def stored(self, record: Any, name: str) -> str:
        """The stored value of a field, in whichever form it came.

        Raises:
            Refusal: ELSEWHERE; it is missing, or only displayed.
        """
        found = value(record, name)
        if isinstance(found, Mapping):
            found = found.get("value")
        if not isinstance(found, str):
            raise self._client.unclear(
                f"found no value of {name}: the account may not see it, or the answer is not whole"
            )
        return found

    def _state(self, record: Any, reference: str) -> str:
        state, approval = self.state_of(record), self.stored(record, "approval")
        if approval not in _APPROVALS:
            raise self._client.unclear(f"found the approval {approval!r:.40} of {reference}, expected one that it has")
        if state in ("canceled", "closed", "review"):
            return REJECTED
        held = self.stored(record, "on_hold") == "true" or state not in ("scheduled", "implement")
        return PENDING if held and _APPROVALS[approval] == APPROVED else _APPROVALS[approval]

    def _decisions(self, sys_id: str, reference: str) -> tuple[Decision, ...]:
        """The approvers' rows. Only a row that its own approver touched last shows what that person decided."""
        rows = self._rows("now/table/sysapproval_approver", f"sysapproval={sys_id}", _APPROVER_COLUMNS)
        decisions = []
        for row in rows:
            if self.stored(row, "sysapproval") != sys_id:
                raise self._client.unclear(f"found approvals of other records than {reference}")
            state, account = self.stored(row, "state"), self.stored(row, "approver.user_name")
            if state not in _ROWS and state not in _UNDECIDED:
                raise self._client.unclear(f"found the approval state {state!r:.40} of {reference}")
            at = self._moment(row, "sys_updated_on")
            own = self.stored(row, "sys_updated_by").casefold() == account.casefold()
            if state in _ROWS and account and at is not None and (own or not _ROWS[state]):
                decisions.append(Decision(account, _ROWS[state], at))
        return tuple(decisions)

    def _askers(self, record: Any) -> tuple[str, ...]:
        accounts = (self.stored(record, f"{who}.user_name") for who in ("requested_by", "opened_by"))
        return tuple(dict.fromkeys(account for account in accounts if account))

    def _moment(self, record: Any, name: str) -> datetime | None:
        """A stored time, which is in UTC; None where the field is empty."""
        text = self.stored(record, name)
        if not text:
            return None
        try:
            return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            raise self._client.unclear(f"found the time {text!r:.40} in {name}, expected one in UTC") from None

    def _rows(self, path: str, query: str, columns: list[str]) -> list[Any]:
        """All rows of a table that fit a query, page by page."""
        rows: list[Any] = []
        while len(rows) < _MOST_ROWS:
            answer = self._client.get(
                path,
                {
                    "sysparm_query": f"{query}^ORDERBYsys_id",
                    "sysparm_fields": ",".join(columns),
                    "sysparm_display_value": "false",
                    "sysparm_limit": str(_PAGE),
                    "sysparm_offset": str(len(rows)),
                },
            )
            page, total = value(answer.document, "result"), answer.headers.get("x-total-count", "")
            if not isinstance(page, list) or not total.isdigit():
                raise self._client.unclear("found no list of rows with their number")
            rows += page
            if len(rows) == int(total):
                return rows
            if not page:
                break
        raise self._client.unclear(f"found {len(rows)} of {total} rows of {path.rpartition('/')[2]}")
