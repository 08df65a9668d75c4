# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written into ServiceNow: one change per change, notes, and a close code; each read back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.adapters import servicenow_client
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.servicenow_change import (
    ServiceNowChange,
    Wanted,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import Create
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import FAULTS, PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.people import (
    CHANGE,
    OTHER_PLAN,
    PLAN,
    system,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.servicenow_server import (
    ServiceNowServer,
)

WANTED = Wanted(CHANGE, PLAN, "web 2.4.0", "web 2.4.0\n3 hosts in production, 2 waves")
CREATE = Create(kind="emergency", fields={"assignment_group": "a" * 32, "correlation_id": "of the site"})


@pytest.fixture
def snow() -> Iterator[ServiceNowServer]:
    with ServiceNowServer() as server:
        server.changes.clear()
        yield server


@pytest.fixture
def there(snow: ServiceNowServer) -> ServiceNowChange:
    return ServiceNowChange(servicenow_client(system("servicenow", f"{snow.url}/api", user="tidegate")))


def made(snow):
    [record] = snow.changes.values()
    return record


def test_a_change_is_made_once(snow, there):
    """Asked again, there is still one; it names change and plan, and has the fields that the site wants."""
    assert ("CHG0030001", True) == there.ensure(WANTED, CREATE)
    assert ("CHG0030001", False) == there.ensure(WANTED, CREATE)
    record = made(snow)
    assert ("emergency", CHANGE, "a" * 32) == (record["type"], record["correlation_id"], record["assignment_group"])
    assert f"Tidegate change {CHANGE}, plan sha256 {PLAN}" in record["description"]
    assert "CHG0030001" == there.number_of(CHANGE)


def test_a_new_revision_is_written_into_the_same_change(snow, there):
    """The description names the plan of now, and a note says that earlier approvals do not count."""
    there.ensure(WANTED, CREATE)
    again = Wanted(CHANGE, OTHER_PLAN, WANTED.title, WANTED.text)
    assert ("CHG0030001", True) == there.ensure(again, CREATE)
    assert PLAN not in made(snow)["description"]
    assert [f"Planned again: sha256 {OTHER_PLAN}. What was approved before does not count for it."] == snow.notes


@pytest.mark.parametrize("state", ["3", "4"])
def test_a_change_that_is_over_is_not_taken_up_again(snow, there, state):
    """Somebody closed or canceled it: what that means, people say."""
    there.ensure(WANTED, CREATE)
    made(snow)["state"] = state
    with pytest.raises(Refusal, match=f"found CHG0030001 of {CHANGE} (closed|canceled) already"):
        there.ensure(WANTED, CREATE)


def test_a_correlation_id_that_is_not_taken(snow, there):
    """Without it the change could not be found again: that is said at once."""
    snow.readonly = {"correlation_id"}
    with pytest.raises(Refusal, match="found a new change without its correlation_id"):
        there.ensure(WANTED, CREATE)


def test_a_description_that_is_not_taken(snow, there):
    """Nobody shall approve the plan of before under the impression that it is the one of now."""
    there.ensure(WANTED, CREATE)
    snow.readonly = {"description"}
    with pytest.raises(Refusal, match="found that description was not taken"):
        there.ensure(Wanted(CHANGE, OTHER_PLAN, "", ""), CREATE)


def test_the_work_begins(snow, there):
    """A scheduled change goes to implement; one that is elsewhere keeps its state."""
    there.ensure(WANTED, CREATE)
    made(snow)["state"] = "-2"
    there.note("CHG0030001", "begins", begins=True)
    there.note("CHG0030001", "wave 1", begins=True)
    assert ("-1", ["begins", "wave 1"]) == (made(snow)["state"], snow.notes)


@pytest.mark.parametrize("state", ["-2", "-1", "0"])
def test_a_change_is_closed_step_by_step(snow, there, state):
    """From wherever it is, through the states between, with code and notes; once."""
    there.ensure(WANTED, CREATE)
    made(snow)["state"] = state
    assert there.close("CHG0030001", "successful_issues", "kept")
    assert not there.close("CHG0030001", "successful", "again")
    record = made(snow)
    assert ("3", "successful_issues", "kept") == (record["state"], record["close_code"], record["close_notes"])


@pytest.mark.parametrize("state", ["-5", "-4", "-3", "4"])
def test_a_change_that_was_never_scheduled_is_not_closed(snow, there, state):
    """Closing does not lead around an approval that is missing there."""
    there.ensure(WANTED, CREATE)
    made(snow)["state"] = state
    with pytest.raises(Refusal, match="which closing does not follow"):
        there.close("CHG0030001", "successful", "")
    assert state == made(snow)["state"]


def test_a_state_that_is_not_taken(snow, there):
    """A rule of the instance kept it: it is said, not believed."""
    there.ensure(WANTED, CREATE)
    made(snow)["state"] = "-1"
    snow.readonly = {"state"}
    with pytest.raises(Refusal, match="found that state was not taken: the account, or a rule there"):
        there.close("CHG0030001", "successful", "")


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"drip"}))
def test_whatever_goes_wrong_there_is_said(snow, there, fault):
    """One refusal, without the secret, for each thing that is written."""
    there.ensure(WANTED, CREATE)
    snow.fault = fault
    for write in (
        lambda: there.ensure(WANTED, CREATE),
        lambda: there.note("CHG0030001", "wave 1"),
        lambda: there.close("CHG0030001", "successful", ""),
    ):
        with pytest.raises(Refusal) as caught:
            write()
        assert "ELSEWHERE" == caught.value.code
        assert PASSWORD not in caught.value.message
