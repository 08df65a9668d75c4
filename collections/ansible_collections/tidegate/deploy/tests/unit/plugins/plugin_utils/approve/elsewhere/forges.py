# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitLab's deployments and GitHub's workflow runs, as their APIs are published."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import PASSWORD, Api
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.people import (
    AFTER,
    CHANGE,
    utc,
)


class GitlabServer(Api):
    """Deployment 42 of acme/web to production, which rita's pipeline waits for."""

    system = "gitlab"

    def __init__(self) -> None:
        super().__init__()
        self.deployment: dict[str, Any] = {
            "id": 42,
            "iid": 2,
            "ref": "main",
            "sha": "a91957a858320c0e17f3a0eca7cfacbff50ea29a",
            "created_at": utc(AFTER),
            "status": "blocked",
            "user": _gitlab_user("rita.there"),
            "environment": {"id": 9, "name": "production", "external_url": "https://example.org"},
            "deployable": {"id": 664, "status": "manual", "user": _gitlab_user("rita.there"), "coverage": 12.5},
            "pending_approval_count": 1,
            "approvals": [],
            "approval_summary": {"rules": []},
        }

    def authorized(self, headers: Any) -> bool:
        return headers.get("PRIVATE-TOKEN") == PASSWORD

    def error(self, status: int) -> Any:
        told = {401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Deployment Not Found"}
        return {"message": told.get(status, f"{status} Error")}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        if path == "/api/v4/projects/acme/web/deployments/42":
            return 200, self.deployment, {}
        return 404, self.error(404), {}

    def decide(
        self, name: str, approves: bool = True, at: datetime = AFTER, comment: str | None = f"for {CHANGE}"
    ) -> None:
        """Somebody decides, and the job may start when enough have approved."""
        status = "approved" if approves else "rejected"
        one = {"user": _gitlab_user(name), "status": status, "created_at": utc(at), "comment": comment}
        self.deployment["approvals"].append(one)
        for rule in self.deployment["approval_summary"]["rules"]:
            rule["deployment_approvals"].append(one)
        if approves:
            self.deployment["pending_approval_count"] -= 1
        if not self.deployment["pending_approval_count"]:
            self.deployment["status"] = "running"


def _gitlab_user(name: str) -> dict[str, Any]:
    return {"id": 1, "username": name, "name": name, "state": "active", "web_url": "https://gitlab.example.org/x"}


class GithubServer(Api):
    """Run 1234 of acme/web, which rita started, and which waits for production."""

    system = "github"

    def __init__(self) -> None:
        super().__init__()
        self.run: dict[str, Any] = {
            "id": 1234,
            "name": "release",
            "display_title": f"Release web for {CHANGE}",
            "head_branch": "main",
            "run_attempt": 1,
            "status": "waiting",
            "conclusion": None,
            "created_at": utc(AFTER),
            "run_started_at": utc(AFTER),
            "actor": {"login": "rita.there", "type": "User"},
            "triggering_actor": {"login": "rita.there", "type": "User"},
        }
        self.reviews: Any = []
        self.pending: Any = [_pending("production")]

    def authorized(self, headers: Any) -> bool:
        version = headers.get("X-GitHub-Api-Version") == "2022-11-28"
        return version and headers.get("Authorization") == f"Bearer {PASSWORD}"

    def error(self, status: int) -> Any:
        told = {401: "Bad credentials", 403: "API rate limit exceeded", 404: "Not Found"}
        return {"message": told.get(status, f"Error {status}"), "documentation_url": "https://docs.example.org/rest"}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        run = "/repos/acme/web/actions/runs/1234"
        documents = {run: self.run, f"{run}/approvals": self.reviews, f"{run}/pending_deployments": self.pending}
        return (200, documents[path], {}) if path in documents else (404, self.error(404), {})

    def decide(self, name: str, state: str = "approved", environment: str = "production", comment: str = "") -> None:
        """Somebody reviews: one approval lets the job start."""
        review = {"state": state, "comment": comment, "environments": [{"id": 1, "name": environment}]}
        self.reviews.append({**review, "user": {"login": name, "id": 1, "type": "User"}})
        self.pending = [one for one in self.pending if one["environment"]["name"] != environment]
        self.run["status"] = "waiting" if self.pending else "in_progress"


def _pending(environment: str) -> dict[str, Any]:
    return {
        "environment": {"id": 1, "name": environment, "html_url": "https://github.example.org/x"},
        "wait_timer": 0,
        "wait_timer_started_at": None,
        "current_user_can_approve": False,
        "reviewers": [],
    }
