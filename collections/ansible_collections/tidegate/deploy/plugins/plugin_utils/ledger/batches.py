# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes about hosts in the ledger: not each, but all since the last time, as one digest.

So that a step on a host costs no entry. A batch is written when a wave closes and when its run ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import BATCHES, EVENTS, sa

_FIELDS = ("number", "at", "host", "step", "verdict", "code", "message", "doc")


def line(row: Any) -> bytes:
    """A note as its batch's digest is made of it; its document is text, as it is kept."""
    return canonical.dumps({name: getattr(row, name) for name in _FIELDS}) + b"\n"


def digest(rows: Iterable[Any]) -> str:
    """The digest of notes in their order."""
    found = hashlib.sha256()
    for row in rows:
        found.update(line(row))
    return found.hexdigest()


def rows_of(connection: sa.Connection, run_id: str, first: int, last: int | None = None) -> list[Any]:
    """The notes of a run from one number on, to another or to the last."""
    query = sa.select(EVENTS).where(EVENTS.c.run_id == run_id, EVENTS.c.number >= first).order_by(EVENTS.c.number)
    return list(connection.execute(query if last is None else query.where(EVENTS.c.number <= last)))


def record(connection: sa.Connection, now: datetime, run_id: str, change: str | None, actor: str) -> None:
    """Give the notes since the last batch their entry; nothing where there are none."""
    last = sa.select(sa.func.coalesce(sa.func.max(BATCHES.c.last), 0)).where(BATCHES.c.run_id == run_id)
    rows = rows_of(connection, run_id, connection.execute(last).scalar_one() + 1)
    if not rows:
        return
    body = {"run": run_id, "first": rows[0].number, "last": rows[-1].number, "digest": digest(rows)}
    entry = log.append(connection, now, "hosts.recorded", actor, body, change)
    connection.execute(BATCHES.insert().values(run_id=run_id, last=rows[-1].number, entry=entry))


def behind(connection: sa.Connection) -> list[str]:
    """The runs with notes that came after their last batch, as of hosts that were asked when the run had ended."""
    recorded = sa.select(BATCHES.c.run_id, sa.func.max(BATCHES.c.last).label("last")).group_by(BATCHES.c.run_id)
    known = recorded.subquery()
    newest = sa.select(EVENTS.c.run_id, sa.func.max(EVENTS.c.number).label("last")).group_by(EVENTS.c.run_id).subquery()
    late = sa.outerjoin(newest, known, newest.c.run_id == known.c.run_id)
    query = sa.select(newest.c.run_id).select_from(late)
    return list(
        connection.execute(
            query.where(newest.c.last > sa.func.coalesce(known.c.last, 0)).order_by(newest.c.run_id)
        ).scalars()
    )
