# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reaper: takes back what nobody confirmed. Its triggers are a timer, every later step, and the boot.

At boot only state and link move, before anything is started; the runner follows when the boot has come far enough for
it. No unit waits for a unit that it is ordered before.
"""

from __future__ import annotations

import sys

from ..core import states
from ..core.errors import Refusal
from .turn import turn_if_due

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .host import Host


def reap_all(host: Host) -> None:
    """At the start of every step: whatever is overdue goes back."""
    _for_each(host, reap_one)


def reap(host: Host, service: str, deadline_ms: int) -> None:
    """The timer's look: go back, or see that there is nothing left to watch.

    Args:
        host: where.
        service: the service.
        deadline_ms: the timer's own deadline; after a renewal another timer watches.
    """
    reap_one(host, service)
    view = host.journal(service).read(states.ABSENT)
    if view["state"] == "reverting":
        return
    if host.clock.now_ms() >= deadline_ms and view.get("deadline_ms") != deadline_ms:
        # not earlier: a timer is armed a moment before the state becomes pending
        host.units.disarm(service, deadline_ms)


def at_boot(host: Host) -> None:
    """Move state and link of what another boot left unfinished, so that the right release starts."""
    _for_each(host, _put_back)


def after_boot(host: Host) -> None:
    """Have the runner finish what the boot unit has moved, or what it did not come to."""
    _for_each(host, reap_one)


def _for_each(host: Host, act: Callable[[Host, str], None]) -> None:
    """One broken service keeps no other from going back."""
    for service in host.services():
        try:
            act(host, service)
        except (Refusal, OSError, KeyError) as error:
            sys.stderr.write(f"tidegate: {service}: {error}\n")


def reap_one(host: Host, service: str) -> None:
    """The runner is asked for also when somebody else has turned: that start may have been lost."""
    turn_if_due(host, service)
    _start_runner(host, service)


def _put_back(host: Host, service: str) -> None:
    from .revert import put_link_back  # at boot only: every step loads this module

    turn_if_due(host, service)
    put_link_back(host, service)


def _start_runner(host: Host, service: str) -> None:
    if host.journal(service).read(states.ABSENT)["state"] == "reverting":
        host.units.start_revert(service)
