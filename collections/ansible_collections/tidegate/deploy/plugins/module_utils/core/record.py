# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of one change, and how an outsider checks it without the rest of the log.

It is three documents in one: ``record`` says what happened; ``signature`` is the log key's over its canonical bytes;
``proof`` is the change's entries with the paths that prove them to be in the log of a signed checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import canonical, entries
from . import checkpoint as checkpoints
from .merkle import Tree, verify_inclusion

NAMESPACE = "record@tidegate"

Verify = Callable[[str, str, bytes, str], bool]
"""As `audit.Verify`."""


def message(content: dict[str, Any]) -> bytes:
    """What is signed of a record."""
    return canonical.dumps(content)


def proof(note: checkpoints.Note, documents: Sequence[tuple[int, bytes]], tree: Tree) -> dict[str, Any]:
    """The proof that entries are in the log of a checkpoint.

    Args:
        documents: index and document of each; those behind the checkpoint are left out.
        tree: over all entries of the checkpoint at least.
    """
    size = note.checkpoint.size
    return {
        "checkpoint": note.data().decode("ascii"),
        "entries": [
            {"document": document.decode("utf-8"), "path": [node.hex() for node in tree.inclusion(index, size)]}
            for index, document in documents
            if index < size
        ],
    }


def problems(whole: dict[str, Any], verify: Verify, key: str) -> Iterator[str]:
    """Everything about a record that is not proved.

    Args:
        whole: the record with signature and proof.
        key: the log's public key, as a line.

    Raises:
        ValueError: it is not a record.
    """
    try:
        content, signature, shown = whole["record"], whole["signature"], whole["proof"]
        note = checkpoints.parse(shown["checkpoint"].encode("ascii"))
        listed = [
            (each["document"].encode("utf-8"), [bytes.fromhex(node) for node in each["path"]])
            for each in shown["entries"]
        ]
        change = content["change"]["id"]
    except (KeyError, TypeError, AttributeError, UnicodeError) as error:
        raise ValueError(f"not a record of a change: {error!r}") from None
    if not verify(key, checkpoints.NAMESPACE, note.checkpoint.text(), note.signature):
        yield "its checkpoint is not signed by the log's key"
    for document, path in listed:
        entry = entries.parse(document)
        leaf = bytes.fromhex(entries.leaf(document))
        if entry.change != change or not verify_inclusion(
            leaf, entry.index, note.checkpoint.size, path, note.checkpoint.root
        ):
            yield f"entry {entry.index} is not proved to be in the log, or is of another change"
    if not signature:
        yield "nobody has signed it: the change has not ended, or something happened to it since"
    elif not verify(key, NAMESPACE, message(content), str(signature)):
        yield "it is not what was signed"
