# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of playbooks that are not Tidegate's: results in batches, each of which is one transaction.

It runs in the process of the clerk, so that nothing here can change or delay a run. The store is opened for a moment and closed
again. Results wait in memory while it is away, up to a limit beyond which they are lost. What waits when the playbook ends while a
server is away is kept for whoever opens the store next on this controller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.release import CHANGE_ID
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.away import leave, open_store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.locate import locate
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import Stopwatch, now, store_folder

BATCH = 500
PAUSE_MS = 3000
"""A batch is written when it has so many results, or when this much time has passed since the last one."""

RETRY_MS = 5000
MOST_WAITING = 20_000
BUSY_S, LAST_BUSY_S = 0.2, 5.0
"""How long the store is waited for: in the middle of a run, and at its end."""

AT_ONCE = ("failed", "unreachable")

_ACTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,8}")
_WHERE = re.compile(r"[A-Za-z0-9._-]{1,100}:[0-9]{1,7}")


def result_of(
    at: datetime, host: str, status: str, action: str, where: str, took_ms: int | None, on: str | None
) -> dict[str, Any]:
    """What is kept of a result: nothing but names, a word of ours and numbers.

    Args:
        at: when it came.
        host: whose result it is.
        status: one of `observations.STATUSES`.
        action: the name of the module; kept if it is one.
        where: file and line of the task; kept if that is what it looks like.
        took_ms: how long it took, where that is known.
        on: the host of the inventory to which the task was delegated, if it was.
    """
    kept: dict[str, Any] = {
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "host": host,
        "status": status,
        "action": action if len(action) <= 128 and _ACTION.fullmatch(action) else "?",
        "where": where if _WHERE.fullmatch(where) else "?",
        "ms": took_ms,
    }
    return kept | ({"on": on} if on else {})


class Recorder:
    """Keeps the results of one ansible-playbook process.

    Args:
        sources: where the inventory was read from.
        playbook: the name of the playbook's file.
        named: the change that was named, or None.
        run: the id of the ansible-playbook process.
        actor: who runs it.
        opened: opens the store, waiting for so many seconds.
        left: keeps what could not be written, as `away.leave` does.
        clock: the present time.
    """

    def __init__(
        self,
        sources: Iterable[str],
        playbook: str,
        named: str | None,
        run: str,
        actor: str,
        opened: Callable[[float], Store] | None = None,
        left: Callable[[Sequence[tuple[str, Sequence[Any]]]], bool] | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        where = [str(source) for source in sources]
        self._run, self._actor = run, actor
        self._opened = opened or (lambda busy_s: open_store(locate(where), now, store_folder(where), self._run, busy_s))
        self._left = left or (lambda noted: leave(locate(where), store_folder(where), self._run, noted))
        self._playbook = playbook
        self._clock = clock
        self._began_at = stamp(clock())
        self._named = named if named and CHANGE_ID.fullmatch(named) else None
        self._waiting: list[Mapping[str, Any]] = []
        self._lost = 0
        self._begun = False
        self._since = Stopwatch()
        self._away: Stopwatch | None = None

    @property
    def unwritten(self) -> int:
        """How many results are in no store."""
        return len(self._waiting) + self._lost

    def begin(self) -> None:
        """Record that the playbook begins."""
        self._write(BUSY_S, ended=False)

    def add(self, result: Mapping[str, Any]) -> None:
        """Keep a result: a failure at once, others with the next batch."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(result)
        else:
            self._lost += 1
        self.write_if_due(result["status"] in AT_ONCE)

    def write_if_due(self, at_once: bool = False) -> None:
        """Write what waits, if it has waited long enough or is enough, and the store was not away just now."""
        due = at_once or len(self._waiting) >= BATCH or self._since.ms >= PAUSE_MS
        if self._waiting and due and (self._away is None or self._away.ms >= RETRY_MS):
            self._write(BUSY_S, ended=False)

    def end(self) -> None:
        """Write what is left, and that the playbook has ended; or keep that for when the store is back."""
        self._write(LAST_BUSY_S, ended=True)
        if self._away is not None:
            self._leave()

    def _leave(self) -> None:
        begun = [("begin_record", (self._run, self._named, self._actor, self._playbook, self._began_at))]
        ended = ("add_batch", (self._run, self._waiting, self._lost, True, stamp(self._clock())))
        with suppress(Refusal):
            if self._left([*([] if self._begun else begun), ended]):
                self._waiting, self._lost = [], 0

    def _write(self, busy_s: float, ended: bool) -> None:
        self._since = Stopwatch()
        try:
            with self._opened(busy_s) as store:
                if not self._begun:
                    store.begin_record(self._run, self._change(store), self._actor, self._playbook)
                    self._begun = True
                if self._waiting or self._lost or ended:
                    store.add_batch(self._run, self._waiting, self._lost, ended)
        except Refusal:
            self._away = Stopwatch()
            return
        self._waiting, self._lost, self._away = [], 0, None

    def _change(self, store: Store) -> str | None:
        """The change that was named, or else the one that actions of ours work on in this process."""
        if self._named:
            return self._named
        run = store.run(self._run)
        return None if run is None else run.change_id
