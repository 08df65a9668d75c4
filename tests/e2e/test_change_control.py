# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that people have to approve: refused before they have, let out when they have, held when one of them objects."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import ROOMY, Project

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

FOUR = ["web1", "web2", "web4", "web3"]
WAVES = [["web1"], ["web2", "web4"], ["web3"]]
HOLD = "/run/hold"
"""While this file is on a host its activation waits, so that somebody can object while a wave is under way."""

POLICY = {"approvals": [{"name": "production", "groups": {"ops": 2}, "separation": ["requester"]}]}


def a_key(folder: Path, name: str) -> str:
    """A key of somebody's own, and the path of its private half."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return str(path)


def governed(site: Project) -> dict[str, str]:
    """Let a site ask two of three people; their keys."""
    keys = {name: a_key(site.temp, name) for name in ("ada", "bob", "cyd")}
    people = {
        name: {"groups": ["ops"], "keys": [{"key": Path(f"{key}.pub").read_text()}]} for name, key in keys.items()
    }
    site.write("inventory/group_vars/all/tidegate_people.yml", {"tidegate_people": people})
    site.write("inventory/group_vars/all/tidegate_policy.yml", {"tidegate_policy": POLICY})
    wait = {"command": ["/bin/sh", "-c", f"while [ -e {HOLD} ]; do sleep 0.1; done"], "user": "root", "timeout_s": 120}
    site.services(hooks={"before": wait}, limits={**ROOMY, "hook_s": 120})
    return keys


def denied(site: Project) -> set[str]:
    """The codes of everything that the ledger says was refused."""
    with Store.open(str(site.store_folder / "store.db"), lambda: datetime.now(UTC)) as store:
        return {entry.body["code"] for entry in store.entries() if entry.kind == "denied"}


def test_approved_change_is_held_by_a_veto_in_mid_rollout(site: Project, hosts: Fleetful) -> None:
    """Refused without approval, whatever is said on the command line; then somebody objects while a wave is under way, the next does
    not begin, nobody is taken back; and the way back needs no consent."""
    keys = governed(site)
    site.change(V2, hosts=FOUR, waves=WAVES, floor=1, requester="cyd")
    before = hosts.listing()

    planned = site.play("plan", change_file=f"changes/web-{V2}.yml")
    change = planned.change
    early = site.play("rollout", "-e", '{"tidegate_policy": {}, "tidegate_people": {}}', change=change)
    submitted = site.play("submit", change=change)
    unapproved = site.play("rollout", change=change)
    first = site.play("approve", change=change, key=keys["ada"], sign="true")
    halfway = site.play("rollout", change=change)

    assert planned.rc == 0, planned.text
    assert f"tidegate.deploy.submit -e tidegate_change={change}" in planned.stdout
    assert (early.rc, early.codes) == (2, {"APPROVAL"}), early.text
    assert submitted.rc == 0, submitted.text
    assert "missing 2 of ops (production)" in submitted.stdout
    assert (unapproved.rc, unapproved.codes) == (2, {"QUORUM"}), unapproved.text
    assert first.rc == 0, first.text
    assert (halfway.rc, halfway.codes) == (2, {"QUORUM"}), halfway.text
    assert hosts.listing() == before

    second = site.play("approve", change=change, key=keys["bob"], sign="true")
    assert second.rc == 0, second.text
    assert site.changes()[change] == "approved"
    hosts["web2"].ssh(f"touch {HOLD}")
    try:
        rollout = site.begin("rollout", change=change)
        hosts.wait("web2", lambda seen: seen.state == "pending", 120)
        veto = site.play("reject", change=change, key=keys["ada"], sign="true", reason="'the fair is on'")
    finally:
        hosts["web2"].ssh(f"rm {HOLD}")
    held = rollout.end()

    assert veto.rc == 0, veto.text
    assert (held.rc, site.changes()[change]) == (2, "paused"), held.text
    assert "paused" in held.end["title"]
    seen = hosts.see(FOUR)
    assert_all_on({"web3": seen.pop("web3")}, V1)
    assert_all_on(seen, V2)
    assert "web3" in held.end["not touched"]
    assert "taken back" not in held.end

    blocked = site.play("resume", change=change)
    shown = site.play("status")
    back = site.play("rollback", change=change)

    assert (blocked.rc, blocked.codes) == (2, {"VETO"}), blocked.text
    assert f"{change} is paused" in shown.stdout
    assert "ada has rejected it" in shown.stdout
    assert back.rc == 0, back.text
    assert denied(site) >= {"APPROVAL", "QUORUM", "PAUSED", "VETO"}
    assert_all_on(hosts.see(FOUR), V1)
