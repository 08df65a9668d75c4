# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody's project: an inventory, services, change files and an ansible.cfg, and ansible-playbook run in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.hosts import Fleetful

from lab import ansible_cfg
from lab.releases import PLACE

CHECKOUT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
PLUGINS = Path(__file__).resolve().parent / "plugins"
RUN_S = 300

ROOMY = {"drain_s": 10, "hook_s": 10, "restart_s": 15, "probe_s": 12, "confirm_s": 30}
SHORT = {"drain_s": 2, "hook_s": 1, "restart_s": 8, "probe_s": 8, "confirm_s": 5}
DEADLINE_S = 27  # of SHORT: drain and hook count twice

FEW_WAVES = [["web1", "web4", "web2"], ["web5", "web3", "web6"]]
"""The fewest that the floor and three racks allow for six hosts, for tests in which waves do not matter."""

VERSION_PROBE = {
    "http": {
        "url": "http://127.0.0.1:8080/version",
        "release": "header:X-Release",
        "in_a_row": 2,
        "over_s": 1,
        "every_ms": 250,
    }
}
UNIT_PROBE = {"unit": {"in_a_row": 2, "over_s": 1, "every_ms": 250}}

CALLBACKS = ("tidegate.deploy.progress", "e2e_results")
SSH_MORE = "-o ServerAliveInterval=2 -o ServerAliveCountMax=3"
"""Hosts that are cut off are given up sooner than a user would want it."""


@contextmanager
def short_ansible_home() -> Iterator[Path]:
    """Ansible's own folder, with a short name because sockets lie in it; connections that stayed open end with it."""
    folder = Path(tempfile.mkdtemp(prefix="e2e"))
    yield folder
    for socket in folder.glob("cp/*"):
        subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "-"], capture_output=True, check=False)
    shutil.rmtree(folder)


def web_service(**keys: Any) -> dict[str, Any]:
    """The practice web service as a site would write it, quick to judge; `keys` replace or add."""
    return {
        "unit": "web.service",
        "drain": {"file": "/run/web/drain", "wait_s": 0, "closes": "http://127.0.0.1:8080/health"},
        "probes": [VERSION_PROBE, UNIT_PROBE],
        "limits": ROOMY,
        **keys,
    }


def artifact(version: str) -> dict[str, str]:
    """The practice release of a version, as a change file names it."""
    return {"file": str(PLACE / f"web-{version}.tar.gz")}


@dataclass(frozen=True)
class Result:
    """What a run of ansible-playbook left behind."""

    rc: int
    stdout: str
    stderr: str
    results: list[dict[str, Any]] = field(repr=False)

    @property
    def text(self) -> str:
        """Everything that it printed."""
        return self.stdout + self.stderr

    @property
    def progress(self) -> list[str]:
        """The lines of the progress callback."""
        return [line for line in self.stdout.splitlines() if line.startswith("tidegate  ")]

    def of(self, step: str, host: str | None = None) -> list[dict[str, Any]]:
        """The results of a step, in the order in which they came."""
        return [
            one
            for one in self.results
            if one["action"] == f"tidegate.deploy.{step}" and (host is None or one["host"] == host)
        ]

    def verdicts(self, step: str) -> dict[str, str]:
        """What a step came to, by host; of several the last."""
        return {one["host"]: one["tidegate"]["verdict"] for one in self.of(step)}

    @property
    def waves(self) -> list[list[str]]:
        """The waves that the plan froze."""
        return [list(wave) for wave in self.of("plan")[-1]["waves"]]

    @property
    def change(self) -> str:
        """The change that the run was about."""
        return str(self.of("plan")[-1]["change"])

    @property
    def codes(self) -> set[str]:
        """The codes of all refusals that some task showed."""
        return {one["tidegate"]["code"] for one in self.results if "tidegate" in one} - {""}

    @property
    def end(self) -> dict[str, str]:
        """The last block that was printed, by the name of its lines; its title under ``title``."""
        lines = self.stdout.splitlines()
        starts = [at for at, line in enumerate(lines) if line.startswith("── ")]
        found: dict[str, str] = {}
        name = ""
        for line in lines[starts[-1] + 1 :] if starts else []:
            if line.startswith("─"):
                break
            word, _, rest = line.strip().partition("  ")
            if line.startswith("   "):
                found[name] += "\n" + line.strip()
            else:
                name = word
                found[name] = rest.strip()
        return {**found, "title": lines[starts[-1]].strip("─ ")} if starts else {}


class Run:
    """An ansible-playbook that goes on while the test does something to it or to hosts."""

    def __init__(self, process: subprocess.Popen[str], results: Path, out: Path, err: Path) -> None:
        self.process = process
        self._results = results
        self._out = out
        self._err = err

    @property
    def results(self) -> list[dict[str, Any]]:
        """The results so far."""
        if not self._results.exists():
            return []
        lines = self._results.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def stdout(self) -> str:
        """What it printed so far."""
        return self._out.read_text()

    def wait_for(self, holds: Callable[[], Any], timeout_s: float = 60) -> Any:
        """Wait, while it runs, until something holds, and return that."""
        until = time.monotonic() + timeout_s
        while not (found := holds()):
            assert self.process.poll() is None, (
                f"it ended before that:\n{self._out.read_text()}\n{self._err.read_text()}"
            )
            assert time.monotonic() < until, f"not within {timeout_s:g} s:\n{self._out.read_text()}"
            time.sleep(0.05)
        return found

    def wait_for_step(self, step: str, host: str, timeout_s: float = 60) -> None:
        """Wait until a step has ended on a host."""
        action = f"tidegate.deploy.{step}"
        self.wait_for(lambda: any(one["action"] == action and one["host"] == host for one in self.results), timeout_s)

    def kill(self) -> None:
        """End the controller as a power cut would: all of its processes, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def processes(self) -> list[int]:
        """Every process of it that lives: also workers and connections, which have left its group."""
        mark = f"E2E_RESULTS={self._results}".encode()
        return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if mark in _environment_of(folder)]

    def signal(self, number: int) -> None:
        """Tell the main process only, as an init system or a person does."""
        os.kill(self.process.pid, number)

    def end(self, timeout_s: float = RUN_S) -> Result:
        """Wait for its end."""
        try:
            rc = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {timeout_s:g} s:\n{self.stdout}") from None
        return Result(rc, self._out.read_text(), self._err.read_text(), self.results)


def _environment_of(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


class Project:
    """A folder that somebody runs Ansible in.

    Args:
        folder: an empty folder of its own.
        hosts: the practice hosts.
        ansible_home: where Ansible keeps its control sockets and temporary files.
    """

    def __init__(self, folder: Path, hosts: Fleetful, ansible_home: Path) -> None:
        self.folder = folder
        self.hosts = hosts
        self._home = ansible_home
        self._count = 0
        self._runs: list[Run] = []
        self.temp = folder.parent / f"{folder.name}-tmp"
        self.temp.mkdir()
        (folder / "inventory/group_vars/all").mkdir(parents=True)
        (folder / "changes").mkdir()
        config = ansible_cfg.text(
            collections=CHECKOUT / "collections",
            plugins=PLUGINS,
            callbacks=CALLBACKS,
            forks=25,
            timeout_s=5,
            persist_s=30,
            ssh_more=SSH_MORE,
        )
        (folder / "ansible.cfg").write_text(config)
        self.inventory()
        self.services()

    # its data

    @property
    def store_folder(self) -> Path:
        """Where its store is, by default beside the inventory."""
        return self.folder / "inventory/.tidegate"

    def inventory(self, names: Iterable[str] | None = None, **host_variables: Mapping[str, Any]) -> None:
        """Write the inventory: a group `web` of all hosts or these, in three racks; per host more variables."""
        state = self.hosts.fleet.state
        options = (
            f"-o UserKnownHostsFile={self.hosts.fleet.known_hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
        )
        described = {
            host.name: {
                "ansible_host": state.address(host),
                "rack": "abc"[host.index % 3],
                **host_variables.get(host.name, {}),
            }
            for host in state.hosts
            if names is None or host.name in names
        }
        common = {
            "ansible_user": "ops",
            "ansible_ssh_private_key_file": str(self.hosts.fleet.key),
            "ansible_ssh_common_args": options,
            "ansible_python_interpreter": "/usr/bin/python3",
            "tidegate_domain": "{{ rack }}",
        }
        document = {"all": {"vars": common, "children": {"web": {"hosts": described}}}}
        (self.folder / "inventory/hosts.yml").write_text(json.dumps(document, indent=1))

    def services(self, **keys: Any) -> None:
        """Write the services: `web`, with some keys replaced."""
        self.write(
            "inventory/group_vars/all/tidegate_services.yml", {"tidegate_services": {"web": web_service(**keys)}}
        )

    def write(self, path: str, content: str | Mapping[str, Any]) -> Path:
        """Write a file of the project; JSON is YAML."""
        file = self.folder / path
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return file

    def change(self, version: str, **keys: Any) -> str:
        """Write a change file for a release, and return its path relative to the project."""
        name = f"changes/web-{version}.yml"
        self.write(name, {"service": "web", "release": version, "artifact": artifact(version), **keys})
        return name

    # its runs

    def begin(
        self,
        verb: str,
        *args: str,
        env: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> Run:
        """Start a verb; `extra` are extra variables without their prefix ``tidegate_``."""
        self._count += 1
        logs = self.temp.parent / f"{self.folder.name}-run{self._count}"
        logs.mkdir()
        given = [word for name, value in extra.items() for word in ("-e", f"tidegate_{name}={value}")]
        playbook = verb if verb.endswith(".yml") else f"tidegate.deploy.{verb}"
        with (logs / "out").open("w") as out, (logs / "err").open("w") as err:
            process = subprocess.Popen(
                [str(PLAYBOOK), playbook, *given, *args],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True, start_new_session=True,
                env={**self._environment(logs), **(env or {})},
            )  # fmt: skip
        run = Run(process, logs / "results", logs / "out", logs / "err")
        self._runs.append(run)
        return run

    def play(self, verb: str, *args: str, env: Mapping[str, str] | None = None, **extra: Any) -> Result:
        """Run a verb to its end."""
        return self.begin(verb, *args, env=env, **extra).end()

    def rollout(self, version: str, *args: str, env: Mapping[str, str] | None = None, **keys: Any) -> Result:
        """Write a change file for a release, with more or other keys, and roll it out."""
        return self.play("rollout", *args, env=env, change_file=self.change(version, **keys))

    def stop(self) -> None:
        """Kill what still runs."""
        for run in self._runs:
            if run.process.poll() is None:
                run.kill()

    def _environment(self, logs: Path) -> dict[str, str]:
        return {
            "PATH": f"{PLAYBOOK.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": os.environ.get("HOME", "/root"),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.temp),
            "ANSIBLE_HOME": str(self._home),
            "ANSIBLE_NOCOLOR": "1",
            "E2E_RESULTS": str(logs / "results"),
        }

    # its record

    def ask_store(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the store something in SQL."""
        with closing(sqlite3.connect(self.store_folder / "store.db")) as store:
            return list(store.execute(query, values))

    def changes(self) -> dict[str, str]:
        """The state of every change, by its id."""
        return dict(self.ask_store("SELECT id, state FROM changes ORDER BY id"))  # type: ignore[arg-type]

    def runs(self) -> list[tuple[str, str]]:
        """Verb and state of every run, in order."""
        return self.ask_store("SELECT verb, state FROM runs ORDER BY started_at, rowid")  # type: ignore[return-value]

    def leases(self) -> list[str]:
        """The runs that hold a lease."""
        return [run for (run,) in self.ask_store("SELECT run_id FROM leases WHERE run_id IS NOT NULL") if run]

    def listing(self) -> dict[str, tuple[int, int, bytes]]:
        """Every file of the project and of its temporary folder, with mode, time and content."""
        found = {}
        for top in (self.folder, self.temp):
            for path in sorted(top.rglob("*")):
                status = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                found[str(path)] = (status.st_mode, status.st_mtime_ns, content)
        return found

    def take_store_of(self, folder: Path) -> None:
        """Begin with a copy of another project's store."""
        shutil.rmtree(self.store_folder, ignore_errors=True)
        shutil.copytree(folder, self.store_folder, ignore=shutil.ignore_patterns("reserve"))  # it holds nothing


def named(lines: Sequence[str], *words: str) -> bool:
    """Whether some line holds all of the words."""
    return any(all(word in line for word in words) for line in lines)
