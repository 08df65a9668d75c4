# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reviews of deployments to a protected environment of GitHub.

Published as "REST API endpoints for workflow runs", sections "Get a workflow run", "Get the review history for a workflow
run" and "Get pending deployments for a workflow run". The history says who decided what, but not when: the time of a
decision is that at which the run began, the earliest that it can be. A run that begins again keeps its earlier reviews.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.client import Client
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.evidence import (
    APPROVED,
    PENDING,
    REJECTED,
    Decision,
    Evidence,
    moment_of,
    text_of,
    value,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import System

SYSTEM = "github"

_REFERENCE = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}):([1-9][0-9]{0,18}):([^:/\x00-\x1f]{1,255})"
)
_GOES_ON = ("requested", "queued", "pending", "waiting", "in_progress")
_BROKE_OFF = ("failure", "cancelled", "timed_out", "startup_failure", "stale", "action_required")


class Github:
    """Reads workflow runs."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    def of(cls, system: System) -> Github:
        """Reads from the API that the site names, such as ``https://api.github.com``, with a token."""
        token = system.secret.read()
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return cls(Client.of(system, headers, token))

    def look(self, reference: str) -> Evidence:
        """What became of the reviews of a run for one environment.

        Args:
            reference: ``OWNER/REPOSITORY:RUN:ENVIRONMENT``.

        Raises:
            Refusal: ELSEWHERE, DATA.
        """
        match = _REFERENCE.fullmatch(reference)
        if not match or ".." in match[1]:
            raise Refusal(
                "DATA",
                f"github:{reference}: expected OWNER/REPOSITORY:RUN:ENVIRONMENT, such as github:acme/web:1234:production",
            )
        repository, number, environment = match[1], int(match[2]), match[3]
        path = f"repos/{repository}/actions/runs/{number}"
        run = self._client.get(path).document
        began = moment_of(value(run, "created_at"))
        if value(run, "id") != number or began is None:
            raise self._client.unclear(f"found no run {number} of {repository}")
        reviews = self._listed(f"{path}/approvals", reference)
        waiting = self._listed(f"{path}/pending_deployments", reference)
        decisions = tuple(
            decision for review in reviews for decision in self._decisions(review, environment, began, reference)
        )
        return Evidence(
            SYSTEM,
            reference,
            self._state(run, decisions, _is_for(waiting, environment), reference),
            text_of(run, "conclusion") or text_of(run, "status"),
            decisions,
            self._askers(run, reference),
            " ".join(text_of(run, key) for key in ("display_title", "name", "head_branch")),
            self._client.url_of(path),
            environment=environment,
            project=repository,
        )

    def _listed(self, path: str, reference: str) -> list[Any]:
        found = self._client.get(path).document
        if not isinstance(found, list):
            raise self._client.unclear(f"found no list behind {path.rpartition('/')[2]} of {reference}")
        return found

    def _decisions(self, review: Any, environment: str, began: Any, reference: str) -> Iterator[Decision]:
        listed, account, state = (
            value(review, "environments"),
            text_of(review, "user", "login"),
            text_of(review, "state"),
        )
        if not isinstance(listed, list) or not account or state not in ("approved", "rejected", "pending"):
            raise self._client.unclear(f"found a review of {reference} without its environments, person or decision")
        names = [text_of(one, "name") for one in listed]
        if environment in names and state != "pending":
            yield Decision(account, state == "approved", began, text_of(review, "comment"))

    def _state(self, run: Any, decisions: tuple[Decision, ...], waits: bool, reference: str) -> str:
        status, conclusion = text_of(run, "status"), text_of(run, "conclusion")
        known = status in _GOES_ON or (
            status == "completed" and conclusion in (*_BROKE_OFF, "success", "neutral", "skipped")
        )
        if not known:
            raise self._client.unclear(f"found {reference} {status!r:.40}, expected a status that GitHub has")
        if conclusion in _BROKE_OFF or any(not decision.approves for decision in decisions):
            return REJECTED
        return PENDING if waits or not decisions else APPROVED

    def _askers(self, run: Any, reference: str) -> tuple[str, ...]:
        """Who caused the run, and who started it again."""
        accounts = (text_of(run, "actor", "login"), text_of(run, "triggering_actor", "login"))
        if not accounts[0]:
            raise self._client.unclear(f"found nobody who asked for {reference}")
        return tuple(dict.fromkeys(account for account in accounts if account))


def _is_for(pending: list[Any], environment: str) -> bool:
    """Whether anything still waits for an environment, or does not say what for."""
    return any(text_of(one, "environment", "name") in ("", environment) for one in pending)
