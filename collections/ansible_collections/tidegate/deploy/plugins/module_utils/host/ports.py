# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on a TCP port of this host, read from proc(5)."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

from ..core.health import Probe, split_url

_LISTEN = "0A"  # TCP_LISTEN of the kernel's include/net/tcp_states.h
_LOOPBACK = ("localhost", "::1", "127.0.0.1")
_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True)
class Holder:
    """The process that listens; both are null when it is not to be seen."""

    pid: int | None
    name: str | None

    def __str__(self) -> str:
        return "another process" if self.pid is None else f"{self.name} (process {self.pid})"


def asked_by(probe: Probe) -> tuple[str, int] | None:
    """Loopback address and port that a probe asks; null when it asks none, or another host."""
    if probe.kind == "http":
        _scheme, host, port, _target = split_url(probe.fields["url"])
    elif probe.kind == "tcp":
        host, port = probe.fields["host"], probe.fields["port"]
    else:
        return None
    return (host, port) if host in _LOOPBACK or host.startswith("127.") else None


def holder_of(host: str, port: int, proc: str = "/proc") -> Holder | None:
    """Who listens where a probe of a loopback address would be answered; null when nobody does."""
    mine = ("127.0.0.1", "::1") if host == "localhost" else (host,)
    for table in ("tcp", "tcp6"):
        for address, inode in _listening(os.path.join(proc, "net", table), port):
            if address in _ANY or address in mine:
                return _holder(proc, inode)
    return None


def listeners(proc: str = "/proc") -> dict[str, tuple[str, int]]:
    """Address and port of every TCP socket that listens, by its inode."""
    rows = [row for table in ("tcp", "tcp6") for row in _rows(os.path.join(proc, "net", table))]
    return {row[9]: (_address(row[1].split(":")[0]), int(row[1].split(":")[1], 16)) for row in rows}


def _listening(path: str, port: int) -> list[tuple[str, str]]:
    """Address and inode of each socket that listens on a port."""
    wanted = f":{port:04X}"
    return [(_address(row[1].split(":")[0]), row[9]) for row in _rows(path) if row[1].endswith(wanted)]


def _rows(path: str) -> list[list[str]]:
    """The columns of each socket that listens."""
    try:
        with open(path, encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
    except OSError:
        return []
    return [row for row in rows if row[3] == _LISTEN]


def _address(text: str) -> str:
    """An address from the kernel's hexadecimal words, each in the host's byte order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    shown = socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)
    return shown[len("::ffff:") :] if shown.startswith("::ffff:") else shown


def _holder(proc: str, inode: str) -> Holder:
    wanted = f"socket:[{inode}]"
    pids = sorted((int(name) for name in os.listdir(proc) if name.isdecimal()), reverse=True)
    for pid in pids:
        folder = os.path.join(proc, str(pid))
        try:
            if any(
                os.readlink(os.path.join(folder, "fd", fd)) == wanted for fd in os.listdir(os.path.join(folder, "fd"))
            ):
                with open(os.path.join(folder, "comm"), encoding="utf-8", errors="replace") as file:
                    return Holder(pid, file.read().strip())
        except OSError:
            continue  # it ended meanwhile, or is not ours to look at
    return Holder(None, None)
