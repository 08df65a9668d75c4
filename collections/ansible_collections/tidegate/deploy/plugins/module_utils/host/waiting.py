# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for an activation or a way back to settle, without burning the host's time."""

from __future__ import annotations

import os

from ..core.states import ABSENT
from .reaper import reap_one
from .turn import take_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host

_POLL_S = 0.02
_LOOK_EVERY_MS = 2000
_UNBORN_MS = 10_000
_MOVING = ("pending", "reverting")


def until_settled(host: Host, service: str, wait_s: int) -> None:
    """Return when the state is neither pending nor reverting, or when the wait is over.

    Meanwhile an activation whose deadline passes, or whose unit is gone without a result, is taken back.
    """
    end_ms = host.clock.now_ms() + wait_s * 1000
    look_ms = host.clock.now_ms() + _LOOK_EVERY_MS
    seen = None
    while True:
        mark = _mark(host.paths.journal(service))
        if mark != seen:
            seen = mark
            if host.journal(service).read(ABSENT)["state"] not in _MOVING:
                return
        now_ms = host.clock.now_ms()
        if now_ms >= end_ms:
            return
        if now_ms >= look_ms:
            look_ms = now_ms + _LOOK_EVERY_MS
            _nudge(host, service)
        host.clock.sleep(_POLL_S)


def _mark(path: str) -> Any:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _nudge(host: Host, service: str) -> None:
    reap_one(host, service)
    view = host.journal(service).read(ABSENT)
    if view["state"] == "pending" and not host.units.effects_run(service) and _is_old(host, service, view["aid"]):
        message = "the effects ended without a result (their unit is gone)"
        take_back(host, service, view["aid"], message)


def _is_old(host: Host, service: str, aid: str) -> bool:
    """Whether the unit had time to come up: its begin is written before it starts."""
    try:
        written_s = os.stat(os.path.join(host.paths.activation(service, aid), "note")).st_mtime
    except FileNotFoundError:
        return True
    return host.clock.now_s() - written_s > _UNBORN_MS / 1000
