# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that run once per change: that one begins is written before it does, and that it is done when it is."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder, leases, log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import Database, stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import BEGUN, DONE, OnceRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import ONCE, sa

ASKED = "asked"
FAILED = "failed"
STATES = (ASKED, BEGUN, DONE, FAILED)
"""Only its check was asked; it began, and nobody knows how it ended; it is done; it failed."""

MAX_NAME = 200


class OnceTasks(Database):
    """The part of the store that keeps what runs once per change."""

    def once(self, change_id: str) -> dict[str, OnceRow]:
        """What is known of a change's once-per-change tasks, by name, in the order in which they were first looked at."""
        query = sa.select(ONCE).where(ONCE.c.change_id == change_id).order_by(ONCE.c.position)
        with self.reading() as connection:
            rows = [OnceRow(**found._mapping) for found in connection.execute(query)]
        return {row.name: row for row in rows}

    def once_under_way(self, run_id: str) -> OnceRow | None:
        """The one that a run works on now, if it does."""
        query = sa.select(ONCE).where(ONCE.c.run_id == run_id, ONCE.c.under_way == 1)
        with self.reading() as connection:
            found = connection.execute(query).first()
        return None if found is None else OnceRow(**found._mapping)

    def move_once(self, change_id: str, name: str, run_id: str, host: str, state: str | None, under_way: bool) -> None:
        """Write down where a once-per-change task stands; what its check said before is forgotten.

        The first note of a task is that it is looked at; a lease that the run holds begins anew.

        Args:
            change_id: of the change.
            name: of the task.
            run_id: of the run that works on it.
            host: where it runs.
            state: one of `STATES`; None leaves it.
            under_way: whether the run goes on working on it.

        Raises:
            ValueError: another state.
        """
        if state is not None and state not in STATES:
            raise ValueError(f"a task cannot be {state}")
        now = self.now()
        values: dict[str, Any] = {"run_id": run_id, "host": host, "under_way": int(under_way), "there": None}
        values |= {"state": state, "updated_at": stamp(now)} if state else {}
        key = (ONCE.c.change_id == change_id) & (ONCE.c.name == name)
        with self.writing() as connection:
            before = connection.execute(sa.select(ONCE.c.state).where(key)).scalar()
            if connection.execute(ONCE.update().where(key).values(values)).rowcount == 0:
                last = sa.select(sa.func.coalesce(sa.func.max(ONCE.c.position), 0)).where(ONCE.c.change_id == change_id)
                first = {"state": ASKED, "updated_at": stamp(now), **values}
                position = connection.execute(last).scalar_one() + 1
                connection.execute(ONCE.insert().values(change_id=change_id, name=name, position=position, **first))
            if before != (state or before or ASKED):
                body = {"run": run_id, "task": name[:MAX_NAME], "host": host, "state": state or ASKED}
                log.append(connection, now, "once.moved", holder.actor(), body, change_id)
            leases.extend(connection, run_id, now)

    def answer_once(self, row: OnceRow, there: bool) -> None:
        """Write down what the check of a once-per-change task found."""
        key = (ONCE.c.change_id == row.change_id) & (ONCE.c.name == row.name)
        with self.writing() as connection:
            connection.execute(ONCE.update().where(key).values(there=int(there)))
