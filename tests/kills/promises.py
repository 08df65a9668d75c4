# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold after a death, and after the same command was run again."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from e2e.hosts import Fleetful, Seen
from e2e.project import Project
from faults.promises import ENDED, assert_current_is_whole

REST_S = 120
"""How long hosts may take to be back by themselves: the deadline of an activation and a minute."""

HISTORY = "/var/lib/tidegate/services/web/history"
_GOING_BACK = ("reverting-1", "reverting-2", "reverting-3", "failed")
_LEFT = r"""
ls -d /opt/web/releases/.new-* /opt/web/releases/.gone-* /run/web/drain /var/lib/tidegate/services/web/partial/* 2>/dev/null
systemctl list-units --all --plain --no-legend --state=active,activating,failed \
  'tidegate-activate@*' 'tidegate-revert@*' 'tidegate-prune@*' 'tidegate-host*'
"""


class Violation(Exception):
    """A promise does not hold."""


def at_rest(hosts: Fleetful) -> dict[str, Seen]:
    """Wait until nothing is under way on any host, and see what each shows; promises 1 and 3.

    Raises:
        Violation: a host does not come to rest, or is not entirely on one release.
    """
    until = time.monotonic() + REST_S
    while True:
        seen = hosts.see()
        odd = [one for one in seen.values() if not (one.settled and one.serves == one.version and one.health == "200")]
        if not odd:
            break
        if time.monotonic() > until:
            raise Violation(f"not at rest after {REST_S} s: {odd}")
        time.sleep(0.3)
    for name, one in seen.items():
        try:
            whole = assert_current_is_whole(hosts[name])
        except AssertionError as error:
            raise Violation(f"{name}: current is not complete: {error}") from error
        if (whole, one.journal["new"]) != (one.version, one.current):
            raise Violation(f"{name}: link, files and journal disagree: {one}")
    return seen


def check_host_histories(hosts: Fleetful) -> None:
    """No move was made twice, and after going back nothing went forward again.

    Raises:
        Violation: as it says.
    """
    for name, text in hosts.ssh(f"cat {HISTORY}.1 {HISTORY} 2>/dev/null; true").items():
        went_back: set[str] = set()
        moves: Counter[tuple[str, str]] = Counter()
        permanent: Counter[str] = Counter()
        for line in text.splitlines():
            _at, change, aid, future = line.split()
            moves[aid, future] += 1
            permanent[change] += future == "steady-new"
            if aid in went_back and future in ("pending", "ready", "steady-new"):
                raise Violation(f"{name}: {aid} went forward again: {text[-2000:]}")
            if future in _GOING_BACK:
                went_back.add(aid)
        twice = [move for move, count in moves.items() if count > 1] + [c for c, n in permanent.items() if n > 1]
        if twice:
            raise Violation(f"{name}: made twice: {twice}: {text[-2000:]}")


def check_claims(site: Project, seen: dict[str, Seen]) -> None:
    """Promise 2, of the change that counts: hosts that the store calls confirmed say so, or say that it went back."""
    for change, host in site.ask_store(
        "SELECT r.change_id, e.host FROM events e JOIN runs r ON r.id = e.run_id"
        " WHERE e.step = 'confirm' AND e.verdict = 'ok'"
        " AND r.change_id = (SELECT MAX(id) FROM changes WHERE state != 'rolled_back')"
    ):
        known = seen[host].journal
        if change not in (known.get("change"), (known.get("reverted") or {}).get("change"), *known["past"]):
            raise Violation(f"{host}: the store calls {change} confirmed, the journal does not: {json.dumps(known)}")


def check_done(site: Project, seen: dict[str, Seen], change: str, version: str, back: bool, ended_well: int) -> None:
    """After the same command again: all on what was asked for, recorded once, and nothing held any longer.

    Args:
        site: the project.
        seen: what hosts show.
        change: that counts.
        version: that was asked for.
        back: whether the change was taken back.
        ended_well: how many of the commands ended with 0.

    Raises:
        Violation: as it says.
    """
    for name, one in seen.items():
        if one.version != version:
            raise Violation(f"{name}: on {one.version} after the command ended well, asked for {version}: {one}")
        if (one.journal.get("change") == change) == back:
            raise Violation(f"{name}: the store says {site.changes()[change]} of {change}, the journal: {one.journal}")
    recorded = site.changes()[change]
    if recorded != ("rolled_back" if back else "completed"):
        raise Violation(f"{change} is recorded as {recorded}")
    alive = [run for run in site.runs() if run[1] not in ENDED]
    if site.leases() or alive:
        raise Violation(f"leases {site.leases()}, runs {alive}")
    ends = _ends(site, change, recorded)
    if not 1 <= ends <= ended_well:
        raise Violation(f"{change}: {recorded} was recorded {ends} times: {site.runs()}")


def _ends(site: Project, change: str, state: str) -> int:
    """In how many runs a change came to an end of this kind; one that finds it taken back already may say so, too."""
    query = "SELECT COUNT(*) FROM runs WHERE change_id = ? AND state = ? AND outcome IS NOT NULL AND leased = 1"
    found: Any = site.ask_store(query, change, state)
    return int(found[0][0])


def check_left(hosts: Fleetful) -> None:
    """Nothing of ours is left on hosts where nothing is under way.

    Raises:
        Violation: with what is.
    """
    until = time.monotonic() + 15
    while any(left := hosts.ssh(_LEFT + "true").values()):
        if time.monotonic() > until:
            raise Violation(f"left over: {list(left)}")
        time.sleep(0.5)
