# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ServiceNow's Change Management and Table APIs as they are published, with their three forms of a value.

Like an instance it ignores what it does not understand of a query, and fields that the account may not write.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import PASSWORD, Api
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.people import (
    AFTER,
    CHANGE,
    NOW,
    PLAN,
)

STATES = {"-5": "New", "-4": "Assess", "-3": "Authorize", "-2": "Scheduled", "-1": "Implement", "0": "Review"}
STATES |= {"3": "Closed", "4": "Canceled"}
NEXT = {"-5": "-4", "-4": "-3", "-3": "-2", "-2": "-1", "-1": "0", "0": "3"}
REFERENCES = ("requested_by", "opened_by", "approver", "sysapproval")
USERS = {f"{number:032x}": f"{name}.there" for number, name in enumerate(("ada", "ben", "rita", "otto"), 1)}
USERS["f" * 32] = "tidegate"


def utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def user(name: str) -> str:
    """The sys_id of a user."""
    return next((sys_id for sys_id, known in USERS.items() if known == name), "")


class ServiceNowServer(Api):
    """One change, CHG0030001, that rita asked for.

    Attributes:
        changes: by sys_id.
        approvers: the rows of sysapproval_approver.
        readonly: fields that the account may not write.
        hidden: how many of the approvers' rows the account may not see.
        ignores_queries: answers every row, as an instance does to a query that it does not understand.
        display: the form of values: false, true or all, whatever is asked for; None for what is asked for.
    """

    system = "servicenow"

    def __init__(self) -> None:
        super().__init__()
        self.changes: dict[str, dict[str, str]] = {"c" * 32: change("c" * 32, "CHG0030001")}
        self.approvers: list[dict[str, str]] = []
        self.readonly: set[str] = set()
        self.notes: list[str] = []
        self.hidden = 0
        self.ignores_queries = False
        self.display: str | None = None

    @property
    def change(self) -> dict[str, str]:
        return self.changes["c" * 32]

    def authorized(self, headers: Any) -> bool:
        basic = b64encode(f"tidegate:{PASSWORD}".encode()).decode()
        return headers.get("Authorization") in (f"Basic {basic}", f"Bearer {PASSWORD}")

    def error(self, status: int) -> Any:
        told = {401: "User Not Authenticated", 403: "Insufficient rights", 404: "No Record found"}
        message = told.get(status, f"Error {status}")
        return {"error": {"message": message, "detail": "Required to provide Auth information"}, "status": "failure"}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        if method == "GET" and path == "/api/now/table/change_request":
            return self._listed(list(self.changes.values()), query)
        if method == "GET" and path == "/api/now/table/sysapproval_approver":
            return self._listed(self.approvers, query, self.hidden)
        if method == "POST" and path in ("/api/sn_chg_rest/change/normal", "/api/sn_chg_rest/change/emergency"):
            return self._created(path.rpartition("/")[2], body)
        found = self.changes.get(path.removeprefix("/api/sn_chg_rest/change/"))
        if method == "PATCH" and found is not None:
            return self._patched(found, body)
        return 404, self.error(404), {}

    def approve(
        self, name: str, state: str = "approved", at: datetime = AFTER, by: str | None = None
    ) -> dict[str, str]:
        """Somebody's row is decided, by that person unless somebody else is named."""
        row = {
            "sys_id": f"{len(self.approvers):032x}",
            "sysapproval": "c" * 32,
            "approver": user(name),
            "state": state,
            "sys_updated_on": utc(at),
            "sys_updated_by": by or name,
        }
        self.approvers.append(row)
        return row

    def accept(self, *names: str) -> None:
        """The change is approved as a whole, and scheduled."""
        for name in names:
            self.approve(name)
        self.change.update(approval="approved", state="-2")

    def _listed(
        self, rows: list[dict[str, str]], query: dict[str, str], hidden: int = 0
    ) -> tuple[int, Any, dict[str, str]]:
        wanted = query["sysparm_query"].removesuffix("^ORDERBYsys_id").partition("=")
        found = [row for row in rows if self.ignores_queries or row.get(wanted[0]) == wanted[2]]
        total = len(found)
        offset, limit = int(query.get("sysparm_offset", 0)), int(query.get("sysparm_limit", 10000))
        page = found[offset : min(offset + limit, total - hidden)]
        shown = [self._shown(row, query["sysparm_fields"].split(","), query["sysparm_display_value"]) for row in page]
        return 200, {"result": shown}, {"X-Total-Count": str(total)}

    def _shown(self, row: dict[str, str], fields: list[str], display: str) -> dict[str, Any]:
        return {name: _form(name, _field(row, name), self.display or display) for name in fields if _has(row, name)}

    def _created(self, kind: str, body: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        sys_id = f"{len(self.changes):032x}"
        made = change(sys_id, f"CHG003{len(self.changes) + 1:04d}")
        made |= {"type": kind, "approval": "not requested", "state": "-5", "correlation_id": "", "description": ""}
        made |= {"requested_by": user("tidegate"), "opened_by": user("tidegate")}
        made |= {name: text for name, text in body.items() if name not in self.readonly}
        self.changes[sys_id] = made
        return 200, {"result": {name: _form(name, text, "all") for name, text in made.items()}}, {}

    def _patched(self, found: dict[str, str], body: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        taken = {name: text for name, text in body.items() if name not in self.readonly}
        if "state" in taken and NEXT.get(found["state"]) != taken["state"]:
            del taken["state"]
        if note := taken.pop("work_notes", None):
            self.notes.append(note)
        found |= taken
        return 200, {"result": {name: _form(name, text, "all") for name, text in found.items()}}, {}


def change(sys_id: str, number: str) -> dict[str, str]:
    """A change that waits for approval."""
    return {
        "sys_id": sys_id,
        "number": number,
        "type": "normal",
        "state": "-3",
        "approval": "requested",
        "on_hold": "false",
        "start_date": utc(NOW),
        "end_date": "",
        "short_description": "web 2.4.0",
        "description": f"Tidegate change {CHANGE}, plan sha256 {PLAN}",
        "correlation_id": CHANGE,
        "requested_by": user("rita.there"),
        "opened_by": user("rita.there"),
        "close_code": "",
        "close_notes": "",
    }


def _has(row: dict[str, str], name: str) -> bool:
    return name.partition(".")[0] in row


def _field(row: dict[str, str], name: str) -> str:
    column, dot, _rest = name.partition(".")
    return USERS.get(row[column], "") if dot else row[column]


def _form(name: str, text: str, display: str) -> Any:
    """A value in the form that is asked for."""
    shown = STATES.get(text, text) if name == "state" else text
    link = f"https://instance.example.org/api/now/table/x/{text}"
    if display == "all":
        return {"display_value": shown, "value": text, **({"link": link} if name in REFERENCES else {})}
    if display == "true":
        return {"display_value": "Somebody", "link": link} if name in REFERENCES else shown
    return {"link": link, "value": text} if name in REFERENCES and text else text


def dumped(server: ServiceNowServer) -> str:
    """Everything that was written there."""
    return json.dumps([body for method, _path, _query, body in server.requests if method != "GET"])
