# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log, signed: at the end of a run, and when it was audited; and shown to the site's witnesses."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.checkpoint import Note
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import holder, signing, witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import history

WITNESSES = "tidegate_witnesses"


def log_key(store: Store) -> signing.LogKey:
    """The key of the log on this controller: the one that TIDEGATE_LOG_KEY names, or that beside the store."""
    named = os.environ.get(signing.VARIABLE)
    return signing.LogKey(os.path.expanduser(named) if named else os.path.join(store.folder, signing.NAME))


def sign_off(store: Store, setting: Sequence[str] | None, change_id: str | None = None) -> list[str]:
    """Sign where the log stands, show it to every witness, and answer what did not work: it never stops anything.

    Args:
        setting: the site's `tidegate_witnesses`.
        change_id: the change whose record is signed before, because a run of it has ended.
    """
    key = log_key(store)
    try:
        _settle(store, key)
        key.make()
        if change_id is not None:
            store.name_key(key)
            history.sign(store, change_id, key, holder.actor())
        note = store.sign_checkpoint(key)
    except (OSError, Refusal) as error:
        return [f"the ledger was not signed: {error}"]
    shown = witnesses.show(store, note, witnesses.places(setting))
    return [f"the witness {seen.path} did not accept the checkpoint: {seen.refused}" for seen in shown if seen.refused]


def stand(store: Store, setting: Sequence[str] | None) -> dict[str, Any]:
    """Where the log stands, for status: its size, the size that was signed, and what each witness has seen of it.

    Args:
        setting: the site's `tidegate_witnesses`.
    """
    try:
        note, problem = store.last_checkpoint(), ""
    except Refusal as refusal:
        note, problem = None, refusal.message
    signed = None if note is None else note.checkpoint.size
    seen = [{"path": path, "says": _seen(path, note)} for path in witnesses.places(setting)]
    return {"size": store.log_size(), "signed": signed, "problem": problem, "witnesses": seen}


def _seen(path: str, note: Note | None) -> str:
    try:
        kept = witnesses.kept(path)
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"
    if kept is None or note is None:
        return "has seen nothing yet"
    if kept == note:
        return "has seen all that is signed"
    return f"has seen {kept.checkpoint.size} entries; run tidegate.deploy.audit to hear why not {note.checkpoint.size}"


def known_key(store: Store) -> str | None:
    """The public key of this controller, as a line; None where it has none that can be read."""
    key = log_key(store)
    try:
        return key.line if os.path.exists(key.path) else None
    except OSError:
        return None


def rotate(store: Store) -> None:
    """Let a new key sign from now on: the old one signs it over, and stays beside it.

    Raises:
        Refusal: LEDGER, this controller has not the log's key, or it cannot sign.
    """
    old = log_key(store)
    new = _next(old)
    try:
        _settle(store, old)
        old.make()
        new.make()
        store.hand_over(old, new)
        _take_place(old)
    except OSError as error:
        raise _not_replaced(old, error) from error


def replace_lost(store: Store) -> None:
    """Let the key of this controller sign from now on, made where there is none, since nobody has the log's any more.

    Raises:
        Refusal: LEDGER, it is the log's key, or cannot be made.
    """
    key = log_key(store)
    try:
        _settle(store, key)
        key.make()
        store.replace_lost(key)
    except OSError as error:
        raise _not_replaced(key, error) from error


def _settle(store: Store, key: signing.LogKey) -> None:
    """Finish a rotation that died between the log and the files: the log says which key signs.

    Raises:
        OSError: the files cannot be moved.
    """
    new = _next(key)
    private = os.path.exists(new.path)
    if (private and new.line == store.key_line()) or (not private and os.path.exists(f"{new.path}.pub")):
        _take_place(key)


def _take_place(old: signing.LogKey) -> None:
    """Let the new key's files be where the old one's were, and keep those; what is done already stays done."""
    new = _next(old)
    with _alone(os.path.dirname(old.path)):
        for ending in ("", ".pub"):
            if os.path.exists(f"{new.path}{ending}"):
                with suppress(FileNotFoundError):
                    os.unlink(f"{old.path}.old{ending}")
                os.link(f"{old.path}{ending}", f"{old.path}.old{ending}")
                os.replace(f"{new.path}{ending}", f"{old.path}{ending}")


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Keep other processes from moving keys in a folder meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _next(key: signing.LogKey) -> signing.LogKey:
    return signing.LogKey(f"{key.path}.new")


def _not_replaced(key: signing.LogKey, error: OSError) -> Refusal:
    return Refusal("LEDGER", f"the key was not replaced: {error}; see that {key.path} is the one that signs")
