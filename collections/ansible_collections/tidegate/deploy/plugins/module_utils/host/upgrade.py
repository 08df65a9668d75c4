# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `upgrade`: an enrolled host takes another host program, if its trust bundle names it.

The new program installs itself, as it does on any host: it knows its own units and version, and what it must not replace.
"""

from __future__ import annotations

import os
import subprocess
import sys

from ..core import canonical
from ..core.errors import Refusal
from ..core.release import SHA256
from ..core.version import PROTOCOL
from . import fields, install, trust
from .paths import SEARCH_PATH
from .supply import Push
from .warden import Warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from .host import Host

MAX_BYTES = 16 * 1024 * 1024
LIMIT_S = 120
_START = """\
import sys
sys.path.insert(0, "/proc/self/fd/" + sys.argv[1])
sys.dont_write_bytecode = True
from tidegate_host.host.program import main_from_bootstrap
main_from_bootstrap(int(sys.argv[1]), sys.argv[2], True)
"""


def step(request: dict[str, Any], stream: BinaryIO, host: Host) -> dict[str, Any]:
    """Take the program that follows the request.

    Args:
        request: size_bytes and sha256 of the program.
        stream: holds its bytes; they are always read to their end.
        host: where.

    Returns:
        changed, carried: the digest of the program that the host carries now, and would in check mode.

    Raises:
        Refusal: TRUST, the trust bundle does not name it; UNDER_WAY; PROGRAM_NEWER, the host carries a newer one.
    """
    size_bytes = fields.number(request, "size_bytes", 1, MAX_BYTES)
    digest = fields.text(request, "sha256", SHA256)
    incoming = Push(stream, size_bytes)
    try:
        warden = Warden.of(host)
        carried = install.carried(host)
        if digest not in warden.bundle.doc["programs"]:
            raise Refusal(
                "TRUST",
                f"program {digest[:12]} is none of those that trust version {warden.bundle.number} lets run; make a version "
                "that names it, and apply that first",
            )
        if carried == digest:
            return {"changed": False, "carried": digest, "would": []}
        trust.require_nothing_under_way(host)
        if request["check"]:
            return {"changed": True, "carried": carried, "would": [f"install host program {digest[:12]}"]}
        return _install(host, incoming, digest)
    finally:
        incoming.drain()


def _install(host: Host, incoming: Push, digest: str) -> dict[str, Any]:
    folder_fd = os.open(host.paths.state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        package_fd = incoming.receive(folder_fd, host.paths.state, digest)
    finally:
        os.close(folder_fd)
    try:
        said = _started(package_fd, digest)
    finally:
        os.close(package_fd)
    if install.carried(host) != digest:
        raise Refusal(
            "PROGRAM_NEWER" if said.get("ok") else str(said.get("code") or "HOST_ERROR"),
            f"program {digest[:12]} did not take the place of the one that is there: "
            f"{said.get('message') or 'the host carries a newer one, or something is under way'}",
        )
    return {"changed": True, "carried": digest, "would": []}


def _started(package_fd: int, digest: str) -> dict[str, Any]:
    """Have the program install itself; its answer to a question that changes nothing."""
    request = canonical.dumps({"protocol": PROTOCOL, "step": "ask", "check": False, "services": []}) + b"\n"
    os.set_inheritable(package_fd, True)
    # pylint: disable-next=ansible-bad-function  # a host program, no module: a descriptor is passed on
    done = subprocess.run(
        [sys.executable, "-I", "-c", _START, str(package_fd), digest],
        input=request,
        stdout=subprocess.PIPE,
        pass_fds=(package_fd,),
        env={"PATH": SEARCH_PATH, "LANG": "C.UTF-8"},
        cwd="/",
        timeout=LIMIT_S,
        check=False,
    )
    try:
        said = canonical.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return {}
    return said if isinstance(said, dict) else {}
