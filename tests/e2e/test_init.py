# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that has written down no service yet gets its first file from its own hosts, and nothing is ever overwritten."""

from __future__ import annotations

import yaml
from e2e.hosts import V2, Fleetful
from e2e.project import FEW_WAVES, Project

SERVICES = "inventory/group_vars/all/tidegate_services.yml"
BROWN = ("web1", "web2")
RUN_API = """
mkdir -p /srv/api && echo ok > /srv/api/health
printf '[Service]\\nWorkingDirectory=/srv/api\\nExecStart=/usr/bin/python3 -m http.server 9000\\n' \
  > /etc/systemd/system/api.service
systemctl daemon-reload && systemctl start api.service
until curl -sf -o /dev/null http://127.0.0.1:9000/health; do :; done
"""
REMOVE_API = "systemctl stop api; rm -r /etc/systemd/system/api.service /srv/api; systemctl daemon-reload"


def test_the_first_services_file(site: Project, hosts: Fleetful) -> None:
    """Check mode shows it and writes nothing; then it is there, its guesses marked, and the next plan works with it."""
    (site.folder / SERVICES).unlink()
    hosts.ssh(RUN_API, BROWN)
    try:
        before, on_hosts = site.listing(), hosts.everything()
        hosts["web6"].cut()
        shown = site.play("init", "--check", "--diff")
        hosts["web6"].restore()
        untouched = (site.listing(), hosts.everything()) == (before, on_hosts)
        written = site.play("init")
    finally:
        hosts["web6"].restore()
        hosts.ssh(REMOVE_API, BROWN)

    assert (shown.rc, written.rc, untouched) == (0, 0, True), shown.text + written.text
    assert "web6: cannot be reached" in shown.end["not asked"]
    assert f"+++ after: {site.folder / SERVICES}" in shown.stdout
    assert "+    unit: web.service  # runs on web1, web2, web3, web4, web5" in shown.stdout
    text = (site.folder / SERVICES).read_text()
    services = yaml.safe_load(text)["tidegate_services"]
    assert services["web"] == {
        "unit": "web.service", "root": "/opt/web", "probes": [{"http": {"url": "http://127.0.0.1:8080/health"}}],
    }  # fmt: skip
    assert services["api"] == {
        "unit": "api.service", "hosts": "web1,web2", "root": "/opt/api",
        "probes": [{"http": {"url": "http://127.0.0.1:9000/health"}}],
    }  # fmt: skip
    assert "root: /opt/web  # guess: the unit runs from /opt/web/current" in text
    assert "now it runs /usr/bin/python3 in /srv/api, so take it over with adopt first" in text

    again = site.play("init")
    planned = site.play("plan", change_file=site.change(V2, waves=FEW_WAVES))

    assert again.rc == 2
    assert f"EXISTS: {site.folder / SERVICES} is there already, and is left as it is" in again.text
    assert (site.folder / SERVICES).read_text() == text
    assert planned.rc == 0, planned.text


def test_services_that_are_defined_elsewhere(site: Project) -> None:
    """Wherever the variable is, it is named with its file and line; a file that a folder would hide stays in force."""
    (site.folder / SERVICES).rename(site.folder / "inventory/group_vars/all/ours.yml")
    elsewhere = site.play("init")
    (site.folder / "inventory/group_vars/all/ours.yml").unlink()
    (site.folder / "inventory/group_vars/all").rmdir()
    (site.folder / "inventory/group_vars/all.yml").write_text("site_wide: true\n")
    before = site.listing()
    hidden = site.play("init")

    assert (elsewhere.rc, hidden.rc) == (2, 2)
    assert "EXISTS: inventory/group_vars/all/ours.yml defines tidegate_services already, for web1" in elsewhere.text
    assert not (site.folder / SERVICES).exists()
    assert "inventory/group_vars/all.yml is a file: Ansible would not read it any more" in hidden.text
    assert site.listing() == before
