# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a service: the raw answer to one probe, bounded in time and size.

Nothing of the environment takes part: no proxies, no variables, no redirects, no credentials. Whatever goes wrong is an
answer too (``{"error": text}``), because a look that fails is a bad one and never no look.
"""

from __future__ import annotations

import io
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..core.health import Probe, split_url
from ..core.judgment import Raw
from . import answers, bounded

MAX_BODY_BYTES = 1024 * 1024
MAX_LOG_BYTES = 4 * 1024 * 1024
MAX_OUTPUT_BYTES = 64 * 1024
UNIT_PROPERTIES = (
    "LoadState ActiveState SubState Type Result NRestarts MainPID ExecMainStatus ActiveEnterTimestampMonotonic"
).split()


_HEADERS = {
    "User-Agent": "tidegate-probe",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class Systemd:
    """What probes ask of systemd; tests hand in another that answers the same two questions."""

    def properties(self, unit: str, names: list[str], timeout_s: float = 5) -> dict[str, str]:
        """The named properties of a unit as systemd prints them.

        Raises:
            OSError: systemd does not answer, or not in time.
        """
        command = ["systemctl", "show", "--property", ",".join(names), "--", unit]
        ended = bounded.run(command, timeout_s)
        if ended.rc != 0:
            raise OSError(f"systemctl show {unit}: {_how_it_failed(ended, timeout_s)}")
        return dict(line.split("=", 1) for line in ended.out.splitlines() if "=" in line)

    def log(self, unit: str, since_epoch_s: float | None, timeout_s: float = 5) -> tuple[str, bool]:
        """The log lines of a unit in this boot, and whether there are more than are read.

        Raises:
            OSError: the journal does not answer, or not in time.
        """
        since = [] if since_epoch_s is None else ["--since", f"@{since_epoch_s:.3f}"]
        command = ["journalctl", "--quiet", "--no-pager", "--output=cat", "--boot", f"--unit={unit}", *since]
        ended = bounded.run(command, timeout_s, keep_bytes=MAX_LOG_BYTES)
        if ended.rc != 0:
            raise OSError(f"journalctl for {unit}: {_how_it_failed(ended, timeout_s)}")
        return ended.out, ended.cut


class Place(NamedTuple):
    """From where a service is looked at.

    Args:
        root: the service's root; programs of command probes may be named relative to its ``current``.
        unit: the service's unit, whose user runs command probes that name none.
        user: the definition's user; null: the unit's.
        since_boottime_ms: when the release was switched, for log probes; null: the whole boot counts.
        systemd: who is asked about units.
        stop: once it says so, nobody waits for an answer any more, and a command is killed.
    """

    root: str
    unit: str
    user: str | None
    since_boottime_ms: int | None
    systemd: Systemd
    stop: Callable[[], bool] = lambda: False


def look(probe: Probe, place: Place, timeout_s: float) -> Raw:
    """The raw answer to a probe within its time."""
    try:
        return _LOOKS[probe.kind](probe, place, min(timeout_s, probe.timeout_s))
    except (TimeoutError, socket.timeout):
        return {"error": f"no complete answer within {min(timeout_s, probe.timeout_s):.1f} s"}
    except OSError as error:
        return {"error": error.strerror or str(error) or type(error).__name__}


def boottime_ms() -> int:
    """The boot clock, which goes on while the host is suspended."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def unit_started_after(unit: str, since_boottime_ms: int, systemd: Systemd | None = None) -> bool | None:
    """Whether the unit's main process was started after a moment on the boot clock; null: nobody knows.

    systemd tells its start on CLOCK_MONOTONIC in microseconds, which stands still while the host is suspended. It is
    moved to the boot clock by the present difference of the two.
    """
    try:
        shown = (systemd or Systemd()).properties(unit, ["ExecMainStartTimestampMonotonic"])
        started_us = int(shown.get("ExecMainStartTimestampMonotonic") or 0)
    except (OSError, ValueError):
        return None
    if started_us == 0:
        return None
    suspended_ms = boottime_ms() - time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000
    return started_us // 1000 + suspended_ms >= since_boottime_ms


def life_of(shown: Mapping[str, str]) -> list[str]:
    """By what one life of a unit is told from the next: its restarts, its main process, since when it is active."""
    return [shown.get(name) or "0" for name in ("NRestarts", "MainPID", "ActiveEnterTimestampMonotonic")]


# --- http and tcp ----------------------------------------------------------------------------------------------------


class _Stream(io.RawIOBase):
    """The bytes that come from a socket until a moment; a server that trickles does not get more time."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left_s(self._deadline))
        return self._sock.recv_into(buffer)


def _look_http(probe: Probe, _place: Place, timeout_s: float) -> Raw:
    began = time.monotonic()
    deadline = began + timeout_s
    scheme, host, port, target = split_url(probe.fields["url"])
    with _connected(host, port, deadline) as plain:
        plain.settimeout(_left_s(deadline))
        sock = _with_tls(plain, host) if scheme == "https" else plain
        try:
            sock.settimeout(_left_s(deadline))
            named = None if port == (443 if scheme == "https" else 80) else port
            method = str(probe.fields["method"])
            sock.sendall(answers.request(method, host, named, target, _HEADERS))
            answer = answers.Answer(io.BufferedReader(_Stream(sock, deadline)), method)
            body, cut = _body(answer)
        except answers.NoAnswer:
            raise OSError("a connection that was closed without an answer") from None
        except answers.CutShort:
            raise OSError("a body that ended before its announced length") from None
        except answers.NotHttp as error:
            raise OSError(f"an answer that is not HTTP ({error})") from error
        finally:
            sock.close()
    took_ms = round((time.monotonic() - began) * 1000)
    return {"status": answer.status, "headers": answer.headers, "body": body, "cut": cut, "latency_ms": took_ms}


def _body(answer: answers.Answer) -> tuple[bytes, bool]:
    """As much of the body as is read, and whether it goes on."""
    body = b""
    while len(body) <= MAX_BODY_BYTES:
        block = answer.some(MAX_BODY_BYTES + 1 - len(body))
        if not block:
            break
        body += block
    return body[:MAX_BODY_BYTES], len(body) > MAX_BODY_BYTES


def _with_tls(plain: socket.socket, host: str) -> socket.socket:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not the default context: that one writes SSLKEYLOGFILE
    context.load_default_certs()
    return context.wrap_socket(plain, server_hostname=host)


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """A connection to the first address that takes it, within the time for all of them."""
    try:
        addresses = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)  # text would load IDNA
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"no address for {host} ({error})") from None
    failure: OSError = OSError(f"no address for {host}")
    for family, kind, protocol, _name, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_left_s(deadline))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _look_tcp(probe: Probe, _place: Place, timeout_s: float) -> Raw:
    began = time.monotonic()
    _connected(probe.fields["host"], probe.fields["port"], began + timeout_s).close()
    return {"latency_ms": round((time.monotonic() - began) * 1000)}


# --- command, unit, log ----------------------------------------------------------------------------------------------


def _look_command(probe: Probe, place: Place, timeout_s: float) -> Raw:
    current = os.path.join(place.root, "current")
    program, *arguments = probe.fields["command"]
    path = program if program.startswith("/") else os.path.join(current, program)
    user = probe.fields["user"] or place.user or _user_of_unit(place) or None
    cwd = current if os.path.isdir(current) else "/"
    try:
        ended = bounded.run(
            [path, *arguments], timeout_s, user=user, cwd=cwd, keep_bytes=MAX_OUTPUT_BYTES, stop=place.stop
        )
    except KeyError:
        return {"error": f"no user {user} on this host"}
    except OSError as error:
        return {"error": f"that {path} cannot be run ({error.strerror})"}
    if ended.rc is None:
        return {"error": f"no end within {timeout_s:.1f} s (it was killed)", "latency_ms": ended.took_ms}
    return {
        "rc": ended.rc,
        "stdout": ended.out,
        "stderr": ended.err,
        "cut": ended.cut,
        "latency_ms": ended.took_ms,
    }


def _user_of_unit(place: Place) -> str:
    return place.systemd.properties(place.unit, ["User"]).get("User", "")


def _look_unit(probe: Probe, place: Place, timeout_s: float) -> Raw:
    shown = place.systemd.properties(probe.fields["unit"], UNIT_PROPERTIES, timeout_s)
    if shown.get("LoadState") != "loaded":
        return {"error": f"a unit that systemd has not loaded (LoadState={shown.get('LoadState', '')})"}
    texts = {name: shown.get(name, "") for name in ("ActiveState", "SubState", "Type", "Result")}
    numbers = {name: int(shown.get(name) or 0) for name in ("NRestarts", "MainPID", "ExecMainStatus")}
    return {**texts, **numbers, "life": life_of(shown)}


def _look_log(probe: Probe, place: Place, timeout_s: float) -> Raw:
    since_s = None
    if place.since_boottime_ms is not None:
        ago_ms = boottime_ms() - place.since_boottime_ms  # first: what passes between two clocks moves the start on
        since_s = time.time() - ago_ms / 1000
    lines, cut = place.systemd.log(probe.fields["unit"], since_s, timeout_s)
    return {"lines": lines, "cut": cut}


def _how_it_failed(ended: bounded.Ended, timeout_s: float) -> str:
    if ended.rc is None:
        return f"no end within {timeout_s:.1f} s"
    said = " ".join(ended.err.split())[:200]
    return f"exit status {ended.rc}{f' ({said})' if said else ''}"


_LOOKS = {
    "http": _look_http,
    "tcp": _look_tcp,
    "command": _look_command,
    "unit": _look_unit,
    "log": _look_log,
}
