# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One fleet per test process, brought to a known state before each test; somebody's project for each test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from e2e.hosts import BASELINE, BLANK, V1, Fleetful, booted  # noqa: E402
from e2e.project import Project, short_ansible_home  # noqa: E402

HOSTS = 6


@pytest.fixture(scope="session")
def ansible_home() -> Iterator[Path]:
    """Ansible's own folder, with a short name because sockets lie in it; connections that stayed open end with it."""
    with short_ansible_home() as folder:
        yield folder


@pytest.fixture(scope="session")
def all_hosts() -> Iterator[Fleetful]:
    """Six booted hosts without any service; two test processes have two fleets."""
    with booted(HOSTS, "e2e") as fleet:
        yield fleet


@pytest.fixture(scope="session")
def baseline(all_hosts: Fleetful, ansible_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release 1.0.0 on all hosts, rolled out once and kept; the folder with the store of that."""
    project = Project(tmp_path_factory.mktemp("baseline"), all_hosts, ansible_home)
    try:
        done = project.rollout(V1, hosts="web")
    finally:
        project.stop()
    assert done.rc == 0, done.text
    all_hosts.keep_as_baseline()
    return project.store_folder


@pytest.fixture
def site(baseline: Path, blank_site: Project) -> Project:
    """A project whose hosts run 1.0.0, with the record of how it got there."""
    blank_site.hosts.put_back(BASELINE)
    blank_site.take_store_of(baseline)
    return blank_site


@pytest.fixture
def new_site(baseline: Path, blank_site: Project) -> Project:
    """A project whose hosts have the host program and no release, without any record."""
    blank_site.hosts.put_back(BLANK)
    return blank_site


@pytest.fixture
def blank_site(all_hosts: Fleetful, ansible_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project, and hosts in whatever state they are."""
    project = Project(tmp_path_factory.mktemp("site"), all_hosts, ansible_home)
    yield project
    project.stop()


@pytest.fixture
def hosts(all_hosts: Fleetful) -> Fleetful:
    """The practice hosts."""
    return all_hosts


@pytest.fixture
def cannot_start(hosts: Fleetful) -> Iterator[Callable[[str, str], Callable[[], object]]]:
    """Let one release not start on one host, whatever it does elsewhere; what it returns mends the host."""
    place = "/etc/systemd/system/web.service.d/e2e.conf"
    with ExitStack() as undo:

        def spoil(name: str, version: str) -> Callable[[], object]:
            line = f"ExecStartPre=/bin/sh -c '! grep -qx {version} /opt/web/current/VERSION'"
            hosts[name].ssh(
                f'mkdir -p {place.rpartition("/")[0]}; echo "[Service]\n{line}" > {place}; systemctl daemon-reload'
            )

            def mend() -> object:
                return hosts[name].ssh(f"rm -f {place}; systemctl daemon-reload")

            undo.callback(mend)
            return mend

        yield spoil
