# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that fails: who is touched, who returns, what the last block says, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import UNIT_PROBE, VERSION_PROBE, Project

CRASHES, WRONG = "3.0.0", "4.0.0"
REST = ["web1", "web3", "web4", "web5", "web6"]
CANARY_FIRST = [["web2"], ["web1", "web4"], ["web3", "web5", "web6"]]


@pytest.mark.parametrize(
    ("version", "why"), [(CRASHES, "web.service"), (WRONG, "/version")], ids=["crashes-after-3-s", "answers-wrongly"]
)
def test_failing_canary_is_the_only_host_touched(site: Project, hosts: Fleetful, version: str, why: str) -> None:
    """The canary is back on the old release; no other host switched or restarted; the last block tells it all."""
    site.services(probes=[VERSION_PROBE, {"unit": {**UNIT_PROBE["unit"], "over_s": 5}}])
    before = hosts.see()

    failed = site.rollout(version, "-e", "tidegate_json=outcome.json", waves=CANARY_FIRST)

    assert failed.rc == 2, failed.text
    after = hosts.see()
    assert_all_on(after, V1)
    assert {name: after[name].started_us for name in REST} == {name: before[name].started_us for name in REST}
    assert {name: after[name].journal for name in REST} == {name: before[name].journal for name in REST}
    assert after["web2"].started_us > before["web2"].started_us
    assert after["web2"].journal["reverted"]["release"].startswith(f"{version}-")
    assert site.changes()[failed.change] == "rolled_back"
    assert site.leases() == []
    told = json.loads((site.folder / "outcome.json").read_text())
    assert (told["change"], told["outcome"]["verdict"]) == (failed.change, "rolled_back")
    assert why in told["outcome"]["cause"]
    assert {host["name"]: host["place"] for host in told["outcome"]["hosts"]} == {
        "web2": "old",
        **dict.fromkeys(REST, "untouched"),
    }
    end = failed.end
    assert end["title"] == f"{failed.change} rolled back: every host that was touched was read back on its old release"
    assert "web2" in end["cause"], end
    assert why in end["cause"], end
    assert end["taken back"] == "web2"
    assert end["not touched"] == "web1, web4, web3, web5, web6"
    assert end["next"].startswith("ansible-playbook tidegate.deploy.")


def test_failing_last_wave_brings_every_host_of_every_wave_back(
    site: Project, hosts: Fleetful, cannot_start: Callable[[str, str], None]
) -> None:
    """One host of the last wave cannot start the release: all six run the old one again, each after the new one."""
    cannot_start("web6", V2)
    before = hosts.see()

    failed = site.rollout(V2, waves=CANARY_FIRST)

    assert failed.rc == 2, failed.text
    after = hosts.see()
    assert_all_on(after, V1)
    assert all(one.started_us > before[name].started_us for name, one in after.items())
    assert {one.journal["reverted"]["change"] for one in after.values()} == {failed.change}
    assert set(failed.end["taken back"].split(", ")) == set(hosts.names)
    assert "web6" in failed.end["cause"]
    assert "ACTIVATION" in failed.end["cause"]
    assert site.changes()[failed.change] == "rolled_back"


def test_budget_of_one_lets_the_others_complete(
    site: Project, hosts: Fleetful, cannot_start: Callable[[str, str], None]
) -> None:
    """One host fails, goes back at once, and stays on the old release; the others get the new one; rc 2 says so."""
    cannot_start("web4", V2)

    done = site.rollout(V2, waves=CANARY_FIRST, budget=1)

    assert done.rc == 2, done.text
    seen = hosts.see()
    assert_all_on({"web4": seen.pop("web4")}, V1)
    assert_all_on(seen, V2)
    assert done.end["title"] == f"{done.change} completed but for hosts within the failure budget"
    assert done.end["taken back"] == "web4"
    assert "web4" in done.end["also"]
    order = [(one["action"].rpartition(".")[2], one["host"]) for one in done.results]
    assert order.index(("back", "web4")) < order.index(("activate", "web3")), "web4 waited for another wave"


def test_second_failure_exceeds_a_budget_of_one(
    site: Project, hosts: Fleetful, cannot_start: Callable[[str, str], None]
) -> None:
    """The budget counts over all waves: a failure in the second and one in the third bring everything back."""
    cannot_start("web4", V2)
    cannot_start("web5", V2)

    failed = site.rollout(V2, waves=CANARY_FIRST, budget=1)

    assert failed.rc == 2, failed.text
    assert_all_on(hosts.see(), V1)
    assert site.changes()[failed.change] == "rolled_back"


def test_wave_does_not_begin_below_the_floor(site: Project, hosts: Fleetful) -> None:
    """A peer that was stopped by hand is named, and no host is touched."""
    site.services(checks={"service_health": "ignore"})
    hosts["web5"].ssh("systemctl stop web.service")
    before = hosts.see()

    stopped = site.rollout(V2, floor=5)

    assert stopped.rc == 2, stopped.text
    assert "FLOOR" in stopped.end["cause"], stopped.text
    assert "web5" in stopped.end["cause"]
    assert set(stopped.end["not touched"].split(", ")) == set(hosts.names)
    after = hosts.see()
    assert {name: one.started_us for name, one in after.items()} == {
        name: one.started_us for name, one in before.items()
    }
    assert {one.current.partition("-")[0] for one in after.values()} == {V1}
