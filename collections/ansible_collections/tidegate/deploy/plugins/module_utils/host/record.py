# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolled host remembers of the statements about one service: how often each was tried, and what is closed.

Invariants:

- It is written under the host's lock, before the journal moves: what is not counted has not begun.
- Numbers only rise: attempts, the sequence of statements, the index of the newest grant, the least trust, and the time that was seen.
- Going back needs neither to read nor to write it.
- It is about what people signed, and about nothing else: whoever can only log in adds nothing to it.
- What it forgets cannot open this host any more: its window is over by a clock that is never set back, or it asks for less
  trust than the host now takes. Where nothing of that kind is left to forget, what is new is refused.
"""

from __future__ import annotations

from ..core import canonical
from ..core.errors import Refusal
from ..core.shape import moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Optional

    from ..core.logged import Seen
    from ..core.statement import Statement
    from .host import Host

MOST = 1000
"""Statements, and vetoes, that are remembered of a service."""
MOST_OF_ONE = 100
"""Vetoes of one person among them: nobody keeps another's from being heard."""
TOLD = 20
"""Of the newest vetoes."""
MAX_BYTES = 4 * 1024 * 1024
_NOTHING: dict[str, Any] = {
    "v": 1,
    "known": {},
    "statements": {},
    "next_seq": 1,
    "vetoed": {},
    "least_trust": 0,
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
        """Count one attempt by a statement that was admitted.

        Args:
            statement: that is used.
            seq: of the journal; what a lost record knew counts from there.

        Returns:
            The statement's place in the sequence of all that this service has seen.
        """
        from ..core.permit import attempted  # with all that proves permits, which most steps have no need of

        self.doc["next_seq"] = max(self.doc["next_seq"], seq + 1)
        self.doc = attempted(self.doc, statement)
        return int(self.doc["statements"][statement.id]["seq"])

    def admit(self, statement: Statement) -> bool:
        """Remember a statement whose signatures were found good; whether it was unknown.

        Raises:
            Refusal: FULL.
        """
        if statement.id in self.doc["known"]:
            return False
        self._forget(self._over())
        if len(self.doc["known"]) >= MOST and not self._raise_least_trust(statement):
            raise self._full(f"{MOST} statements")
        doc = statement.doc
        ends, least = (doc["window"] or {}).get("not_after") or "", doc["min_trust"]
        known = {"change": _short(doc["change"]), "ends": ends, "min_trust": least, "closed": False}
        self.doc["known"] = {**self.doc["known"], statement.id: known}
        return True

    def veto(self, statement: Statement, people: Sequence[str], utc: str) -> bool:
        """Close all that is about the same as a veto; whether it was open.

        Args:
            statement: the veto.
            people: who signed it, and may.
            utc: the host's time.

        Raises:
            Refusal: FULL.
        """
        if statement.about in self.doc["vetoed"]:
            return False
        by = self._first_with_room(people)
        if by is None and self._raise_least_trust(statement):
            by = self._first_with_room(people)
        if by is None:
            raise self._full(f"{MOST_OF_ONE} vetoes of {' and of '.join(people)}, or {MOST} in all")
        doc = statement.doc
        about = {"statement": statement.id, "change": _short(doc["change"]), "min_trust": doc["min_trust"]}
        veto = {**about, "by": by, "at": utc}
        self.doc["vetoed"] = {**self.doc["vetoed"], statement.about: veto}
        return True

    def close(self, statement: str) -> None:
        """Let a statement that is known here never be tried again."""
        known = self.doc["known"].get(statement)
        if known is not None:
            self.doc["known"] = {**self.doc["known"], statement: {**known, "closed": True}}

    def is_about(self, statement: object, change: str) -> bool:
        """Whether people signed that statement about a change of this host, as far as the host has seen."""
        return bool(self.doc["known"].get(str(statement), {}).get("change") == change)

    def require_open(self, statement: Statement) -> None:
        """See that no way back has closed a statement, and that it is none of those that were forgotten.

        Raises:
            Refusal: CLOSED.
        """
        if self.doc["known"].get(statement.id, {}).get("closed"):
            raise Refusal(
                "CLOSED", f"{self._service}: {statement.change} was taken back here and may not go on; plan it anew"
            )
        least = self.doc["least_trust"]
        if statement.doc["min_trust"] < least:
            raise Refusal(
                "CLOSED",
                f"{self._service}: {statement.change} was planned under version {statement.doc['min_trust']} of trust, and this "
                f"host has forgotten what was closed before version {least}; plan it anew",
            )

    def _first_with_room(self, people: Sequence[str]) -> Optional[str]:
        given = [veto["by"] for veto in self.doc["vetoed"].values()]
        return next((one for one in people if given.count(one) < MOST_OF_ONE and len(given) < MOST), None)

    def _over(self) -> set[str]:
        """What cannot be used any more, because its window has ended."""
        highest = moment(self.doc["highest_utc"])
        ends = {name: moment(one["ends"]) for name, one in self.doc["known"].items() if highest and one["ends"]}
        return {name for name, end in ends.items() if end is not None and highest is not None and end < highest}

    def _raise_least_trust(self, statement: Statement) -> bool:
        """Take nothing any more that was planned under an earlier trust than the newest, and forget that; whether there was any.

        Not for the sake of what was itself planned so.
        """
        from . import trusted  # with what it reads, which is needed seldom

        number = trusted.newest(self._host)
        if statement.doc["min_trust"] < number:
            return False
        old = {name for name, one in self.doc["known"].items() if one["min_trust"] < number}
        vetoed = {about: one for about, one in self.doc["vetoed"].items() if one["min_trust"] >= number}
        if not old and len(vetoed) == len(self.doc["vetoed"]):
            return False
        self._forget(old)
        self.doc.update(vetoed=vetoed, least_trust=number)
        return True

    def _forget(self, names: set[str]) -> None:
        for key in ("known", "statements"):
            self.doc[key] = {name: one for name, one in self.doc[key].items() if name not in names}

    def _full(self, what: str) -> Refusal:
        return Refusal(
            "FULL",
            f"{self._service}: this host remembers {what}, and forgets none that could open it; bring it to the next version "
            "of trust (tidegate.deploy.trust drafts one with -e tidegate_trust_renew=true), and plan anew: what was planned before "
            "may be forgotten then",
        )

    def witness(self, seen: Seen) -> None:
        """Keep a checkpoint, unless a larger one is kept: another service may have been shown that meanwhile."""
        if self.doc["seen"] is None or self.doc["seen"]["size"] <= seen.size:
            self.doc["seen"] = seen.doc()


def _short(change: str) -> str:
    """The id of a change that a host may be asked for; of any other as much as tells what it was."""
    return change.encode("ascii", "replace").decode("ascii")[:128]


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            doc = canonical.loads(file.read(MAX_BYTES))
    except FileNotFoundError:
        return dict(_NOTHING)
    except ValueError as error:
        raise Refusal("HOST_ERROR", f"{path}: found no record ({error}); restore it or ask for help") from None
    if not isinstance(doc, dict) or doc.get("v") != 1:
        raise Refusal("PROTOCOL", f"{path}: found a record of another version; install the newer host program")
    return {**_NOTHING, **(doc if "known" in doc else _of_before(doc))}


def _of_before(doc: dict[str, Any]) -> dict[str, Any]:
    """A record of the program before, which kept less of each statement and veto: these are never forgotten."""
    always = {"change": "", "min_trust": 2**53 - 1}
    known = {name: {**always, "ends": "", "closed": bool(one.get("closed"))} for name, one in doc["statements"].items()}
    vetoed = {about: {**always, "statement": "", "by": "", "at": ""} for about in doc["vetoed"]}
    return {**doc, "known": known, "vetoed": vetoed}


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


def vetoes(host: Host) -> list[dict[str, Any]]:
    """The newest vetoes, as far as they are told."""
    found = [
        {"service": service, "about": about, **{key: veto[key] for key in ("statement", "change", "by", "at")}}
        for service in host.services()
        for about, veto in Record(host, service).doc["vetoed"].items()
        if veto["statement"]
    ]
    return sorted(found, key=lambda veto: str(veto["at"]))[-TOLD:]


def forget_log(host: Host) -> None:
    """Before a new enrollment: another log may be the one that counts from now on."""
    for service in host.services():
        record = Record(host, service)
        if record.doc["seen"] or record.doc["fence"]:
            record.doc.update(seen=None, fence=0)
            record.write()
