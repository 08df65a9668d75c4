# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built collection in a project of somebody who has never heard of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from e2e.hosts import V1, Fleetful, assert_all_on
from e2e.project import CHECKOUT, PLAYBOOK, Project

from lab.releases import PLACE

SERVICES = """\
tidegate_services:
  web:
    unit: web.service
    probes: [{http: {url: "http://127.0.0.1:8080/health"}}]
"""
CHANGE = """\
service: web
release: 1.0.0
artifact: {file: ../dist/web-1.0.0.tar.gz}
"""
HOSTS = ["web1", "web2"]


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as it would be published."""
    folder = tmp_path_factory.mktemp("dist")
    source = CHECKOUT / "collections/ansible_collections/tidegate/deploy"
    _galaxy("build", str(source), "--output-path", str(folder), home=folder)
    (built,) = folder.glob("tidegate-deploy-*.tar.gz")
    return built


def test_smallest_start(new_site: Project, hosts: Fleetful, tarball: Path) -> None:
    """No ansible.cfg, three lines of data about the service, and the commands of the first page."""
    project = new_site.folder
    new_site.inventory(HOSTS)
    (project / "ansible.cfg").unlink()
    _galaxy("install", str(tarball), "-p", "collections", home=new_site.temp, cwd=project)
    shutil.rmtree(project / "inventory/group_vars")
    (project / "group_vars/all").mkdir(parents=True)
    (project / "dist").mkdir()
    (project / "inventory/hosts.yml").rename(project / "hosts.yml")
    (project / "inventory").rmdir()
    shutil.copy(PLACE / "web-1.0.0.tar.gz", project / "dist")
    new_site.write("group_vars/all/tidegate_services.yml", SERVICES)
    new_site.write("changes/web-1.0.0.yml", CHANGE)

    told = {"ANSIBLE_COLLECTIONS_PATH": "collections"}
    done = new_site.play("rollout", "-i", "hosts.yml", env=told, change_file="changes/web-1.0.0.yml")
    shown = new_site.play("status", "-i", "hosts.yml", env=told)

    assert done.rc == 0, done.text
    assert_all_on(hosts.see(HOSTS), V1)
    assert {one.current for name, one in hosts.see().items() if name not in HOSTS} == {""}
    assert (project / ".tidegate/store.db").exists()
    assert "completed: every host was read back on the new release" in done.end["title"]
    assert shown.rc == 0, shown.text
    assert all(f"{name}  1.0.0-" in shown.stdout for name in HOSTS), shown.stdout


def _galaxy(*args: str, home: Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        [str(PLAYBOOK.with_name("ansible-galaxy")), "collection", *args],
        cwd=cwd or home, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "ANSIBLE_HOME": str(home), "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
