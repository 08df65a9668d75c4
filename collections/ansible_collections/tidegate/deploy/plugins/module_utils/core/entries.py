# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of the ledger: canonical documents, each of which names the one before it by its hash.

Invariants:

* An `Entry` exists only when its bytes were canonical, of a known kind, and no longer than `MAX_BYTES`.
* Every text in it is normalized (NFC), so that two entries that read alike are alike.
* It holds names, numbers, times and digests. What people write freely is in it as a digest only: it may hold a secret.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any, NamedTuple, Optional

from . import canonical
from .merkle import leaf_hash

KINDS = {
    # the log itself
    "log.begun": "the log begins; its name, which every checkpoint repeats",
    "log.key": "the key that signs checkpoints from now on; a later one carries a signature by the one before, or says that it was lost",
    "log.clock": "somebody set the time of the ledger back to a controller's clock, because one before was ahead",
    # changes
    "change.planned": "a plan was recorded: a new change, or a new revision of one",
    "change.moved": "a change passed from one state to another",
    # runs
    "run.begun": "a process begins to work on a change",
    "run.bound": "a run that began without a plan has made it",
    "wave.opened": "a wave may be activated",
    "wave.closed": "a wave is confirmed or taken back",
    "grant": "the enrolled hosts of a wave may activate a release, each by the challenge that it gave",
    "hosts.recorded": "what was noted about hosts since the last such entry, as a digest over those notes",
    "run.halted": "no further wave of a run opens, and why",
    "run.ended": "a run has ended, and how",
    "once.moved": "where a task that runs once per change stands",
    "lease.taken": "a run may roll a service out, under this number",
    "notes.recorded": "what a process noted while the store was away is recorded now; what no longer fitted is left out",
    # decisions
    "request.given": "a person signed that they want a change",
    "approval.given": "a person approved a statement",
    "approval.withdrawn": "a person took an approval back",
    "approval.vetoed": "a person vetoed a statement",
    "approval.used": "a run begins by the approvals of a statement",
    "trust.made": "a version of the trust that hosts enforce was drafted",
    "trust.signed": "a person signed a version of it",
    "host.enrolled": "a host says that it enforces the trust, under this uid",
    "host.unenrolled": "a host enforces it no longer, by what enough people signed",
    "host.said": "an enrolled host says what was done there without the store: an emergency by which it went forward, or a veto",
    "evidence.seen": "what another system said about a change",
    "drift.found": "a host runs something else than what was recorded for it last, which status has found",
    "drift.mended": "it runs again what was recorded",
    "emergency.reviewed": "what went forward without the store, by an emergency, was looked at afterwards",
    "denied": "something was refused: by whom it was asked for, and why it was refused",
    "denied.more": "how often the same source was refused beyond the entries that it has",
    "gate.observed": "a run outside of Tidegate that a gate would have refused or let through",
    "gate.refused": "a run outside of Tidegate that a gate refused",
    "gate.passed": "a run outside of Tidegate that a gate let through",
    # records
    "record.batch": "results of a run outside of Tidegate, as a digest over them",
    "record.signed": "the record of a change was signed",
}
"""Every kind of entry, with what it means."""

NO_ENTRY = "0" * 64
"""What the first entry names instead of the one before it."""

MAX_BYTES = 16 * 1024
MAX_ACTOR = 200

_FIELDS = {"index", "previous", "at", "kind", "actor", "change", "body"}
_HASH = re.compile(r"[0-9a-f]{64}")
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
_AT = re.compile(_MOMENT)
_AT_IN_DOCUMENT = re.compile(rf',"at":"({_MOMENT})"')


class Entry(NamedTuple):
    """One line of the ledger, as its document says it."""

    index: int  # type: ignore[assignment]  # the word of the documents; nobody looks things up in one
    previous: str
    at: str
    kind: str
    actor: str
    change: Optional[str]
    body: dict[str, Any]


def compose(
    index: int, previous: str, at: str, kind: str, actor: str, body: dict[str, Any], change: str | None = None
) -> bytes:
    """The canonical document of an entry.

    Args:
        index: its place in the log, from 0.
        previous: `leaf` of the entry before; `NO_ENTRY` for the first.
        at: when it was written, UTC, to the microsecond.
        kind: a key of `KINDS`.
        actor: the person, or ``user@host`` of the process.
        body: small facts that the caller picked from an allow-list.
        change: the id of the change that it is about.

    Raises:
        ValueError: a kind that is not in the table, a document that is too large, or what canonical JSON does not know.
    """
    entry = Entry(index, previous, at, kind, _normalized(actor[:MAX_ACTOR]), _normalized(change), _normalized(body))
    _require_fields(entry)
    document = canonical.dumps(entry._asdict())
    _require_size(document)
    return document


def parse(document: bytes) -> Entry:
    """The entry that a document says, parsed strictly.

    Raises:
        ValueError: it is not canonical, not normalized, too large, or not an entry of a known kind.
    """
    _require_size(document)
    value = canonical.loads(document)
    if canonical.dumps(value) != document:
        raise ValueError("not in canonical form")
    if not document.isascii() and not unicodedata.is_normalized("NFC", document.decode("utf-8")):
        raise ValueError("a text that is not normalized (NFC)")
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        raise ValueError(f"an entry has exactly the fields {', '.join(sorted(_FIELDS))}")
    entry = Entry(**value)
    _require_fields(entry)
    return entry


def at_of(document: str) -> str:
    """When an entry was written, found in its document without reading the rest; empty where it says no time.

    Only the actor stands before it, and within a text of canonical JSON no quotation mark is without its backslash.
    """
    found = _AT_IN_DOCUMENT.search(document)
    return found.group(1) if found else ""


def digest_of(text: str | None) -> str | None:
    """What an entry holds of a text that people or programs write freely."""
    return None if text is None else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def leaf(document: bytes) -> str:
    """The hash by which the next entry names this one, and the tree holds it; in hexadecimal."""
    return leaf_hash(document).hex()


def _require_size(document: bytes) -> None:
    if len(document) > MAX_BYTES:
        raise ValueError(f"{len(document)} bytes, at most {MAX_BYTES} are an entry")


def _require_fields(entry: Entry) -> None:
    if isinstance(entry.index, bool) or not isinstance(entry.index, int) or entry.index < 0:
        raise ValueError(f"index {entry.index!r} is not a number from 0 on")
    if not (isinstance(entry.previous, str) and _HASH.fullmatch(entry.previous)):
        raise ValueError(f"previous {entry.previous!r} is not a SHA-256 in hexadecimal")
    if not (isinstance(entry.at, str) and _AT.fullmatch(entry.at)):
        raise ValueError(f"at {entry.at!r} is not a moment such as 2026-11-28T13:00:00.000000Z")
    if not isinstance(entry.kind, str) or entry.kind not in KINDS:
        raise ValueError(f"kind {entry.kind!r} is not known")
    if not isinstance(entry.actor, str):
        raise ValueError("actor is not a text")
    if entry.change is not None and not isinstance(entry.change, str):
        raise ValueError("change is neither a text nor null")
    if not isinstance(entry.body, dict):
        raise ValueError("body is not an object")


def _normalized(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {_normalized(key): _normalized(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_normalized(item) for item in value]
    return value
