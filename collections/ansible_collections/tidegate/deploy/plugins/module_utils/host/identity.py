# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who an enrolled host is: a random uid, and what of the machine was seen when it was given.

Clones share a machine-id, images share host keys: where either is not as it was at the enrollment, this is another
host, and what was signed for the enrolled one is not for it.
"""

from __future__ import annotations

import base64
import os
import re

from ..core import canonical
from ..core.errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .host import Host

UID = re.compile(r"[0-9a-f]{32}")
_FIELDS = {"v", "uid", "name", "machine_id", "host_keys", "enrolled_at", "login", "first_trust"}
_MAX_BYTES = 64 * 1024


class Identity:
    """What a host was told at its enrollment.

    Args:
        doc: of `Paths.identity`.
    """

    __slots__ = ("doc",)

    def __init__(self, doc: dict[str, Any]) -> None:
        self.doc = doc

    @property
    def uid(self) -> str:
        """What statements call this host, besides its name."""
        return str(self.doc["uid"])

    @property
    def name(self) -> str:
        """The host's name in the inventory."""
        return str(self.doc["name"])

    @property
    def login(self) -> str:
        """The user as whom the host is driven."""
        return str(self.doc["login"])

    @property
    def enrolled_at(self) -> str:
        """When it was enrolled, by its own clock."""
        return str(self.doc["enrolled_at"])

    def problem(self, host: Host) -> str:
        """How the machine differs from the one that was enrolled; empty if it does not."""
        found = of_machine(host)
        if found["machine_id"] != self.doc["machine_id"]:
            return f"the machine-id is {found['machine_id'] or 'missing'}, {self.doc['machine_id']} was enrolled"
        gone = sorted(set(self.doc["host_keys"]) - set(found["host_keys"]))
        return f"the SSH host key {gone[0]}, which was enrolled, is not here any more" if gone else ""


def enrolled(host: Host) -> Optional[Identity]:
    """What the host was told at its enrollment; None where it is not enrolled.

    Raises:
        Refusal: IDENTITY; what says so cannot be read.
    """
    path = host.paths.identity
    try:
        with open(path, "rb") as file:
            doc = canonical.loads(file.read(_MAX_BYTES + 1), _MAX_BYTES)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Refusal("IDENTITY", f"{path}: found no identity ({error}); {_AGAIN}") from None
    if not isinstance(doc, dict) or set(doc) != _FIELDS or doc["v"] != 1:
        raise Refusal("IDENTITY", f"{path}: found another document, expected an identity of v 1; {_AGAIN}")
    return Identity(doc)


_AGAIN = "this host counts as not enrolled: remove that file as root and enroll it again, with a new uid"


def of_machine(host: Host) -> dict[str, Any]:
    """The machine-id and the fingerprints of the SSH host keys, as they are now."""
    folder = os.path.join(host.paths.etc, "ssh")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    lines = [_text(os.path.join(folder, name)) for name in names if re.fullmatch(r"ssh_host_\w+_key\.pub", name)]
    return {
        "machine_id": _text(os.path.join(host.paths.etc, "machine-id")),
        "host_keys": sorted({_fingerprint(line) for line in lines if len(line.split()) > 1}),
    }


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_BYTES).strip()
    except OSError:
        return ""


def _fingerprint(line: str) -> str:
    import hashlib

    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"
