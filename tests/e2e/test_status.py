# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see: status before and after, and progress that nothing depends on."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import FEW_WAVES, Project

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

NO_PROGRESS = {"ANSIBLE_CALLBACKS_ENABLED": "e2e_results"}


def test_status_tells_what_hosts_run_before_and_after(site: Project, hosts: Fleetful) -> None:
    """Text and JSON name each host's release, asked of the hosts; what somebody changed past Tidegate has one entry each."""
    before = site.play("status", json="before.json")
    done = site.rollout(V2, waves=FEW_WAVES)
    clean = site.play("status")
    hosts["web5"].ssh("systemctl stop web.service")
    hosts["web1"].ssh("echo '# by hand' >> /opt/web/current/bin/web")
    hosts["web2"].ssh(f"cd /opt/web && ln -sfn releases/$(ls releases | grep '^{V1}-') current")

    looked, none_yet = site.play("status", "--check"), drifted(site)
    after = site.play("status", json="after.json")
    again = site.play("status")

    assert (before.rc, done.rc, looked.rc, after.rc, again.rc) == (0, 0, 0, 0, 0), after.text
    assert "drift" not in before.stdout + clean.stdout
    assert none_yet == []
    assert drifted(site) == [("web1", done.change), ("web2", done.change)]
    for shown_text in (looked.stdout, after.stdout, again.stdout):
        assert f"drift: the files of {V2}-" in shown_text
        assert f"drift: runs {V1}-" in shown_text
        assert f"{done.change} left it on {V2}-" in shown_text
    shown = {name: _releases(site, name) for name in ("before", "after")}
    assert set(shown["before"].values()) == {V1}
    assert shown["after"] == dict.fromkeys(hosts.names, V2) | {"web2": V1}
    stands = json.loads((site.folder / "after.json").read_text())["services"]["web"]
    assert {name for name, stand in stands.items() if stand["unhealthy"]} == {"web5"}
    assert {name for name, stand in stands.items() if stand["drift"]} == {"web1", "web2"}
    for name in hosts.names:
        assert f"{name}  {V1}-" in before.stdout
        assert f"{name}  {V1 if name == 'web2' else V2}-" in after.stdout
    assert done.change in after.stdout
    assert str(site.store_folder / "store.db") in after.stdout


def test_status_of_hosts_without_a_release_or_a_connection(new_site: Project, hosts: Fleetful) -> None:
    """Absent is absent, unreachable is unknown with the reason; neither is a failure of status."""
    hosts["web4"].cut()
    try:
        shown = new_site.play("status", json="status.json")
    finally:
        hosts["web4"].restore()

    assert shown.rc == 0, shown.text
    stands = json.loads((new_site.folder / "status.json").read_text())["services"]["web"]
    assert {stands[name]["current"] for name in hosts.names if name != "web4"} == {"absent"}
    assert "cannot be reached" in stands["web4"]["unknown"]
    assert "Traceback" not in shown.text


def test_nothing_is_lost_without_the_progress_callback(site: Project, hosts: Fleetful) -> None:
    """The same outcome on hosts and in the record; only the lines are missing."""
    done = site.play("rollout", env=NO_PROGRESS, change_file=site.change(V2, waves=FEW_WAVES))

    assert done.rc == 0, done.text
    assert done.progress == []
    assert_all_on(hosts.see(), V2)
    assert site.changes()[done.change] == "completed"
    assert site.runs()[-1] == ("rollout", "completed")
    assert "completed" in done.end["title"]


def drifted(site: Project) -> list[tuple[str, str]]:
    """The hosts that the ledger says have drifted, and from which change."""
    with Store.open(str(site.store_folder / "store.db"), lambda: datetime.now(UTC)) as store:
        found = [entry for entry in store.entries() if entry.kind == "drift.found"]
    return sorted((entry.body["host"], str(entry.change)) for entry in found)


def _releases(site: Project, name: str) -> dict[str, str]:
    stands = json.loads((site.folder / f"{name}.json").read_text())["services"]["web"]
    return {host: stand["current"].rpartition("-")[0] for host, stand in stands.items()}
