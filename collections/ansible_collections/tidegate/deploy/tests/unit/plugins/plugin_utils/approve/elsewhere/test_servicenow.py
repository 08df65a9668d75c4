# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ServiceNow changes: what was approved there by the people themselves, and for when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.adapters import adapter
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.credit import credit
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import FAULTS, PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.people import (
    BEFORE,
    CHANGE,
    NOW,
    OTHER_PLAN,
    PLANNED_AT,
    SUBJECT,
    People,
    system,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.servicenow_server import (
    ServiceNowServer,
    change,
    utc,
)


@pytest.fixture
def snow() -> Iterator[ServiceNowServer]:
    with ServiceNowServer() as server:
        yield server


def settings(server, **more):
    return system("servicenow", f"{server.url}/api", **{"user": "tidegate", **more})


def look(server, reference="CHG0030001", **more):
    return adapter(settings(server, **more)).look(reference)


def counted(server, now=NOW):
    return [one.person for one in credit(look(server), SUBJECT, settings(server), People(), now)]


def refusal(server, code="ELSEWHERE", now=NOW):
    with pytest.raises(Refusal) as caught:
        counted(server, now)
    assert code == caught.value.code
    return caught.value.message


@pytest.mark.parametrize("display", ["false", "all"])
def test_each_approver_counts(snow, display):
    """Two people who approved count, whichever form values come in."""
    snow.accept("ada.there", "ben.there")
    snow.display = display
    evidence = look(snow)
    assert ("approved", ("ada.there", "ben.there"), ("rita.there",)) == (
        evidence.state,
        evidence.people,
        evidence.asked_by,
    )
    assert ["ada", "ben"] == counted(snow)


def test_a_value_that_is_only_displayed_holds(snow):
    """What is displayed depends on the settings of an account: it decides nothing."""
    snow.accept("ada.there")
    snow.display = "true"
    assert "found no value of sysapproval" in refusal(snow) or "expected one of new" in refusal(snow)


def test_a_token_is_sent_where_no_user_is_named(snow):
    """Without a user the secret is a bearer token."""
    snow.accept("ada.there")
    open_settings = system("servicenow", f"{snow.url}/api")
    assert ("ada.there",) == adapter(open_settings).look("CHG0030001").people


def test_more_approvers_than_a_page(snow):
    """All pages are read."""
    for _number in range(250):
        snow.approve("ben.there", state="not_required")
    snow.accept("ada.there")
    assert ["ada"] == counted(snow)
    offsets = [query["sysparm_offset"] for _m, path, query, _b in snow.requests if path.endswith("_approver")]
    assert ["0", "100", "200", "0", "100", "200"] == offsets or ["0", "100", "200"] == offsets


def test_approvers_that_the_account_may_not_see_hold(snow):
    """One row of three is hidden: it could be a rejection."""
    snow.accept("ada.there", "ben.there", "otto.there")
    snow.hidden = 1
    assert "found 2 of 3 rows of sysapproval_approver" in refusal(snow)


def test_a_query_that_the_instance_ignores_holds(snow):
    """Rows of other changes are not taken for those that were asked for."""
    snow.accept("ada.there")
    snow.changes["d" * 32] = change("d" * 32, "CHG0030002")
    snow.ignores_queries = True
    assert "found changes with another number than CHG0030001" in refusal(snow)
    del snow.changes["d" * 32]
    snow.approve("ben.there")["sysapproval"] = "d" * 32
    assert "found approvals of other records than CHG0030001" in refusal(snow)


def test_two_changes_of_one_number_hold(snow):
    """Which of them is meant nobody knows."""
    snow.accept("ada.there")
    snow.changes["d" * 32] = change("d" * 32, "CHG0030001")
    assert "found 2 changes with the number CHG0030001, expected one" in refusal(snow)


def test_a_change_that_is_not_there_holds(snow):
    """An unknown number, or one that the account may not see."""
    snow.changes.clear()
    assert "found no change CHG0030001, or the account may not see it" in refusal(snow)


WAITING = [
    ({"approval": "requested", "state": "-3"}, "authorize, approval requested"),
    ({"approval": "not requested", "state": "-5"}, "new, approval not requested"),
    ({"approval": "approved", "state": "-3"}, "authorize, approval approved"),
    ({"approval": "approved", "state": "-2", "on_hold": "true"}, "scheduled, approval approved"),
]


@pytest.mark.parametrize(("fields", "told"), WAITING)
def test_what_is_not_approved_yet_holds(snow, fields, told):
    """Approval is missing, the state is too early, or it is on hold."""
    snow.accept("ada.there")
    snow.change.update(fields)
    assert f"servicenow:CHG0030001 waits for approval there: {told}" in refusal(snow)


@pytest.mark.parametrize("state", ["0", "3", "4"])
def test_a_change_that_is_over_holds(snow, state):
    """Review, closed and canceled: what was approved has been used up."""
    snow.accept("ada.there")
    snow.change["state"] = state
    assert "is not approved there, and will not be" in refusal(snow)


def test_a_rejected_change_holds(snow):
    """A rejection stands, whoever else approved."""
    snow.accept("ada.there")
    snow.approve("ben.there", state="rejected")
    snow.change["approval"] = "rejected"
    assert "is not approved there, and will not be: scheduled, approval rejected" in refusal(snow)


UNKNOWN = [
    ({"state": "7"}, "found the state '7', expected one of new"),
    ({"approval": "maybe"}, "found the approval 'maybe' of CHG0030001"),
    ({"start_date": "24.11.2026"}, "found the time '24.11.2026' in start_date, expected one in UTC"),
]


@pytest.mark.parametrize(("fields", "told"), UNKNOWN)
def test_what_is_not_known_holds(snow, fields, told):
    """A state or form of the site's own is never taken for consent."""
    snow.accept("ada.there")
    snow.change.update(fields)
    assert told in refusal(snow)


@pytest.mark.parametrize("field", ["state", "approval", "on_hold", "requested_by", "end_date", "description"])
def test_a_missing_field_holds(snow, field):
    """A field that the account may not see is not in the answer."""
    snow.accept("ada.there")
    del snow.change[field]
    assert f"found no value of {field}" in refusal(snow)


def test_an_approver_state_that_is_not_known_holds(snow):
    """A row of an unknown state could mean anything."""
    snow.accept("ada.there")
    snow.approve("ben.there", state="shrugged")
    assert "found the approval state 'shrugged' of CHG0030001" in refusal(snow)


def test_a_row_that_somebody_else_touched_counts_for_nobody(snow):
    """An administrator who sets another person's row to approved has not heard that person."""
    snow.approve("ada.there", by="admin")
    snow.accept()
    assert "found nobody who decided it by name" in refusal(snow)


def test_who_asked_for_it_may_not_approve_it(snow):
    """The requester of the ServiceNow change is refused."""
    snow.accept("rita.there")
    assert "rita (servicenow account rita.there) asked for it there" in refusal(snow, "SELF")


def test_one_of_two_counts(snow):
    """Who asked for it does not count; the other one does."""
    snow.accept("rita.there", "ben.there")
    assert ["ben"] == counted(snow)


def test_an_approval_from_before_the_plan_does_not_count(snow):
    """The same request approved before the plan that is current now."""
    snow.approve("ada.there", at=BEFORE)
    snow.accept()
    assert "before the plan was recorded" in refusal(snow)


def test_a_request_that_names_another_plan_does_not_count(snow):
    """Its description still names the plan of an earlier revision."""
    snow.accept("ada.there")
    snow.change["description"] = f"Tidegate change {CHANGE}, plan sha256 {OTHER_PLAN}"
    assert f"names the plan {OTHER_PLAN[:12]}…, and {CHANGE} now has {SUBJECT.plan_digest[:12]}…" in refusal(snow)


def test_a_request_about_something_else_does_not_count(snow):
    """It names neither this change nor its plan."""
    snow.accept("ada.there")
    snow.change.update(correlation_id="", description="new chairs")
    assert f"servicenow:CHG0030001 does not name {CHANGE}" in refusal(snow)


def test_the_planned_window_holds(snow):
    """Before its planned start and after its planned end it is not open; between them it is."""
    snow.accept("ada.there")
    snow.change.update(start_date=utc(NOW), end_date=utc(NOW + timedelta(hours=1)))
    told = "is planned from 2026-11-24 12:00:00 UTC to 2026-11-24 13:00:00 UTC there"
    assert told in refusal(snow, "WINDOW", NOW - timedelta(seconds=1))
    assert told in refusal(snow, "WINDOW", NOW + timedelta(hours=1, seconds=1))
    assert ["ada"] == counted(snow, NOW + timedelta(hours=1))
    assert NOW > PLANNED_AT


@pytest.mark.parametrize("reference", ["", "CHG", "chg0030001", "CHG0030001^ORnumberISNOTEMPTY", "CHG1\n", "CHG٤٢"])
def test_a_reference_is_a_number(snow, reference):
    """Nothing of it becomes part of a query that asks for something else."""
    with pytest.raises(Refusal, match="expected the number of a change") as caught:
        look(snow, reference)
    assert "DATA" == caught.value.code
    assert [] == snow.requests


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_goes_wrong_there_holds(snow, fault):
    """An outage, an error, a redirect, garbage or a slow answer: one refusal that names the system and not the secret."""
    snow.accept("ada.there")
    snow.fault = fault
    with pytest.raises(Refusal) as caught:
        look(snow, timeout_s=1)
    assert "ELSEWHERE" == caught.value.code
    assert PASSWORD not in caught.value.message
