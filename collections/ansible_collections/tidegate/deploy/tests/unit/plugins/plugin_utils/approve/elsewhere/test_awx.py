# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approval nodes of AWX: the person who clicked counts, and nobody who launched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.awx import Awx
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.credit import credit
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import FAULTS, PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.awx_server import (
    AwxServer,
    workflow_job,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.people import (
    AFTER,
    BEFORE,
    NOW,
    SUBJECT,
    People,
    system,
    utc,
)


@pytest.fixture
def awx() -> Iterator[AwxServer]:
    with AwxServer() as server:
        yield server


def settings(server, **more):
    return system("awx", f"{server.url}/api/v2", **more)


def look(server, reference="42", **more):
    return Awx.of(settings(server, **more)).look(reference)


def counted(server):
    return [one.person for one in credit(look(server), SUBJECT, settings(server), People(), NOW)]


def refusal(server, code="ELSEWHERE"):
    with pytest.raises(Refusal) as caught:
        counted(server)
    assert code == caught.value.code
    return caught.value.message


def test_the_person_who_clicked_counts(awx):
    """A node that ada approved counts for ada, with the time of the click."""
    awx.decide("ada.there")
    evidence = look(awx)
    assert ("approved", ("ada.there",), ("rita.there",)) == (evidence.state, evidence.people, evidence.asked_by)
    assert AFTER == evidence.decisions[0].at
    assert ["ada"] == counted(awx)


def test_who_launched_may_not_approve(awx):
    """AWX lets the launcher approve; that is refused, also under another spelling of the same name."""
    awx.decide("Rita.there")
    assert "rita (awx account Rita.there) asked for it there, and may not approve it" in refusal(awx, "SELF")


def test_who_wants_the_change_may_not_approve(awx):
    """The requester of the change is refused although somebody else launched the workflow."""
    awx.jobs[7] = workflow_job(7, by="otto.there")
    awx.decide("rita.there")
    assert "rita (awx account rita.there) wants CHG-2026-0001, and may not approve it" in refusal(awx, "SELF")


def test_the_launcher_of_a_workflow_around_it_is_seen(awx):
    """A nested workflow was launched by whoever launched the outermost."""
    awx.jobs = {7: workflow_job(7, parent=6), 6: workflow_job(6, parent=5), 5: workflow_job(5, by="ada.there")}
    awx.decide("ada.there")
    assert "ada (awx account ada.there) asked for it there" in refusal(awx, "SELF")


def test_workflows_without_end_are_no_answer(awx):
    """A chain of workflows that leads to nobody holds."""
    awx.jobs[7] = workflow_job(7, parent=7)
    awx.decide("ada.there")
    assert "found nobody who launched the workflow of 42" in refusal(awx)


def test_a_schedule_is_nobody(awx):
    """A workflow that a schedule launched may be approved by anybody."""
    awx.jobs[7] = workflow_job(7)
    awx.decide("ada.there")
    assert ["ada"] == counted(awx)


@pytest.mark.parametrize("status", ["new", "pending", "waiting", "running"])
def test_a_node_that_waits_holds(awx, status):
    """Nobody has clicked: it is said so."""
    awx.node["status"] = status
    assert f"awx:42 waits for approval there: {status}" in refusal(awx)


def test_a_node_that_was_denied_holds(awx):
    """Who denied it is known, and it counts for nobody."""
    awx.decide("ada.there", approves=False)
    assert () == look(awx).people
    assert "awx:42 is not approved there, and will not be: failed" in refusal(awx)


def test_a_node_that_timed_out_holds(awx):
    """Nobody is behind it, and it says why."""
    awx.time_out()
    assert "awx:42 is not approved there, and will not be: timed out" in refusal(awx)


HALF = [
    ({"status": "shiny"}, "found the status 'shiny' of 42"),
    ({"status": None}, "found the status '' of 42"),
    ({"id": 43}, "found no workflow approval 42"),
    ({"type": "workflow_job"}, "found no workflow approval 42"),
    ({"timed_out": True}, "found 42 successful and timed out"),
    ({"finished": None}, "found nobody, or no time, behind the decision of 42"),
    ({"finished": "yesterday"}, "found nobody, or no time, behind the decision of 42"),
    ({"finished": "2026-11-24T12:00:00"}, "found nobody, or no time, behind the decision of 42"),
    ({"summary_fields": {"source_workflow_job": {"id": 7}}}, "found nobody, or no time, behind the decision of 42"),
    ({"summary_fields": {}}, "found no workflow job behind 42"),
    ({"summary_fields": "none"}, "found no workflow job behind 42"),
]


@pytest.mark.parametrize(("half", "told"), HALF)
def test_half_an_answer_holds(awx, half, told):
    """What is missing or unknown is never taken for consent."""
    awx.decide("ada.there")
    awx.node |= half
    assert told in refusal(awx)


def test_a_launcher_without_a_name_holds(awx):
    """An account that was deleted there could be anybody's."""
    awx.decide("ada.there")
    awx.jobs[7]["launched_by"] = {}
    awx.jobs[7]["summary_fields"] = {}
    assert "found nobody who launched the workflow of 42" in refusal(awx)


def test_a_workflow_of_another_change_does_not_count(awx):
    """The workflow has to have been launched for this change: one whose id begins alike is another."""
    awx.decide("ada.there")
    for other in ("CHG-2026-00010", "CHG-2026-0002", ""):
        awx.jobs[7] = workflow_job(7, by="rita.there", change=other)
        assert "awx:42 does not name CHG-2026-0001" in refusal(awx)


def test_an_approval_from_before_the_plan_does_not_count(awx):
    """What was approved was another plan; an instant after it was recorded counts."""
    awx.decide("ada.there", at=BEFORE)
    assert "before the plan was recorded at 2026-11-24 10:00:00 UTC; have the plan of now approved" in refusal(awx)
    awx.node["finished"] = utc(SUBJECT.planned_at + timedelta(microseconds=1))
    assert ["ada"] == counted(awx)


def test_an_account_of_nobody_does_not_count(awx):
    """It is named, with what to do."""
    awx.decide("robot")
    assert "the awx account robot is nobody's: add it to the accounts of a person in tidegate_people" in refusal(awx)


@pytest.mark.parametrize("reference", ["", "0", "42/", "../users/1", "42?x=1", "٤٢", "42\n"])
def test_a_reference_is_a_number(awx, reference):
    """Anything else is refused before anything is asked."""
    with pytest.raises(Refusal, match="expected the number of a workflow approval") as caught:
        look(awx, reference)
    assert "DATA" == caught.value.code
    assert [] == awx.requests


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_goes_wrong_there_holds(awx, fault):
    """An outage, an error, a redirect, garbage or a slow answer: one refusal that names the system and not the secret."""
    awx.decide("ada.there")
    awx.fault = fault
    with pytest.raises(Refusal) as caught:
        look(awx, timeout_s=1)
    assert "ELSEWHERE" == caught.value.code
    assert caught.value.message.startswith(f"awx ({awx.url}/api/v2): ")
    assert PASSWORD not in caught.value.message
