# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own tests, run against the hosts of each wave after their activation."""

from __future__ import annotations

import json

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import Project

TWO = ["web1", "web2"]
SUITE = """
def test_program_runs_as_its_user(host):
    assert host.check_output("id -un")


def test_release_is_complete(host):
    assert host.file("/opt/web/current/VERSION").content_string.strip() == "2.0.0"
    assert host.service("web").is_running
    assert host.check_output("hostname") != "{broken}", "this host is not as it should be"
"""


def suite(site: Project, text: str) -> None:
    """Give the project a suite, and its service the suite."""
    (site.folder / "suites").mkdir(exist_ok=True)
    site.write("suites/test_web.py", text)
    site.services(suites=["../suites"])


def recorded(site: Project, change: str) -> dict[str, dict[str, str]]:
    """By host: each of its tests in the record, and its outcome."""
    query = (
        "SELECT e.host, e.doc FROM events e JOIN runs r ON r.id = e.run_id WHERE r.change_id = ? AND e.step = 'probe'"
    )
    return {
        host: {test["name"].rpartition("::")[2].partition("[")[0]: test["outcome"] for test in json.loads(doc)["tests"]}
        for host, doc in site.ask_store(query, change)
    }


def test_every_host_passes_the_suite_before_it_is_confirmed(site: Project, hosts: Fleetful) -> None:
    """The tests see the new release on each host, over its own connection, and the record holds each result."""
    suite(site, SUITE.format(broken="none"))

    done = site.rollout(V2, hosts=TWO, waves=[["web1"], ["web2"]])

    assert done.rc == 0, done.text
    assert_all_on(hosts.see(TWO), V2)
    passed = {"test_program_runs_as_its_user": "passed", "test_release_is_complete": "passed"}
    assert recorded(site, done.change) == dict.fromkeys(TWO, passed)
    assert {one["tidegate"]["say"] for one in done.of("probe")} == {"2 probes passed, 2 tests of the site"}


def test_a_test_that_fails_on_one_host_takes_all_back(site: Project, hosts: Fleetful) -> None:
    """The cause names the host, the test and its message."""
    suite(site, SUITE.format(broken="web2"))

    failed = site.rollout(V2, hosts=TWO, waves=[["web1"], ["web2"]])

    assert failed.rc == 2, failed.text
    assert_all_on(hosts.see(TWO), V1)
    assert failed.end["cause"].startswith("the application's: TEST: web2: 1 of 2 tests failed on web2: "), failed.end
    assert "this host is not as it should be" in failed.end["cause"]
    assert failed.end["taken back"] == "web1, web2"
    assert recorded(site, failed.change)["web2"]["test_release_is_complete"] == "failed"


def test_a_suite_that_cannot_be_imported_stops_before_anything_changes(site: Project, hosts: Fleetful) -> None:
    """The refusal names the suite and the file; no host was even asked."""
    suite(site, "import a_package_that_nobody_has\n")
    before = hosts.listing(TWO)

    refused = site.rollout(V2, hosts=TWO)

    assert refused.rc == 2, refused.text
    assert "SUITE" in refused.text
    assert "tidegate_services.web.suites[0]" in refused.text
    assert f"{site.folder}/suites: " in refused.text
    assert "a_package_that_nobody_has" in refused.text
    assert hosts.listing(TWO) == before
