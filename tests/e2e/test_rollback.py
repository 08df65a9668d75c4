# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A completed change is taken back by hand."""

from __future__ import annotations

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import FEW_WAVES, Project


def test_rollback_takes_all_hosts_back_once(site: Project, hosts: Fleetful) -> None:
    """All hosts return; a second rollback does nothing; the same file then opens a new change, and arrives."""
    first = site.rollout(V2, waves=FEW_WAVES)
    assert first.rc == 0, first.text

    back = site.play("rollback", change=first.change)

    assert back.rc == 0, back.text
    assert_all_on(hosts.see(), V1)
    assert site.changes()[first.change] == "rolled_back"
    assert set(back.end["taken back"].split(", ")) == set(hosts.names)
    before = hosts.listing()

    again = site.play("rollback", change=first.change)

    assert again.rc == 0, again.text
    assert hosts.listing() == before

    second = site.rollout(V2, waves=FEW_WAVES)

    assert second.rc == 0, second.text
    assert second.change != first.change
    assert_all_on(hosts.see(), V2)


def test_rollback_of_a_first_deployment_leaves_no_release(new_site: Project, hosts: Fleetful) -> None:
    """What was absent is absent again: the unit stopped and not enabled, no link."""
    first = new_site.rollout(V1, waves=FEW_WAVES)
    assert first.rc == 0, first.text

    back = new_site.play("rollback", change=first.change)

    assert back.rc == 0, back.text
    for one in hosts.see().values():
        assert (one.current, one.unit, one.enabled, one.state) == ("", "inactive", "disabled", "steady"), one


def test_rollback_needs_a_change_that_is_known(site: Project, hosts: Fleetful) -> None:
    """An unknown id is named, and nothing happens."""
    before = hosts.listing()

    refused = site.play("rollback", change="CHG-2026-4711")

    assert refused.rc == 2, refused.text
    assert "CHG-2026-4711" in refused.text
    assert refused.codes == {"NO_CHANGE"}
    assert hosts.listing() == before
