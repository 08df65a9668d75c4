# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that goes well: first deployment, waves in the plan's order, and nothing at all the second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import FEW_WAVES, Project

from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import PASSWORD
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.servicenow_server import (
    ServiceNowServer,
)

MOST_RESULTS = 6
SECRET = {"SERVICENOW_PASSWORD": PASSWORD}


class Office(ServiceNowServer):
    """A ServiceNow that is away just when the second wave is noted."""

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        if method == "PATCH" and "wave 2 of 3" in str(body):
            return 503, self.error(503), {}
        return super().answer(method, path, query, body)

    def approve_made(self) -> None:
        """Ada approves the one change that was made there, seconds after it was planned."""
        [made] = self.changes.values()
        row = self.approve("ada.there", at=datetime.now(UTC) + timedelta(seconds=2))
        row["sysapproval"] = made["sys_id"]
        made.update(approval="approved", state="-2", start_date="")


@pytest.fixture
def office(site: Project) -> Iterator[Office]:
    """The site makes a change in ServiceNow for each of its own, and goes on when that is approved there."""
    with Office() as server:
        server.changes.clear()
        there = {
            "url": f"{server.url}/api",
            "user": "tidegate",
            "secret": {"env": "SERVICENOW_PASSWORD"},
            "create": {},
        }
        policy = {"tidegate_policy": {"elsewhere": {"servicenow": there}}}
        people = {"tidegate_people": {"ada": {"groups": ["ops"], "accounts": {"servicenow": "ada.there"}}}}
        site.write("inventory/group_vars/all/tidegate_policy.yml", policy)
        site.write("inventory/group_vars/all/tidegate_people.yml", people)
        yield server


def test_first_deployment_reaches_every_host(new_site: Project, hosts: Fleetful) -> None:
    """Hosts without any release get one, their unit is enabled, and the change is recorded as completed."""
    done = new_site.rollout(V1)

    assert done.rc == 0, done.text
    seen = hosts.see()
    assert_all_on(seen, V1)
    assert {one.enabled for one in seen.values()} == {"enabled"}
    assert {one.journal["change"] for one in seen.values()} == {done.change}
    assert new_site.changes() == {done.change: "completed"}
    assert new_site.leases() == []
    assert done.end["title"] == f"{done.change} completed: every host was read back on the new release"
    assert f"rollback -e tidegate_change={done.change}" in done.end["next"]


def test_release_goes_out_in_the_waves_of_the_plan(site: Project, hosts: Fleetful, office: Office) -> None:
    """Services restart wave by wave in the plan's order, and no host has more than six results. ServiceNow, where the change
    was made, holds it until it is approved there; is told how it goes; and changes nothing when it cannot be told."""
    waves = [["web3"], ["web1", "web4"], ["web2", "web5", "web6"]]
    planned = site.play("plan", change_file=site.change(V2, waves=waves), env=SECRET)
    held = site.play("rollout", change=planned.change, env=SECRET)
    assert (held.rc, held.codes) == (2, {"ELSEWHERE"}), held.text
    assert "waits for approval there" in held.text
    office.approve_made()

    done = site.play("rollout", change=planned.change, env=SECRET)

    assert done.rc == 0, done.text
    _assert_told(office, planned.change, waves, done.text)
    assert done.waves == waves
    seen = hosts.see()
    assert_all_on(seen, V2)
    starts = [sorted(seen[name].started_us for name in wave) for wave in waves]
    assert all(before[-1] < after[0] for before, after in pairwise(starts)), starts
    _assert_confirmed_before_next(done.results, waves)
    _assert_progress_names_every_host_and_step(done.progress, hosts.names)
    assert max(_results_per_host(done.results).values()) <= MOST_RESULTS, _results_per_host(done.results)


def test_default_waves_are_a_canary_a_quarter_and_the_rest(site: Project, hosts: Fleetful) -> None:
    """Without a word in the change file: one host, two of six, the rest, never a whole set of racks, and three stay up."""
    shown = site.play("plan", change_file=site.change(V2))

    assert shown.rc == 0, shown.text
    rack = {name: "abc"[at % 3] for at, name in enumerate(hosts.names)}
    assert [len(wave) for wave in shown.waves][:2] == [1, 2]
    assert sorted(name for wave in shown.waves for name in wave) == list(hosts.names)
    assert all({rack[name] for name in wave} != set("abc") and len(wave) <= 3 for wave in shown.waves)


def test_second_run_changes_nothing(site: Project, hosts: Fleetful) -> None:
    """The same file again: rc 0, no file, no time and no process of any host differs, no new change."""
    assert site.rollout(V2, waves=FEW_WAVES).rc == 0
    before, changes = hosts.listing(), site.changes()

    again = site.play("rollout", change_file="changes/web-2.0.0.yml")

    assert again.rc == 0, again.text
    assert hosts.listing() == before
    assert site.changes() == changes
    assert "nothing to do" in again.stdout


def _assert_told(office: Office, change: str, waves: list[list[str]], text: str) -> None:
    """Work notes while it ran, but the one that was lost, which is a warning; then closed with what came of it."""
    [closed] = office.changes.values()
    begun, *rest = office.notes
    assert begun.startswith(f"{change} begins, by ")
    assert rest == [f"{change}: wave {at} of 3 opens: {', '.join(waves[at - 1])}" for at in (1, 3)]
    assert text.count("ServiceNow was not told: ") == 1
    assert (closed["state"], closed["close_code"]) == ("3", "successful")
    assert closed["close_notes"] == f"{change} completed; hosts: 6 new"
    assert PASSWORD not in text


def _results_per_host(results: list[dict[str, Any]]) -> Counter[str]:
    """How many results each host has; a `meta` task runs nowhere and counts nowhere, in Ansible's recap neither."""
    return Counter(one["host"] for one in results if one["host"] != "localhost" and not one["action"].endswith(".meta"))


def _assert_progress_names_every_host_and_step(lines: list[str], names: tuple[str, ...]) -> None:
    """A plain line per host and step, beside Ansible's own output."""
    said = [line.split()[2:5] for line in lines]
    for step in ("precheck", "stage", "activate", "probe", "confirm"):
        assert {host for host, what, verdict in said if (what, verdict) == (step, "ok")} == set(names), step


def _assert_confirmed_before_next(results: list[dict[str, Any]], waves: list[list[str]]) -> None:
    """Each wave's confirmations come before the first activation of the next wave."""
    order = [(one["action"].rpartition(".")[2], one["host"]) for one in results]
    for wave, after in pairwise(waves):
        last = max(order.index(("confirm", name)) for name in wave)
        first = min(order.index(("activate", name)) for name in after)
        assert last < first, (wave, after)
