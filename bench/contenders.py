# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools that are measured, each as the command that its user would type, in a folder that its user would have.

All go to the same login by the same key, and become root with sudo. All of them connect anew in each run: a deployment
does not find connections that somebody opened a minute before.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.hosts import Hosts, Service
from bench.releases import Release
from lab import ansible_cfg

CHECKOUT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
PLUGINS = Path(__file__).resolve().parent / "plugins"
COLLECTIONS = os.environ.get("BENCH_COLLECTIONS") or CHECKOUT / "collections"  # another version, to compare
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
PYINFRA = CHECKOUT / "build/bench-venv/bin/pyinfra"

ONE_ANSWER = {"in_a_row": 1, "over_s": 0, "every_ms": 100}
"""The first good answer is enough, as it is for the others: how long one looks at a release is not what is measured."""


@dataclass(frozen=True)
class Command:
    """What is run, where, and with which environment beside the usual one."""

    argv: Sequence[str]
    folder: Path
    environment: dict[str, str]


class Site:
    """A folder with an inventory and an ansible.cfg, from which a tool is run.

    Args:
        folder: a new one with a short name, for sockets lie in it.
        inventory: an inventory in YAML, written as JSON.
        forks: at how many hosts Ansible works at once.
        callbacks: enabled beside the one that takes times.
    """

    def __init__(self, folder: Path, inventory: object, forks: int, callbacks: Sequence[str] = ()) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "inventory/group_vars/all").mkdir(parents=True)
        (folder / "inventory/hosts.yml").write_text(json.dumps(inventory, indent=1))
        enabled = ("bench_times", *callbacks)
        config = ansible_cfg.text(collections=COLLECTIONS, plugins=PLUGINS, callbacks=enabled, forks=forks)
        (folder / "ansible.cfg").write_text(config)

    def playbook(self, *words: str) -> Command:
        """Run ansible-playbook; Ansible's own folder, in which sockets of connections lie, is new each time."""
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        environment = {"ANSIBLE_HOME": str(home), "BENCH_TIMES": str(self.times), "ANSIBLE_NOCOLOR": "1"}
        self.times.unlink(missing_ok=True)
        return Command([str(PLAYBOOK), *words], self.folder, environment)

    @property
    def times(self) -> Path:
        """What the callback wrote of the last run."""
        return self.folder / "times.json"


def inventory_of(groups: Mapping[str, Hosts]) -> object:
    """An Ansible inventory of hosts of one fleet, by their groups."""
    fleet = next(iter(groups.values())).fleet
    options = f"-o UserKnownHostsFile={fleet.known_hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    common = {
        "ansible_user": "ops",
        "ansible_ssh_private_key_file": str(fleet.key),
        "ansible_ssh_common_args": options,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    children = {
        group: {"hosts": {host.name: {"ansible_host": host.address} for host in hosts.hosts}}
        for group, hosts in groups.items()
    }
    return {"all": {"vars": common, "children": children}}


class Tool:
    """What is the same for all of them."""

    def deploy(self, release: Release, url: str | None) -> Command:
        """Bring a release to all hosts, from a URL or from here."""
        raise NotImplementedError


class Tidegate(Tool):
    """The whole governed rollout of the collection of this checkout, in one wave."""

    def __init__(self, folder: Path, hosts: Hosts, service: Service) -> None:
        self.service = service
        self.site = Site(folder, inventory_of({service.name: hosts}), len(hosts), ("tidegate.deploy.progress",))
        describe_services(self.site, service)

    def deploy(self, release: Release, url: str | None) -> Command:
        return self.site.playbook("tidegate.deploy.rollout", *self._change(release, url))

    def rollback(self) -> Command:
        """Take the last rollout back, as its last lines say."""
        return self.site.playbook("tidegate.deploy.rollback", "-e", f"tidegate_change={last_change(self.site)}")

    def _change(self, release: Release, url: str | None) -> list[str]:
        return ["-e", f"tidegate_change_file={write_change(self.site, self.service, release, url)}"]


def last_change(site: Site) -> str:
    """The id of the newest change of a site."""
    with closing(sqlite3.connect(site.folder / "inventory/.tidegate/store.db")) as store:
        return str(store.execute("SELECT max(id) FROM changes").fetchone()[0])


def describe_services(site: Site, *services: Service) -> None:
    """Write what Tidegate has to know of services."""
    described = {service.name: _described(service) for service in services}
    file = site.folder / "inventory/group_vars/all/tidegate_services.yml"
    file.write_text(json.dumps({"tidegate_services": described}, indent=1))


def _described(service: Service) -> dict[str, object]:
    version = {"url": f"http://127.0.0.1:{service.port}/version", "release": "header:X-Release", **ONE_ANSWER}
    return {
        "unit": service.unit,
        "root": service.root,
        "probes": [{"http": version}, {"unit": ONE_ANSWER}],
        "keep": 1,
        "checks": {"load": "ignore", "clock": "ignore"},  # all hosts share one machine
    }


def write_change(site: Site, service: Service, release: Release, url: str | None, **keys: object) -> str:
    """Write a change file, by default one that brings all hosts to a release in one wave."""
    artifact = {"url": url, "sha256": release.sha256} if url else {"file": str(release.path)}
    change = {"service": service.name, "release": release.version, "artifact": artifact, "waves": ["rest"], "floor": 0}
    file = site.folder / f"{service.name}-{release.version}.yml"
    file.write_text(json.dumps({**change, **keys}, indent=1))
    return file.name


class Plain(Tool):
    """Ansible's own modules, with the same settings."""

    def __init__(self, folder: Path, hosts: Hosts, service: Service) -> None:
        self.service = service
        self.site = Site(folder, inventory_of({service.name: hosts}), len(hosts))

    def deploy(self, release: Release, url: str | None) -> Command:
        kind = "file" if not release.is_archive else "pull" if url else "push"
        given = {"service": self.service.name, "port": self.service.port, "version": release.version}
        given |= {"url": url, "sha256": release.sha256} if url else {"archive": str(release.path)}
        return self.site.playbook(str(PEERS / f"plain/{kind}.yml"), "-e", json.dumps(given))


class Pyinfra(Tool):
    """A deploy of pyinfra, from its own virtual environment."""

    def __init__(self, folder: Path, hosts: Hosts, service: Service) -> None:
        self.service = service
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        common = {
            "ssh_user": "ops",
            "ssh_key": str(hosts.fleet.key),
            "ssh_known_hosts_file": str(hosts.fleet.known_hosts),
            "ssh_strict_host_key_checking": "yes",
            "ssh_allow_agent": False,
            "ssh_look_for_keys": False,
        }
        listed: list[tuple[str, dict[str, object]]] = [(host.address, {}) for host in hosts.hosts]
        (folder / "inventory.py").write_text(f"everybody = ({listed!r}, {common!r})\n")
        shutil.copyfile(PEERS / "deploy.py", folder / "deploy.py")

    def deploy(self, release: Release, url: str | None) -> Command:
        data = {"service": self.service.name, "port": str(self.service.port), "version": release.version}
        data |= {"unpack": "yes" if release.is_archive else "no"}
        data |= {"url": url, "sha256": release.sha256} if url else {"archive": str(release.path)}
        words = [word for name, value in data.items() for word in ("--data", f"{name}={value}")]
        return Command([str(PYINFRA), "-y", *words, "inventory.py", "deploy.py"], self._folder, {})


class Floor(Tool):
    """One ssh to each host, all at once."""

    def __init__(self, folder: Path, hosts: Hosts, service: Service) -> None:
        self.service = service
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        fleet = hosts.fleet
        self._options = (
            f"-i {fleet.key} -o UserKnownHostsFile={fleet.known_hosts} -o StrictHostKeyChecking=yes"
            " -o IdentitiesOnly=yes -o BatchMode=yes"
        )
        self._addresses = [host.address for host in hosts.hosts]

    def deploy(self, release: Release, url: str | None) -> Command:
        given = [self.service.name, str(self.service.port), release.version, "yes" if release.is_archive else "no"]
        words = [str(PEERS / "floor.sh"), *given, url or str(release.path), *self._addresses]
        return Command(words, self._folder, {"SSH_OPTIONS": self._options})


TOOLS: dict[str, Any] = {"floor": Floor, "tidegate": Tidegate, "pyinfra": Pyinfra, "plain": Plain}


def environment() -> dict[str, str]:
    """What every tool finds in its environment."""
    path = f"{PLAYBOOK.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": os.environ.get("HOME", "/root"), "LANG": "C.UTF-8"}
