# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that dies or is told to stop after the switch of the canary, and a host that boots meanwhile."""

from __future__ import annotations

import re
import signal

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import DEADLINE_S, SHORT, UNIT_PROBE, VERSION_PROBE, Project, Run

WAVES = [["web1"], ["web2", "web4"], ["web3", "web5", "web6"]]
REAP_S = DEADLINE_S + 60

IGNORED_IN_A_FORK = re.compile(r"Exception ignored in: [^\n]*\nTraceback (?:[^\n]*\n)+?SystemExit: \d+\n")
"""What Python shows by itself of a signal that came in the very instant of a fork."""


def begin_and_wait_for_switch(site: Project, limits: dict[str, int] = SHORT) -> Run:
    """A rollout whose canary runs the new release and is not confirmed."""
    site.services(limits=limits)
    run = site.begin("rollout", change_file=site.change(V2, waves=WAVES))
    run.wait_for_step("activate", "web1")
    return run


def test_killed_controller_leaves_a_host_that_returns_by_itself(site: Project, hosts: Fleetful) -> None:
    """Nobody helps the canary, and it is back within its deadline and a minute; the same command then completes."""
    begin_and_wait_for_switch(site).kill()
    assert hosts.see(["web1"])["web1"].state == "ready"

    back = hosts.wait("web1", lambda seen: seen.settled, REAP_S)

    assert_all_on({"web1": back}, V1)
    assert back.journal["reverted"]["release"].startswith(f"{V2}-")

    again = site.play("rollout", change_file="changes/web-2.0.0.yml")

    assert again.rc == 0, again.text
    assert_all_on(hosts.see(), V2)
    assert len(site.changes()) == 2, "the re-run did not resume the change"


def test_lease_of_a_dead_run_is_taken_over_at_once(site: Project, hosts: Fleetful) -> None:
    """The re-run starts while the canary still waits for a confirmation, waits for it, and completes the change."""
    begin_and_wait_for_switch(site).kill()

    again = site.play("rollout", change_file="changes/web-2.0.0.yml")

    assert again.rc == 0, again.text
    assert "web1: an interrupted activation" in again.text
    assert_all_on(hosts.see(), V2)
    assert site.changes()[again.change] == "completed"
    assert [state for _verb, state in site.runs()][-2:] == ["interrupted", "completed"]
    assert site.leases() == []


@pytest.mark.parametrize(("number", "rc"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_stopped_run_is_recorded_and_gives_its_lease_back(
    site: Project, hosts: Fleetful, number: signal.Signals, rc: int
) -> None:
    """SIGTERM and SIGHUP end the run in order: exit code, a record as interrupted, no lease, and no later wave."""
    run = begin_and_wait_for_switch(site)
    run.signal(number)

    stopped = run.end()

    assert stopped.rc == rc, stopped.text
    assert site.runs()[-1] == ("rollout", "interrupted")
    assert site.leases() == []
    assert f"interrupted by {number.name}" in stopped.text
    assert "Traceback" not in IGNORED_IN_A_FORK.sub("", stopped.text)
    hosts.wait("web1", lambda seen: seen.settled, REAP_S)
    assert_all_on(hosts.see(), V1)


def test_host_that_boots_in_the_confirm_window_comes_up_on_the_old_release(site: Project, hosts: Fleetful) -> None:
    """Long before its deadline, and before its service starts."""
    begin_and_wait_for_switch(site, {**SHORT, "confirm_s": 300}).kill()
    boot_id = hosts["web1"].boot_id()

    hosts["web1"].reboot()
    hosts["web1"].wait_rebooted(boot_id)

    back = hosts.wait("web1", lambda seen: seen.settled, 30)
    assert_all_on({"web1": back}, V1)
    log = hosts["web1"].ssh("journalctl -b -o cat -u web.service").stdout
    assert f"web {V2} serves" not in log


def test_host_that_boots_under_a_running_rollout_brings_all_back(site: Project, hosts: Fleetful) -> None:
    """While it is probed on the host: the rollout sees that the host was booted, and takes it and the others back."""
    long = {"http": {**VERSION_PROBE["http"], "over_s": 8}}
    site.services(probes=[long, UNIT_PROBE], limits={**SHORT, "probe_s": 20})
    run = site.begin("rollout", change_file=site.change(V2, waves=WAVES))
    boot_id = hosts["web1"].boot_id()
    hosts.wait("web1", lambda seen: seen.state == "pending" and seen.version == V2, 60)
    hosts["web1"].reboot()

    failed = run.end()
    hosts["web1"].wait_rebooted(boot_id)

    assert failed.rc == 2, failed.text
    hosts.wait("web1", lambda seen: seen.settled, REAP_S)
    assert_all_on(hosts.see(), V1)
