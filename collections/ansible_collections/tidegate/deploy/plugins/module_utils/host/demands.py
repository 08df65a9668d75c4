# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enrolled host demands of each step, whoever asks, root included.

Invariants:

- Every step of the program is in one table; what is not in it is refused.
- Nothing is written before a demand is met.
"""

from __future__ import annotations

from ..core.errors import Refusal
from . import fields
from .record import Record
from .warden import Warden, enrolled_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, BinaryIO

    from .host import Host

    Check = Callable[[Host, dict[str, Any]], None]


def require(host: Host, step: str, request: dict[str, Any], stream: BinaryIO) -> None:
    """See that an enrolled host lets a step begin; what a step proves itself, it proves before its first effect.

    Args:
        host: where.
        step: of the request.
        request: is made to say what the host knows better.
        stream: what follows the request; read to its end by whoever refuses, so that the sender sees the answer.

    Raises:
        Refusal: what is missing; PROTOCOL, no such step is known.
    """
    if step not in DEMANDS:
        raise Refusal("PROTOCOL", f"request.step: found {step!r}, which this host program does not know")
    try:
        DEMANDS[step][1](host, request)
    except Refusal:
        if step == "stage":
            from .supply import drain

            drain(request, stream)
        raise


def _nothing(_host: Host, _request: dict[str, Any]) -> None:
    return


def _own_definition(host: Host, request: dict[str, Any]) -> None:
    Warden.of_any(host).require_definition(request.get("definition"))


def _own_definitions(host: Host, request: dict[str, Any]) -> None:
    warden = Warden.of_any(host)
    asked = request.get("services")
    for one in asked if isinstance(asked, list) else ():
        if isinstance(one, dict):
            warden.require_definition(one.get("definition"))


def _own_services(host: Host, request: dict[str, Any]) -> None:
    """Where services stand may be asked by name; what more is asked goes by the definitions of the trust bundle."""
    warden = Warden.of_any(host)
    asked = request.get("services")
    for one in asked if isinstance(asked, list) else ():
        if not isinstance(one, dict):
            continue
        if set(one) <= {"service", "root"}:
            one["root"] = warden.root_of(fields.service(one))
        else:
            warden.require_definition(one)


def _statement(host: Host, request: dict[str, Any]) -> None:
    from .gate import require_staging  # with all that it imports, which only this step needs

    require_staging(host, request)


def _way_back(host: Host, request: dict[str, Any]) -> None:
    """Neither signatures nor the store nor the time of the window: only which statement put there what is taken back."""
    doc = request.get("definition")
    service = fields.service(doc if isinstance(doc, dict) else {})
    view = host.journal(service).read("absent")
    request["definition"] = view.get("new_definition") or Warden.of_any(host).definition_of(service)
    mine = str(view.get("statement") or "")  # journals from before the enrollment know none
    if view.get("change") == request.get("change") and mine and request.get("statement") != mine:
        raise Refusal(
            "PERMIT",
            f"{service}: change {view['change']} was put there by statement {mine[:12]}, found "
            f"{str(request.get('statement') or 'none')[:12]}; name that one",
        )
    if "fence" in request:
        _require_newest(host, service, request)


def _require_newest(host: Host, service: str, request: dict[str, Any]) -> None:
    """A rollout names its newest grant; the lease number of hosts that are not enrolled says nothing here."""
    fence = fields.number(request, "fence", 0, 2**53 - 1)
    try:
        seen = Record(host, service).doc["fence"]
    except Refusal:
        seen = 0  # going back waits for no record
    if fence < seen:
        raise Refusal(
            "FENCED",
            f"{service}: grant {fence} is older than {seen}, which this host has seen; another run has taken over",
            fence=seen,
        )
    del request["fence"]


def _never(host: Host, _request: dict[str, Any]) -> None:
    raise Refusal(
        "ENROLLED",
        f"this host is enrolled as {enrolled_here(host).name}, and this step would go round what it enforces; unenroll it first",
    )


DEMANDS: Mapping[str, tuple[str, Check]] = {
    "ask": ("the login; probes and folders only as the trust bundle defines them", _own_services),
    "precheck": ("the login; the definition of the trust bundle", _own_definition),
    "probe": ("the login; the definition of the trust bundle", _own_definition),
    "doctor": ("the login; definitions of the trust bundle", _own_definitions),
    "discover": ("the login", _nothing),
    "stage": (
        "a statement with enough signatures, its requester's, and the definition of the trust bundle",
        _statement,
    ),
    "activate": (
        "a permit: statement, signatures, request and grant; and the definition of the trust bundle",
        _own_definition,
    ),
    "confirm": ("the token of the activation", _nothing),
    "renew": ("the token of the activation", _nothing),
    "back": ("the statement that put `current` there, within `back_until`", _way_back),
    "adopt": ("cannot be met: a host is unenrolled first", _never),
    "remove": ("cannot be met: a host is unenrolled first", _never),
    "enroll": ("the same enrollment again", _nothing),
    "unenroll": ("a signed statement of the quorum that rules trust; nothing under way", _nothing),
    "trust": ("versions signed by the quorums of the one before and their own; nothing under way", _nothing),
    "upgrade": ("a program that the trust bundle names; nothing under way", _nothing),
    "challenge": ("the login; a service that the trust bundle defines", _nothing),
    "veto": ("a veto signed by somebody whom a rule for the service asks", _nothing),
    "review": ("the review of an emergency, proved to be in the log", _nothing),
}
"""What an enrolled host demands of every step of the program, in words, and what sees to it before the step begins."""
