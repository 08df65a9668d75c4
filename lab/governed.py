# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second part of the demonstration: people who sign, a playbook that is gated, and a ledger that cannot be doctored."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from lab.fleet import Fleet
from lab.show import CHECKOUT, PLAYBOOK, Site, beside, require, say, tell, write

PEOPLE = ("ada", "bob", "cyd")
GATE_CLOSED = 77
VERIFIER = CHECKOUT / "collections/ansible_collections/tidegate/deploy/files/tidegate-verify.py"
PATCHED = "/run/patched"


def make_site(folder: Path, store: Path) -> Site:
    """A project beside the demo's inventory, with people, a policy, and the two lines that gate any playbook."""
    everybody = folder / "inventory/group_vars/all"
    everybody.mkdir(parents=True)
    keys = {name: _key(folder / name) for name in PEOPLE}
    people: dict[str, Any] = {name: {"groups": ["ops"], "keys": [{"key": key}]} for name, key in keys.items()}
    people["cyd"]["accounts"] = {"login": "root"}  # who works at this terminal
    policy = {"approvals": [{"name": "production", "groups": {"ops": 2}}]}
    write(everybody / "tidegate_people.yml", {"tidegate_people": people})
    write(everybody / "tidegate_policy.yml", {"tidegate_policy": policy})
    write(folder / "inventory/hosts.yml", {"all": {}})
    write(folder / "inventory/group_vars/worker.yml", {"tidegate_protected": True})
    write(folder / "changes/web.yml", {"service": "web", "release": "1.0.0", "waves": ["50%", "rest"]})
    write(folder / "changes/patch.yml", {"service": "worker", "playbook": "../patch.yml"})
    patch = {"name": "Patch", "ansible.builtin.command": {"cmd": f"touch {PATCHED}", "creates": PATCHED}}
    write(folder / "patch.yml", [{"hosts": "worker", "gather_facts": False, "become": True, "tasks": [patch]}])
    config = (CHECKOUT / "ansible.cfg").read_text()
    inventories = f"inventory = {CHECKOUT}/inventories/demo,inventory"
    config = config.replace("inventory = inventories/demo", inventories)
    config = config.replace("collections_path = collections", f"collections_path = {CHECKOUT}/collections")
    more = "tidegate.deploy.progress, tidegate.deploy.gate, tidegate.deploy.recorder"
    (folder / "ansible.cfg").write_text(config.replace("tidegate.deploy.progress", more))
    return Site(folder, store)


def _key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text().strip()


def hand_in(site: Site) -> str:
    """A change that nobody has approved is refused.

    Returns:
        What names the change to a verb.

    Raises:
        Unproven: it was not refused.
    """
    say("8  Now policy asks for two people of ops. Cyd wants release 1 back, and hands a change in.")
    planned = site.verb("plan", "-e", "tidegate_change_file=changes/web.yml")
    change = f"tidegate_change={_change_in(planned)}"
    site.verb("submit", "-e", change)
    said = site.verb("rollout", "-e", change, expected=2)
    require("QUORUM" in said, f"the rollout was not refused for want of approvals:\n{said}")
    return change


def approve(site: Site, change: str) -> None:
    """The requester cannot approve, two others do.

    Raises:
        Unproven: the requester could.
    """
    say("9  Cyd cannot approve what Cyd asked for. Ada and Bob do, each with a key of their own; then it goes out.")
    with beside(lambda: _approve(site, change, "ada")) as ada:
        said = _approve(site, change, "cyd", expected=2)
        require("SELF" in said, f"the requester was not refused:\n{said}")
        ada.show()
    _approve(site, change, "bob")


def _approve(site: Site, change: str, name: str, expected: int = 0) -> str:
    key = f"tidegate_key={site.folder / name}"
    return site.verb("approve", "-e", change, "-e", key, "-e", "tidegate_sign=true", expected=expected)


def gate(fleet: Fleet, site: Site) -> None:
    """A playbook of somebody's own is observed, refused, and let through.

    Raises:
        Unproven: it ran where it should not have, or did not where it should.
    """
    workers = ("worker1", "worker2")
    say("10 A playbook that knows nothing of Tidegate, on protected hosts. At first the gate only observes.")
    site.run(PLAYBOOK, "patch.yml")
    _require_patched(fleet, workers, True)
    site.verb("observed")

    say("11 Then it refuses what nobody has approved, before a task runs, and lets an approved change through.")
    write(site.folder / "inventory/group_vars/worker.yml", {"tidegate_protected": True, "tidegate_gate": "enforce"})
    for host in workers:
        fleet[host].ssh(f"rm {PATCHED}")
    site.run(PLAYBOOK, "patch.yml", expected=GATE_CLOSED)
    _require_patched(fleet, workers, False)
    change = f"tidegate_change={_change_in(site.verb('plan', '-e', 'tidegate_change_file=changes/patch.yml'))}"
    site.verb("submit", "-e", change)
    for name in ("ada", "bob"):
        _approve(site, change, name)
    site.run(PLAYBOOK, "patch.yml", "-e", change)
    _require_patched(fleet, workers, True)


def _require_patched(fleet: Fleet, hosts: tuple[str, ...], patched: bool) -> None:
    for host in hosts:
        there = fleet[host].ssh(f"test -e {PATCHED}", check=False).returncode == 0
        require(there == patched, f"{host}: {PATCHED} is {'there' if there else 'not there'}")
    tell(f"   verified on {len(hosts)} hosts: the playbook {'ran' if patched else 'did not run'}")


def audit(site: Site, export: Path, store: Path) -> None:
    """The ledger, checked by an outsider, and one that somebody doctored.

    Raises:
        Unproven: something was not as it should be.
    """
    say(
        "12 All of it is in the ledger. An outsider checks an export with one file: Python and ssh-keygen, no Tidegate."
    )
    site.verb("audit", "-e", f"tidegate_export={export}")
    check = ["python3", "-I", str(VERIFIER), str(export)]
    site.run(*check, everything=True)

    say("13 Somebody takes a refusal out of a copy of the ledger. The same file names the place.")
    shutil.copytree(export, doctored := export.with_name("doctored"))
    with closing(sqlite3.connect(store)) as database:
        (denied,) = database.execute(
            'SELECT min(number) FROM entries WHERE document LIKE \'%"kind":"denied"%\''
        ).fetchone()
    entries = doctored / "entries.jsonl"
    lines = entries.read_text().splitlines(keepends=True)
    entries.write_text("".join(line for number, line in enumerate(lines) if number != denied))
    said = site.run("python3", "-I", str(VERIFIER), str(doctored), expected=1, everything=True)
    require(str(denied) in said, f"the verifier did not name entry {denied}:\n{said}")


def _change_in(said: str) -> str:
    return str(re.findall(r"CHG-\d{4}-\d{4,}", said)[-1])
