# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tidegate leaves hosts: nothing of it stays, and their services have noticed nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import Project

NAMES = ("web1", "web4")
TRACES = """
ls -d /usr/local/lib/tidegate /usr/local/lib/.tidegate* /var/lib/tidegate /var/lib/.tidegate* /run/tidegate \
  /etc/systemd/system/tidegate-* /etc/systemd/system/*.wants/tidegate-* /opt/web/.back-* /opt/web/.next-* 2>/dev/null
systemctl list-units --all --plain --no-legend 'tidegate-*'
true
"""
SERVICE = """
find /opt/web -path '/opt/web/.back-*' -o -path '/opt/web/.next-*' -o ! -path /opt/web -printf '%p %y %m %U:%G %s %l\n' | sort
systemctl show -p ActiveState,MainPID,NRestarts,UnitFileState web.service
"""
"""Everything of the service, but for links that waited beside `current`."""


@pytest.fixture
def left(site: Project, hosts: Fleetful) -> Iterator[Project]:
    """Two hosts that run 1.0.0; the next test finds them put back."""
    site.inventory(NAMES)
    yield site
    hosts.ssh("rm -f /var/cache/e2e/*.seen")


def test_hosts_are_left_with_their_services_and_can_come_back(left: Project, hosts: Fleetful) -> None:
    """Refused while an activation is under way; then all is gone but services and releases; a rollout begins anew."""
    begun = left.begin("rollout", change_file=left.change(V2))
    begun.wait_for_step("activate", NAMES[0])
    begun.kill()
    files = hosts.everything(NAMES)

    refused = left.play("remove")
    assert refused.rc != 0
    assert f"{NAMES[0]}: STATE: web: found" in refused.text
    assert "nothing was changed on any" in refused.text
    assert hosts.everything(NAMES) == files

    (change, _state) = list(left.changes().items())[-1]
    assert left.play("rollback", change=change).rc == 0
    services, files = hosts.ssh(SERVICE, NAMES), {**hosts.listing(NAMES), **hosts.everything(NAMES)}
    previewed = left.play("remove", "--check")
    assert previewed.rc == 0, previewed.text
    assert {**hosts.listing(NAMES), **hosts.everything(NAMES)} == files
    assert "would be removed" in previewed.stdout
    assert "/usr/local/lib/tidegate" in previewed.stdout

    done = left.play("remove")
    assert done.rc == 0, done.text
    assert set(hosts.ssh(TRACES, NAMES).values()) == {""}
    assert hosts.ssh(SERVICE, NAMES) == services
    kept = done.of("remove")[0]["hosts"]["web1"]["left"]
    assert [(one["service"], one["root"], one["current"].partition("-")[0]) for one in kept] == [
        ("web", "/opt/web", V1)
    ]
    assert str(left.store_folder / "store.db") in done.stdout

    again = left.play("remove")
    assert (again.rc, again.of("remove")[0]["changed"]) == (0, False), again.text
    assert set(hosts.ssh(TRACES, NAMES).values()) == {""}

    once_more = left.rollout(V2)
    assert once_more.rc == 0, once_more.text
    assert_all_on(hosts.see(NAMES), V2)
    assert once_more.change != change
