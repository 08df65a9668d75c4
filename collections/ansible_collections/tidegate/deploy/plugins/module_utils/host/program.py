# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host program: one request on standard input, one answer on standard output, nothing else on either.

Invariants:

- It takes nothing from its caller's environment, home or folder, but for sudo's word for who that is.
- Whatever happens, an answer is one line of JSON; a traceback goes to standard error.
- Only the modules of the step at hand are imported: starting is most of what a step costs.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from ..core import canonical
from ..core.errors import Refusal
from ..core.version import PROTOCOL, VERSION
from .clock import Clock
from .disk import Disk
from .host import Host
from .needs import require_root_and_systemd
from .paths import SEARCH_PATH, Paths
from .units import Units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    Request = dict[str, Any]

MAX_REQUEST_BYTES = 64 * 1024 * 1024
CRASH = 70  # EX_SOFTWARE, sysexits.h
_TELLING = (
    "ask",
    "precheck",
    "enroll",
    "trust",
    "upgrade",
)  # steps after which an enrolled host says what it is, as it does with refusals
_HARMLESS = ("ask", "doctor", "confirm", "renew")  # what asks for no enrollment: to look, and what a token proves


class Program:
    """The program as it was started.

    Args:
        digest: of the package that runs; hosts and controllers know it by that.
        host: what it works on.
        caller: the user who called it by sudo; empty where nobody did.
    """

    def __init__(self, digest: str, host: Host, caller: str = "") -> None:
        self._digest = digest
        self._host = host
        self._caller = caller
        self._enrolled = False

    def answer(self, line: bytes, stream: BinaryIO, installed: bool) -> tuple[dict[str, Any], int]:
        """Do what a request asks for.

        Args:
            line: the request.
            stream: what follows it.
            installed: this is the program that the host carries, not one that travels along.

        Returns:
            The answer, and the exit status.
        """
        request: Request = {}
        try:
            self._enrolled = self._is_enrolled()
            request = _request(line)
            require_root_and_systemd()
            if installed and not self._enrolled:
                self._refuse_login(request)
                self._refuse_other(request)
            return self._answered(self._step(request, stream), request), 0
        except Refusal as refusal:
            return self._refused(refusal, request), 0
        except OSError as error:
            return self._disk_refused(error, request)
        except Exception as error:  # the last resort of the program: what nobody thought of is an answer too
            return self._crashed(error), CRASH

    def _is_enrolled(self) -> bool:
        try:
            return self._host.is_enrolled
        except PermissionError:
            require_root_and_systemd()  # who is not root is refused for that
            raise

    def _disk_refused(self, error: OSError, request: Request) -> tuple[dict[str, Any], int]:
        """A full or read-only disk is a bad world; any other error of the system is one of ours."""
        from .space import disk_refusal

        refusal = disk_refusal(error, str(error.filename or self._host.paths.state))
        if refusal is None:
            return self._crashed(error), CRASH
        return self._refused(refusal, request), 0

    def _crashed(self, error: Exception) -> dict[str, Any]:
        import traceback

        traceback.print_exc()
        return self._refused(Refusal("HOST_ERROR", f"{type(error).__name__}: {error}"), {})

    def _step(self, request: Request, stream: BinaryIO) -> dict[str, Any]:
        if not request["check"]:
            from .reaper import reap_all

            reap_all(self._host)
        name = str(request.get("step"))
        if self._enrolled:
            from .demands import require

            require(self._host, name, request, stream)
        if name in ("stage", "upgrade"):
            fed: dict[str, Any] = self._fed_step(name)(request, stream, self._host)
            asks = name == "stage" and self._enrolled and not request["check"] and request.get("challenge") is True
            return {**fed, **self._minted(request["definition"]["service"])} if asks else fed
        answer: dict[str, Any] = self._plain_step(name)(self._host, request)
        return answer

    def _minted(self, service: str) -> dict[str, Any]:
        from .challenge import after_staging

        return after_staging(self._host, service)

    @staticmethod
    def _fed_step(name: str) -> Any:
        """The function of a step whose request is followed by bytes."""
        if name == "stage":
            from .staging import stage as step
        else:
            from .upgrade import step
        return step

    @staticmethod
    def _plain_step(name: str) -> Any:
        """The function of a step; the imports are spelled out, so that packers and people find them."""
        if name == "ask":
            from .ask import step
        elif name == "precheck":
            from .examine import precheck as step
        elif name == "activate":
            from .activate import step
        elif name == "probe":
            from .examine import probe as step
        elif name == "confirm":
            from .confirm import step
        elif name == "renew":
            from .confirm import renew as step
        elif name == "back":
            from .back import step
        elif name == "adopt":
            from .adopt import step
        elif name == "remove":
            from .remove import step
        elif name == "doctor":
            from .doctor import step
        elif name == "discover":
            from .discover import step
        else:
            return Program._step_of_trust(name)
        return step

    @staticmethod
    def _step_of_trust(name: str) -> Any:
        """The function of a step that is about what an enrolled host enforces."""
        if name == "enroll":
            from .enroll import step
        elif name == "unenroll":
            from .unenroll import step
        elif name == "trust":
            from .trust import step
        elif name == "challenge":
            from .challenge import step
        elif name == "veto":
            from .veto import step
        elif name == "review":
            from .emergency import step
        else:
            raise Refusal("PROTOCOL", f"request.step: found {name!r}, which this host program does not know")
        return step

    def _refuse_login(self, request: Request) -> None:
        """Let whoever has no more than the login of an enrollment change nothing on a host from which root took the identity."""
        if self._caller and request.get("step") not in _HARMLESS and self._host.lets(self._caller):
            raise Refusal(
                "NOT_ENROLLED",
                f"this host is not enrolled any more, and {self._caller} may only look and confirm; enroll it again as root, or remove "
                f"{self._host.paths.sudoers}",
            )

    def _refuse_other(self, request: Request) -> None:
        """Ask for the caller's program where it may replace this one: it is as new, and nothing is under way."""
        version = request.get("version")
        if request.get("program") == self._digest or not isinstance(version, list) or version < list(VERSION):
            return
        from .install import under_way

        if not under_way(self._host):
            raise Refusal("PROGRAM_OTHER", f"this host carries program {self._digest[:12]}; ship yours")

    def _answered(self, fields: dict[str, Any], request: Request) -> dict[str, Any]:
        if request.get("step") in ("enroll", "unenroll"):
            self._enrolled = self._host.is_enrolled
        told = self._told() if self._enrolled and request.get("step") in _TELLING else {}
        return {
            "protocol": PROTOCOL,
            "ok": True,
            "enforced": self._enrolled,
            "program": self._digest,
            **told,
            **fields,
        }

    def _refused(self, refusal: Refusal, request: Request) -> dict[str, Any]:
        return {
            "protocol": PROTOCOL,
            "ok": False,
            "enforced": self._enrolled,
            "program": self._digest,
            "changed": False,
            "code": refusal.code,
            "message": refusal.message,
            "facts": refusal.facts,
            "service": self._standing(request),
            **(self._told() if self._enrolled else {}),
        }

    def refused(self, refusal: Refusal) -> dict[str, Any]:
        """The answer to a request that was not even read."""
        self._enrolled = self._host.is_enrolled
        return self._refused(refusal, {})

    def _told(self) -> dict[str, Any]:
        from .warden import told

        return {"enrolled": told(self._host, self._digest)}

    def _standing(self, request: Request) -> Any:
        """Where the service stands that a refused request was about, as far as it can be said."""
        definition = request.get("definition")
        known = definition if isinstance(definition, dict) else request
        service, root = known.get("service"), known.get("root")
        try:
            from ..core.definition import SERVICE

            if not isinstance(service, str) or not SERVICE.fullmatch(service):
                return None
            from .standing import standing

            # whoever drives an enrolled host is shown no folder that the host itself does not know
            return standing(self._host, service, root if isinstance(root, str) and not self._enrolled else None)
        except (Refusal, OSError, KeyError):
            return None


def main(digest: str) -> None:
    """The launcher's entry: inner commands are arguments, everything else is a request.

    Args:
        digest: of the installed package.
    """
    result = os.environ.get("SERVICE_RESULT", "")  # systemd.exec(5), for what runs after a unit's end
    caller = os.environ.get("SUDO_USER", "")  # sudo(8)
    _enclose()
    host = _host()
    if len(sys.argv) > 1:
        from .inner import command

        raise SystemExit(command(host, sys.argv[1:], result))
    _serve(Program(digest, host, caller), sys.stdin.buffer, installed=True)


def main_from_bootstrap(package_fd: int, digest: str, install: bool) -> None:
    """The entry of a program that travels on standard input.

    Args:
        package_fd: the package.
        digest: its digest.
        install: the host is to carry it from now on, unless it carries a newer one or something is under way.
    """
    _enclose()
    host = _host()
    program = Program(digest, host)
    if install:
        _install(program, host, package_fd, digest)
    _serve(program, sys.stdin.buffer, installed=False)


def _install(program: Program, host: Host, package_fd: int, digest: str) -> None:
    """Install the program, or let the one that is there answer."""
    from .install import delegate, install_package

    try:
        require_root_and_systemd()
        if not install_package(host, package_fd, digest):
            raise SystemExit(delegate(host, sys.stdin.buffer))
    except Refusal as refusal:
        _print(program.refused(refusal))
        raise SystemExit(0) from None


def _serve(program: Program, stream: BinaryIO, installed: bool) -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever else writes to standard output does not reach the caller's parser
    answer, status = program.answer(stream.readline(MAX_REQUEST_BYTES), stream, installed)
    os.dup2(answers, 1)
    _print(answer)
    raise SystemExit(status)


def _print(answer: dict[str, Any]) -> None:
    # ASCII only: file names with undecodable bytes may be in a message
    sys.stdout.write(json.dumps(answer, ensure_ascii=True, sort_keys=True, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _request(line: bytes) -> Request:
    try:
        request = canonical.loads(line)
    except ValueError as error:
        raise Refusal("PROTOCOL", f"found no request on standard input ({error})") from None
    if not isinstance(request, dict) or request.get("protocol") != PROTOCOL:
        found = request.get("protocol") if isinstance(request, dict) else None
        raise Refusal("PROTOCOL", f"request.protocol: found {found!r}, this host program speaks {PROTOCOL}")
    request["check"] = request.get("check") is True
    return request


def _enclose() -> None:
    """Forget the caller's environment, folder and mask; and no terminal of theirs halts what may hold the lock."""
    for stop in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(stop, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update({"PATH": SEARCH_PATH, "LANG": "C.UTF-8"})
    os.chdir("/")
    os.umask(0o077)


def _host() -> Host:
    paths = Paths()
    return Host(paths, Disk(), Clock(), Units(paths))
