# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolled host remembers of the statements about one service: how often each was tried, and what is closed.

Invariants:

- It is written under the host's lock, before the journal moves: what is not counted has not begun.
- Numbers only rise: attempts, the sequence of statements, the index of the newest grant, and the time that was seen.
- Going back needs neither to read nor to write it.
"""

from __future__ import annotations

from ..core import canonical
from ..core.errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from ..core.logged import Seen
    from ..core.statement import Statement
    from .host import Host

MAX_STATEMENTS = 1000
_MAX_BYTES = 4 * 1024 * 1024
_NOTHING: dict[str, Any] = {
    "v": 1,
    "statements": {},
    "next_seq": 1,
    "vetoed": [],
    "highest_utc": "",
    "fence": 0,
    "seen": None,
    "emergency": None,
}


class Record:
    """The record of one service.

    Args:
        host: where.
        service: its name.

    Attributes:
        doc: what it says; `write` makes that hold.
    """

    __slots__ = ("_host", "_service", "doc")

    def __init__(self, host: Host, service: str) -> None:
        self._host = host
        self._service = service
        self.doc = _read(host.paths.record(service))

    def write(self) -> None:
        """Replace the record durably.

        Raises:
            Refusal: NO_SPACE; the one before holds still.
        """
        disk, path = self._host.disk, self._host.paths.record(self._service)
        try:
            disk.make_folder(self._host.paths.service(self._service))
            disk.write(path + ".new", canonical.dumps(self.doc))
            disk.rename(path + ".new", path)
        except OSError as error:
            raise Refusal("NO_SPACE", f"{path}: what was tried cannot be written down ({error.strerror})") from None

    def count(self, statement: Statement, seq: int) -> int:
        """Count one attempt by a statement.

        Args:
            statement: that is used.
            seq: of the journal; what a lost record knew counts from there.

        Returns:
            The statement's place in the sequence of all that this service has seen.
        """
        from ..core.permit import attempted  # with all that proves permits, which most steps have no need of

        self.doc["next_seq"] = max(self.doc["next_seq"], seq + 1)
        self.doc = attempted(self.doc, statement)
        self.doc["statements"] = _newest(self.doc["statements"])
        return int(self.doc["statements"][statement.id]["seq"])

    def veto(self, statement: Statement) -> bool:
        """Close all that is about the same as a veto; whether it was open."""
        if statement.about in self.doc["vetoed"]:
            return False
        self.doc["vetoed"] = [*self.doc["vetoed"], statement.about][-MAX_STATEMENTS:]
        return True

    def close(self, statement: str) -> None:
        """Let a statement that was tried here never be tried again."""
        used = self.doc["statements"].get(statement)
        if used is not None:
            self.doc["statements"] = {**self.doc["statements"], statement: {**used, "closed": True}}

    def is_closed(self, statement: str) -> bool:
        """Whether a way back has closed it."""
        return bool(self.doc["statements"].get(statement, {}).get("closed"))

    def witness(self, seen: Seen) -> None:
        """Keep a checkpoint, unless a larger one is kept: another service may have been shown that meanwhile."""
        if self.doc["seen"] is None or self.doc["seen"]["size"] <= seen.size:
            self.doc["seen"] = seen.doc()


def _newest(statements: dict[str, Any]) -> dict[str, Any]:
    kept = sorted(statements, key=lambda name: statements[name]["seq"])[-MAX_STATEMENTS:]
    return {name: statements[name] for name in kept}


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            doc = canonical.loads(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return dict(_NOTHING)
    except ValueError as error:
        raise Refusal("HOST_ERROR", f"{path}: found no record ({error}); restore it or ask for help") from None
    if not isinstance(doc, dict) or doc.get("v") != 1:
        raise Refusal("PROTOCOL", f"{path}: found a record of another version; install the newer host program")
    return {**_NOTHING, **doc}


def highest_utc(host: Host) -> str:
    """The latest time by which anything was counted here."""
    return max((Record(host, service).doc["highest_utc"] for service in host.services()), default="")


def seen(host: Host, origin: str) -> Optional[dict[str, Any]]:
    """The largest checkpoint of a log that this host has been shown, as `Seen.doc` says it; None: none."""
    found = [Record(host, service).doc["seen"] for service in host.services()]
    mine = [one for one in found if one and one["note"].startswith(f"{origin}\n")]
    return max(mine, key=lambda one: one["size"], default=None)


def reviews_due(host: Host) -> list[dict[str, Any]]:
    """The emergencies that nobody has shown a review of yet."""
    found = ((service, Record(host, service).doc["emergency"]) for service in host.services())
    return [{"service": service, **emergency} for service, emergency in found if emergency]


def forget_log(host: Host) -> None:
    """Before a new enrollment: another log may be the one that counts from now on."""
    for service in host.services():
        record = Record(host, service)
        if record.doc["seen"] or record.doc["fence"]:
            record.doc.update(seen=None, fence=0)
            record.write()
