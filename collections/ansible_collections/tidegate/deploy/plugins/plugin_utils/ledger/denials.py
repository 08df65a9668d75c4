# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was refused, in the ledger before it is answered; and a flood of it, which does not fill the disk.

What the same source is refused for the same reason and change has one entry per minute, and is counted beyond that; the
count becomes an entry when the minute is over. All are counted as one once `MAX_SOURCES` were told apart within a minute.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import entries
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder, log
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import Database, stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import DENIALS, sa

MAX_SOURCES = 30
MAX_FACT = 200
EVERYBODY = "*"
"""What all are counted as who come after `MAX_SOURCES`."""

_MINUTE = len("2026-11-28T13:00")


class Denials(Database):
    """The part of the store that keeps what was refused."""

    def deny(
        self,
        actor: str,
        code: str,
        message: str,
        change: str | None = None,
        facts: dict[str, Any] | None = None,
        source: str | None = None,
    ) -> int | None:
        """Record a refusal before it is answered: its entry, or None if it was counted.

        Whoever cannot record it refuses all the same: what this raises is a refusal, too.

        Args:
            actor: who asked.
            code: of the refusal.
            message: of the refusal, of which the entry holds the digest.
            change: what it was asked for.
            facts: names and digests from an allow-list; cut at `MAX_FACT` characters.
            source: who is counted; None for the user and machine of this process.

        Raises:
            Refusal: STORE, it cannot be recorded.
        """
        now = self.now()
        minute = stamp(now)[:_MINUTE]
        with self.writing() as connection:
            _close(connection, now, minute)
            which = _source(connection, f"{(source or holder.actor())[:MAX_FACT]} {code} {change or '-'}", minute)
            more = DENIALS.update().where(DENIALS.c.source == which).values(more=DENIALS.c.more + 1)
            if connection.execute(more).rowcount:
                return None
            connection.execute(DENIALS.insert().values(source=which, minute=minute, more=0))
            body = {"code": code, "message": entries.digest_of(message), **_cut(facts or {})}
            return log.append(connection, now, "denied", actor, body, change)

    def close_denials(self) -> None:
        """Give what was counted until the last minute its entries."""
        now = self.now()
        with self.writing() as connection:
            _close(connection, now, stamp(now)[:_MINUTE])


def _close(connection: sa.Connection, now: datetime, minute: str) -> None:
    """Write down the counts of minutes that are over, and forget them."""
    over = DENIALS.c.minute != minute
    rows = connection.execute(sa.select(DENIALS).where(over).order_by(DENIALS.c.source)).all()
    for row in rows:
        if row.more:
            body = {"source": row.source, "minute": row.minute, "more": row.more}
            log.append(connection, now, "denied.more", holder.actor(), body)
    if rows:
        connection.execute(DENIALS.delete().where(over))


def _source(connection: sa.Connection, source: str, minute: str) -> str:
    known = sa.select(DENIALS.c.source).where(DENIALS.c.source == source)
    if connection.execute(known).first() is not None:
        return source
    count = sa.select(sa.func.count()).select_from(DENIALS).where(DENIALS.c.minute == minute)
    return EVERYBODY if connection.execute(count).scalar_one() >= MAX_SOURCES else source


def _cut(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value[:MAX_FACT] if isinstance(value, str) else value for name, value in facts.items()}
