# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that cannot be reached, before the rollout and in the middle of it."""

from __future__ import annotations

import json
import time

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import DEADLINE_S, SHORT, Project

WAVES = [["web1"], ["web2", "web4"], ["web3", "web5", "web6"]]
REAP_S = DEADLINE_S + 60


def test_host_that_is_cut_off_before_is_named_and_nothing_changes(site: Project, hosts: Fleetful) -> None:
    """The pre-check names the host as unknown; no host is staged or switched."""
    others = [name for name in hosts.names if name != "web4"]
    before = hosts.listing(others)
    hosts["web4"].cut()
    try:
        refused = site.rollout(V2, waves=WAVES)
    finally:
        hosts["web4"].restore()

    assert refused.rc == 2, refused.text
    assert refused.verdicts("precheck")["web4"] == "unknown"
    assert "web4: cannot be reached" in refused.text
    assert "Traceback" not in refused.text
    assert refused.of("stage") == []
    assert hosts.listing(others) == before
    assert site.leases() == []


def test_host_that_is_cut_off_after_its_switch_returns_by_itself(site: Project, hosts: Fleetful) -> None:
    """It is reported unknown with what becomes of it, the others come back, and so does it; a re-run converges."""
    site.services(limits=SHORT)
    run = site.begin("rollout", change_file=site.change(V2, waves=WAVES))
    run.wait_for_step("activate", "web2")
    hosts["web2"].cut()
    try:
        failed = run.end()
        others = hosts.see(name for name in hosts.names if name != "web2")
        _wait_until_reaped(hosts, "web2")
    finally:
        hosts["web2"].restore()

    assert failed.rc == 2, failed.text
    assert_all_on(others, V1)
    assert failed.end["unknown"] == "web2"
    assert failed.end["left to do"].startswith("web2: "), failed.end
    assert "goes back by itself" in failed.end["left to do"]
    assert_all_on(hosts.see(["web2"]), V1)

    again = site.play("rollout", change_file="changes/web-2.0.0.yml")

    assert again.rc == 0, again.text
    assert_all_on(hosts.see(), V2)


def _wait_until_reaped(hosts: Fleetful, name: str) -> None:
    """Wait for the host's own journal, read from its disk because nobody can reach it."""
    until = time.monotonic() + REAP_S
    while json.loads(hosts[name].read("/var/lib/tidegate/services/web/journal.json"))["state"] != "steady":
        assert time.monotonic() < until, "it did not go back by itself"
        time.sleep(0.5)
