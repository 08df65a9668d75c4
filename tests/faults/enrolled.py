# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is more about a host that is enrolled: what it counts, and what a permit is good for after a fault.

So that the change can be held between two writes of the host, it carries the host program with four lines more.
"""

from __future__ import annotations

import json
from typing import Any

from faults.alone import Alone
from faults.injections.program import carrying, of_version
from faults.injections.warden import permitted, waiting
from faults.kinds import Cell

SPENT = {"CHALLENGE", "CLOSED"}
"""How a host refuses what it has let through before."""


def enroll(alone: Alone) -> None:
    """Let the host decide by itself from now on."""
    hand = permitted(alone).hand
    hand.definition = alone.doc
    with carrying(waiting()):
        hand.enroll(hand.bundle(programs=sorted([waiting().digest, of_version(1, 0, 1).digest])))


def record(alone: Alone) -> dict[str, Any]:
    """What the host remembers of statements."""
    path = alone.host.root / "var/lib/tidegate/services/web/warden.json"
    return dict(json.loads(path.read_text())) if path.exists() else {"statements": {}, "seen": None}


def attempts(alone: Alone) -> int:
    """How often the host says that this change was tried."""
    statement = permitted(alone).statement(alone.change, alone.release)
    return int(record(alone)["statements"].get(statement.id, {}).get("attempts", 0))


def used_up(alone: Alone, cell: Cell) -> None:
    """Each attempt was counted once; a permit that was counted begins nothing any more, and one that was not does so once."""
    assert attempts(alone) == cell.attempts
    if cell.expected == "NEW":
        assert not alone.activate().or_refuse().changed
        alone.back(operator=True).or_refuse()
    elif not cell.attempts and (first := alone.activate()).ok:
        assert (first.changed, attempts(alone)) == (True, 1)
        alone.back(operator=True).or_refuse()
    counted = attempts(alone)
    again = alone.driver.call(
        "activate", **{**alone.asked, "token_sha256": "0" * 64}
    )  # as if it were another activation
    assert (again.ok, again.code in SPENT) == (False, True), (again.code, again.message)
    assert attempts(alone) == counted
