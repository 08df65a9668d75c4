# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last part of the demonstration: hosts that refuse by themselves, and what shows when root goes round them."""

from __future__ import annotations

import shutil

from lab.fleet import Fleet
from lab.show import CHECKOUT, Site, beside, prove, release, require, say, tell, write

ROUND_IT = """
sudo rm /var/lib/tidegate/identity.json &&
sudo ln -sfn "$(ls -d /opt/web/releases/2.0.0-*)" /opt/web/current && sudo systemctl restart web
"""


def agree(fleet: Fleet, site: Site) -> None:
    """The trust that hosts are to enforce, signed by two people."""
    say("14 Ada and Bob sign what the web hosts are to trust; the hosts are enrolled, and enforce it from then on.")
    key = fleet.key.with_suffix(".pub").read_text().strip()
    trust = {"site": "demo", "rule": {"groups": {"ops": 2}}, "login_keys": [key]}
    write(site.folder / "inventory/group_vars/all/tidegate_trust.yml", {"tidegate_trust": trust})
    for name in ("ada", "bob"):
        site.verb("trust", "-e", f"tidegate_key={site.folder / name}", "-e", "tidegate_sign=true")


def enroll(site: Site) -> None:
    """The web hosts enforce what was signed."""
    site.verb("enroll", "-e", "tidegate_hosts=web")


def demonstrate(fleet: Fleet, site: Site, hosts: tuple[str, ...]) -> None:
    """A rollout that hosts refuse, and root's way round them.

    Args:
        fleet: whose hosts run release 1, and keep release 2.
        site: which enrolled them.
        hosts: that are enrolled.

    Raises:
        Unproven: something was not as it should be.
    """
    write(site.folder / "inventory/group_vars/web.yml", {"tidegate_enrolled": True})
    _refused(fleet, site, hosts)
    _round_it(fleet, site, hosts[0])


def _refused(fleet: Fleet, site: Site, hosts: tuple[str, ...]) -> None:
    say(
        "15 Somebody takes the policy, the gate and the ledger away, and rolls out release 2. The hosts refuse by themselves."
    )
    folder = site.folder.with_name("without")
    shutil.copytree(site.folder, folder)
    (folder / "inventory/group_vars/all/tidegate_policy.yml").unlink()
    config = folder / "ansible.cfg"
    config.write_text(config.read_text().replace(", tidegate.deploy.gate, tidegate.deploy.recorder", ""))
    artifact = {"file": f"{CHECKOUT}/build/releases/web-2.0.0.tar.gz"}
    write(
        folder / "changes/web-2.0.0.yml",
        {"service": "web", "release": "2.0.0", "artifact": artifact, "requester": "cyd"},
    )
    rogue = Site(folder, folder / "store.db")
    said = rogue.verb("rollout", "-e", "tidegate_change_file=changes/web-2.0.0.yml", expected=2)
    require("missing 2 of ops" in said, f"the hosts did not refuse for want of approvals:\n{said}")
    prove(fleet, dict.fromkeys(hosts, "1.0.0"))


def _round_it(fleet: Fleet, site: Site, host: str) -> None:
    say(f"16 Root of {host} can do anything to it, and does. What root cannot do is keep that from showing.")
    fleet[host].ssh(ROUND_IT)
    require(release(fleet, host) == "2.0.0", f"{host} was not changed")
    with beside(lambda: _audit(site, host)) as audit:
        said = site.verb("status", "-e", "tidegate_service=web")
        require(f"{host} " in said and "1.0.0" in said, f"status does not say that {host} was changed:\n{said}")
        audit.show()


def _audit(site: Site, host: str) -> None:
    said = site.verb("audit", expected=2)
    named = [line.strip() for line in said.splitlines() if line.strip().startswith(f"ROWS: {host}: ")]
    require(bool(named), f"audit does not name {host}:\n{said}")
    tell(f"   {named[0]}")
