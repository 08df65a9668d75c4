# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: entries that are only ever added, each in one transaction with the effect that it records.

The one writer of a transaction reads the last entry and adds the next. That no two entries name the same one before
them is also the table's own rule, so that the log cannot fork, whatever else goes wrong.

Its times never go back. An entry of a clock that is a little behind, as those of several controllers are, has the time of
the entry before it. A clock that is further behind was set back: what would go forward by it is refused, and what ends or
stops something is entered with the ledger's time and how far the clock was behind.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import entries
from ansible_collections.tidegate.deploy.plugins.module_utils.core.audit import Row
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import Database, moment, stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import ENTERED_ONCE, ENTRIES, sa

SKEW_S = 300
"""How far clocks of controllers may differ; as far as those of hosts (protocol, section 7)."""

FORWARD = (
    "change.planned",
    "wave.opened",
    "grant",
    "request.given",
    "approval.given",
    "approval.used",
    "trust.made",
    "trust.signed",
)
"""What is not entered by a clock that was set back."""

_PAGE = 5000


def append(
    connection: sa.Connection, now: datetime, kind: str, actor: str, body: dict[str, Any], change: str | None = None
) -> int:
    """Add an entry within the caller's writing transaction, and answer its index.

    Args:
        now: when what it records happened.
        kind: a key of `entries.KINDS`.
        actor: the person, or `holder.actor` of the process.
        body: facts picked from an allow-list; of free text only its digest (`entries.digest_of`).
        change: the id of the change that it is about.

    Raises:
        ValueError: not an entry (`entries.compose`); the caller's transaction is undone.
        Refusal: CLOCK, what goes forward by a clock that was set back.
    """
    last = connection.execute(_newest()).first()
    if last is None:
        begun = {"log": secrets.token_hex(16)}
        number, leaf, at = 0, _insert(connection, 0, entries.NO_ENTRY, now, "log.begun", actor, begun, None), now
    else:
        number, leaf, document = last
        at = not_before(now, document)
    behind_s = _behind_s(now, at)
    if behind_s and kind in FORWARD:
        raise _set_back(behind_s, at)
    index = number + 1
    told = {**body, "clock_behind_s": behind_s} if behind_s else body
    _insert(connection, index, leaf, at, kind, actor, told, change)
    return int(index)


def time_of(connection: sa.Connection, now: datetime) -> datetime:
    """What time it is by the ledger: the clock's, unless the last entry is later."""
    last = connection.execute(_newest()).first()
    return now if last is None else not_before(now, last.document)


def not_before(now: datetime, document: str) -> datetime:
    """A moment, or that of an entry if it is later."""
    at = entries.at_of(document)
    return moment(at) if at > stamp(now) else now


class Log(Database):
    """The part of the store that is the ledger."""

    def append(self, kind: str, actor: str, body: dict[str, Any], change: str | None = None) -> int:
        """Add an entry in a transaction of its own, and answer its index; it is durable then.

        Raises:
            ValueError: as the function `append`.
        """
        with self.writing() as connection:
            return append(connection, self.now(), kind, actor, body, change)

    def append_once(self, kind: str, actor: str, body: dict[str, Any], key: str) -> int:
        """Add an entry unless there is one of its kind with this key, and answer the index of the one that there is then.

        Args:
            kind, actor, body: as of `append`; about no change.
            key: what the entry is about, and by whom, where several may say it.

        Raises:
            ValueError: as the function `append`.
        """
        of_key = (ENTERED_ONCE.c.kind == kind) & (ENTERED_ONCE.c.key == key)
        known = sa.select(ENTERED_ONCE.c.number).where(of_key)
        with self.reading() as connection:  # mostly it is there, and whoever only reads may ask, too
            number = connection.execute(known).scalar()
        if number is not None:
            return int(number)
        with self.writing() as connection:
            number = connection.execute(known).scalar()
            if number is None:
                number = append(connection, self.now(), kind, actor, body)
                connection.execute(ENTERED_ONCE.insert().values(kind=kind, key=key, number=number))
            return int(number)

    def latest(self) -> datetime:
        """The present by which windows, freezes and expiries are decided: never before the ledger's last entry."""
        with self.reading() as connection:
            return time_of(connection, self.now())

    def require_clock(self) -> None:
        """See that the clock of this controller was not set back.

        Raises:
            Refusal: CLOCK.
        """
        now, latest = self.now(), self.latest()
        behind_s = _behind_s(now, latest)
        if behind_s:
            raise _set_back(behind_s, latest)

    def reset_clock(self) -> int:
        """Let the ledger follow this controller's clock again, and answer by how many seconds that sets it back; 0 where nothing is to be done.

        For a last entry that was written by a clock that was ahead. Who did it is in the ledger.
        """
        now = self.now()
        with self.writing() as connection:
            last = connection.execute(_newest()).first()
            before = now if last is None else not_before(now, last.document)
            behind_s = _behind_s(now, before)
            if last is not None and behind_s:
                body = {"before": stamp(before)}
                _insert(connection, last.number + 1, last.leaf, now, "log.clock", holder.actor(), body, None)
            return behind_s

    def log_size(self) -> int:
        """How many entries there are, by the number of the last one."""
        with self.reading() as connection:
            last = connection.execute(_newest()).first()
        return 0 if last is None else last[0] + 1

    def entries(self, change: str | None = None) -> list[entries.Entry]:
        """The entries of a change, oldest first; all of them unless one is named."""
        rows = self.rows() if change is None else self.rows_of(change)
        return [entries.parse(document) for _number, document, _leaf in rows]

    def rows(self, first: int = 0) -> Iterator[Row]:
        """Every row from one on, in order and unread: for those who verify."""
        columns = sa.select(ENTRIES.c.number, ENTRIES.c.document, ENTRIES.c.leaf).order_by(ENTRIES.c.number)
        while True:
            with self.reading() as connection:
                page = connection.execute(columns.where(ENTRIES.c.number >= first).limit(_PAGE)).all()
            yield from ((number, document.encode("utf-8"), leaf) for number, document, leaf in page)
            if len(page) < _PAGE:
                return
            first = page[-1][0] + 1

    def rows_of(self, change: str) -> list[Row]:
        """The rows of a change's entries, in order."""
        query = sa.select(ENTRIES.c.number, ENTRIES.c.document, ENTRIES.c.leaf).where(ENTRIES.c.change_id == change)
        with self.reading() as connection:
            found = connection.execute(query.order_by(ENTRIES.c.number)).all()
        return [(number, document.encode("utf-8"), leaf) for number, document, leaf in found]

    def leaves(self, size: int, first: int = 0) -> list[str]:
        """The hashes of entries up to a size, as they are kept; what is proved with them still has to be verified."""
        which = (ENTRIES.c.number >= first) & (ENTRIES.c.number < size)
        query = sa.select(ENTRIES.c.leaf).where(which).order_by(ENTRIES.c.number)
        with self.reading() as connection:
            return list(connection.execute(query).scalars())


def _behind_s(now: datetime, latest: datetime) -> int:
    """By how many seconds a clock was set back; 0 where the difference is one that clocks have."""
    behind = latest - now
    return round(behind.total_seconds()) if behind > timedelta(seconds=SKEW_S) else 0


def _set_back(behind_s: int, latest: datetime) -> Refusal:
    return Refusal(
        "CLOCK",
        f"the clock of this controller is {behind_s} s behind the last entry of the ledger ({stamp(latest)}), at most {SKEW_S} s "
        "are a difference of clocks: nothing goes forward by it. Set the clock right, for example by NTP; if that entry was "
        "written by a clock that was ahead: ansible-playbook tidegate.deploy.store -e tidegate_clock_reset=true",
        behind_s=behind_s,
    )


def _insert(
    connection: sa.Connection,
    index: int,
    previous: str,
    now: datetime,
    kind: str,
    actor: str,
    body: dict[str, Any],
    change: str | None,
) -> str:
    document = entries.compose(index, previous, stamp(now), kind, actor, body, change)
    leaf = entries.leaf(document)
    row = {"number": index, "previous": previous, "leaf": leaf, "change_id": change, "document": document.decode()}
    connection.execute(_added(), row)
    return leaf


@cache
def _newest() -> sa.Select[Any]:
    """Made once: every append asks it."""
    return sa.select(ENTRIES.c.number, ENTRIES.c.leaf, ENTRIES.c.document).order_by(ENTRIES.c.number.desc()).limit(1)


@cache
def _added() -> sa.Insert:
    return ENTRIES.insert()
