# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tutorial on the practice fleet, command by command as its page has them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime

from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import CHECKOUT, PLAYBOOK, Project

PAGE = CHECKOUT / "docs/tutorial/practice-fleet.md"
FLEET = ("make fleet", ". .venv/bin/activate", "python3 -m lab down")
"""What the page begins and ends with: the fleet of these tests stands in for it."""


def commands() -> list[tuple[str, bool]]:
    """Each command of the page, and whether the page says that it ends with an error."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [(line.partition("#")[0].strip(), "ends with an error" in line) for line in lines]


def make_site(project: Project) -> None:
    """A copy of what the page uses of the checkout, with the hosts of these tests in its inventory."""
    site = project.folder
    shutil.copytree(CHECKOUT / "changes", site / "changes", dirs_exist_ok=True)
    shutil.copytree(CHECKOUT / "inventories", site / "inventories", ignore=shutil.ignore_patterns(".tidegate"))
    (site / "build").symlink_to(CHECKOUT / "build")
    shutil.copy(site / "inventory/hosts.yml", site / "inventories/demo/hosts.yml")
    for file in (site / "inventories/demo/group_vars/all").glob("*.yml"):
        # the hosts of these tests have keys of their own, which the inventory names
        kept = [line for line in file.read_text().splitlines(True) if not re.match(r"ansible_|practice_|  -o ", line)]
        file.write_text("".join(kept))
    config = (CHECKOUT / "ansible.cfg").read_text()
    (site / "ansible.cfg").write_text(config.replace("= collections", f"= {CHECKOUT / 'collections'}"))


def test_every_command_of_the_tutorial(new_site: Project, hosts: Fleetful) -> None:
    """Each ends as the page says; the bad release stops at the canary, and in the end all run the first one again."""
    make_site(new_site)
    environment = {**os.environ, "PATH": f"{PLAYBOOK.parent}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}

    for command, fails in commands():
        if command in FLEET:
            continue
        of_this_year = re.sub(r"CHG-\d+", f"CHG-{datetime.now(UTC).year}", command)
        ended = subprocess.run(
            shlex.split(of_this_year), cwd=new_site.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert (ended.returncode != 0) == fails, f"{command}\n{ended.stdout}{ended.stderr}"
        if "web-2.0.0" in command:
            assert_all_on(hosts.see(), V2)
        if fails:
            assert "taken back   web1" in ended.stdout
            assert_all_on(hosts.see(), V2)

    assert_all_on(hosts.see(), V1)
    assert not (new_site.folder / "inventories/demo/.tidegate").exists()
