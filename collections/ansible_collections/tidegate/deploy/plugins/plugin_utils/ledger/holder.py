# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a lease: the ansible-playbook process, told apart from every other process there ever was.

A process is known by machine, boot, process id and start. Whether it is gone can be said only where it would be seen:
in the same boot and the same space of process ids, or when its machine has been booted since. Machines that were cloned
share an id, so that a machine is known by its name, too. Of a holder on another one only the time of its lease counts.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import socket
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

PROC = Path("/proc")

_helped: list[dict[str, Any]] = []


def help_run(holder: dict[str, Any]) -> None:
    """From now on this process acts for an ansible-playbook process, which started it to ask the store; also when that is gone."""
    _helped[:] = [holder]


def current_run_holder() -> dict[str, Any]:
    """The ansible-playbook process as a document: this one, the one that forked this worker, or the one that it helps.

    Raises:
        Refusal: INTERRUPTED, this is a worker whose ansible-playbook is gone.
    """
    if _helped:
        return _helped[0]
    import multiprocessing  # which whoever helps a run does not need

    parent = multiprocessing.parent_process()
    pid = os.getpid() if parent is None else parent.pid or 0
    if parent is not None and os.getppid() != pid:
        raise Refusal("INTERRUPTED", f"the ansible-playbook process {pid} that began this step is gone")
    return {
        "host": socket.gethostname(),
        "machine": _machine(),
        "boot_id": _boot_id(),
        "pids": _pid_space(),
        "pid": pid,
        "started": _started(pid),
        "user": _user(),
    }


def actor() -> str:
    """Who acts, as the ledger names this process: its user and machine."""
    return actor_of({"user": _user(), "host": socket.gethostname()})


def actor_of(holder: dict[str, Any]) -> str:
    """Who acted, as the ledger names the process of a holder."""
    return f"{holder.get('user', '')}@{holder.get('host', '')}"


def run_id(holder: dict[str, Any], change_id: str | None = None) -> str:
    """The id of the run of a process, or of its run on one change: 32 hexadecimal digits."""
    return canonical.digest(holder if change_id is None else {"holder": holder, "change": change_id})[:32]


def is_dead(holder: dict[str, Any]) -> bool:
    """Whether a holder is known to be gone; false where that cannot be seen from here."""
    boot_id, machine = _boot_id(), _machine()
    if not boot_id or not holder.get("boot_id"):
        return False
    if holder["boot_id"] != boot_id:
        same = bool(machine) and holder.get("machine") == machine
        return same and holder.get("host") == socket.gethostname()
    if holder.get("pids") != _pid_space():
        return False
    return _started(holder.get("pid", 0)) != holder.get("started")


def _started(pid: int) -> str:
    """When a process began, in ticks since boot; empty when there is none, or only its exit status is left."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _pid_space() -> str:
    """The space in which process ids of this process mean something: containers have their own."""
    try:
        return os.readlink(PROC / "self/ns/pid")
    except OSError:
        return ""


def _boot_id() -> str:
    return _text(PROC / "sys/kernel/random/boot_id")


def _machine() -> str:
    """A digest of the machine's id, which itself is not to be shown; empty where there is none."""
    text = _text("/etc/machine-id")
    return hashlib.sha256(f"tidegate {text}".encode()).hexdigest()[:16] if text else ""


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
