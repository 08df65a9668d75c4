# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a log is what it was: the same questions for the store's own audit and for an outsider with an export.

* `walk` reads the entries in order, and names the first that does not fit, and how.
* `Evidence` then holds what was walked against checkpoints: those of the log, and older ones that somebody kept.

Nothing here reads a file or runs a program: entries are handed in as bytes, and so is what verifies a signature.

What is found has one of the kinds of `KINDS`, the first entry that is bad, and the last that may be the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, Optional

from . import checkpoint as checkpoints
from . import entries
from .checkpoint import Checkpoint, Note
from .merkle import Frontier, subtrees

KINDS = {
    "edited": "an entry says something else than it did",
    "deleted": "entries are missing between others",
    "inserted": "an entry was put between others",
    "reordered": "entries are not in their order",
    "truncated": "entries at the end are missing",
    "rewritten": "entries were changed, and all behind them made to fit",
    "forked": "the key of the log has signed two histories",
    "restored": "the log was set back to an older state, and went on from there",
    "origin": "a checkpoint is of another log",
    "signature": "a checkpoint, a key or an approval is not signed by the key that it must be signed by",
    "rows": "a row of the store, or what a host says of its enrollment, is not what its entry says",
}
"""Every kind of finding, with what it means."""

Verify = Callable[[str, str, bytes, str], bool]
"""Whether a signature is true: the key as a line, the namespace, the message, the armored signature."""

Row = tuple[int, bytes, Optional[str]]
"""The number that a store or file gives an entry, the entry's document, and its hash as a store keeps it beside it."""


class Finding(NamedTuple):
    """One thing that is wrong."""

    kind: str
    message: str
    first: Optional[int] = None
    last: Optional[int] = None

    def __str__(self) -> str:
        return f"{self.kind.upper()}: {self.message}"


class Key(NamedTuple):
    """A key that the log names, and where."""

    index: int  # type: ignore[assignment]  # the word of the documents; nobody looks things up in one
    line: str
    signature: Optional[str]
    lost: bool = False
    """Whether it took the place of one that nobody has any more, which therefore did not sign it."""


class Walked(NamedTuple):
    """A log that was read from its first entry to its last, or to the first that does not fit."""

    origin: str
    size: int
    frontiers: dict[int, Frontier]
    keys: list[Key]
    finding: Optional[Finding]
    late: dict[str, int]
    anew: list[entries.Entry]
    """Of hosts that were enrolled once more, under another uid, before anybody had signed that they may leave."""

    def frontier(self) -> Frontier:
        """That of all entries."""
        return self.frontiers[self.size]


def walk(
    rows: Iterable[Row],
    sizes: Collection[int] = (),
    moments: Collection[str] = (),
    see: Callable[[entries.Entry], None] = lambda entry: None,
) -> Walked:
    """Read a log, and see that each entry names its place and the one before it.

    Args:
        rows: in the order in which they are kept.
        sizes: of the checkpoints that it will be held against.
        moments: after which of them the first entry is looked for, for each size below which it may not lie.
        see: told of every entry that fits.
    """
    wanted, frontier, walker = set(sizes), Frontier(), _Walker(moments)
    frontiers: dict[int, Frontier] = {0: Frontier()}
    stream = iter(rows)
    for row in stream:
        finding = walker.step(row, stream)
        if finding is not None:
            frontiers[frontier.size] = frontier
            return Walked(walker.origin, frontier.size, frontiers, walker.keys, finding, walker.late, walker.anew)
        frontier.append(bytes.fromhex(walker.leaf))
        if frontier.size in wanted:
            frontiers[frontier.size] = Frontier(frontier.size, frontier.nodes)
        see(walker.entry)
    frontiers[frontier.size] = frontier
    return Walked(walker.origin, frontier.size, frontiers, walker.keys, None, walker.late, walker.anew)


class _Walker:
    """Where a walk stands."""

    def __init__(self, moments: Collection[str]) -> None:
        self.index = 0
        self.leaf = entries.NO_ENTRY
        self.entry: entries.Entry
        self.origin = ""
        self.keys: list[Key] = []
        self.late: dict[str, int] = {}
        self.anew: list[entries.Entry] = []
        self._moments = sorted(moments)

    def step(self, row: Row, rest: Iterator[Row]) -> Finding | None:
        """Take the next entry, or say why it does not fit."""
        at, (number, document, kept) = self.index, row
        try:
            entry = entries.parse(document)
        except ValueError as error:
            return Finding("edited", f"entry {at} is not an entry any more: {error}", at, at)
        if entry.index != at or entry.previous != self.leaf or number != at:
            return _misfit(at, self.leaf, row, entry, rest)
        leaf = entries.leaf(document)
        if kept is not None and kept != leaf:
            return Finding("edited", f"entry {at} was edited: it is not what its hash was made of", at, at)
        if at == 0 and not _begins(entry):
            return Finding("edited", "entry 0 does not name the log", 0, 0)
        self._take(entry)
        self.index, self.leaf, self.entry = at + 1, leaf, entry
        return None

    def _take(self, entry: entries.Entry) -> None:
        if entry.index == 0:
            self.origin = f"{checkpoints.ORIGIN}{entry.body['log']}"
        elif entry.kind == "log.key":
            signature = entry.body.get("signature")
            made = None if signature is None else str(signature)
            self.keys.append(Key(entry.index, str(entry.body.get("key")), made, entry.body.get("lost") is True))
        elif entry.kind == "host.enrolled" and entry.body.get("before") not in (None, entry.body.get("uid")):
            self.anew.append(entry)
        while self._moments and entry.at > self._moments[0]:
            self.late[self._moments.pop(0)] = entry.index


def _begins(entry: entries.Entry) -> bool:
    return entry.kind == "log.begun" and isinstance(entry.body.get("log"), str)


def _misfit(at: int, leaf: str, row: Row, entry: entries.Entry, rest: Iterator[Row]) -> Finding:
    """What was done to a log whose entry at a place does not belong there."""
    number, document, _kept = row
    if entry.previous == leaf:  # it follows the one before it, so that only what it is called can be wrong
        found = f"it says {entry.index}" if entry.index != at else f"it is kept as {number}"
        return Finding("edited", f"entry {at} was edited: {found}", at, at)
    following = next(rest, None)
    if entry.index == at:
        return _edited(at, entries.leaf(document), following)
    if entry.index < at:
        return _inserted(at, entry.index, entries.leaf(document), following)
    if any(_index(row) == at for row in _rest(following, rest)):
        return Finding("reordered", f"entry {at} comes behind entry {entry.index}", at, at)
    missing = f"entry {at} is" if entry.index == at + 1 else f"entries {at} to {entry.index - 1} are"
    return Finding("deleted", f"{missing} missing", at, at)


def _edited(at: int, leaf: str, following: Row | None) -> Finding:
    """The entry names another one before it than there is: one of the two was edited."""
    if at == 0 or (following is not None and _previous(following) != leaf):
        return Finding("edited", f"entry {at} was edited", at, at)
    if following is not None:
        return Finding("edited", f"entry {at - 1} was edited", at - 1, at - 1)
    return Finding("edited", f"entry {at - 1} was edited, or what entry {at} says about it", at - 1, at)


def _inserted(at: int, index: int, leaf: str, following: Row | None) -> Finding:
    """There are two for one place; the right one is that which the next entry names."""
    first = index if index == at - 1 and following is not None and _previous(following) == leaf else at
    return Finding("inserted", f"there is more than one entry {index}: one was inserted at place {first}", first, at)


def _rest(following: Row | None, rest: Iterator[Row]) -> Iterator[Row]:
    if following is not None:
        yield following
    yield from rest


def _index(row: Row) -> int | None:
    try:
        return entries.parse(row[1]).index
    except ValueError:
        return None


def _previous(row: Row) -> str | None:
    try:
        return entries.parse(row[1]).previous
    except ValueError:
        return None


class Evidence:
    """Holds a log against checkpoints.

    Args:
        walked: the log, of which every entry fits.
        verify: verifies signatures.
        trusted: the key that an outsider knows, as a line; None takes the first that the log names.
    """

    def __init__(self, walked: Walked, verify: Verify, trusted: str | None = None) -> None:
        self._walked = walked
        self._verify = verify
        self._trusted = trusted
        self.own = 0
        """Size of the largest checkpoint of the log itself that agrees."""
        self.kept_by_others = 0
        """Size of the largest checkpoint that agrees and was kept elsewhere."""

    def keys(self) -> Iterator[Finding]:
        """The log's keys: each after the first is signed by the one before it, and one is the key that is trusted.

        One that took the place of a lost key is signed by nobody. Who trusts it, or one after it, knows of it.
        """
        before: Key | None = None
        lines = [key.line for key in self._walked.keys]
        for at, key in enumerate(self._walked.keys):
            message = checkpoints.key_text(self._walked.origin, key.line)
            if key.lost:
                if self._trusted is None or self._trusted not in lines[at:]:
                    yield Finding(
                        "signature", f"{_replaced(key)}: ask for the new one, and name it", key.index, key.index
                    )
            elif before is not None and not (
                key.signature is not None
                and self._verify(before.line, checkpoints.KEY_NAMESPACE, message, key.signature)
            ):
                yield Finding(
                    "signature", f"entry {key.index}: the key before did not sign the new one", key.index, key.index
                )
            before = key
        if self._trusted is not None and self._trusted not in (key.line for key in self._walked.keys):
            yield Finding("signature", "the log does not name the key that you trust")

    def of_the_log(self, notes: Sequence[Note]) -> Iterator[Finding]:
        """The checkpoints that the log itself kept."""
        for note in sorted(notes, key=lambda note: note.checkpoint.size):
            found = self._foreign(note) or self._shorter(note.checkpoint, "the log's own") or self._unsigned(note)
            if found is None and self._differs(note.checkpoint):
                first, last = self._where(note.checkpoint, self.own)
                what = f"the log's own checkpoint of {note.checkpoint.size} entries has another root"
                found = Finding("rewritten", f"{what}: {_among(first, last)}", first, last)
            if found is not None:
                yield found
                return
            self.own = note.checkpoint.size

    def kept(self, note: Note, name: str) -> Finding | None:
        """A checkpoint that somebody else kept: an outsider, or a witness.

        Args:
            name: what it is called in the finding.
        """
        found = self._foreign(note) or self._shorter(note.checkpoint, name)
        if found is None and self._differs(note.checkpoint):
            found = self._other_history(note, name)
        if found is None:
            found = self._unsigned(note)
        if found is None:
            self.kept_by_others = max(self.kept_by_others, note.checkpoint.size)
        return found

    def _foreign(self, note: Note) -> Finding | None:
        if note.checkpoint.origin == self._walked.origin or not self._walked.size:
            return None
        return Finding("origin", f"a checkpoint is of {note.checkpoint.origin}, this log is {self._walked.origin}")

    def _unsigned(self, note: Note) -> Finding | None:
        checkpoint = note.checkpoint
        keys = [key for key in self._walked.keys if key.index < checkpoint.size]
        if keys and self._verify(keys[-1].line, checkpoints.NAMESPACE, checkpoint.text(), note.signature):
            return None
        what = f"the checkpoint of {checkpoint.size} entries is not signed by the log's key"
        return Finding("signature", what)

    def _shorter(self, checkpoint: Checkpoint, name: str) -> Finding | None:
        size = self._walked.size
        if checkpoint.size <= size:
            return None
        late = self._walked.late.get(checkpoint.at)
        if late is not None:
            return self._restored(checkpoint, late, name)
        what = f"there are {size} entries, {name} checkpoint has {checkpoint.size}"
        return Finding("truncated", f"{what}: entries {size} to {checkpoint.size - 1} are missing", size, size)

    def _restored(self, checkpoint: Checkpoint, late: int, name: str) -> Finding:
        what = f"{name} checkpoint of {checkpoint.at} had {checkpoint.size} entries"
        return Finding("restored", f"{what}, but entry {late} was written later: the log was set back", late, late)

    def _differs(self, checkpoint: Checkpoint) -> bool:
        return self._walked.frontiers[checkpoint.size].root() != checkpoint.root

    def _other_history(self, note: Note, name: str) -> Finding:
        checkpoint = note.checkpoint
        late = self._walked.late.get(checkpoint.at)
        if late is not None and late < checkpoint.size:
            return self._restored(checkpoint, late, name)
        first, last = self._where(checkpoint, self.kept_by_others)
        what = f"{name} checkpoint of {checkpoint.size} entries has another root"
        if self.own >= checkpoint.size and self._unsigned(note) is None:
            return Finding("forked", f"{what}, and the log's key signed both: {_among(first, last)}", first, last)
        return Finding("rewritten", f"{what}: {_among(first, last)}", first, last)

    def _where(self, checkpoint: Checkpoint, agreed: int) -> tuple[int, int]:
        """Between which entries the first lies that differs: in the first complete subtree that does, and not before
        what a smaller checkpoint of the same history agreed about."""
        first = 0
        for ours, theirs, count in zip(
            self._walked.frontiers[checkpoint.size].nodes, checkpoint.nodes, subtrees(checkpoint.size)
        ):
            if ours != theirs:
                return max(first, min(agreed, first + count - 1)), first + count - 1
            first += count
        raise ValueError("the checkpoint does not differ")


def replaced(walked: Walked) -> list[str]:
    """What was begun anew without the signatures that what was before asks for: a lost key of the log, and hosts' trust."""
    return [*(_replaced(key) for key in walked.keys if key.lost), *(_anew(entry) for entry in walked.anew)]


def _replaced(key: Key) -> str:
    return f"entry {key.index} says that the key before was lost, and nobody signed the one in its place"


def _anew(entry: entries.Entry) -> str:
    host, uid, before = (entry.body.get(key) for key in ("host", "uid", "before"))
    return f"entry {entry.index} says that {host} was enrolled anew as {uid}, and nobody signed that it may leave as {before}"


def _among(first: int, last: int) -> str:
    return f"the first bad entry is {first}" if first == last else f"the first bad entry is one of {first} to {last}"


def judge(
    walked: Walked,
    own: Sequence[Note],
    kept: Sequence[tuple[str, Note]],
    verify: Verify,
    trusted: str | None = None,
) -> list[Finding]:
    """All that is wrong with a log. One whose entries do not fit each other is not asked further.

    Args:
        own: the checkpoints of the log itself.
        kept: those that others kept, each with what it is called.
        trusted: the key that an outsider knows, as a line.
    """
    if walked.finding is not None:
        return [walked.finding]
    evidence = Evidence(walked, verify, trusted)
    found = [*evidence.keys(), *evidence.of_the_log(own)]
    for name, note in sorted(kept, key=lambda each: each[1].checkpoint.size):
        finding = evidence.kept(note, name)
        if finding is not None:
            found.append(finding)
    return found


def wanted(notes: Iterable[Note]) -> tuple[set[int], set[str]]:
    """The sizes and moments that `walk` has to look for, for these checkpoints."""
    seen = [note.checkpoint for note in notes]
    return {checkpoint.size for checkpoint in seen}, {checkpoint.at for checkpoint in seen}
