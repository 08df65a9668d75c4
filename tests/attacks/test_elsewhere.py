# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs that ask another system, run as an operator runs them, against a server of that system's API."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attacks.office import Office

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Kind, rules_for
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.ssh_keys import public
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.awx_server import (
    AwxServer,
    workflow_job,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.servicenow_server import (
    ServiceNowServer,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.procedure.conftest import a_plan

RULE = {"name": "production", "groups": {"ops": 1}, "strength": "recorded"}
PEOPLE = {name: {"groups": ["ops"], "accounts": {"awx": f"{name}.there"}} for name in ("ada", "cyd")}


class Workflow(Office):
    """A change that cyd wants, and an approval node of a workflow that was launched for it."""

    def __init__(self, folder: Path, awx: AwxServer, **rule: str) -> None:
        self.rule = {**RULE, **rule}
        super().__init__(folder)
        self.awx = awx
        (folder / "token").write_text(PASSWORD)
        there = {"url": f"{awx.url}/api/v2", "secret": {"file": str(folder / "token")}, "timeout_s": 60}
        self.say(tidegate_policy={"approvals": [self.rule], "elsewhere": {"awx": there}}, tidegate_people=PEOPLE)
        awx.jobs[7] = workflow_job(7, by="otto.there", change=self.change)

    def click(self, name: str) -> None:
        """Somebody approves, now."""
        self.awx.decide(name, at=datetime.now(UTC) + timedelta(seconds=1))

    def _planned(self, store: Store, title: str | None) -> str:
        rules = rules_for(Policy.of({"approvals": [self.rule]}), Kind("web", "production"))
        plan = a_plan(rules=rules.digest)
        made, _revision = store.new_change(
            "web", "production", plan.content_digest, canonical.dumps(plan.doc), "/changes/web.yml", year=2026
        )
        moving.move(store, made, "submit", actor="cyd", requested_by="cyd")
        return made


@pytest.fixture
def workflow(tmp_path: Path) -> Iterator[Workflow]:
    with AwxServer() as awx:
        yield Workflow(tmp_path, awx)


def test_the_real_approver_is_fetched(workflow: Workflow) -> None:
    """Ada clicked: the change is approved, and the token is in no output and no file but its own."""
    workflow.click("ada.there")
    shown = workflow.play("approve", "-vvv", tidegate_evidence="awx:42")
    assert 0 == shown.returncode, shown.stdout
    assert f"{workflow.change}: approve by ada; it is approved" in shown.stdout
    assert ("approved", []) == (workflow.state, workflow.denied)
    assert PASSWORD not in shown.stdout
    holders = [path for path in workflow.folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert [workflow.folder / "token"] == holders


def test_a_bridge_countersigns(tmp_path: Path) -> None:
    """H13: a click is not enough where a countersignature is asked for; with the key of a bridge in the process it is."""
    with AwxServer() as awx:
        workflow = Workflow(tmp_path, awx, strength="countersigned")
        key = workflow.keys["eve"]
        workflow.say(tidegate_bridges={"board": {"systems": ["awx"], "keys": [{"key": public(key)}]}})
        workflow.click("ada.there")
        clicked = workflow.play("approve", tidegate_evidence="awx:42")
        workflow.environment["TIDEGATE_BRIDGE_KEY"] = str(key)
        shown = workflow.play("approve", tidegate_evidence="awx:42")
    assert 2 == clicked.returncode
    assert "STRENGTH: " in clicked.stdout
    assert "run this where TIDEGATE_BRIDGE_KEY names the key of a bridge that may vouch for awx" in clicked.stdout
    assert 0 == shown.returncode, shown.stdout
    assert f"{workflow.change}: approve by ada; it is approved" in shown.stdout
    assert (["STRENGTH"], "approved") == (workflow.denied, workflow.state)
    with workflow.store() as store:
        assert [("ada", "countersigned")] == [(row.person, row.strength) for row in store.approvals(workflow.change)]


def test_self_approval_is_refused(workflow: Workflow) -> None:
    """AWX let the launcher approve, and the requester: neither counts, and the ledger says so."""
    workflow.click("cyd.there")
    assert "SELF" in workflow.play("approve", tidegate_evidence="awx:42").stdout
    workflow.awx.jobs[7] = workflow_job(7, by="ada.there", change=workflow.change)
    workflow.click("ada.there")
    refused = workflow.play("approve", tidegate_evidence="awx:42")
    assert 2 == refused.returncode
    assert "asked for it there, and may not approve it" in refused.stdout
    assert ("submitted", {"SELF"}) == (workflow.state, {*workflow.denied})


def test_an_outage_holds(workflow: Workflow) -> None:
    """What cannot be asked is not approved: no traceback, one code."""
    workflow.click("ada.there")
    workflow.awx.fault = "500"
    refused = workflow.play("approve", tidegate_evidence="awx:42")
    assert 2 == refused.returncode
    assert "answers with status 500" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert ("submitted", ["ELSEWHERE"]) == (workflow.state, workflow.denied)


@pytest.fixture
def snow() -> Iterator[ServiceNowServer]:
    with ServiceNowServer() as server:
        server.changes.clear()
        yield server


class Board(Office):
    """A site whose changes are approved in ServiceNow, and a change file for a playbook of its own."""

    def __init__(self, folder: Path, snow: ServiceNowServer) -> None:
        super().__init__(folder)
        (folder / "token").write_text(PASSWORD)
        there = {
            "url": f"{snow.url}/api",
            "user": "tidegate",
            "secret": {"file": str(folder / "token")},
            "timeout_s": 60,
        }
        people = {"ada": {"groups": ["ops"], "accounts": {"servicenow": "ada.there"}}}
        elsewhere = {"servicenow": {**there, "create": {"environments": ["production"]}}}
        self.say(tidegate_policy={"approvals": [RULE], "elsewhere": elsewhere}, tidegate_people=people)
        (folder / "own.yml").write_text("- hosts: web\n")
        self.file = folder / "own-change.yml"
        self.file.write_text("service: web\nplaybook: own.yml\nrequester: ada\n")

    def planned(self, *more: str) -> subprocess.CompletedProcess[str]:
        """The change file, planned."""
        return self.play("plan", *more, tidegate_change=None, tidegate_change_file=str(self.file))


def test_plan_makes_the_change_in_servicenow(tmp_path: Path, snow: ServiceNowServer) -> None:
    """Once, with the digest of the plan; not in check mode; and not at all while ServiceNow is away, which is said."""
    board = Board(tmp_path, snow)
    assert 0 == board.planned("--check").returncode
    snow.fault = "500"
    away = board.planned()
    assert 2 == away.returncode
    assert "ELSEWHERE: servicenow" in away.stdout
    snow.fault = None
    for said in ("written to ServiceNow as CHG0030001", "is in ServiceNow as CHG0030001"):
        shown = board.planned()
        assert 0 == shown.returncode, shown.stdout
        assert said in shown.stdout
    [made] = snow.changes.values()
    with board.store() as store:
        change = store.change(made["correlation_id"])
    assert change is not None
    assert change.plan_digest in made["description"]
    assert "web" == change.service


@pytest.mark.parametrize("fault", [None, "500"])
def test_close_closes_the_change_in_servicenow(tmp_path: Path, snow: ServiceNowServer, fault: str | None) -> None:
    """With a code that follows from what came out; while ServiceNow is away a warning says so, and nothing else is different."""
    board = Board(tmp_path, snow)
    assert 0 == board.planned().returncode
    [made] = snow.changes.values()
    made.update(approval="approved", state="-1")
    snow.fault = fault
    ended = board.play("close", tidegate_change=made["correlation_id"], tidegate_reason="nobody needs it")
    assert 0 == ended.returncode, ended.stdout
    assert (fault is not None) == ("ServiceNow was not told: servicenow" in ended.stdout)
    assert (("-1", "") if fault else ("3", "successful_issues")) == (made["state"], made["close_code"])
    assert ("" if fault else f"{made['correlation_id']} closed") == made["close_notes"]
