# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that stops and does not take everything back, hosts that were down, and a release that hosts still have."""

from __future__ import annotations

import json
from collections.abc import Callable

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import Project, Result

Spoil = Callable[[str, str], Callable[[], object]]

FOUR = ["web1", "web2", "web4", "web3"]
WAVES = [["web1"], ["web2", "web4"], ["web3"]]
SOON = {"hosts": FOUR, "waves": WAVES, "floor": 1}
REASON = "the next release mends it"


def on_four(hosts: Fleetful, **expected: str) -> None:
    """The four hosts run these versions, each settled and answering."""
    for name, seen in hosts.see(FOUR).items():
        assert_all_on({name: seen}, expected[name])


def started(hosts: Fleetful, *names: str) -> dict[str, int]:
    """When the service of hosts was started."""
    return {name: seen.started_us for name, seen in hosts.see(names).items()}


def paused_in_the_second_wave(site: Project, cannot_start: Spoil) -> tuple[Result, Callable[[], object]]:
    """A change of four hosts that paused because web4 cannot start the release."""
    mend = cannot_start("web4", V2)
    paused = site.rollout(V2, on_failure="pause", **SOON)
    assert paused.rc == 2, paused.text
    assert site.changes()[paused.change] == "paused"
    return paused, mend


def test_paused_change_goes_on_where_it_stopped(site: Project, hosts: Fleetful, cannot_start: Spoil) -> None:
    """The failed host is back, its neighbor is confirmed, the next wave waits; resume repeats nothing and completes."""
    paused, mend = paused_in_the_second_wave(site, cannot_start)

    on_four(hosts, web1=V2, web2=V2, web4=V1, web3=V1)
    assert paused.end["on the new release"] == "web1, web2"
    assert (paused.end["taken back"], paused.end["not touched"]) == ("web4", "web3")
    assert "paused" in paused.end["title"]
    assert "ACTIVATION" in paused.end["cause"]
    for verb in ("resume", "rollback", "close"):
        assert f"ansible-playbook tidegate.deploy.{verb} -e tidegate_change={paused.change}" in paused.end["next"]
    assert site.leases() == []
    before = hosts.listing()

    again = site.play("rollout", change_file="changes/web-2.0.0.yml")

    assert (again.rc, again.codes) == (2, {"PAUSED"}), again.text
    assert f"tidegate.deploy.resume -e tidegate_change={paused.change}" in again.end["next"]
    assert hosts.listing() == before
    shown = site.play("status", json="status.json")
    listed = json.loads((site.folder / "status.json").read_text())["changes"]
    assert (listed[0]["id"], listed[0]["state"], listed[0]["on_failure"]) == (paused.change, "paused", "pause")
    assert f"tidegate.deploy.resume -e tidegate_change={paused.change}" in shown.stdout
    begun = started(hosts, "web1", "web2")
    mend()

    done = site.play("resume", change=paused.change)

    assert done.rc == 0, done.text
    on_four(hosts, web1=V2, web2=V2, web4=V2, web3=V2)
    assert started(hosts, "web1", "web2") == begun
    assert done.of("plan")[-1]["plan_digest"] == paused.of("plan")[-1]["plan_digest"]
    assert site.changes()[paused.change] == "completed"
    assert site.runs()[-1] == ("resume", "completed")


def test_paused_change_is_taken_back_from_all_of_its_hosts(site: Project, hosts: Fleetful, cannot_start: Spoil) -> None:
    """What was confirmed returns as well, and the record says so."""
    paused, _mend = paused_in_the_second_wave(site, cannot_start)

    back = site.play("rollback", change=paused.change)

    assert back.rc == 0, back.text
    on_four(hosts, web1=V1, web2=V1, web4=V1, web3=V1)
    assert site.changes()[paused.change] == "rolled_back"


def test_paused_change_is_closed_as_it_stands_with_a_reason(
    site: Project, hosts: Fleetful, cannot_start: Spoil
) -> None:
    """Nothing changes on any host; nobody closes a change without saying why; the record keeps it."""
    cannot_start("web1", V2)
    paused = site.rollout(V2, on_failure="pause", hosts=["web1", "web2"], waves=[["web1"], ["web2"]])
    before = hosts.listing()

    unexplained = site.play("close", change=paused.change)
    closed = site.play("close", "-e", f"tidegate_reason='{REASON}'", change=paused.change)

    assert (unexplained.rc, unexplained.codes) == (2, {"DATA"}), unexplained.text
    assert "tidegate_reason" in unexplained.text
    assert closed.rc == 0, closed.text
    assert hosts.listing() == before
    assert closed.end["reason"] == REASON
    assert site.changes()[paused.change] == "closed"
    [(kept,)] = site.ask_store("SELECT outcome FROM changes WHERE id = ?", paused.change)
    assert json.loads(kept)["reason"] == REASON
    assert site.leases() == []


def test_keep_ends_the_change_where_it_had_come(site: Project, hosts: Fleetful, cannot_start: Spoil) -> None:
    """No way back is run: what was confirmed stays, the failed host is on the old release, the rest untouched."""
    cannot_start("web4", V2)
    before = started(hosts, "web3")

    kept = site.rollout(V2, on_failure="keep", **SOON)

    assert kept.rc == 2, kept.text
    on_four(hosts, web1=V2, web2=V2, web4=V1, web3=V1)
    assert started(hosts, "web3") == before
    assert "ended where it had come" in kept.end["title"]
    assert site.changes()[kept.change] == "kept"
    assert [one["host"] for one in kept.of("back")] == ["web4"]


def test_host_that_was_down_is_caught_up_and_the_old_release_needs_no_artifact(site: Project, hosts: Fleetful) -> None:
    """Only it changes when the command is run again, and the record completes; then everybody returns to a kept release."""
    hosts["web4"].cut()
    try:
        behind = site.rollout(V2, budget=1, **SOON)
    finally:
        hosts["web4"].restore()
    assert behind.rc == 2, behind.text
    assert behind.end["left to do"] == "web4: nothing was begun there, it stays as it is"
    assert "UTC: catches up the hosts" in behind.end["next"]
    assert site.changes()[behind.change] == "partial"
    before = started(hosts, "web1", "web2", "web3")

    caught = site.play("rollout", change_file="changes/web-2.0.0.yml")

    assert caught.rc == 0, caught.text
    assert (caught.change, site.changes()[caught.change]) == (behind.change, "completed")
    on_four(hosts, web1=V2, web2=V2, web4=V2, web3=V2)
    assert started(hosts, "web1", "web2", "web3") == before

    site.write("changes/return.yml", {"service": "web", "release": V1, **SOON})
    returned = site.play("rollout", change_file="changes/return.yml")

    assert returned.rc == 0, returned.text
    on_four(hosts, web1=V1, web2=V1, web4=V1, web3=V1)
    assert {one["bytes_received"] for one in returned.of("stage")} == {0}
    assert site.changes()[returned.change] == "completed"
    hosts["web4"].ssh(f"rm -rf /opt/web/releases/{V2}-*")

    lacking = site.play(
        "rollout", change_file=site.write("changes/forth.yml", {"service": "web", "release": V2, **SOON})
    )

    assert (lacking.rc, lacking.codes) == (2, {"RETAINED"}), lacking.text
    assert "found on web1, web2, web3" in lacking.text
    on_four(hosts, web1=V1, web2=V1, web4=V1, web3=V1)
