# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals of a deployment to a protected environment of GitLab.

Published as "Deployments API", sections "Retrieve a deployment" and "Approve or reject a blocked deployment", and as
"Deployment approvals" (GitLab Premium and Ultimate). ``approvals`` holds who decided what; with several approval rules
the same people are in ``approval_summary.rules[].deployment_approvals``, with how many each rule asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

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

SYSTEM = "gitlab"

_OPEN = ("created", "running", "success", "blocked")
_ENDED = ("failed", "canceled", "skipped")
_REFERENCE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_./-]{0,254}):([1-9][0-9]{0,18})")


class Gitlab:
    """Reads deployments."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    def of(cls, system: System) -> Gitlab:
        """Reads from the API that the site names, such as ``https://gitlab.example.org/api/v4``, with a token."""
        token = system.secret.read()
        return cls(Client.of(system, {"PRIVATE-TOKEN": token}, token))

    def look(self, reference: str) -> Evidence:
        """What became of the approvals of a deployment.

        Args:
            reference: ``GROUP/PROJECT:DEPLOYMENT``; the number is that of the API, not the one within the project.

        Raises:
            Refusal: ELSEWHERE, DATA.
        """
        match = _REFERENCE.fullmatch(reference)
        if not match:
            raise Refusal("DATA", f"gitlab:{reference}: expected GROUP/PROJECT:DEPLOYMENT, such as gitlab:acme/web:42")
        project, number = match[1], int(match[2])
        path = f"projects/{quote(project, safe='')}/deployments/{number}"
        found = self._client.get(path).document
        if value(found, "id") != number:
            raise self._client.unclear(f"found no deployment {number} of {project}")
        status = text_of(found, "status")
        decisions = tuple(dict.fromkeys(self._decisions(found, reference)))
        return Evidence(
            SYSTEM,
            reference,
            self._state(found, status, decisions, reference),
            status,
            decisions,
            self._askers(found, reference),
            text_of(found, "ref"),
            self._client.url_of(path),
            environment=self._environment(found, reference),
            project=project,
        )

    def _state(self, found: Any, status: str, decisions: tuple[Decision, ...], reference: str) -> str:
        if status not in _OPEN + _ENDED:
            raise self._client.unclear(f"found the status {status!r:.40} of {reference}, expected one that GitLab has")
        if status in _ENDED or any(not decision.approves for decision in decisions):
            return REJECTED
        missing = value(found, "pending_approval_count")
        if not isinstance(missing, int) or isinstance(missing, bool):
            raise self._client.unclear(
                f"found no pending_approval_count of {reference}: approvals are not in force there"
            )
        short = any(self._is_short(rule, reference) for rule in _rules(found))
        return PENDING if missing or short or not decisions or status == "blocked" else APPROVED

    def _is_short(self, rule: Any, reference: str) -> bool:
        """Whether fewer people approved than one rule asks for."""
        wanted, given = value(rule, "required_approvals"), value(rule, "deployment_approvals")
        if not isinstance(wanted, int) or not isinstance(given, list):
            raise self._client.unclear(f"found a rule of {reference} that does not say what it asks for")
        return sum(text_of(one, "status") == "approved" for one in given) < wanted

    def _decisions(self, found: Any, reference: str) -> Iterator[Decision]:
        listed = value(found, "approvals")
        if not isinstance(listed, list):
            raise self._client.unclear(f"found no approvals of {reference}")
        for one in [*listed, *(one for rule in _rules(found) for one in value(rule, "deployment_approvals") or ())]:
            account, status = text_of(one, "user", "username"), text_of(one, "status")
            at = moment_of(value(one, "created_at"))
            if not account or at is None or status not in ("approved", "rejected"):
                raise self._client.unclear(f"found an approval of {reference} without its person, time or decision")
            yield Decision(account, status == "approved", at, text_of(one, "comment"))

    def _askers(self, found: Any, reference: str) -> tuple[str, ...]:
        """Who started the pipeline, and who the job."""
        accounts = (text_of(found, "user", "username"), text_of(found, "deployable", "user", "username"))
        if not accounts[0]:
            raise self._client.unclear(f"found nobody who asked for {reference}")
        return tuple(dict.fromkeys(account for account in accounts if account))

    def _environment(self, found: Any, reference: str) -> str:
        name = text_of(found, "environment", "name")
        if not name:
            raise self._client.unclear(f"found no environment of {reference}")
        return name


def _rules(found: Any) -> list[Any]:
    rules = value(found, "approval_summary", "rules")
    return rules if isinstance(rules, list) else []
