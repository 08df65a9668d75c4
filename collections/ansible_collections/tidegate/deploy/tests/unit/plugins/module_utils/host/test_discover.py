# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `discover`: units and the ports of their processes, read from what systemd and proc(5) show."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.host import discover
from ansible_collections.tidegate.deploy.plugins.module_utils.host.bounded import Ended

SHOWN = b"""\
Id=web.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/etc/systemd/system/web.service
Transient=no
Type=simple
ExecStart={ path=/opt/web/current/bin/web ; argv[]=/opt/web/current/bin/web ; ignore_errors=no ; pid=7 }
WorkingDirectory=/opt/web/current

Id=ssh.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/lib/systemd/system/ssh.service
Type=notify
ExecStart={ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd -D ; ignore_errors=no ; pid=8 }
"""
ROW = "  0: {address}:{port:04X} 00000000:0000 {state} 0:0 00:00 00 0 0 {inode} 1 0 100 0 0 10 0\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Two services: web listens on 8080 everywhere and on loopback, and has an open connection; ssh listens on 22."""
    (tmp_path / "net").mkdir()
    rows = [
        ROW.format(address="0100007F", port=8080, state="0A", inode=11),
        ROW.format(address="0105000A", port=8081, state="0A", inode=12),
        ROW.format(address="00000000", port=22, state="0A", inode=13),
        ROW.format(address="0100007F", port=9999, state="01", inode=14),
    ]
    (tmp_path / "net/tcp").write_text("header\n" + "".join(rows))
    for pid, group, inodes in (
        (7, "/lxc/x/system.slice/web.service/sub", (12, 11, 14)),
        (8, "/system.slice/ssh.service", (13,)),
    ):
        (tmp_path / f"{pid}/fd").mkdir(parents=True)
        (tmp_path / f"{pid}/cgroup").write_text(f"1:name=systemd:{group}\n0::{group}\n")
        for number, inode in enumerate(inodes):
            (tmp_path / f"{pid}/fd/{number}").symlink_to(f"socket:[{inode}]")
        (tmp_path / f"{pid}/fd/9").symlink_to("/dev/null")
    (tmp_path / "9").mkdir()  # a process that has just ended
    return tmp_path


def test_ports_belong_to_the_unit_of_the_process_that_listens(proc: Path) -> None:
    """By its control group, wherever that is mounted; connections and other units' ports are not taken."""
    assert discover._listening({"web.service"}, str(proc)) == {"web.service": [("127.0.0.1", 8080), ("10.0.5.1", 8081)]}


def test_own_units_are_told_and_the_distributions_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look at all loaded units and at the site's own files."""
    asked: list[list[str]] = []

    def run(command: list[str], _s: float, keep_bytes: int = 0) -> Ended:
        asked.append(command)
        return Ended(0, SHOWN, b"", False, 1)

    monkeypatch.setattr(discover.bounded, "run", run)
    monkeypatch.setattr(discover, "_unit_files", lambda folder: ["web.service"])
    monkeypatch.setattr(discover, "_listening", lambda units: {"web.service": [("10.0.5.1", 8081)]})

    answer = discover.step(None, {})  # type: ignore[arg-type]

    assert answer["changed"] is False
    assert answer["services"] == [
        {
            "unit": "web.service", "runs": True, "file": "/etc/systemd/system/web.service", "own_file": True,
            "program": "/opt/web/current/bin/web", "directory": "/opt/web/current", "root": "/opt/web",
            "ports": [{"port": 8081, "address": "10.0.5.1", "host": None, "path": None, "status": None}],
        }
    ]  # fmt: skip
    assert asked[0][-2:] == ["*.service", "web.service"]


def test_systemd_that_does_not_answer_is_no_empty_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing found and nothing asked are two things."""
    monkeypatch.setattr(discover.bounded, "run", lambda *_args, **_more: Ended(None, b"", b"", False, 1))
    with pytest.raises(OSError, match="no answer in time"):
        discover.step(None, {})  # type: ignore[arg-type]


class Answer(BaseHTTPRequestHandler):
    """Answers by a table of statuses; 404 for what is not in it."""

    pages: ClassVar[dict[str, int]] = {}

    def do_GET(self) -> None:
        self.send_response(self.pages.get(self.path, 404))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """A server on loopback."""
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("pages", "path", "status"),
    [
        ({"/health": 200, "/": 200}, "/health", 200),
        ({"/": 200}, "/", 200),
        ({"/": 302}, "/", 302),
        ({}, "/", 404),
        ({"/health": 503, "/": 500}, None, None),
    ],
)
def test_a_port_that_answers_over_http(port: int, pages: dict[str, int], path: str | None, status: int | None) -> None:
    """/health if it is well, else whatever / says, as long as that is no error of the server's."""
    Answer.pages = pages
    seen = discover._port("0.0.0.0", port)
    assert (seen["host"], seen["path"], seen["status"]) == ("127.0.0.1", path, status)


def test_a_port_that_speaks_something_else() -> None:
    """It is a port, and that is all that is known."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=lambda: [server.accept()[0].close() for _time in range(2)], daemon=True).start()
        seen = discover._port("127.0.0.1", server.getsockname()[1])
    assert (seen["host"], seen["path"]) == ("127.0.0.1", None)
