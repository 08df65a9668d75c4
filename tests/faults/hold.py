# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places at which a change is held until a fault has struck: in hooks and starts of a host, and on the line to it.

On a host, ``lab-gate NAME`` runs as a hook and before each start of the practice service. It does what a file of that
name tells it to, and waits while another is there. Both are files on the host's disk, so that they are set and seen
from this machine also while the host is cut, frozen or off, and a rename is all that a full disk has to bear.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.host import Host

FOLDER = "/var/lib/lab-gate"
LINE = Path(__file__).resolve().parent / "line.py"

_GATE = f"""#!/bin/sh
name=$1
[ "$name" = start ] && name=start-$(cat /opt/web/current/VERSION)
[ -e {FOLDER}/$name.do ] && . {FOLDER}/$name.do
mv {FOLDER}/$name.hold {FOLDER}/$name.held 2>/dev/null
while [ -e {FOLDER}/$name.held ]; do sleep 0.05; done
exit 0
"""
_DROP_IN = "[Service]\nExecStartPre=+/usr/local/sbin/lab-gate start\nExecReload=/bin/true\n"


def hooks(timeout_s: int) -> dict[str, Any]:
    """The gates as the hooks of a service."""
    return {
        name: {"command": ["/usr/local/sbin/lab-gate", name], "user": "root", "timeout_s": timeout_s}
        for name in ("before", "after")
    }


class Gates:
    """The gates of one host: ``before``, ``after``, ``start-VERSION``, ``undrain``."""

    def __init__(self, host: Host) -> None:
        self._folder = host.root / FOLDER.lstrip("/")
        self._host = host

    def install(self) -> None:
        """Put the gates on the host, once."""
        self._folder.mkdir(parents=True)
        place = self._host.root / "usr/local/sbin/lab-gate"
        place.write_text(_GATE)
        place.chmod(0o755)
        drop_in = self._host.root / "etc/systemd/system/web.service.d/gate.conf"
        drop_in.parent.mkdir()
        drop_in.write_text(_DROP_IN)
        self._host.ssh("systemctl daemon-reload")

    def clear(self) -> None:
        """Open all, forget all."""
        for path in self._folder.iterdir():
            path.unlink()

    def tell(self, name: str, script: str) -> None:
        """Have a gate do something when it is passed, in the shell's words."""
        (self._folder / f"{name}.do").write_text(script + "\n")

    def hold(self, name: str) -> None:
        """Hold whoever comes to a gate next."""
        (self._folder / f"{name}.hold").touch()

    def holds(self, name: str) -> bool:
        """Whether somebody is held there."""
        return (self._folder / f"{name}.held").exists()

    def open(self) -> None:
        """Let everybody go on."""
        for path in (*self._folder.glob("*.held"), *self._folder.glob("*.hold")):
            path.unlink(missing_ok=True)


class Line:
    """The line from a controller to its hosts: `line.py` in place of ssh, which looks into a folder for its orders.

    Args:
        folder: of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        """For whoever starts Ansible."""
        return {"FAULTS_LINE": str(self.folder)}

    def order(self, what: str, step: str, host: Host) -> None:
        """Have one thing happen to the next request of a step to a host.

        Args:
            what: ``before`` holds the request, ``mid`` half of it, ``reply`` the answer; ``lose`` loses the answer,
                ``flip`` changes a bit of what is pushed.
            step: of the host program.
            host: which.
        """
        (self.folder / "order").write_text(json.dumps({"what": what, "step": step, "address": host.address}))

    @property
    def reached(self) -> bool:
        """Whether that has happened, or is held."""
        return (self.folder / "held").exists()

    def open(self) -> None:
        """Let what is held go on."""
        (self.folder / "order").unlink(missing_ok=True)
        (self.folder / "held").unlink(missing_ok=True)

    def requests(self, step: str) -> int:
        """How many requests of a step went out while an order stood."""
        log = self.folder / "log"
        return log.read_text().split().count(step) if log.exists() else 0


def until(holds: Callable[[], Any], what: str, timeout_s: float = 60) -> Any:
    """Wait for a condition.

    Raises:
        AssertionError: it did not come to hold.
    """
    end = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.03)
    return found
