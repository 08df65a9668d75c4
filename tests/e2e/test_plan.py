# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: frozen once, the same as long as its content is, and rolled out by its id."""

from __future__ import annotations

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import FEW_WAVES, Project

OTHER_WAVES = [["web1"], ["web4", "web2"], ["web5", "web3", "web6"]]


def test_plan_is_one_open_change_until_its_content_differs(site: Project, hosts: Fleetful) -> None:
    """Again unchanged: the same change and digest. Changed: the next revision of it. Nothing happens on hosts."""
    before = hosts.listing()
    first = _planned(site, FEW_WAVES)

    again = _planned(site, FEW_WAVES)
    changed = _planned(site, OTHER_WAVES)

    assert (again["change"], again["revision"], again["plan_digest"]) == (first["change"], 1, first["plan_digest"])
    assert (changed["change"], changed["revision"]) == (first["change"], 2)
    assert changed["plan_digest"] != first["plan_digest"]
    assert hosts.listing() == before
    assert site.changes()[str(first["change"])] == "draft"


def test_planned_change_is_rolled_out_by_its_id(site: Project, hosts: Fleetful) -> None:
    """Only as it was planned: an artifact or definition that differs since then is refused, naming what differs."""
    change = _planned(site, FEW_WAVES)["change"]
    site.services(keep=5)

    drifted = site.play("rollout", change=change)

    assert drifted.rc == 2, drifted.text
    assert drifted.codes == {"DRIFT"}
    assert "definition" in drifted.text
    assert_all_on(hosts.see(), V1)
    site.services()

    done = site.play("rollout", change=change)

    assert done.rc == 0, done.text
    assert done.change == change
    assert_all_on(hosts.see(), V2)
    assert site.changes()[str(change)] == "completed"


def test_host_that_was_changed_since_the_plan_is_not_switched_blindly(site: Project, hosts: Fleetful) -> None:
    """The plan expects what each host runs; where that differs, a new revision says so."""
    _planned(site, FEW_WAVES)
    assert (
        site.rollout("5.0.0", waves=FEW_WAVES, hosts=["web1", "web2", "web3", "web4", "web5", "web6"], title="other").rc
        == 0
    )

    replanned = _planned(site, FEW_WAVES)

    assert replanned["revision"] == 2
    assert any("web1" in note and "5.0.0" in note for note in replanned["notes"]), replanned["notes"]


def _planned(site: Project, waves: list[list[str]]) -> dict[str, object]:
    shown = site.play("plan", change_file=site.change(V2, waves=waves))
    assert shown.rc == 0, shown.text
    return shown.of("plan")[-1]
