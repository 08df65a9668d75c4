# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, on what, and with what: the part of a result that holds no measurement."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from ansible.release import __version__ as ansible_version

from bench import releases, runs
from bench.contenders import CHECKOUT, PYINFRA
from lab import cgroups


def described(sizes: runs.Sizes, hosts: int, rounds: int, place: Path) -> dict[str, Any]:
    """Machine and setting."""
    base = releases.archive(place / "releases", runs.BASE, sizes.files, sizes.archive_bytes)
    return {
        "machine": {
            "cores": os.cpu_count(),
            "processor": _field("/proc/cpuinfo", r"model name\s*: (.+)"),
            "memory_gib": round(int(_field("/proc/meminfo", r"MemTotal:\s*(\d+)")) / 2**20),
            "distribution": _field("/etc/os-release", r'PRETTY_NAME="(.+)"'),
            "kernel": platform.release().partition("-")[0],
            "cgroups": cgroups.mode(),
            "python": platform.python_version(),
            "ansible": ansible_version,
            "pyinfra": _said(str(PYINFRA), "--version").rpartition("v")[2],
            "ssh": _said("ssh", "-V").partition(",")[0].replace("_", " "),
            "commit": _said("git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--exclude=*"),
        },
        "setting": {
            "hosts": hosts,
            "runs": rounds,
            "files": sizes.files,
            "archive_bytes": sizes.archive_bytes,
            "packed_bytes": base.path.stat().st_size,
            "file_bytes": sizes.file_bytes,
        },
    }


def _field(path: str, pattern: str) -> str:
    found = re.search(pattern, Path(path).read_text())
    return " ".join(found.group(1).split()) if found else "unknown"


def _said(*argv: str) -> str:
    """What a program prints, on either stream; unknown where it cannot be run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return (done.stdout or done.stderr).strip()
