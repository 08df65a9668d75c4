# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all fleets of this machine share: what it must be able to do, and the limits that are raised while any is up."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

from lab import cgroups
from lab.command import LabError, run
from lab.state import RUN, write_whole

SYSCTLS = {
    "fs/inotify/max_user_instances": 8192,  # 128 stop at 21 booted hosts, without a word
    "fs/inotify/max_user_watches": 524_288,
    "kernel/keys/maxkeys": 20_000,  # every unit of every host has a session keyring
    "kernel/keys/maxbytes": 2_000_000,
}
NSPAWN_FOLDERS = ("/run/systemd", "/run/systemd/nspawn", "/run/systemd/nspawn/propagate")
PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}


def demand() -> None:
    """Refuse at once, naming everything that is missing and why it is needed.

    Raises:
        LabError: This machine cannot hold a fleet.
    """
    missing = _missing()
    if missing:
        raise LabError("this machine cannot hold a practice fleet:\n" + "\n".join(f"  - {line}" for line in missing))


def _missing() -> list[str]:
    if os.geteuid() != 0:
        return ["root is needed, to mount disks, make network namespaces and boot hosts; run it with sudo"]
    lines = [
        f"{program} is needed; install the package {package}"
        for program, package in PROGRAMS.items()
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    ]
    with contextlib.suppress(LabError):
        run(["modprobe", "--quiet", "overlay"], check=False)
    if "\toverlay" not in Path("/proc/filesystems").read_text():
        lines.append("the kernel has no overlay file system, which lets hosts share one image")
    try:
        cgroups.mode()
    except LabError as neither:
        lines.append(str(neither))
    return lines or _missing_in_kernel()


def _missing_in_kernel() -> list[str]:
    """Try bridge and cable in a network namespace that is gone right after."""
    trials = {
        "network namespaces, which give hosts their own addresses": ["true"],
        "bridges, which connect hosts": ["ip", "link", "add", "name", "trial", "type", "bridge"],
        "veth links, which are the hosts' cables": [
            "ip",
            "link",
            "add",
            "trial",
            "type",
            "veth",
            "peer",
            "name",
            "end",
        ],
    }
    lines = []
    for what, argv in trials.items():
        try:
            run(["unshare", "--net", *argv])
        except LabError as refused:
            lines.append(f"the kernel does not allow {what} ({refused})")
    return lines


def raise_limits() -> None:
    """Raise the kernel's limits for many hosts, after writing down what they were. Hold the machine's lock."""
    file = RUN / "machine.json"
    if not file.exists():
        before = {name: (Path("/proc/sys") / name).read_text().strip() for name in SYSCTLS}
        absent = [folder for folder in NSPAWN_FOLDERS if not Path(folder).exists()]
        write_whole(file, json.dumps({"sysctls": before, "absent": absent}, indent=1))
    for name, enough in SYSCTLS.items():
        setting = Path("/proc/sys") / name
        if int(setting.read_text()) < enough:
            setting.write_text(str(enough))


def put_limits_back() -> None:
    """Restore what `raise_limits` wrote down; the last fleet has gone. Hold the machine's lock."""
    file = RUN / "machine.json"
    if file.exists():
        doc = json.loads(file.read_text())
        for name, before in doc["sysctls"].items():
            (Path("/proc/sys") / name).write_text(before)
        for folder in reversed(doc["absent"]):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        file.unlink()
    with contextlib.suppress(OSError):
        RUN.rmdir()
