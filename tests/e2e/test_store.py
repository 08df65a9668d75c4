# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two rollouts of one service at once, and a store that was lost."""

from __future__ import annotations

import shutil

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import Project

WAVES = [["web1"], ["web2", "web4"], ["web3", "web5", "web6"]]
WRONG = "4.0.0"


def test_second_rollout_is_refused_naming_the_holder(site: Project, hosts: Fleetful) -> None:
    """While one goes on, another of the same service is refused at once; the first is not disturbed."""
    first = site.begin("rollout", change_file=site.change(V2, waves=WAVES))
    first.wait_for_step("stage", "web6")

    second = site.rollout("5.0.0", waves=WAVES)

    assert first.process.poll() is None, "the second was not refused at once"
    assert second.rc == 2, second.text
    assert "LEASE" in second.codes, second.text
    assert str(first.process.pid) in second.text
    assert second.of("stage") == []
    done = first.end()
    assert done.rc == 0, done.text
    assert_all_on(hosts.see(), V2)


def test_lost_store_takes_nothing_back_that_it_did_not_do(site: Project, hosts: Fleetful) -> None:
    """A new store counts changes from the beginning again; a failed canary must not undo what others had that number."""
    shutil.rmtree(site.store_folder)

    failed = site.rollout(WRONG, waves=WAVES)

    assert failed.rc == 2, failed.text
    assert_all_on(hosts.see(), V1)
