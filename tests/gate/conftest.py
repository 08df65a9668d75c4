# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody's own playbooks under the gate and the recorder: many names in an inventory, all of them this machine."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
CALLBACKS = "tidegate.deploy.gate, tidegate.deploy.recorder"
RUN_S = 120

HOSTS = {
    "all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "children": {
            "web": {"hosts": {"web1": {}, "web2": {}}},
            "db": {"hosts": {"db1": {}, "db2": {}}},
        },
    }
}
SERVICES = {"tidegate_services": {"web": {"unit": "web.service"}}}


class Result:
    """What a run of ansible-playbook left behind."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.rc = done.returncode
        self.text = done.stdout + done.stderr

    @property
    def said(self) -> list[str]:
        """The lines of the gate."""
        return [
            line.removeprefix("tidegate gate: ")
            for line in self.text.splitlines()
            if line.startswith("tidegate gate: ")
        ]


class Site:
    """A folder that somebody runs playbooks in.

    Args:
        folder: empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.touched_folder = folder / "touched"
        self.touched_folder.mkdir()
        (folder / "inventory/group_vars/all").mkdir(parents=True)
        (folder / "changes").mkdir()
        self.write("inventory/hosts.yml", HOSTS)
        self.write("inventory/group_vars/all/tidegate_services.yml", SERVICES)
        self.config()

    def config(self, callbacks: str = CALLBACKS, **settings: str) -> None:
        """Write ansible.cfg."""
        lines = {"inventory": "inventory", "collections_path": str(CHECKOUT / "collections"), **settings}
        if callbacks:
            lines["callbacks_enabled"] = callbacks
        self.write("ansible.cfg", "[defaults]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items()))

    def write(self, path: str, content: str | Any) -> Path:
        """Write a file; JSON is YAML."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    def protect(self, group: str = "web", **variables: Any) -> None:
        """Let a group's hosts be protected, with more variables of the group."""
        self.write(f"inventory/group_vars/{group}.yml", {"tidegate_protected": True, **variables})

    def policy(self, **keys: Any) -> None:
        """Write the policy of the site."""
        self.write("inventory/group_vars/all/tidegate_policy.yml", {"tidegate_policy": keys})

    def play(self, *tasks: Mapping[str, Any], hosts: str = "web", name: str = "site.yml", **keywords: Any) -> str:
        """Write a playbook of one play, which touches a file per host unless tasks are given; and return its name."""
        self.write(name, [{"hosts": hosts, "gather_facts": False, "tasks": list(tasks) or [self.touch()], **keywords}])
        return name

    def touch(self, **keywords: Any) -> dict[str, Any]:
        """A task with an effect that can be seen: a file named like the host."""
        return {"ansible.builtin.command": f"touch {self.touched_folder}/{{{{ inventory_hostname }}}}", **keywords}

    def to_clerk(self, signum: signal.Signals) -> dict[str, Any]:
        """A task that sends a signal to the clerk of the run."""
        program = (
            "import os, sys; sys.path.insert(0, sys.argv[1]); from gate.conftest import clerk_of; "
            "os.kill(clerk_of(sys.argv[2]), int(sys.argv[3]))"
        )
        words = [sys.executable, "-c", program, str(CHECKOUT / "tests"), str(self.folder), str(int(signum))]
        return {"ansible.builtin.command": {"argv": words}}

    @property
    def touched(self) -> list[str]:
        """The hosts on which something was done."""
        return sorted(path.name for path in self.touched_folder.iterdir())

    def run(self, playbook: str, *args: str, env: Mapping[str, str] | None = None) -> Result:
        """Run a playbook, or a verb by its full name."""
        return self._done([str(PLAYBOOK), playbook, *args], env)

    def ad_hoc(self, *args: str) -> Result:
        """Run `ansible`."""
        return self._done([str(PLAYBOOK.with_name("ansible")), *args], None)

    @property
    def environment(self) -> dict[str, str]:
        """What programs that it runs find around them."""
        return {
            "PATH": f"{PLAYBOOK.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def _done(self, words: list[str], env: Mapping[str, str] | None) -> Result:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
        return Result(done)

    def planned(self, playbook: str, **keys: Any) -> str:
        """Plan a change for a playbook of this site, and return its id."""
        self.write("changes/own.yml", {"service": "web", "playbook": f"../{playbook}", **keys})
        done = self.run("tidegate.deploy.plan", "-e", "tidegate_change_file=changes/own.yml")
        assert 0 == done.rc, done.text
        return str(self.ask("SELECT max(id) FROM changes")[0][0])

    @property
    def store(self) -> Path:
        """The folder of its store."""
        return self.folder / "inventory/.tidegate"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the store something in SQL; nothing where there is no store."""
        if not (self.store / "store.db").exists():
            return []
        with closing(sqlite3.connect(self.store / "store.db")) as store:
            return list(store.execute(query))

    @property
    def gated(self) -> list[tuple[Any, ...]]:
        """What the gate wrote: mode, allowed, code, hosts."""
        rows = self.ask("SELECT mode, allowed, code, hosts FROM gated ORDER BY at, number")
        return [(mode, bool(allowed), code, json.loads(hosts)) for mode, allowed, code, hosts in rows]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the entries of gate and recorder in the ledger."""
        found = [json.loads(text)["kind"] for (text,) in self.ask("SELECT document FROM entries ORDER BY number")]
        return [kind for kind in found if kind.startswith(("gate.", "record."))]

    def listing(self) -> dict[str, bytes]:
        """Every file of the site but Ansible's own, with its content."""
        own = (self.folder / ".ansible", self.touched_folder)
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {str(path): path.read_bytes() for path in files if not any(path.is_relative_to(one) for one in own)}


def clerk_of(folder: str) -> int:
    """The process that asks the store for a run in a folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_clerk = b"procedure.clerk import" in (process / "cmdline").read_bytes()
            if is_clerk and os.readlink(process / "cwd") == folder:
                return int(process.name)
    raise LookupError(f"no clerk in {folder}")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site of its own."""
    return Site(tmp_path)
