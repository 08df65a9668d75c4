# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed checkpoints of the log.

A checkpoint is made from the one before it and the entries since, so that it costs what was added and not what is
there. Nothing is signed that does not fit: neither a chain that breaks, nor an older checkpoint that says something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint as checkpoints
from ansible_collections.tidegate.deploy.plugins.module_utils.core import entries
from ansible_collections.tidegate.deploy.plugins.module_utils.core.checkpoint import Note
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.merkle import Frontier, Tail
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import batches, holder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import stamp
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.denials import Denials
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.log import Log, append
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    CHECKPOINTS,
    ENTRIES,
    LOG_KEYS,
    RUNS,
    sa,
)


class Key(Protocol):
    """What signs checkpoints: `signing.LogKey`."""

    @property
    def line(self) -> str: ...

    def sign(self, namespace: str, message: bytes) -> str: ...


class Checkpoints(Log, Denials):
    """The part of the store that signs where the log stands."""

    def sign_checkpoint(self, key: Key) -> Note:
        """Sign the log as it is now, and keep that; what is signed already is answered as it is.

        Notes and denials that have no entry yet get theirs first; so does the key, the first time.

        Raises:
            Refusal: LEDGER, the log does not fit what was signed before, or another key signs it.
            OSError: the key cannot sign.
        """
        self.name_key(key)
        self._catch_up()
        last = self.last_checkpoint()
        origin, frontier = self._grown(last)
        if last is not None and frontier.size == last.checkpoint.size:
            return last
        made = checkpoints.of(origin, stamp(self.latest()), frontier)
        note = Note(made, key.sign(checkpoints.NAMESPACE, made.text()))
        with self.writing() as connection:
            known = sa.select(CHECKPOINTS.c.note).where(CHECKPOINTS.c.size == made.size)
            there = connection.execute(known).scalar()
            if there is not None:  # another process was first
                return checkpoints.parse(there.encode("ascii"))
            connection.execute(CHECKPOINTS.insert().values(size=made.size, note=note.data().decode("ascii")))
        return note

    def hand_over(self, old: Key, new: Key) -> None:
        """Let another key sign from now on; the old one says so.

        Raises:
            Refusal: LEDGER, the old one is not the log's key.
            OSError: it cannot sign.
        """
        self.name_key(old)
        origin = self.origin()
        signature = old.sign(checkpoints.KEY_NAMESPACE, checkpoints.key_text(origin, new.line))
        with self.writing() as connection:
            _require_key(_key(connection), old.line)
            self._add_key(connection, new.line, signature)

    def replace_lost(self, new: Key) -> None:
        """Let another key sign from now on, since nobody has the one before any more; the log says that nobody signed it over.

        Raises:
            Refusal: LEDGER, it signs already, or no key has been lost.
        """
        line = new.line
        with self.writing() as connection:
            if _key(connection) in (None, line):
                raise Refusal(
                    "LEDGER", "the key of this controller signs the log, and is not lost; rotate_key replaces it"
                )
            self._add_key(connection, line, None, lost=True)

    def checkpoint_notes(self) -> Iterator[bytes]:
        """All checkpoints as they are kept, the smallest first."""
        with self.reading() as connection:
            notes = list(connection.execute(sa.select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size)).scalars())
        return (note.encode("utf-8") for note in notes)

    def last_checkpoint(self) -> Note | None:
        """The largest checkpoint.

        Raises:
            Refusal: LEDGER, it is not one any more.
        """
        newest = sa.select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size.desc()).limit(1)
        with self.reading() as connection:
            note = connection.execute(newest).scalar()
        try:
            return None if note is None else checkpoints.parse(note.encode("utf-8"))
        except ValueError as error:
            raise _broken(f"the last checkpoint is damaged ({error})") from error

    def has_signed(self, note: Note) -> bool:
        """Whether a checkpoint is one of ours, as it is kept; the entries below it are there then."""
        query = sa.select(CHECKPOINTS.c.note).where(CHECKPOINTS.c.size == note.checkpoint.size)
        with self.reading() as connection:
            return connection.execute(query).scalar() == note.data().decode("ascii")

    def origin(self) -> str:
        """The name of the log, as checkpoints have it.

        Raises:
            Refusal: LEDGER, it has none.
        """
        with self.reading() as connection:
            first = connection.execute(sa.select(ENTRIES.c.document).where(ENTRIES.c.number == 0)).scalar()
        try:
            return f"{checkpoints.ORIGIN}{entries.parse(first.encode('utf-8')).body['log']}" if first else ""
        except (ValueError, KeyError) as error:
            raise _broken("entry 0 does not name the log") from error

    def frontier_at(self, size: int, root: bytes | None = None) -> Frontier:
        """The frontier over the first entries, read from one of our checkpoints if that has the root, or from all entries.

        Raises:
            Refusal: LEDGER, an entry does not fit.
        """
        with self.reading() as connection:
            note = connection.execute(sa.select(CHECKPOINTS.c.note).where(CHECKPOINTS.c.size == size)).scalar()
        if note is not None and root is not None:
            kept = checkpoints.parse(note.encode("utf-8")).checkpoint
            if kept.root == root:
                return Frontier(kept.size, kept.nodes)
        return self.grow(Frontier(), size)

    def since(self, old: int, root: bytes, size: int) -> Tail:
        """The log as it grew since somebody saw it: proves what came meanwhile, and that nothing else did.

        Args:
            old: the size that was seen.
            root: that was seen with it.
            size: up to which it is asked for.

        Raises:
            Refusal: LEDGER, what was seen is not of this log, or an entry does not fit.
        """
        frontier = self.frontier_at(old, root)
        if (frontier.size, frontier.root()) != (old, root):
            raise _broken(f"somebody saw {old} entries of it with another root than it has, or than it has entries")
        return Tail(frontier, (bytes.fromhex(leaf) for leaf in self.leaves(size, old)))

    def grow(self, frontier: Frontier, size: int | None = None) -> Frontier:
        """A frontier with the entries that follow it, up to a size.

        Raises:
            Refusal: LEDGER, an entry does not fit.
        """
        previous: str | None = None
        for number, document, _leaf in self.rows(max(0, frontier.size - 1)):
            if size is not None and number >= size:
                break
            if number >= frontier.size:
                _require_next(document, frontier.size, previous)
                frontier.append(bytes.fromhex(entries.leaf(document)))
            previous = entries.leaf(document)
        return frontier

    def _grown(self, last: Note | None) -> tuple[str, Frontier]:
        origin = self.origin()
        if last is None:
            return origin, self.grow(Frontier())
        if last.checkpoint.origin != origin:
            raise _broken(f"its last checkpoint is of {last.checkpoint.origin}, the log is {origin}")
        grown = self.grow(Frontier(last.checkpoint.size, last.checkpoint.nodes))
        if self.log_size() < last.checkpoint.size:
            raise _broken(f"its last checkpoint has {last.checkpoint.size} entries, there are {self.log_size()}")
        return origin, grown

    def name_key(self, key: Key) -> None:
        """See that the log names a key as the one that signs, before it signs anything.

        Raises:
            Refusal: LEDGER, another key signs.
        """
        line = key.line
        with self.writing() as connection:
            current = _key(connection)
            if current is None:
                self._add_key(connection, line, None)
            else:
                _require_key(current, line)

    def key_line(self) -> str | None:
        """The public key that signs checkpoints now, as a line; None: none has yet."""
        with self.reading() as connection:
            return _key(connection)

    def _add_key(self, connection: sa.Connection, line: str, signature: str | None, lost: bool = False) -> None:
        body = {"key": line, "signature": signature, **({"lost": True} if lost else {})}
        number = append(connection, self.now(), "log.key", holder.actor(), body)
        connection.execute(LOG_KEYS.insert().values(number=number, line=line))

    def _catch_up(self) -> None:
        """Notes that came when their run had ended, and denials that were only counted."""
        self.close_denials()
        with self.reading() as connection:
            late = batches.behind(connection)
        if late:
            with self.writing() as connection:
                ended = sa.select(RUNS.c.id, RUNS.c.change_id).where(RUNS.c.id.in_(late), RUNS.c.ended_at.is_not(None))
                for run_id, change in connection.execute(ended).all():
                    batches.record(connection, self.now(), run_id, change, holder.actor())


def _key(connection: sa.Connection) -> str | None:
    newest = sa.select(LOG_KEYS.c.line).order_by(LOG_KEYS.c.number.desc()).limit(1)
    line = connection.execute(newest).scalar()
    return None if line is None else str(line)


def _require_key(current: str | None, line: str) -> None:
    if current != line:
        raise Refusal(
            "LEDGER",
            "the key of this controller is not the one that signs the log: sign where that is, or hand over to this one there; where nobody "
            "has that any more: ansible-playbook tidegate.deploy.audit -e tidegate_key_lost=true",
            expected=current,
            found=line,
        )


def _require_next(document: bytes, index: int, previous: str | None) -> None:
    try:
        entry = entries.parse(document)
    except ValueError as error:
        raise _broken(f"entry {index} is not one any more ({error})") from error
    if entry.index != index or entry.previous != (previous or entries.NO_ENTRY):
        raise _broken(f"entry {index} does not follow the one before it")


def _broken(what: str) -> Refusal:
    return Refusal("LEDGER", f"the ledger is not what it was: {what}. Nothing is signed; run tidegate.deploy.audit")
