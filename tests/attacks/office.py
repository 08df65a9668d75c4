# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site with people, their keys and a change that waits for them; and ansible-playbook, run as they would."""

from __future__ import annotations

import errno
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Kind, rules_for
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.core.ssh_keys import a_key, public
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.procedure.conftest import a_plan

CHECKOUT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
RUN_S = 120
CONFIG = f"""\
[defaults]
inventory = inventory
collections_path = {CHECKOUT / "collections"}
callbacks_enabled = tidegate.deploy.progress
interpreter_python = auto_silent
localhost_warning = False
"""
POLICY = {"approvals": [{"name": "production", "groups": {"ops": 2}}]}
SERVICES = {"web": {"unit": "web.service"}}


class Office:
    """A project in a folder of its own.

    Args:
        folder: an empty one.
        title: of the change.

    Attributes:
        environment: variables of the processes that are run, beside those that every process has.
    """

    def __init__(self, folder: Path, title: str | None = None) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}
        self.keys = {name: a_key(folder, name=name) for name in ("ada", "bob", "cyd", "eve")}
        people = {
            name: {"groups": ["ops"], "keys": [{"key": public(self.keys[name])}]} for name in ("ada", "bob", "cyd")
        }
        self.say(tidegate_services=SERVICES, tidegate_policy=POLICY, tidegate_people=people)
        (folder / "ansible.cfg").write_text(CONFIG)
        (folder / "inventory/hosts").write_text("[web]\nweb1\nweb2\nweb3\n")
        with self.store() as store:
            self.change = self._planned(store, title)

    def say(self, **variables: Any) -> None:
        """Write variables of all hosts."""
        for name, value in variables.items():
            file = self.folder / f"inventory/group_vars/all/{name}.yml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({name: value}))

    def store(self) -> Store:
        """The store of the site."""
        return Store.open(str(self.folder / "inventory/.tidegate/store.db"), lambda: datetime.now(UTC))

    def play(
        self, verb: str, *more: str, agent: str | None = None, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        """What a verb came to and said.

        Args:
            verb: of the collection, or a playbook of the project.
            more: arguments.
            agent: the socket of an SSH agent.
            variables: extra variables.
        """
        held = {} if agent is None else {"SSH_AUTH_SOCK": agent}
        return subprocess.run(
            [*self._command(verb, variables), *more],
            cwd=self.folder,
            env={**self._environment, **held},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_S,
            check=False,
        )

    def typing(self, verb: str, awaited: str, typed: str, **variables: object) -> tuple[str, int]:
        """What a verb said and came to, run at a terminal of its own at which somebody answers one question."""
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(self.folder)
            os.execve(str(PLAYBOOK), self._command(verb, variables), self._environment)  # noqa: S606 - no shell is wanted
        said, ends = b"", time.monotonic() + RUN_S
        try:
            while time.monotonic() < ends:
                ready, _out, _error = select.select([terminal], [], [], 1)
                if ready:
                    said += os.read(terminal, 4096)
                elif awaited.encode() in said:  # what is typed before the question waits is thrown away: once more
                    os.write(terminal, typed.encode())
        except OSError as error:  # how a terminal ends
            if error.errno != errno.EIO:
                raise
        else:
            os.kill(process, signal.SIGKILL)
        _process, status = os.waitpid(process, 0)
        os.close(terminal)
        return said.decode("utf-8", "replace"), os.waitstatus_to_exitcode(status)

    def _command(self, verb: str, variables: Mapping[str, object]) -> list[str]:
        pairs = {"tidegate_change": self.change, **variables}
        named = [word for name, value in pairs.items() for word in ("-e", json.dumps({name: value}))]
        return [str(PLAYBOOK), verb if verb.endswith(".yml") else f"tidegate.deploy.{verb}", *named]

    @property
    def _environment(self) -> dict[str, str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "TIDEGATE_", "SSH_"))
        }
        return {**kept, "ANSIBLE_NOCOLOR": "1", "HOME": str(self.folder), **self.environment}

    @property
    def denied(self) -> list[str]:
        """The codes of everything that was refused, as the ledger has them."""
        with self.store() as store:
            return [str(entry.body["code"]) for entry in store.entries() if entry.kind == "denied"]

    @property
    def state(self) -> str:
        """Of the change."""
        with self.store() as store:
            found = store.change(self.change)
            assert found is not None
            return found.state

    def want(self, requester: str) -> None:
        """Another change, which is a draft, and whose hosts enforce by themselves."""
        uids = {"web1": "1" * 32, "web2": "2" * 32, "web3": "3" * 32}
        with self.store() as store:
            self.change = self._draft(store, requester=requester, uids=uids)

    def _planned(self, store: Store, title: str | None) -> str:
        made = self._draft(store, title)
        moving.move(store, made, "submit", actor="cyd", requested_by="cyd")
        return made

    def _draft(
        self,
        store: Store,
        title: str | None = None,
        requester: str | None = None,
        uids: Mapping[str, str] | None = None,
    ) -> str:
        rules = rules_for(Policy.of(POLICY), Kind("web", "production"))
        drafted = a_plan(rules=rules.digest, requester=requester).as_found({}, uids or {}, 0)
        plan = plans.parse({**drafted.doc, "title": title})
        made, _revision = store.new_change(
            "web", "production", plan.content_digest, canonical.dumps(plan.doc), "/changes/web.yml", year=2026
        )
        return made
