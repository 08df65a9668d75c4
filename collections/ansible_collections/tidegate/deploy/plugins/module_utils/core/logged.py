# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry that is shown to be in the ledger, to somebody who keeps nothing but the last checkpoint they saw.

Whoever believes it becomes a witness: what they keep from then on is a checkpoint that only grew out of the last one, so
that a log which is forked, cut or rewritten later is found out by them (protocol, section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from . import checkpoint as checkpoints
from . import entries
from .checkpoint import Note
from .entries import Entry
from .errors import Refusal
from .merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from .shape import is_count, is_digest
from .signed import bytes_in
from .sshsig import Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .signed import Verify
    from .trust import Bundle

MOST_HASHES = 64
"""No path in a tree of fewer than 2^53 leaves is longer."""


class Seen(NamedTuple):
    """The last checkpoint that a host has seen; without any, the empty log."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    note: str = ""

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Seen:
        """What a host has kept, as `doc` wrote it."""
        return cls(int(doc["size"]), bytes.fromhex(doc["root"]), str(doc["note"]))

    def doc(self) -> dict[str, Any]:
        """As a document holds it."""
        return {"size": self.size, "root": self.root.hex(), "note": self.note}


class Logged(NamedTuple):
    """An entry with what is to prove that it is in the log; nothing has been proved yet.

    Args:
        data: the exact bytes of the entry.
        entry: what they say.
        inclusion: from the entry to the root of the checkpoint.
        note: a signed checkpoint.
        consistency: from the checkpoint that the host saw to this one.
        since: the size of the one that the host saw.
    """

    data: bytes
    entry: Entry
    inclusion: tuple[bytes, ...]
    note: Note
    consistency: tuple[bytes, ...]
    since: int

    @classmethod
    def parse(cls, doc: Any, where: str = "grant") -> Logged:
        """The entry in a document with ``entry``, ``inclusion``, ``checkpoint``, ``consistency`` and ``from``.

        Raises:
            Refusal: GRANT, naming the field that is not as it must be.
        """
        if not isinstance(doc, dict) or set(doc) != {"entry", "inclusion", "checkpoint", "consistency", "from"}:
            raise Refusal(
                "GRANT", f"{where}: found other fields, expected entry, inclusion, checkpoint, consistency and from"
            )
        data = bytes_in(doc["entry"], f"{where}.entry", "GRANT")
        if not is_count(doc["from"]):
            raise Refusal(
                "GRANT", f"{where}.from: found something else, expected the size of the log that the host saw"
            )
        paths = [_path(doc[name], f"{where}.{name}") for name in ("inclusion", "consistency")]
        try:
            entry = entries.parse(data)
            note = checkpoints.parse(doc["checkpoint"].encode("ascii"))
        except (ValueError, AttributeError) as error:
            raise Refusal(
                "GRANT", f"{where}: found {error}, expected an entry and a checkpoint of the ledger"
            ) from None
        return cls(data, entry, paths[0], note, paths[1], doc["from"])

    def require(self, kind: str, seen: Seen, bundle: Bundle, verify: Verify) -> Seen:
        """See that the entry is in the log of a bundle, which has grown out of what was seen last.

        Args:
            kind: that the entry has to be of.
            seen: what the host keeps.
            bundle: that names the log and its keys.
            verify: does the mathematics of signatures.

        Returns:
            What the host keeps from now on.

        Raises:
            Refusal: GRANT, with what does not fit.
        """
        if self.entry.kind != kind:
            raise Refusal("GRANT", f"found an entry {self.entry.kind}, expected one {kind}")
        _require_note(self.note, bundle, verify)
        checkpoint = self.note.checkpoint
        if self.since != seen.size:
            raise Refusal(
                "GRANT",
                f"found a proof from size {self.since}, and this host has seen the log at {seen.size}; ask it again",
            )
        if not verify_consistency(seen.size, seen.root, checkpoint.size, checkpoint.root, self.consistency):
            raise Refusal(
                "GRANT",
                f"the log of {checkpoint.size} entries has not grown out of the {seen.size} that this host has seen: it was "
                "cut, forked or rewritten; run tidegate.deploy.audit",
            )
        leaf = leaf_hash(self.data)
        if not verify_inclusion(leaf, self.entry.index, checkpoint.size, self.inclusion, checkpoint.root):
            raise Refusal("GRANT", f"entry {self.entry.index} is not in the log of {checkpoint.size} entries")
        return Seen(checkpoint.size, checkpoint.root, self.note.data().decode("ascii"))


def _path(value: Any, where: str) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > MOST_HASHES or not all(map(is_digest, value)):
        raise Refusal("GRANT", f"{where}: found something else, expected up to {MOST_HASHES} hashes in hexadecimal")
    return tuple(map(bytes.fromhex, value))


def _require_note(note: Note, bundle: Bundle, verify: Verify) -> None:
    log, checkpoint = bundle.doc["log"], note.checkpoint
    if checkpoint.origin != log["origin"]:
        raise Refusal("GRANT", f"found a checkpoint of {checkpoint.origin}, expected one of {log['origin']}")
    try:
        signature = Signature.parse(note.signature)
        signature.require(checkpoints.NAMESPACE)
    except Refusal as refusal:
        raise Refusal("GRANT", f"the checkpoint: {refusal.message}") from None
    keys = {key.blob: key.line for key in bundle.log_keys()}
    line = keys.get(signature.key.blob)
    if line is None:
        raise Refusal(
            "GRANT", f"{signature.key.fingerprint} signed the checkpoint, and is no key of the log in the bundle"
        )
    if not verify(line, checkpoints.NAMESPACE, checkpoint.text(), signature.armored):
        raise Refusal("GRANT", f"the signature by {signature.key.fingerprint} is not of this checkpoint")
