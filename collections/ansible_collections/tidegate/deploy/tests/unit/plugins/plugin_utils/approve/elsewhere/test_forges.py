# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployment approvals of GitLab and GitHub: who decided, for which environment and change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.adapters import adapter
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.credit import credit
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import FAULTS, PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.forges import (
    GithubServer,
    GitlabServer,
)
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.people import (
    AFTER,
    BEFORE,
    CHANGE,
    NOW,
    PLAN,
    SUBJECT,
    People,
    system,
    utc,
)

REFERENCES = {"gitlab": "acme/web:42", "github": "acme/web:1234:production"}


@pytest.fixture
def gitlab() -> Iterator[GitlabServer]:
    with GitlabServer() as server:
        yield server


@pytest.fixture
def github() -> Iterator[GithubServer]:
    with GithubServer() as server:
        yield server


@pytest.fixture(params=[GitlabServer, GithubServer], ids=["gitlab", "github"])
def forge(request: pytest.FixtureRequest) -> Iterator[GitlabServer | GithubServer]:
    with request.param() as server:
        yield server


def settings(server, **more):
    return system(server.system, server.url + ("/api/v4" if server.system == "gitlab" else ""), **more)


def look(server, reference=None, **more):
    return adapter(settings(server, **more)).look(reference or REFERENCES[server.system])


def counted(server, **more):
    return [one.person for one in credit(look(server), SUBJECT, settings(server, **more), People(), NOW)]


def refusal(server, code="ELSEWHERE", **more):
    with pytest.raises(Refusal) as caught:
        counted(server, **more)
    assert code == caught.value.code
    return caught.value.message


# --- both ------------------------------------------------------------------------------------------------------------


def test_who_approved_counts(forge):
    """The real person counts, and who started it is known."""
    forge.decide("ada.there")
    evidence = look(forge)
    assert ("approved", ("ada.there",), ("rita.there",)) == (evidence.state, evidence.people, evidence.asked_by)
    assert ["ada"] == counted(forge)


def test_nobody_has_decided(forge):
    """It waits, and says so."""
    assert "waits for approval there" in refusal(forge)


def test_who_started_it_may_not_approve_it(forge):
    """Under any spelling of the same account."""
    forge.decide("RITA.there")
    assert "rita" in refusal(forge, "SELF")


def test_who_started_it_again_may_not_approve_it(github, gitlab):
    """Whoever started the job, or the run a second time, asked for it, too."""
    github.run["triggering_actor"]["login"] = "ada.there"
    gitlab.deployment["deployable"]["user"]["username"] = "ada.there"
    for forge in (github, gitlab):
        forge.decide("ada.there")
        assert "ada" in refusal(forge, "SELF")


def test_another_environment_does_not_count(gitlab, github):
    """What was approved for staging says nothing about production, unless policy calls it so."""
    gitlab.deployment["environment"]["name"] = "prod"
    gitlab.decide("ada.there")
    github.decide("ada.there")
    assert "is for the environment prod, expected production" in refusal(gitlab)
    assert ["ada"] == counted(gitlab, environments={"production": ["prod", "live"]})
    assert "is for the environment production, expected live" in refusal(github, environments={"production": ["live"]})


def test_a_record_that_names_nothing_counts_for_listed_projects_only(gitlab, github):
    """Policy says whose deployments are about a service; of others the change has to be named."""
    gitlab.decide("ada.there", comment=None)
    github.run["display_title"] = "Release"
    github.decide("ada.there")
    for forge in (gitlab, github):
        told = f"or list its project under tidegate_policy.elsewhere.{forge.system}.projects.web"
        assert told in refusal(forge)
        assert told in refusal(forge, projects={"web": ["acme/other"], "other": ["acme/web"]})
        assert ["ada"] == counted(forge, projects={"web": ["acme/web"]})


def test_a_comment_that_names_the_plan_counts_from_any_time(gitlab, github):
    """Whoever wrote the digest has seen this plan."""
    gitlab.decide("ada.there", at=BEFORE)
    github.run["created_at"] = utc(BEFORE)
    github.decide("ada.there")
    assert "before the plan was recorded" in refusal(gitlab)
    assert "before the plan was recorded" in refusal(github)
    gitlab.decide("ben.there", at=BEFORE, comment=f"plan {PLAN}")
    github.decide("ben.there", comment=f"plan {PLAN}")
    gitlab.deployment["pending_approval_count"] = 0
    assert ["ben"] == counted(gitlab)
    assert ["ben"] == counted(github)


def test_a_rejection_holds(gitlab, github):
    """Whoever else approved."""
    gitlab.deployment["pending_approval_count"] = 2
    gitlab.decide("ada.there")
    gitlab.decide("ben.there", approves=False)
    github.decide("ada.there")
    github.decide("ben.there", state="rejected")
    for forge in (gitlab, github):
        assert "is not approved there, and will not be" in refusal(forge)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_goes_wrong_there_holds(forge, fault):
    """An outage, an error, a redirect, garbage or a slow answer: one refusal that names the system and not the secret."""
    forge.decide("ada.there")
    forge.fault = fault
    with pytest.raises(Refusal) as caught:
        look(forge, timeout_s=1)
    assert "ELSEWHERE" == caught.value.code
    assert PASSWORD not in caught.value.message


# --- GitLab ----------------------------------------------------------------------------------------------------------


def test_every_rule_of_gitlab_has_to_be_met(gitlab):
    """A rule that lacks an approval holds although the total says otherwise."""
    gitlab.deployment["approval_summary"]["rules"] = [{"required_approvals": 2, "deployment_approvals": []}]
    gitlab.decide("ada.there")
    assert "waits for approval there" in refusal(gitlab)
    gitlab.deployment["pending_approval_count"] = 1
    gitlab.decide("ben.there")
    assert ["ada", "ben"] == counted(gitlab)


GITLAB_HALF = [
    ({"status": "shiny"}, "found the status 'shiny' of acme/web:42"),
    ({"id": 41}, "found no deployment 42 of acme/web"),
    ({"approvals": None}, "found no approvals of acme/web:42"),
    ({"pending_approval_count": None}, "approvals are not in force there"),
    ({"user": None}, "found nobody who asked for acme/web:42"),
    ({"environment": {}}, "found no environment of acme/web:42"),
    ({"approvals": [{"status": "approved"}]}, "without its person, time or decision"),
    ({"approval_summary": {"rules": [{}]}}, "found a rule of acme/web:42 that does not say what it asks for"),
]


@pytest.mark.parametrize(("half", "told"), GITLAB_HALF)
def test_half_an_answer_of_gitlab_holds(gitlab, half, told):
    """What is missing or unknown is never taken for consent: also what GitLab without a license leaves out."""
    gitlab.decide("ada.there")
    gitlab.deployment.update(half)
    assert told in refusal(gitlab)


@pytest.mark.parametrize("status", ["failed", "canceled", "skipped"])
def test_a_deployment_that_ended_badly_holds(gitlab, status):
    """It was approved, and then broke off."""
    gitlab.decide("ada.there")
    gitlab.deployment["status"] = status
    assert f"and will not be: {status}" in refusal(gitlab)


@pytest.mark.parametrize("reference", ["", "42", "acme/web", "acme/web:0", "acme/web:42/approval", "../x:1", "a b:1"])
def test_a_reference_of_gitlab_is_a_project_and_a_number(gitlab, reference):
    """Anything else is refused before anything is asked."""
    with pytest.raises(Refusal, match="expected GROUP/PROJECT:DEPLOYMENT") as caught:
        adapter(settings(gitlab)).look(reference)
    assert "DATA" == caught.value.code
    assert [] == gitlab.requests


# --- GitHub ----------------------------------------------------------------------------------------------------------


def test_reviews_of_other_environments_are_left_alone(github):
    """Only what was decided for the named environment is looked at."""
    github.decide("ben.there", environment="staging", state="rejected")
    github.decide("ada.there")
    assert ["ada"] == counted(github)


def test_an_environment_that_still_waits_holds(github):
    """A review was given, and the run waits again, since it was started a second time."""
    github.decide("ada.there")
    github.pending = [{"environment": {"name": "production"}}]
    assert "waits for approval there" in refusal(github)


GITHUB_HALF = [
    ("run", {"status": "shiny"}, "found acme/web:1234:production 'shiny'"),
    ("run", {"status": "completed", "conclusion": None}, "expected a status that GitHub has"),
    ("run", {"id": 1}, "found no run 1234 of acme/web"),
    ("run", {"created_at": None}, "found no run 1234 of acme/web"),
    ("run", {"actor": None}, "found nobody who asked for acme/web:1234:production"),
    ("reviews", {"message": "?"}, "found no list behind approvals"),
    ("pending", None, "found no list behind pending_deployments"),
    ("pending", [{}], "waits for approval there"),
    ("reviews", [{"state": "approved", "environments": [{"name": "production"}]}], "without its environments, person"),
    ("reviews", [{"state": "maybe", "user": {"login": "ada.there"}, "environments": []}], "without its environments"),
]


@pytest.mark.parametrize(("where", "half", "told"), GITHUB_HALF)
def test_half_an_answer_of_github_holds(github, where, half, told):
    """What is missing or unknown is never taken for consent."""
    github.decide("ada.there")
    if where == "run":
        github.run.update(half)
    else:
        setattr(github, where, half)
    assert told in refusal(github)


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out", "startup_failure", "stale"])
def test_a_run_that_broke_off_holds(github, conclusion):
    """Its approval has ended with it."""
    github.decide("ada.there")
    github.run.update(status="completed", conclusion=conclusion)
    assert f"and will not be: {conclusion}" in refusal(github)


BAD = ["", "acme/web:1234", "acme/..:1:production", "acme/web/x:1:production", "acme/web:1:a/b", "acme/web:1:", "a:1:p"]


@pytest.mark.parametrize("reference", BAD)
def test_a_reference_of_github_names_its_environment(github, reference):
    """Anything else is refused before anything is asked."""
    with pytest.raises(Refusal, match="expected OWNER/REPOSITORY:RUN:ENVIRONMENT") as caught:
        adapter(settings(github)).look(reference)
    assert "DATA" == caught.value.code
    assert [] == github.requests


def test_the_change_is_a_word_of_its_own(github):
    """A title that names a change whose id begins alike names another one."""
    github.decide("ada.there")
    github.run["display_title"] = f"Release {CHANGE}0"
    assert f"does not name {CHANGE}" in refusal(github)
    assert AFTER < NOW
