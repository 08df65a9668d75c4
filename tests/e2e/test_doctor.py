# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor on real hosts: a sound site is let go on, whatever would hinder is named with its remedy, nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

from e2e.hosts import V2, Fleetful
from e2e.project import ROOMY, Project, named

ASK_FOR_PASSWORD = "cp /etc/sudoers.d/ops /root/ops.sudoers; echo 'ops ALL=(ALL) ALL' > /etc/sudoers.d/ops"
ASK_FOR_NONE = "mv /root/ops.sudoers /etc/sudoers.d/ops"
LAUNCHER = "/usr/local/lib/tidegate/current/tidegate-host"
NO_PYTHON = f"sed -i '1s|/usr/bin/python3|/usr/bin/python3.gone|' {LAUNCHER}"
PYTHON = f"sed -i '1s|python3.gone|python3|' {LAUNCHER}"
STOP_TIMER = "systemctl stop 'tidegate-reap@web:*.timer'"


def test_a_sound_site(site: Project, hosts: Fleetful) -> None:
    """Nothing hinders, everybody was looked at, what is enforced is said, and nothing is written on either side."""
    before, on_hosts = site.listing(), hosts.everything()

    seen = site.play("doctor")

    assert seen.rc == 0, seen.text
    assert (site.listing(), hosts.everything()) == (before, on_hosts)
    assert seen.end["hosts"] == "6 of 6 could be looked at"
    assert seen.end["store"] == str(site.store_folder / "store.db")
    assert not [line for line in seen.stdout.splitlines() if line.startswith(("stop ", "unknown "))]
    assert named(seen.stdout.splitlines(), "note", "no host enforces anything")


def test_everything_that_would_hinder(site: Project, hosts: Fleetful) -> None:
    """A host that is cut, one that asks for a password, a dead man's switch that is off in three ways, a wrong clock."""
    site.services(limits={**ROOMY, "confirm_s": 90})
    run = site.begin("rollout", change_file=site.change(V2, hosts=["web5"]))
    run.wait_for_step("activate", "web5", 150)
    run.kill()
    hosts["web1"].cut()
    hosts["web2"].ssh(ASK_FOR_PASSWORD)
    hosts["web3"].ssh("systemctl disable --quiet tidegate-boot.service")
    hosts["web4"].ssh(NO_PYTHON)
    hosts["web5"].ssh(STOP_TIMER)
    hosts["web6"].shift_clock(300)
    reachable = ("web2", "web3", "web4", "web5", "web6")
    try:
        before = hosts.listing(reachable)
        seen = site.play("doctor", json="doctor.json")
        after = hosts.listing(reachable)
    finally:
        hosts["web1"].restore()
        hosts["web2"].ssh(ASK_FOR_NONE)
        hosts["web3"].ssh("systemctl enable --quiet tidegate-boot.service")
        hosts["web4"].ssh(PYTHON)
        hosts["web6"].shift_clock(0)

    lines = seen.stdout.splitlines()
    assert seen.rc == 2, seen.text
    assert before == after
    assert named(lines, "unknown  web1 ", "cannot be reached", "→ is it up")
    assert named(lines, "stop     web2 ", "Missing sudo password → run with -K")
    assert named(
        lines, "stop     web3 ", "tidegate-boot.service is disabled", "→ on the host: systemctl enable tidegate-boot"
    )
    assert named(
        lines, "stop     web4 ", "/usr/bin/python3.gone, is not there any more: nothing would go back by itself"
    )
    assert named(
        lines, "stop     web5 ", "the timer that would take it back is gone", "tidegate.deploy.status takes it back"
    )
    assert named(lines, "warn     web5 ", "is ready, and goes back in")
    assert named(lines, "stop     web6 ", "s ahead of the controller's", "→ let NTP set both clocks")
    assert seen.end["hosts"] == "4 of 6 could be looked at"
    assert seen.end["not looked at"] == "web1, web2"
    assert "DOCTOR: 5 would stop a rollout, 1 unknown" in seen.text
    written = json.loads((site.folder / "doctor.json").read_text())
    assert (written["counts"]["stop"], written["counts"]["unknown"]) == (5, 1)
    assert ["web1"] in [one["where"] for one in written["findings"] if one["level"] == "unknown"]


def test_a_controller_that_lacks_something(blank_site: Project, tmp_path: Path) -> None:
    """A package that cannot be imported, a store that is not supported, few forks, wrong data: all at once, in words."""
    (tmp_path / "sqlalchemy.py").write_text("raise ImportError('not for this Python')\n")
    config = blank_site.folder / "ansible.cfg"
    config.write_text(config.read_text().replace("forks = 25", "forks = 4"))
    blank_site.services(unit="web", limts={})
    blank_site.write("inventory/group_vars/all/tidegate_trust.yml", {"tidegate_trust": {"sit": "example.org"}})

    seen = blank_site.play("doctor", env={"PYTHONPATH": str(tmp_path), "TIDEGATE_STORE": "mysql://db/tidegate"})

    lines = seen.stdout.splitlines()
    place = "inventory/group_vars/all/tidegate_services.yml:"
    assert seen.rc == 2, seen.text
    assert named(lines, "stop     controller ", "not for this Python", "-m pip install 'SQLAlchemy>=2,<3'")
    assert named(lines, "stop     controller ", "found a store in mysql, expected a file", "TIDEGATE_STORE")
    assert named(
        lines, "stop     web1, web2, web3, web4 and 2 more ", place, "web.limts: found an unknown key", "limits?"
    )
    assert named(lines, "stop     web1, web2, web3, web4 and 2 more ", place, "web.unit: found 'web', expected")
    assert named(lines, "stop     controller ", "tidegate_trust of host web1: sit: found an unknown key", "site?")
    assert "Traceback" not in seen.text
