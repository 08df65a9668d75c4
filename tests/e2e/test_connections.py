# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to hosts that sites have: a bastion in between, a password for sudo, and many hosts at once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import Project

from lab.network import namespace

BASTION, BEHIND = "web1", ("web2", "web3")
PASSWORD = "let me in, $(please)"
ASKS = f"""
cp -p /etc/sudoers.d/ops /root/sudoers.ops && echo 'ops ALL=(ALL) ALL' > /etc/sudoers.d/ops
echo 'ops:{PASSWORD}' | chpasswd
"""
ASKS_NO_MORE = "mv /root/sudoers.ops /etc/sudoers.d/ops; usermod -p '!' ops"
MANY = 80
PATIENT = {"ANSIBLE_TIMEOUT": "60"}

SSH_CONFIG = """\
Host {behind}
    ProxyJump ops@{bastion}
Host *
    IdentityFile {key}
    IdentitiesOnly yes
    UserKnownHostsFile {known_hosts}
    StrictHostKeyChecking yes
"""


def route(hosts: Fleetful, word: str) -> None:
    """Add or delete what keeps this machine from talking to the hosts behind the bastion."""
    state = hosts.fleet.state
    for host in state.hosts:
        if host.name in BEHIND:
            inside = ["nsenter", f"--net={namespace(state, host)}"]
            subprocess.run([*inside, "ip", "route", word, "blackhole", f"{state.controller}/32"], check=True)


@pytest.fixture
def far(site: Project, hosts: Fleetful, ansible_home: Path) -> Iterator[Project]:
    """Two hosts that only the bastion reaches, with a sudo that asks for a password, as an ssh_config describes it."""
    addresses = {name: hosts[name].address for name in (BASTION, *BEHIND)}
    text = SSH_CONFIG.format(
        behind=" ".join(addresses[name] for name in BEHIND),
        bastion=addresses[BASTION],
        key=hosts.fleet.key,
        known_hosts=hosts.fleet.known_hosts,
    )
    options = (
        f"-F {site.write('ssh_config', text)} -o ControlPath={ansible_home}/far-%C"  # no connection of earlier tests
    )
    site.inventory(BEHIND, **{name: {"ansible_ssh_common_args": options} for name in BEHIND})
    hosts.ssh(ASKS, BEHIND)
    route(hosts, "add")
    yield site
    route(hosts, "del")
    hosts.ssh(ASKS_NO_MORE, BEHIND)


def with_password(site: Project, password: str | None) -> None:
    """Give the inventory a password for sudo."""
    variables = {} if password is None else {"ansible_become_password": password}
    site.write("inventory/group_vars/all/become.yml", variables)


def test_hosts_behind_a_bastion_with_a_password_for_sudo(far: Project, hosts: Fleetful) -> None:
    """Whatever is wrong with the password is one clear message; with the right one a change goes out and comes back."""
    for password, words in ((None, "Missing sudo password"), ("wrong", "Incorrect sudo password")):
        with_password(far, password)
        refused = far.rollout(V2)
        assert refused.rc != 0
        assert refused.codes == {"NO_ROOT", "PRECHECK"}, refused.text
        assert all(f"{name}: cannot become root: {words}" in refused.text for name in BEHIND)
        assert "no host was changed" in refused.end["title"]

    with_password(far, PASSWORD)
    done = far.rollout(V2)
    assert done.rc == 0, done.text
    back = far.play("rollback", change=done.change)
    assert back.rc == 0, back.text
    with_password(far, None)
    shown = far.play("status", "--become-password-file", str(far.write("password", PASSWORD)))

    assert shown.stdout.count(f"{V1}-") == len(BEHIND), shown.text
    assert PASSWORD not in done.text + back.text + shown.text
    route(hosts, "del")
    try:
        assert_all_on(hosts.see(BEHIND), V1)
    finally:
        route(hosts, "add")


def test_eighty_hosts_in_one_inventory(site: Project, hosts: Fleetful) -> None:
    """All are asked at once; here several names lead to one host. `make many` boots eighty and rolls out to them."""
    names = [f"node{number}" for number in range(1, MANY + 1)]
    site.inventory()
    document = json.loads((site.folder / "inventory/hosts.yml").read_text())
    addresses = [host["ansible_host"] for host in document["all"]["children"]["web"]["hosts"].values()]
    group = {name: {"ansible_host": addresses[at % len(addresses)], "rack": "a"} for at, name in enumerate(names)}
    document["all"]["children"]["web"]["hosts"] = group
    site.write("inventory/hosts.yml", document)

    shown = site.play("status", env=PATIENT)

    assert shown.rc == 0, shown.text
    assert sum(f"  {V1}-" in line and line.split()[0] in names for line in shown.stdout.splitlines()) == MANY
