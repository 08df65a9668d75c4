# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service's state is on disk: the journal, the futures of its activations, closed changes, history.

Invariants:

- `Journal.move` is the only way in which the state changes: one rename(2) of a document that is complete on disk.
- Whoever moves holds the host's lock and has re-read the journal under it.
- Reasons and times go to a note whose bytes were allocated at begin; nothing is decided from it, nor from the history.
"""

from __future__ import annotations

import contextlib
import json
import os

from ..core import canonical, futures, states
from ..core.errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

    from .disk import Disk
    from .paths import Paths

NOTE_BYTES = 8192
MAX_REASON = 2000
MAX_HISTORY_BYTES = 256 * 1024
MAX_CLOSED = 100
MAX_JOURNAL_BYTES = 8 * 1024 * 1024
_DRAINED, _UNDRAINED = "drained", "undrained"


class Journal:
    """The journal of one service.

    Args:
        paths: of the host program.
        disk: does what must be durable.
        service: its name, already proved to be one.
    """

    def __init__(self, paths: Paths, disk: Disk, service: str) -> None:
        self.service = service
        self._paths = paths
        self._disk = disk
        self._folder = paths.service(service)

    # --- reading

    def read(self, current: str) -> dict[str, Any]:
        """The state; without a journal the service is steady on what `current` resolves to."""
        doc = self._document(self._paths.journal(self.service))
        if doc is None:
            doc = states.steady_without_journal(self.service, current)
        return {**doc, "fence": max(doc.get("fence", 0), self._fence())}

    def _fence(self) -> int:
        """The highest lease number seen; an older activation's documents, by which it goes back, do not know it."""
        try:
            with open(self._paths.fence(self.service), "rb") as file:
                return int(file.read(32))
        except FileNotFoundError:
            return 0

    def future(self, aid: str, name: str) -> Optional[dict[str, Any]]:
        """One of the documents that an activation may become; None if it is used up or gone."""
        return self._document(self._in(aid, name))

    def activations(self) -> list[str]:
        """The activations whose folder is there."""
        return [name for name in self._names(self._folder) if is_aid(name)]

    # --- moving

    def begin(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        """Write all that an activation may become; the journal itself does not move yet.

        Args:
            documents: future -> document, see `core.futures`.
        """
        first = next(iter(documents.values()))
        folder = self._paths.activation(self.service, first["aid"])
        self._disk.make_folder(folder)
        for name, document in documents.items():
            self._disk.write(os.path.join(folder, name), canonical.dumps(document))
        self._disk.write(os.path.join(folder, "note"), b" " * NOTE_BYTES)
        self._disk.write(os.path.join(folder, "closed"), canonical.dumps({"change": first["change"]}))
        self._disk.write(os.path.join(folder, _UNDRAINED), b"")
        self._disk.make_folder(self._closed_folder)
        self._disk.sync_folder(folder)
        self._disk.sync_folder(self._folder)
        self._raise_fence(folder, first["fence"])

    def _raise_fence(self, folder: str, number: int) -> None:
        if number > self._fence():
            path = os.path.join(folder, "fence")
            self._disk.write(path, b"%d" % number)
            self._disk.rename(path, self._paths.fence(self.service))

    def add_ways_back(self, view: Mapping[str, Any]) -> None:
        """Write anew what going back from `failed` needs; this needs space."""
        folder = self._paths.activation(self.service, view["aid"])
        for name, document in futures.ways_back(view).items():
            self._disk.write(os.path.join(folder, name), canonical.dumps(document))
        self._disk.sync_folder(folder)

    def renew(self, view: Mapping[str, Any], deadline_ms: int) -> None:
        """Replace `ready` by the same with a later deadline; this needs space."""
        path = self._in(view["aid"], "renewed")
        self._disk.write(path, canonical.dumps(futures.renewed(view, deadline_ms)))
        self._disk.rename(path, self._paths.journal(self.service))

    def move(self, aid: str, future: str) -> None:
        """Let one of the prepared documents become the journal: one rename, durable when this returns."""
        self._disk.rename(self._in(aid, future), self._paths.journal(self.service))

    def adopt(self, document: Mapping[str, Any]) -> None:
        """Begin the journal of a service that is steady on what no activation has put there; this needs space."""
        self._disk.make_folder(self._folder)
        path = os.path.join(self._folder, ".adopted")
        self._disk.write(path, canonical.dumps(document))
        self._disk.rename(path, self._paths.journal(self.service))

    def sync(self) -> None:
        """Make durable whatever was moved, also by a process that died before it could."""
        if os.path.isdir(self._folder):
            self._disk.sync_folder(self._folder)

    def forget(self, aid: str) -> None:
        """Remove the folder of an activation that no state and no way back needs."""
        folder = self._paths.activation(self.service, aid)
        for name in self._names(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)

    # --- draining by hooks: what was begun has to be undone, by the hooks that did it

    def mark_drained(self, aid: str) -> None:
        """Keep in mind that an activation's hook drains, before it does; needs no space."""
        self._mark(aid, _UNDRAINED, _DRAINED)

    def mark_undrained(self, aid: str) -> None:
        """Keep in mind that this was undone, after it was."""
        self._mark(aid, _DRAINED, _UNDRAINED)

    def is_drained(self, aid: str) -> bool:
        """Whether an activation's hook has drained, or may have, and nothing has undone it yet."""
        return os.path.lexists(self._in(aid, _DRAINED))

    def _mark(self, aid: str, source: str, target: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # it is so already
            self._disk.rename(self._in(aid, source), self._in(aid, target))

    # --- notes: reasons and times, for people

    def note(self, aid: Optional[str]) -> dict[str, Any]:
        """What was noted about an activation."""
        try:
            with open(self._in(aid or "-", "note"), "rb") as file:
                value = json.loads(file.read(NOTE_BYTES).strip(b" \0") or b"{}")
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def add_to_note(self, aid: str, **fields: Any) -> None:
        """Note something, as far as there is room for it; never fails for lack of space.

        Args:
            aid: the activation.
            **fields: values; the first `reason` stays, all else is replaced.
        """
        note = self.note(aid)
        reason = note.get("reason") or fields.get("reason")
        note.update(fields)
        if reason:
            note["reason"] = {**reason, "message": str(reason["message"])[:MAX_REASON]}
        data = json.dumps(note, separators=(",", ":")).encode("ascii")
        if len(data) > NOTE_BYTES:
            data = (
                json.dumps({"reason": {**reason, "message": str(reason["message"])[:500]}}).encode() if reason else b""
            )
        try:
            self._disk.overwrite(self._in(aid, "note"), data.ljust(NOTE_BYTES)[:NOTE_BYTES])
        except OSError:
            return  # nothing is decided from a note

    def add_history(self, line: str) -> None:
        """Keep a line for people; bounded, best effort."""
        path = self._paths.history(self.service)
        try:
            if os.path.exists(path) and os.stat(path).st_size > MAX_HISTORY_BYTES:
                os.replace(path, path + ".1")
            with open(path, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            return  # nothing is decided from the history

    # --- closed changes

    @property
    def _closed_folder(self) -> str:
        return os.path.join(self._folder, "closed")

    def is_closed(self, change: str) -> bool:
        """Whether this change was taken back on this host."""
        return os.path.lexists(os.path.join(self._closed_folder, change))

    def closed(self) -> list[str]:
        """The changes that were taken back on this host, as far as they are remembered."""
        return self._names(self._closed_folder)

    def close(self, change: str, aid: Optional[str]) -> bool:
        """Close a change on this host.

        Where the change was active its marker is prepared, so that closing it there needs no space.

        Args:
            change: its id.
            aid: its activation here, if it has one.

        Returns:
            Whether it was open before.
        """
        if self.is_closed(change):
            return False
        marker = os.path.join(self._closed_folder, change)
        prepared = self._in(aid, "closed") if aid else ""
        if not prepared or not os.path.exists(prepared):
            self._disk.make_folder(self._closed_folder)
            prepared = os.path.join(self._folder, ".closed")
            self._disk.write(prepared, canonical.dumps({"change": change}))
        self._disk.rename(prepared, marker)
        os.utime(marker)  # it may have been prepared long ago, and the oldest are forgotten first
        self._forget_closed()
        return True

    def _forget_closed(self) -> None:
        paths = [os.path.join(self._closed_folder, name) for name in self.closed()]
        for path in sorted(paths, key=lambda name: os.lstat(name).st_mtime)[:-MAX_CLOSED]:
            os.unlink(path)

    # ---

    def _in(self, aid: str, name: str) -> str:
        return os.path.join(self._paths.activation(self.service, aid), name)

    @staticmethod
    def _names(folder: str) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []

    @staticmethod
    def _document(path: str) -> Optional[dict[str, Any]]:
        try:
            with open(path, "rb") as file:
                data = file.read(MAX_JOURNAL_BYTES)
        except FileNotFoundError:
            return None
        try:
            document = canonical.loads(data)
        except ValueError as error:
            raise Refusal(
                "HOST_ERROR", f"{path}: found no journal document ({error}); restore it or ask for help"
            ) from None
        if not isinstance(document, dict) or document.get("v") != 1 or document.get("state") not in states.STATES:
            raise Refusal(
                "PROTOCOL", f"{path}: found a document of another version, expected v 1; install the newer host program"
            )
        return document


def is_aid(name: str) -> bool:
    """Whether a folder's name is that of an activation: 16 hexadecimal digits."""
    return len(name) == 16 and all(char in "0123456789abcdef" for char in name)


def services(paths: Paths) -> list[str]:
    """The services that this host has state of."""
    try:
        return sorted(name for name in os.listdir(paths.services) if not name.startswith("."))
    except FileNotFoundError:
        return []
