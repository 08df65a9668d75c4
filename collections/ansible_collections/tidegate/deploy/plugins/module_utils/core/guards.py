# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What picks a row of the state table, and what must hold for it; each refusal says what was found and expected."""

from __future__ import annotations

from .errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Optional

    View = Mapping[str, Any]

ABSENT = "absent"
ATTEMPTS = 3  # to go back


class Facts:
    """What is known at the moment of an event; a step fills in what its event asks for.

    Args:
        now_ms: the boot clock (CLOCK_BOOTTIME).
        boot_id: of the running kernel or container.
        utc: wall clock, ``YYYY-MM-DDThh:mm:ssZ``, for ``back_until`` alone.
        current: the release that ``current`` resolves to, or ``absent``.
        aid: the activation that an inner event belongs to.
        change, release, previous, fence: what a caller asks for.
        damage: how the tree that would become active differs from its manifest; empty if it does not.
        busy: the name of another service whose activation is pending, if any.
        closed: the change was taken back here.
        token_sha256: of the token that a caller shows, or that belongs to the attempt it asks for.
        operator: a person asks, not a program.
    """

    __slots__ = (
        "aid",
        "boot_id",
        "busy",
        "change",
        "closed",
        "current",
        "damage",
        "fence",
        "now_ms",
        "operator",
        "previous",
        "release",
        "token_sha256",
        "utc",
    )

    def __init__(
        self,
        *,
        now_ms: int = 0,
        boot_id: str = "",
        utc: str = "",
        current: str = ABSENT,
        aid: str = "",
        change: str = "",
        release: str = "",
        previous: str = "",
        fence: int = 0,
        damage: str = "",
        busy: Optional[str] = None,
        closed: bool = False,
        token_sha256: str = "",
        operator: bool = False,
    ) -> None:
        self.now_ms = now_ms
        self.boot_id = boot_id
        self.utc = utc
        self.current = current
        self.aid = aid
        self.change = change
        self.release = release
        self.previous = previous
        self.fence = fence
        self.damage = damage
        self.busy = busy
        self.closed = closed
        self.token_sha256 = token_sha256
        self.operator = operator


# Conditions pick a row; they never refuse.


def _same(view: View, facts: Facts) -> bool:
    if view.get("change") != facts.change or view["new"] != facts.release:
        return False
    return bool(view["state"] != "steady" or facts.current == view["new"])


def _same_attempt(view: View, facts: Facts) -> bool:
    """A caller that lost the answer asks again: the attempt is over and is not begun anew by that."""
    attempt = view if view["state"] != "steady" else view.get("reverted") or {}
    return attempt.get("change") == facts.change and attempt.get("token_sha256") == facts.token_sha256


def _confirmed(view: View, facts: Facts) -> bool:
    return bool(view.get("aid")) and view.get("change") == facts.change


def _of_change(view: View, facts: Facts) -> bool:
    return view.get("change") == facts.change


def _went_back(view: View, facts: Facts) -> bool:
    return (view.get("reverted") or {}).get("change") == facts.change


def _not_here(view: View, facts: Facts) -> bool:
    return view.get("change") != facts.change and facts.change not in view.get("past", ())


def _attempts_left(view: View, _facts: Facts) -> bool:
    return bool(view["attempt"] < ATTEMPTS)


CONDITIONS: Mapping[str, tuple[str, Callable[[View, Facts], bool]]] = {
    "same": ("same change and release", _same),
    "same_attempt": ("same attempt: its token's hash", _same_attempt),
    "confirmed": ("this change was confirmed", _confirmed),
    "of_change": ("this change is under way or put current there", _of_change),
    "went_back": ("this change went back already", _went_back),
    "not_here": ("this change did nothing here", _not_here),
    "attempts_left": ("attempts left", _attempts_left),
}


# Guards refuse, or say nothing.


def _open(view: View, facts: Facts) -> None:
    if facts.closed:
        raise Refusal(
            "CLOSED",
            f"{name_of(view)}: change {facts.change} was taken back on this host and may not go on; "
            "run the change file again to open a new change",
        )


def _fence(view: View, facts: Facts) -> None:
    if facts.fence < view["fence"]:
        raise Refusal(
            "FENCED",
            f"{name_of(view)}: lease number {facts.fence} is older than {view['fence']}, which this host has seen; "
            "another run holds the lease now",
            fence=view["fence"],
        )


def _free(view: View, facts: Facts) -> None:
    if facts.busy:
        raise Refusal(
            "BUSY",
            f"{name_of(view)}: service {facts.busy} of this host is being activated; try again when it is ready",
            holder=facts.busy,
        )


def _previous(view: View, facts: Facts) -> None:
    if facts.current != facts.previous:
        raise Refusal(
            "PREVIOUS",
            f"{name_of(view)}: current is {facts.current}, the plan expects {facts.previous}; plan the change again",
            current=facts.current,
            expected=facts.previous,
        )


def _intact(view: View, facts: Facts) -> None:
    if facts.damage:
        raise Refusal("TREE", f"{name_of(view)}: the release to switch to is not intact: {facts.damage}")


def _mine(view: View, facts: Facts) -> None:
    if view.get("aid") != facts.aid:
        raise Refusal("STATE", f"{name_of(view)}: activation {facts.aid} is over; the service is {where(view)}")


def _switched(view: View, facts: Facts) -> None:
    if facts.current != view["new"]:
        raise Refusal(
            "PREVIOUS",
            f"{name_of(view)}: current is {facts.current}, expected {view['new']} after the switch",
            current=facts.current,
            expected=view["new"],
        )


def _token(view: View, facts: Facts) -> None:
    import hmac  # loads OpenSSL, which only this guard needs

    if view.get("change") != facts.change or not hmac.compare_digest(view["token_sha256"], facts.token_sha256):
        raise Refusal(
            "TOKEN",
            f"{name_of(view)}: the token is not the one of the activation that is {where(view)}; "
            "without it this host goes back by itself, then run again",
        )


def _boot(view: View, facts: Facts) -> None:
    if view["boot_id"] != facts.boot_id:
        raise Refusal("REBOOTED", f"{name_of(view)}: the host was rebooted since the activation began; it goes back")


def _in_time(view: View, facts: Facts) -> None:
    late_ms = facts.now_ms - view["deadline_ms"]
    if late_ms >= 0:
        raise Refusal("DEADLINE", f"{name_of(view)}: the deadline passed {late_ms // 1000} s ago; the host goes back")


def _renewable(view: View, facts: Facts) -> None:
    if facts.now_ms > view["renew_until_ms"]:
        raise Refusal(
            "DEADLINE", f"{name_of(view)}: the deadline cannot be moved any later; confirm, or let it go back"
        )


def _late(view: View, facts: Facts) -> None:
    if facts.now_ms < view["deadline_ms"]:
        early_ms = view["deadline_ms"] - facts.now_ms
        raise Refusal("STATE", f"{name_of(view)}: the deadline is {early_ms} ms away", early_ms=early_ms)


def _other_boot(view: View, facts: Facts) -> None:
    if view["boot_id"] == facts.boot_id:
        raise Refusal("STATE", f"{name_of(view)}: the host was not rebooted since the activation began")


def _back_until(view: View, facts: Facts) -> None:
    if facts.utc > view["back_until"]:  # one format, so that text order is time order
        raise Refusal(
            "BACK_UNTIL",
            f"{name_of(view)}: change {facts.change} could be taken back until {view['back_until']}, now is {facts.utc}; "
            "deploy the earlier release as a new change",
            back_until=view["back_until"],
        )


def _still_ours(view: View, facts: Facts) -> None:
    if facts.current != view["new"]:
        raise Refusal(
            "NOT_OURS",
            f"{name_of(view)}: current is {facts.current}, change {facts.change} had put {view['new']} there",
            current=facts.current,
        )


def _operator(view: View, facts: Facts) -> None:
    if not facts.operator:
        raise Refusal(
            "REVERT_FAILED",
            f"{name_of(view)}: going back failed {ATTEMPTS} times; mend the service, then take the change back by hand",
        )


def _superseded(view: View, facts: Facts) -> None:
    raise Refusal(
        "NOT_OURS",
        f"{name_of(view)}: change {facts.change} was followed by change {view.get('change')}; take that one back first",
        change=view.get("change"),
    )


GUARDS: Mapping[str, tuple[str, Callable[[View, Facts], None]]] = {
    "open": ("change not closed here", _open),
    "fence": ("lease number not below the highest seen", _fence),
    "free": ("no service of this host pending", _free),
    "previous": ("current = expected previous", _previous),
    "intact": ("target tree = manifest", _intact),
    "mine": ("of this activation", _mine),
    "switched": ("current = new", _switched),
    "token": ("token's hash", _token),
    "boot": ("same boot", _boot),
    "in_time": ("before the deadline", _in_time),
    "renewable": ("not past renew_until", _renewable),
    "late": ("deadline reached", _late),
    "other_boot": ("boot id differs", _other_boot),
    "back_until": ("now ≤ back_until", _back_until),
    "still_ours": ("current is what this change put there", _still_ours),
    "operator": ("an operator asks", _operator),
    "superseded": ("never: a later change followed", _superseded),
}


def name_of(view: View) -> str:
    return str(view["service"])


def where(view: View) -> str:
    """The state in words, with whose it is."""
    state = str(view["state"])
    if state == "steady":
        reverted = view.get("reverted")
        return f"steady on {view['new']}" + (f" (change {reverted['change']} went back)" if reverted else "")
    return f"{state} (change {view['change']}, {view['old']} → {view['new']})"
