# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands by which the program's own units call it; no caller from outside uses them."""

from __future__ import annotations

import sys

from ..core.definition import SERVICE
from ..core.errors import Refusal
from .needs import require_root_and_systemd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .host import Host


def command(host: Host, arguments: Sequence[str], result: str) -> int:
    """Do one of them; the exit status is for systemd.

    Args:
        host: where.
        arguments: ``effects S AID``, ``ended S AID``, ``revert S``, ``reap S DEADLINE``, ``prune S DEADLINE``, ``boot``, ``resume``.
        result: systemd's word for how a unit ended.
    """
    try:
        require_root_and_systemd()
        _do(host, arguments[0], list(arguments[1:]), result)
    except Refusal as refusal:
        sys.stderr.write(f"tidegate: {refusal}\n")
        return 1
    return 0


def _do(host: Host, name: str, rest: list[str], result: str) -> None:
    if name == "boot":
        from .reaper import at_boot

        return at_boot(host)
    if name == "resume":
        from .reaper import after_boot

        return after_boot(host)
    if not rest or not SERVICE.fullmatch(rest[0]):
        raise Refusal("DATA", f"{name}: expected the name of a service")
    return _do_for_service(host, name, rest, result)


def _do_for_service(host: Host, name: str, rest: list[str], result: str) -> None:
    if name == "effects":
        from .forward import run

        run(host, rest[0], rest[1])
    elif name == "ended":
        from .forward import ended

        ended(host, rest[0], rest[1], result)
    elif name == "revert":
        from .revert import run as go_back

        go_back(host, rest[0])
    elif name == "reap":
        from .reaper import reap

        reap(host, rest[0], int(rest[1]))
    elif name == "prune":
        from .prune import run as prune

        host.units.disarm(rest[0], int(rest[1]))
        prune(host, rest[0])
    else:
        raise Refusal("DATA", f"found {name!r}, which is no command of the host program")
