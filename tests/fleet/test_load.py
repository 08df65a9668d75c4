# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load sender sends as often as told, and counts every request exactly once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab.load import Load


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(500 if self.path == "/wrong" else 200)
        self.send_header("X-Release", "1.0.0")
        self.send_header("Content-Length", "9" if self.path == "/short" else "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    """A server that answers well, wrongly at /wrong and incompletely at /short."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _await(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    """Return as soon as the condition is true."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "the load was not sent in time"
        time.sleep(0.01)


def test_good_answers_are_counted_by_release(address: str) -> None:
    """Each good answer counts for the release that gave it."""
    began = time.monotonic()
    with Load(f"{address}/", rate=50) as load:
        _await(lambda: load.ok >= 30)
    took_s = time.monotonic() - began

    assert load.failed == 0
    assert 30 <= load.ok <= 50 * took_s + 1
    assert load.answers == {"1.0.0": load.ok}
    assert load.summary().startswith(f"{load.ok} requests: {load.ok} answered ({load.ok} by 1.0.0), 0 failed; slowest")


@pytest.mark.parametrize(("path", "what"), [("/wrong", "status 500"), ("/short", "IncompleteReadError")])
def test_bad_answers_are_failures(address: str, path: str, what: str) -> None:
    """A wrong status and half an answer are failures, and named."""
    with Load(f"{address}{path}", rate=50) as load:
        _await(lambda: load.failed > 5)

    assert load.ok == 0
    assert load.failures == {what: load.failed}


def test_refused_connections_are_failures() -> None:
    """Nobody there: every request is a failure, none is forgotten."""
    with Load("http://127.0.0.1:1/", rate=50) as load:
        _await(lambda: load.failed > 5)

    assert load.failures == {"ConnectionRefusedError": load.failed}


def test_no_address() -> None:
    """What is no http address is a caller's bug."""
    with pytest.raises(ValueError, match="a load needs an http address"):
        Load("ftp://example")
