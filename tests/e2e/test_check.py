# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode: the whole plan is shown, and nothing is written on any machine."""

from __future__ import annotations

from typing import Any

from e2e.hosts import V1, V2, Fleetful
from e2e.project import FEW_WAVES, Project

WAVES = [["web1"], ["web2", "web4"], ["web3", "web5", "web6"]]


def test_check_writes_nothing_on_hosts_that_never_saw_tidegate(blank_site: Project, hosts: Fleetful) -> None:
    """No program, no folder, no store: hosts, project and temporary folder are the same, to the times of folders."""
    hosts.forget_program()
    change = blank_site.change(V1, waves=WAVES)
    before = everything(blank_site)

    shown = blank_site.play("rollout", "--check", "--diff", change_file=change)

    assert shown.rc == 0, shown.text
    assert differences(before, everything(blank_site)) == []
    _assert_shows_waves(shown.stdout, V1)


def test_check_of_an_update_writes_nothing(site: Project, hosts: Fleetful) -> None:
    """Hosts with a release and a site with a store stay as they are, too; the preview names both releases per host."""
    change = site.change(V2, waves=WAVES)
    before = everything(site)

    shown = site.play("rollout", "--check", "--diff", change_file=change)

    assert shown.rc == 0, shown.text
    assert differences(before, everything(site)) == []
    _assert_shows_waves(shown.stdout, V2)
    assert "nothing was written" in shown.stdout
    assert f"-{V1}-" in shown.stdout
    assert f"+{V2}-" in shown.stdout


def test_check_of_a_bad_host_fails_as_the_run_would(site: Project, hosts: Fleetful) -> None:
    """What the pre-check would refuse is refused in check mode already."""
    hosts["web4"].ssh("systemctl stop web.service")
    change = site.change(V2)
    before = everything(site)

    shown = site.play("rollout", "--check", change_file=change)

    assert shown.rc == 2, shown.text
    assert "web4" in shown.text
    assert "PRECHECK" in shown.codes
    assert differences(before, everything(site)) == []


def test_check_of_a_rollback_writes_nothing(site: Project, hosts: Fleetful) -> None:
    """It says what would be switched back where."""
    done = site.rollout(V2, waves=FEW_WAVES)
    before = everything(site)

    shown = site.play("rollback", "--check", change=done.change)

    assert shown.rc == 0, shown.text
    assert differences(before, everything(site)) == []
    assert "nothing was written" in shown.stdout


def everything(site: Project) -> dict[str, Any]:
    """All files of the project, of its temporary folder and of the hosts, as far as a rollout could touch them."""
    return {**site.listing(), **site.hosts.everything()}


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The files of this machine, and the lines of hosts' listings, that are not the same."""
    found = []
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if isinstance(old, str) and isinstance(new, str):
            found += [f"{name}: {line}" for line in {*old.splitlines()} ^ {*new.splitlines()}]
        elif old != new:
            found.append(name)
    return sorted(found)


def _assert_shows_waves(text: str, version: str) -> None:
    assert "1  canary  web1" in text
    assert "2  web2, web4" in text
    assert "3  web3, web5, web6" in text
    assert f"{version}-" in text
