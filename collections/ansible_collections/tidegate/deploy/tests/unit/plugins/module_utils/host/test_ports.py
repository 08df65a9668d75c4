# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on a port, as the kernel tells it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import parse
from ansible_collections.tidegate.deploy.plugins.module_utils.host.ports import Holder, asked_by, holder_of


@pytest.mark.parametrize(
    ("family", "bound", "asked"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "127.0.0.1", "localhost"),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::1", "localhost"),
        (socket.AF_INET6, "::", "127.0.0.1"),
    ],
)
def test_a_real_listener_is_found(family: socket.AddressFamily, bound: str, asked: str) -> None:
    """Our own server is named with our process, whatever address it has."""
    with socket.socket(family) as server:
        try:
            server.bind((bound, 0))
        except OSError:
            pytest.skip(f"no {bound} on this machine")
        server.listen()
        holder = holder_of(asked, server.getsockname()[1])
    assert holder is not None
    assert holder.pid == os.getpid()
    assert str(holder) == f"{Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})"


def test_a_free_port() -> None:
    """A port that was closed again is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert holder_of("127.0.0.1", port) is None


def test_a_listener_on_another_address_is_in_nobodys_way() -> None:
    """A server on 127.0.0.2 does not answer a probe of 127.0.0.1."""
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        assert holder_of("127.0.0.1", port) is None
        assert holder_of("127.0.0.2", port) is not None


def test_a_holder_that_is_not_to_be_seen(tmp_path: Path) -> None:
    """The kernel's table says taken, no process shows the socket; and no table says nothing."""
    (tmp_path / "net").mkdir()
    row = "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 4711 1 0 100 0 0 10 0\n"
    (tmp_path / "net" / "tcp").write_text("header\n" + row)
    assert holder_of("127.0.0.1", 8080, str(tmp_path)) == Holder(None, None)
    assert str(Holder(None, None)) == "another process"
    assert holder_of("127.0.0.1", 8081, str(tmp_path)) is None
    assert holder_of("127.0.0.1", 8080, str(tmp_path / "nowhere")) is None


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        ({"kind": "http", "url": "http://127.0.0.1:8080/x"}, ("127.0.0.1", 8080)),
        ({"kind": "http", "url": "https://localhost/x"}, ("localhost", 443)),
        ({"kind": "http", "url": "http://[::1]:1/"}, ("::1", 1)),
        ({"kind": "http", "url": "http://web.example/"}, None),
        ({"kind": "tcp", "port": 25}, ("127.0.0.1", 25)),
        ({"kind": "tcp", "host": "127.1.2.3", "port": 25}, ("127.1.2.3", 25)),
        ({"kind": "tcp", "host": "10.0.0.1", "port": 25}, None),
        ({"kind": "unit", "unit": "web.service"}, None),
    ],
)
def test_what_a_probe_asks(doc: dict[str, object], expected: tuple[str, int] | None) -> None:
    """Only what a probe asks on this host can be in the way here."""
    assert asked_by(parse(doc)) == expected
