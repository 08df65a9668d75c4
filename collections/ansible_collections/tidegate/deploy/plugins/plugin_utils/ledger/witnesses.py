# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that remember the last checkpoint, best on another machine: each accepts only one that grew from it.

A witness that refuses, or cannot be written, never stops a rollout; it is told, and `audit` asks it again. What a witness
has seen of this log and the store has no more does: a database that failed over has lost its last commits.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint as checkpoints
from ansible_collections.tidegate.deploy.plugins.module_utils.core.checkpoint import Note
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.checkpoints import Checkpoints

VARIABLE = "TIDEGATE_WITNESSES"


class Witness(NamedTuple):
    """What became of showing a checkpoint to a witness: it keeps it now, unless there is a reason why not."""

    path: str
    refused: str | None


def places(setting: Sequence[str] | None) -> list[str]:
    """The paths of a site's witnesses: the environment's, separated by colons, if it names any."""
    told = os.environ.get(VARIABLE)
    return [os.path.abspath(os.path.expanduser(path)) for path in (told.split(":") if told else setting or []) if path]


def show(store: Checkpoints, note: Note, paths: Sequence[str]) -> list[Witness]:
    """Show a checkpoint to every witness."""
    return [Witness(path, _shown(store, note, path)) for path in paths]


def kept(path: str) -> Note | None:
    """The checkpoint that a witness keeps; None if it has seen none yet.

    Raises:
        ValueError: what it keeps is not a checkpoint.
        OSError: it cannot be read.
    """
    with suppress(FileNotFoundError), open(path, "rb") as file:
        return checkpoints.parse(file.read(checkpoints.MAX_BYTES + 1))
    return None


def require_kept(store: Checkpoints, paths: Sequence[str]) -> None:
    """See that the store still has all that its witnesses have seen of its log, before anything is added to it.

    A witness that cannot be read, and one that has seen another log, say nothing.

    Raises:
        Refusal: STORE_BEHIND.
    """
    for path in paths:
        with suppress(OSError, ValueError):
            seen = kept(path)
            if seen is not None and seen.checkpoint.origin == store.origin():
                _require_grown(store, seen, path)


def _require_grown(store: Checkpoints, seen: Note, path: str) -> None:
    old, size = seen.checkpoint, store.log_size()
    if store.has_signed(seen):
        return
    if size >= old.size and store.frontier_at(old.size, old.root).root() == old.root:
        return
    lost = f"there are {size}" if size < old.size else "others are in the place of some"
    raise Refusal(
        "STORE_BEHIND",
        f"the store {store.name} has lost entries of its ledger: the witness {path} has seen {old.size} at {old.at}, {lost}. "
        "Nothing is added to it, and nothing begins; a rollback goes on. Most likely its database failed over to a copy that was "
        'behind, or an older backup was restored: see "The store has lost its last entries" in docs/how-to/store.md',
        size=size,
        seen=old.size,
    )


def _shown(store: Checkpoints, note: Note, path: str) -> str | None:
    try:
        seen = kept(path)
        refused = None if seen is None else _grown(store, seen, note)
        if refused is None:
            _write(path, note.data())
    except ValueError as error:
        return f"what it keeps is not a checkpoint: {error}"
    except (OSError, Refusal) as error:
        return str(error)
    return refused


def _grown(store: Checkpoints, seen: Note, note: Note) -> str | None:
    """Why a checkpoint did not grow from the one that was seen; None when it did."""
    old, new = seen.checkpoint, note.checkpoint
    if old.origin != new.origin:
        return f"it has seen another log, {old.origin}"
    if old.size > new.size:
        return f"it has seen {old.size} entries, there are {new.size}"
    frontier = store.frontier_at(old.size, old.root)
    if frontier.root() != old.root or store.grow(frontier, new.size).root() != new.root:
        return f"it has seen {old.size} entries with another root"
    return None


def _write(path: str, data: bytes) -> None:
    """Replace the file as a whole."""
    folder = os.path.dirname(path)
    descriptor, aside = tempfile.mkstemp(dir=folder, prefix=f".{os.path.basename(path)}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, path)
    except OSError:
        os.unlink(aside)
        raise
