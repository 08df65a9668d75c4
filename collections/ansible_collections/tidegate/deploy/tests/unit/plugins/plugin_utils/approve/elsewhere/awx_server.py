# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX's API as it is published: ``/api/v2/workflow_approvals/N/`` and ``/api/v2/workflow_jobs/N/``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import PASSWORD, Api
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.people import (
    AFTER,
    BEFORE,
    CHANGE,
    utc,
)


class AwxServer(Api):
    """One workflow that rita launched, with a node 42 that waits."""

    system = "awx"

    def __init__(self) -> None:
        super().__init__()
        self.node: dict[str, Any] = {
            "id": 42,
            "type": "workflow_approval",
            "url": "/api/v2/workflow_approvals/42/",
            "summary_fields": {"source_workflow_job": {"id": 7, "name": "release", "status": "running"}},
            "created": utc(BEFORE),
            "name": "release web",
            "description": "",
            "launch_type": "workflow",
            "status": "pending",
            "failed": False,
            "started": utc(BEFORE),
            "finished": None,
            "elapsed": 0.125,
            "can_approve_or_deny": False,
            "approval_expiration": None,
            "timed_out": False,
        }
        self.jobs: dict[int, dict[str, Any]] = {7: workflow_job(7, by="rita.there")}

    def authorized(self, headers: Any) -> bool:
        return headers.get("Authorization") == f"Bearer {PASSWORD}"

    def error(self, status: int) -> Any:
        told = {401: "Authentication credentials were not provided.", 404: "Not found."}
        return {"detail": told.get(status, f"Error {status}")}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        if path == "/api/v2/workflow_approvals/42/":
            return 200, self.node, {}
        number = path.removeprefix("/api/v2/workflow_jobs/").removesuffix("/")
        if number.isdigit() and int(number) in self.jobs:
            return 200, self.jobs[int(number)], {}
        return 404, self.error(404), {}

    def decide(self, account: str, approves: bool = True, at: datetime = AFTER) -> None:
        """Somebody clicks."""
        self.node["status"] = "successful" if approves else "failed"
        self.node["failed"] = not approves
        self.node["finished"] = utc(at)
        user = {"id": 3, "username": account, "first_name": "", "last_name": ""}
        self.node["summary_fields"]["approved_or_denied_by"] = user

    def time_out(self) -> None:
        self.node |= {"status": "failed", "failed": True, "timed_out": True, "finished": utc(AFTER)}


def workflow_job(number: int, by: str | None = None, parent: int | None = None, change: str = CHANGE) -> dict[str, Any]:
    """A workflow job that a person launched, or another workflow."""
    launched: dict[str, Any] = {"id": 5, "name": "nightly", "type": "schedule"}
    if by is not None:
        launched = {"id": 2, "name": by, "type": "user", "url": "/api/v2/users/2/"}
    if parent is not None:
        launched = {"id": parent, "name": "above", "type": "workflow_job"}
    return {
        "id": number,
        "type": "workflow_job",
        "launched_by": launched,
        "summary_fields": {"created_by": {"id": 2, "username": by}} if by else {},
        "extra_vars": json.dumps({"tidegate_change": change, "survey": "$encrypted$"}),
        "status": "running",
        "elapsed": 12.5,
    }
