# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `enroll`: a host gets an identity and a trust bundle, and from then on refuses by itself.

Invariants:

- The identity comes by one rename under the lock: until then the host is as it was, and asking again goes on. The sudo
  rule comes after it: at no moment does the login reach a host that demands nothing.
- Nothing of a service changes: its release runs on, its journal stays, and so do its ways back.
- Who enrolls a host is root on it; whoever the login lets in cannot change whom it lets in.
"""

from __future__ import annotations

import os
import re

from ..core import canonical
from ..core.errors import Refusal
from ..core.shape import moment
from ..core.sshsig import PublicKey
from ..core.succession import require_first
from . import fields, install, record, signatures, trust, trusted
from .identity import UID, Identity, enrolled, of_machine
from .login import Login

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from .host import Host

CLOCK_S = 300
MAX_KEYS = 100
_NAME = re.compile(r"[!-~]{1,253}")


class Wish:
    """What a caller of `enroll` asks for, proved to be well formed."""

    __slots__ = ("bundle", "keys", "name", "uid", "utc")

    def __init__(self, request: dict[str, Any]) -> None:
        self.name = fields.text(request, "name", _NAME)
        self.uid = fields.text(request, "uid", UID) if request.get("uid") else ""
        self.utc = fields.text(request, "utc", fields.UTC)
        self.bundle = trust.Signed({"data": request.get("bundle"), "signatures": request.get("signatures")}, "bundle")
        self.keys = _keys(request)
        login = self.bundle.bundle.login
        if request.get("login") != login:
            raise Refusal("DATA", f"request.login: found {str(request.get('login'))[:80]!r}, the bundle says {login!r}")


def _keys(request: dict[str, Any]) -> list[str]:
    lines = request.get("login_keys")
    if not isinstance(lines, list) or not 0 < len(lines) <= MAX_KEYS or not all(isinstance(one, str) for one in lines):
        raise Refusal("DATA", "request.login_keys: found no list of public keys", path="login_keys")
    return [PublicKey.of_line(line).line for line in lines]


def step(host: Host, request: dict[str, Any]) -> dict[str, Any]:
    """Enroll this host, or see that it is enrolled as is asked for.

    Returns:
        changed, uid, name, trust, and would in check mode.

    Raises:
        Refusal: it cannot be enrolled as it is, or is enrolled otherwise; nothing counts that was not there before.
    """
    wish = Wish(request)
    identity = enrolled(host)
    login = Login(host, wish.bundle.bundle.login, wish.keys)
    if identity is not None:
        return _again(host, wish, identity, login, request["check"])
    # a rehearsal installs nothing: it is by the program that travels, and that would be installed first
    _require_fit(host, wish, login, str(request.get("program")) if request["check"] else install.carried(host))
    if request["check"]:
        would = [*login.would(), f"keep trust version {wish.bundle.bundle.number}", f"enroll this host as {wish.name}"]
        return {"changed": True, "would": would, "uid": wish.uid, **_about(wish)}
    return {"changed": True, "uid": _enroll(host, wish, login), **_about(wish)}


def _about(wish: Wish) -> dict[str, Any]:
    return {"name": wish.name, "trust": wish.bundle.bundle.number}


def _again(host: Host, wish: Wish, identity: Identity, login: Login, check: bool) -> dict[str, Any]:
    """The same enrollment has happened; any other is one that the host does not take from whoever asks."""
    mine = trusted.current(host)
    differ = [
        words
        for words, found, asked in (
            ("name", identity.name, wish.name),
            ("uid", identity.uid, wish.uid or identity.uid),
            ("trust bundle", mine.digest, wish.bundle.bundle.digest),
            ("keys of the login", True, login.has_keys()),
        )
        if found != asked
    ]
    if differ:
        raise Refusal(
            "ENROLLED",
            f"this host is enrolled as {identity.name} with trust version {mine.number}, and what is asked for differs in "
            f"{', '.join(differ)}; newer trust is applied in order, keys of the login are changed by root in "
            f"{login.keys_path}, anything else after it was unenrolled",
        )
    if login.is_open():
        return {"changed": False, "would": [], "uid": identity.uid, **_about(wish)}
    if not check:  # a death has kept the enrollment from its last step
        login.prepare()
        login.open()
    return {"changed": True, "would": login.would(), "uid": identity.uid, **_about(wish)}


# --- what must hold


def _require_fit(host: Host, wish: Wish, login: Login, program: str | None) -> None:
    """Everything that speaks against it, before anything is written."""
    now = require_time(host, wish.utc)
    trust.require_nothing_under_way(host)
    signatures.require_able()
    login.require_possible()
    _require_program(host, wish, program)
    require_first(wish.bundle.bundle, wish.bundle.signatures, now, signatures.verify)
    trust.require_fits(host, wish.name, wish.bundle.bundle)
    if not of_machine(host)["host_keys"]:
        raise Refusal(
            "IDENTITY", f"{host.paths.etc}/ssh: found no SSH host key, by which this host is told from a clone"
        )


def require_time(host: Host, utc: str) -> datetime:
    """The host's time, once it is found to be that of the caller.

    Raises:
        Refusal: CLOCK.
    """
    mine, theirs = moment(host.clock.utc()), moment(utc)
    if mine is None or theirs is None:
        raise Refusal("DATA", f"request.utc: found {utc!r}, expected a moment such as 2026-11-28T13:00:00Z", path="utc")
    off_s = round((mine - theirs).total_seconds())
    if abs(off_s) > CLOCK_S:
        raise Refusal(
            "CLOCK",
            f"this host's clock is {off_s} s off the caller's, at most {CLOCK_S} s are allowed; set it right first",
        )
    return mine


def _require_program(host: Host, wish: Wish, program: str | None) -> None:
    """The program that will refuse must be one of the bundle's, and nobody but root may change it."""
    if program is None or program not in wish.bundle.bundle.doc["programs"]:
        raise Refusal(
            "TRUST",
            f"this host carries program {str(program)[:12]}, which is none of those that the trust "
            "bundle lets run; make a trust version that names it",
        )
    problem = install.exposed(host) if install.carried(host) else ""
    if problem:
        raise Refusal(
            "UNSAFE_PATH", f"{problem}: others than root can change it, and so the host program; chmod go-w it"
        )


# --- effects


def _enroll(host: Host, wish: Wish, login: Login) -> str:
    with host.install_lock():
        if host.is_enrolled:
            raise Refusal("ENROLLED", "this host was enrolled meanwhile; run again")
        trusted.forget_others(host, wish.bundle.bundle.number)
        trusted.keep(host, wish.bundle.bundle, wish.bundle.signatures)
        login.make()
        login.prepare()
        with host.lock():
            trust.require_nothing_under_way(host)
            record.forget_log(host)
            uid = _settle(host, wish)
        login.open()
    return uid


def _settle(host: Host, wish: Wish) -> str:
    """The identity, by one rename: from here on the host refuses."""
    doc = {
        "v": 1,
        "uid": wish.uid or os.urandom(16).hex(),
        "name": wish.name,
        "enrolled_at": host.clock.utc(),
        "login": wish.bundle.bundle.login,
        "first_trust": wish.bundle.bundle.digest,
        **of_machine(host),
    }
    path = host.paths.identity
    host.disk.write(path + ".new", canonical.dumps(doc))
    host.disk.rename(path + ".new", path)
    return str(doc["uid"])
