# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What on the controller would hinder or slow a rollout: Python, packages, where collections are looked for, ansible.cfg."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.plugins.loader import connection_loader
from ansible.release import __version__ as core_version

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.fitness import NOTE, REFUSE, WARN, finding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import require_sqlalchemy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.surroundings import COLLECTION, unsafe_places

Finding = dict[str, str]

CORES = ((2, 19), (2, 21))
PYTHONS = {(2, 19): (3, 11), (2, 20): (3, 12), (2, 21): (3, 12)}
"""What was tested: the first and the last ansible-core, and the oldest Python of each."""

_PLACE = Path("ansible_collections", "tidegate", "deploy")
_PROGRESS, _GATE = "tidegate.deploy.progress", "tidegate.deploy.gate"


@dataclass(frozen=True)
class Controller:
    """What was found on the controller.

    Args:
        core: version of ansible-core.
        python: version of the Python that runs it.
        executable: that Python.
        packages: requirement -> version that is installed, or None.
        broken: what is wrong with a package that is installed, if anything is.
        config_file: the ansible.cfg in use; None where there is none.
        ignored_config: an ansible.cfg here that Ansible does not read, because others can write its folder.
        looked_in: where ansible-playbook looks for collections, in order.
        copies: where tidegate.deploy lies in these.
        running: the copy that runs now.
        beside: a copy in ``collections`` of the working folder, where ansible-playbook does not look.
        settings: of ansible.cfg and the command line: ``forks task_timeout tags ssh_args pipelining callbacks
            host_key_checking``.
        ssh: whether there is an ssh program.
        unsafe: what shapes a run and can be changed by every user.
    """

    core: str
    python: tuple[int, int]
    executable: str
    packages: Mapping[str, str | None]
    config_file: str | None
    looked_in: tuple[str, ...]
    copies: tuple[str, ...]
    running: str
    settings: Mapping[str, Any]
    broken: str = ""
    ignored_config: str | None = None
    beside: str | None = None
    ssh: bool = True
    unsafe: tuple[str, ...] = ()


def look() -> Controller:
    """Read everything from this process, its packages, its configuration and its working folder."""
    looked_in = tuple(str(Path(path).expanduser()) for path in C.COLLECTIONS_PATHS or ())
    copies = tuple(dict.fromkeys(str(path) for path in map(_copy_in, looked_in) if path is not None))
    here = _copy_in("collections")
    return Controller(
        core=core_version,
        python=sys.version_info[:2],
        executable=sys.executable,
        packages={line: _version_of(line) for line in _requirements()},
        broken=_broken(),
        config_file=str(C.CONFIG_FILE) if C.CONFIG_FILE else None,
        ignored_config=_ignored_config(),
        looked_in=looked_in,
        copies=copies,
        running=str(COLLECTION),
        beside=str(here) if here is not None and str(here) not in (*copies, str(COLLECTION)) else None,
        settings=_settings(),
        ssh=shutil.which("ssh") is not None,
        unsafe=unsafe_places(),
    )


def findings(controller: Controller, hosts: int, longest_s: int) -> list[Finding]:
    """All that speaks against a rollout from here.

    Args:
        controller: what was found.
        hosts: how many the largest service has.
        longest_s: the longest step of any service, in seconds.
    """
    return [
        *_versions(controller),
        *_packages(controller),
        *_collections(controller),
        *_breaking(controller, longest_s),
        *_costly(controller, hosts),
    ]


# --- reading ---------------------------------------------------------------------------------------------------------


def _requirements() -> list[str]:
    lines = (COLLECTION / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _parsed(requirement: str) -> Any:
    # It comes with ansible-core; whoever only imports this file may lack it.
    from packaging.requirements import Requirement

    return Requirement(requirement)


def _version_of(requirement: str) -> str | None:
    try:
        return metadata.version(_parsed(requirement).name)
    except metadata.PackageNotFoundError:
        return None


def _broken() -> str:
    try:
        require_sqlalchemy()
    except Refusal as refusal:
        return refusal.message
    return ""


def _copy_in(folder: str) -> Path | None:
    path = Path(folder).resolve() / _PLACE
    return path if (path / "plugins").is_dir() else None


def _ignored_config() -> str | None:
    """Ansible reads no ansible.cfg of a working folder that everybody can write."""
    path = Path.cwd() / "ansible.cfg"
    if "ANSIBLE_CONFIG" in os.environ or not path.exists() or str(C.CONFIG_FILE) == str(path):
        return None
    return str(path) if path.parent.stat().st_mode & stat.S_IWOTH else None


def _settings() -> dict[str, Any]:
    connection_loader.get("ssh", class_only=True)  # so that the options of the plugin are known

    def of_ssh(name: str) -> Any:
        return C.config.get_config_value(name, plugin_type="connection", plugin_name="ssh")

    return {
        "forks": int(context.CLIARGS.get("forks") or C.DEFAULT_FORKS),
        "task_timeout": int(context.CLIARGS.get("task_timeout") or C.TASK_TIMEOUT or 0),
        "tags": [*(C.TAGS_RUN or ()), *(C.TAGS_SKIP or ())],
        "ssh_args": str(of_ssh("ssh_args") or ""),
        "pipelining": bool(of_ssh("pipelining")),
        "callbacks": list(C.CALLBACKS_ENABLED or ()),
        "host_key_checking": bool(of_ssh("host_key_checking")),
    }


# --- judging ---------------------------------------------------------------------------------------------------------


def _versions(found: Controller) -> Iterator[Finding]:
    core = _two(found.core)
    first, last = (".".join(map(str, version)) for version in CORES)
    if core < CORES[0]:
        hint = f"install ansible-core {first} to {last}"
        yield finding("ansible", REFUSE, f"ansible-core {found.core} is too old, expected {first} or newer", hint)
    elif core > CORES[1]:
        said = f"ansible-core {found.core} is newer than what this Tidegate was tested with ({first} to {last})"
        yield finding("ansible", WARN, said, f"try --check first, or use ansible-core {last}")
    least = PYTHONS.get(core, PYTHONS[CORES[1]])
    if found.python < least:
        said = f"Python {_dotted(found.python)} ({found.executable}) is older than {_dotted(least)}"
        hint = f"run ansible-core {found.core} with Python {_dotted(least)} or newer"
        yield finding("python", REFUSE, said, hint)


def _two(version: str) -> tuple[int, int]:
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _packages(found: Controller) -> Iterator[Finding]:
    for line, version in found.packages.items():
        requirement = _parsed(line)
        fits = version is not None and requirement.specifier.contains(version, prereleases=True)
        if not fits:
            there = f"{requirement.name} {version}" if version else f"no {requirement.name}"
            hint = f"{found.executable} -m pip install '{line}'"
            yield finding("packages", REFUSE, f"found {there}, expected {line}", hint)
    if found.broken and all(found.packages.values()):
        said, _stop, hint = found.broken.partition(". Install it")
        yield finding("packages", REFUSE, said, f"install it{hint}" if hint else "install it again")


def _collections(found: Controller) -> Iterator[Finding]:
    asked = "put `collections_path = collections` under [defaults] of an ansible.cfg in the folder that you run in"
    if found.ignored_config:
        said = f"{found.ignored_config} is not read, since everybody can write its folder"
        yield finding("ansible.cfg", REFUSE, said, f"chmod o-w {Path(found.ignored_config).parent}")
    if found.running not in found.copies:
        said = f"tidegate.deploy runs from {found.running}, where ansible-playbook looks only for a playbook beside it"
        yield finding("collections", REFUSE, said, f"{asked}, or install the collection without -p")
    if found.beside:
        said = f"{found.beside} is not looked at: ansible-playbook looks in {', '.join(found.looked_in)}"
        yield finding("collections", WARN, said, f"{asked}, or remove it")
    if len(found.copies) > 1:
        said = (
            f"there are {len(found.copies)} copies of tidegate.deploy: {', '.join(found.copies)}; the first one counts"
        )
        yield finding("collections", WARN, said, "remove all but one, so that what you install is what runs")


def _breaking(found: Controller, longest_s: int) -> Iterator[Finding]:
    settings = found.settings
    for place in found.unsafe:
        said = f"{place} can be changed by every user of this machine"
        yield finding("controller", REFUSE, said, f"chmod o-w {place}")
    if not found.ssh:
        yield finding("ssh", REFUSE, "there is no ssh program here", "install the OpenSSH client")
    if settings["tags"]:
        said = f"ansible.cfg runs or skips tags ({', '.join(settings['tags'])}): steps of a rollout would be left out"
        yield finding("ansible.cfg", REFUSE, said, "remove run and skip under [tags]")
    if 0 < settings["task_timeout"] < longest_s:
        said = f"task_timeout is {settings['task_timeout']} s, and an activation may take {longest_s} s"
        yield finding("ansible.cfg", REFUSE, said, f"set it to more than {longest_s}, or to 0")
    if not settings["host_key_checking"]:
        said = "host keys are not checked: a release may be handed to whoever answers"
        yield finding(
            "ansible.cfg", WARN, said, "remove host_key_checking = False, and keep the hosts' keys in known_hosts"
        )


def _costly(found: Controller, hosts: int) -> Iterator[Finding]:
    settings = found.settings
    if hosts > settings["forks"]:
        rounds = -(-hosts // settings["forks"])
        said = f"forks is {settings['forks']} and a service has {hosts} hosts: what goes to all of them takes {rounds} rounds"
        yield finding("ansible.cfg", WARN, said, f"forks = {min(hosts, 50)} under [defaults]")
    if not keeps_connections(settings["ssh_args"]):
        said = f"connections are not kept (ssh_args: {settings['ssh_args'] or 'empty'}): each step pays for a login"
        hint = "ssh_args = -o ControlMaster=auto -o ControlPersist=60s under [ssh_connection]"
        yield finding("ansible.cfg", WARN, said, hint)
    if not settings["pipelining"]:
        said = "pipelining is off: Tidegate's steps do not need it, other tasks of yours are slower without"
        yield finding("ansible.cfg", NOTE, said, "pipelining = True under [ssh_connection]")
    if _PROGRESS not in settings["callbacks"]:
        said = "the callback progress is off: no line per host and step, and SIGTERM ends a run without order"
        yield finding("ansible.cfg", NOTE, said, f"callbacks_enabled = {_PROGRESS} under [defaults]")


def gate_findings(found: Controller, protected: int) -> list[Finding]:
    """What is wrong where hosts are protected and nobody asks the gate about them.

    Args:
        found: what was found.
        protected: how many hosts the inventory protects.
    """
    if not protected or _GATE in found.settings["callbacks"]:
        return []
    said = f"{protected} hosts are protected (tidegate_protected), and the callback that asks about them is off"
    return [
        finding("ansible.cfg", WARN, said, f"callbacks_enabled = {_GATE}, tidegate.deploy.recorder under [defaults]")
    ]


def keeps_connections(ssh_args: str) -> bool:
    """Whether ssh, with these arguments, uses one connection for many commands."""
    words = ssh_args.replace("=", " ").lower()
    shared = re.search(r"controlmaster +(auto|yes|autoask|ask)", words)
    kept = re.search(r"controlpersist +(\S+)", words)
    return bool(shared and kept and kept.group(1) not in ("no", "0s"))
