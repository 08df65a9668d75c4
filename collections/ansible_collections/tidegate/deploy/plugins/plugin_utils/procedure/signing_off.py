# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log, signed: at the end of a run, and when it was audited; and shown to the site's witnesses."""

from __future__ import annotations

import os
from collections.abc import Sequence
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


def rotate(store: Store) -> None:
    """Let a new key sign from now on: the old one signs it over, and stays beside it.

    Raises:
        Refusal: LEDGER, this controller has not the log's key, or it cannot sign.
    """
    old = log_key(store)
    new = signing.LogKey(f"{old.path}.new")
    try:
        old.make()
        new.make()
        store.hand_over(old, new)
        for ending in ("", ".pub"):
            os.replace(f"{old.path}{ending}", f"{old.path}.old{ending}")
            os.replace(f"{new.path}{ending}", f"{old.path}{ending}")
    except OSError as error:
        raise Refusal(
            "LEDGER", f"the key was not replaced: {error}; see that {old.path} is the one that signs"
        ) from error
