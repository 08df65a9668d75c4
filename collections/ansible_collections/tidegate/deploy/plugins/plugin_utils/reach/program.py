# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of the host program: one command, a request on its standard input, one JSON document as the answer.

Where the program is missing or of another digest it travels along, once; in check mode it always travels along and
nothing is installed. To an enrolled host nothing travels: the program that it carries is the one that its trust lets run.
"""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import CODES, Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.version import PROTOCOL, VERSION
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.bootstrap import BOOTSTRAP
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Channel, Completed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import Package, host_program

LAUNCHER = "/usr/local/lib/tidegate/current/tidegate-host"
BY_SUDO = f"sudo -n {LAUNCHER}"
"""What the login of an enrolled host may run as root, and nothing else."""

PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")
_NOT_FOUND = (126, 127)  # POSIX sh: not executable (its Python is gone, too), not found


@dataclass(frozen=True)
class Answer:
    """What a host says of itself.

    Attributes:
        ok: the step was done, or need not be done.
        changed: something on the host is different now.
        code: of a refusal, a key of `CODES`; empty if ok.
        message: of a refusal, for people.
        service: where the service stands (protocol, section 3), if the step looked at one.
        fields: the whole document.
    """

    ok: bool
    changed: bool
    code: str
    message: str
    service: Mapping[str, Any]
    fields: Mapping[str, Any] = field(repr=False)

    def or_refuse(self) -> Answer:
        """This answer, if it is one of success.

        Raises:
            Refusal: what the host refused, with its code and message.
        """
        if not self.ok:
            raise Refusal(self.code, self.message)
        return self


class HostProgram:
    """The host program at the other end of a channel.

    Args:
        channel: the way to the host.
        interpreter: the Python that the inventory names for the host, if any.
        check: nothing may be written on the host.
        installs: whether the program stays on a host where it was missing.
        enrolled: whether the inventory says that the host is enrolled; the channel then is that of its login.
    """

    def __init__(
        self, channel: Channel, interpreter: str | None, check: bool, installs: bool, enrolled: bool = False
    ) -> None:
        self._channel = channel
        self._pythons = _candidates(interpreter)
        self._check = check
        self._installs = installs
        self._command = BY_SUDO if enrolled else LAUNCHER
        self._travels = not enrolled

    def carried(self) -> HostProgram:
        """The program that the host carries, whichever that is: no other one travels to it."""
        program = copy.copy(self)
        program._travels = False
        return program

    def call(self, step: str, fields: Mapping[str, Any], payload: BinaryIO | None = None) -> Answer:
        """Have one step done.

        Args:
            step: one of the program's steps.
            fields: what the step asks for.
            payload: a file whose bytes follow the request (a release that is pushed).

        Raises:
            Unreachable: the host could not be asked, or fell silent; it may have acted.
            Refusal: no Python, or what answers is no host program; NOT_ENROLLED, the inventory says that the host is
                enrolled, and its login cannot run the program.
        """
        package = host_program()
        request = {**fields, "protocol": PROTOCOL, "step": step, "check": self._check, "program": package.digest}
        if not self._travels:
            return self._answer(self._require_carried(self._channel.run(self._command, _line(request), payload)))
        stdin = _line({**request, "version": list(VERSION)})
        if self._check:
            return self._bootstrap(package, stdin, payload, install=False)
        done = self._channel.run(LAUNCHER, stdin, payload)
        if done.status in _NOT_FOUND or _is_outdated(done):
            return self._bootstrap(package, stdin, payload, self._installs)
        return self._answer(done)

    def _bootstrap(self, package: Package, stdin: bytes, payload: BinaryIO | None, install: bool) -> Answer:
        framed = b"%d\n" % len(package.data) + package.data + stdin
        return self._answer(self._channel.run(_bootstrap_command(self._pythons, install), framed, payload))

    def _require_carried(self, done: Completed) -> Completed:
        if _document(done) is None and self._command == BY_SUDO:
            said = " ".join((done.stderr.strip() or done.stdout.strip() or f"exit status {done.status}").split())
            raise Refusal(
                "NOT_ENROLLED",
                f"{self._channel.name}: the inventory says tidegate_enrolled, and its login cannot run the host program "
                f"({said}); enroll it as root without that line, or take the line away",
            )
        return done

    def _answer(self, done: Completed) -> Answer:
        document = _document(done)
        if document is None:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise Refusal(
                "HOST_ERROR",
                f"{self._channel.name}: expected an answer of the host program, found exit status {done.status} and "
                f"{said[-1]!r}"
                if said
                else f"{self._channel.name}: no answer, exit status {done.status}",
            )
        code = str(document.get("code") or "")
        return Answer(
            ok=bool(document.get("ok")),
            changed=bool(document.get("changed")),
            code=code if code in CODES or document.get("ok") else "HOST_ERROR",
            message=str(document.get("message") or ""),
            service=document.get("service") or {},
            fields=document,
        )


def _line(request: Mapping[str, Any]) -> bytes:
    return canonical.dumps(request) + b"\n"


def _candidates(interpreter: str | None) -> Sequence[str]:
    named = [interpreter] if interpreter and interpreter.startswith("/") else []
    return (*named, *PYTHONS, "python3")


def _bootstrap_command(pythons: Sequence[str], install: bool) -> str:
    mode = "install" if install else "once"
    refusal = json.dumps(
        {
            "ok": False,
            "code": "NO_PYTHON",
            "message": f"found no Python 3.9 or newer among {', '.join(pythons)}; install python3, "
            "or name it with ansible_python_interpreter",
        }
    )
    return (
        f"for p in {' '.join(map(shlex.quote, pythons))}; do "
        '"$p" -I -c "import sys; sys.exit(sys.version_info < (3, 9))" </dev/null 2>/dev/null '
        f'&& exec "$p" -I -c {shlex.quote(BOOTSTRAP)} {mode}; done; echo {shlex.quote(refusal)}'
    )


def _is_outdated(done: Completed) -> bool:
    document = _document(done)
    return document is not None and document.get("code") == "PROGRAM_OTHER"


def _document(done: Completed) -> dict[str, Any] | None:
    """The last line of standard output that is a JSON object; logins may print before it."""
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            try:
                document = canonical.loads(line.encode("utf-8"))
            except ValueError:
                return None
            return document if isinstance(document, dict) else None
    return None
