# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An approval node of a workflow in AWX or the automation controller.

Published as "Workflow Approvals" and "Workflow Jobs" in the API's own browsable pages (``/api/v2/workflow_approvals/N/``)
and in AWX's guide, "Workflow Pause Approve". The node passes nobody on to the job; the person who clicked is in
``summary_fields.approved_or_denied_by``, the one who launched in ``launched_by`` of the workflow's job, and the extra
variables of that job say which change it is about. A person may approve there what the same person launched; here not.
"""

from __future__ import annotations

import json
import re
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

SYSTEM = "awx"
MAX_NESTED = 10

_STATES = {
    "new": PENDING,
    "pending": PENDING,
    "waiting": PENDING,
    "running": PENDING,
    "successful": APPROVED,
    "failed": REJECTED,
    "error": REJECTED,
    "canceled": REJECTED,
}
"""Choices of ``status`` of a job. A node that timed out is ``failed``, too, with ``timed_out`` and nobody behind it."""


class Awx:
    """Reads approval nodes."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    def of(cls, system: System) -> Awx:
        """Reads from the API that the site names, such as ``https://awx.example.org/api/v2``, with a token."""
        token = system.secret.read()
        headers = {"Authorization": f"Bearer {token}"}
        return cls(Client.of(system, headers, token))

    def look(self, reference: str) -> Evidence:
        """What became of a node.

        Args:
            reference: the number in the node's address.

        Raises:
            Refusal: ELSEWHERE, DATA.
        """
        if not re.fullmatch(r"[1-9][0-9]{0,18}", reference):
            raise Refusal("DATA", f"awx:{reference}: expected the number of a workflow approval, such as awx:42")
        path = f"workflow_approvals/{reference}/"
        node = self._client.get(path).document
        if value(node, "id") != int(reference) or value(node, "type") != "workflow_approval":
            raise self._client.unclear(f"found no workflow approval {reference}")
        state = self._state(node, reference)
        number = value(node, "summary_fields", "source_workflow_job", "id")
        job = self._job(number, reference)
        return Evidence(
            SYSTEM,
            reference,
            state,
            "timed out" if value(node, "timed_out") is True else text_of(node, "status"),
            self._decisions(node, reference, state),
            self._launchers(job, reference),
            _change_named(job),
            self._client.url_of(path),
        )

    def _state(self, node: Any, reference: str) -> str:
        status = text_of(node, "status")
        if status not in _STATES:
            raise self._client.unclear(f"found the status {status!r:.40} of {reference}, expected one that AWX has")
        if value(node, "timed_out") is not False and _STATES[status] == APPROVED:
            raise self._client.unclear(f"found {reference} successful and timed out")
        return _STATES[status]

    def _job(self, number: Any, reference: str) -> Any:
        if not isinstance(number, int):
            raise self._client.unclear(f"found no workflow job behind {reference}")
        job = self._client.get(f"workflow_jobs/{number}/").document
        if value(job, "id") != number:
            raise self._client.unclear(f"found another workflow job than {number}")
        return job

    def _decisions(self, node: Any, reference: str, state: str) -> tuple[Decision, ...]:
        if state == PENDING or (state == REJECTED and not value(node, "summary_fields", "approved_or_denied_by")):
            return ()
        account = text_of(node, "summary_fields", "approved_or_denied_by", "username")
        at = moment_of(value(node, "finished"))
        if not account or at is None:
            raise self._client.unclear(f"found nobody, or no time, behind the decision of {reference}")
        return (Decision(account, state == APPROVED, at),)

    def _launchers(self, job: Any, reference: str) -> tuple[str, ...]:
        """Who launched a workflow, or the workflows that it is part of; a schedule or webhook is nobody."""
        launchers: list[str] = []
        for _level in range(MAX_NESTED):
            kind, name = text_of(job, "launched_by", "type"), text_of(job, "launched_by", "name")
            creator = text_of(job, "summary_fields", "created_by", "username")
            launchers += [account for account in (name if kind == "user" else "", creator) if account]
            if kind == "workflow_job":
                job = self._job(value(job, "launched_by", "id"), reference)
            elif kind in ("schedule", "webhook") or (kind in ("user", "") and launchers):
                return tuple(dict.fromkeys(launchers))
            else:
                break
        raise self._client.unclear(f"found nobody who launched the workflow of {reference}")


def _change_named(job: Any) -> str:
    """The change that the workflow was launched for."""
    try:
        variables = json.loads(text_of(job, "extra_vars") or "{}")
    except ValueError:
        return ""
    return text_of(variables, "tidegate_change")
