# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP answers are read as Python's own client reads them, or are refused; none is taken for more than it was."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.host import answers

WHOLE = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Release: 1.0.0\r\n\r\nhello and more",
    b"HTTP/1.1 200\r\n\r\nuntil the end",
    b"HTTP/1.0 404 Not Found\nContent-Length: 0\n\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nTrailer: x\r\n\r\nrest",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\ncontent-length: 3\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nall",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n12345",
    b"HTTP/1.1 302 Found\r\nLocation:  https://a.example/b \r\nContent-Length: 0\r\n\r\n",
]
BROKEN = [
    (b"", answers.NoAnswer),
    (b"SSH-2.0-OpenSSH_9.2\r\n", answers.NotHttp),
    (b"HTTP/2 200\r\n\r\n", answers.NotHttp),
    (b"HTTP/1.1 2000 OK\r\n\r\n", answers.NotHttp),
    (b"HTTP/1.1 two OK\r\n\r\n", answers.NotHttp),
    (b"HTTP/1.1 " + b"2" * 70_000, answers.NotHttp),
    (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n", answers.NotHttp),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", answers.CutShort),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", answers.CutShort),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", answers.CutShort),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", answers.NotHttp),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", answers.NotHttp),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", answers.NotHttp),
]


def read(data: bytes, method: str = "GET", limit: int = 4) -> tuple[answers.Answer, bytes]:
    """An answer and all of its body, in small pieces."""
    answer = answers.Answer(io.BufferedReader(io.BytesIO(data)), method)  # type: ignore[type-var]
    blocks = []
    while block := answer.some(limit):
        assert len(block) <= limit
        blocks.append(block)
    return answer, b"".join(blocks)


class Sock:
    """What Python's own client takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> Any:
        return io.BytesIO(self._data)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("data", WHOLE)
def test_answers_are_read_as_by_pythons_own_client(data: bytes, method: str) -> None:
    """Status, words, headers and body."""
    expected = http.client.HTTPResponse(Sock(data), method=method)  # type: ignore[arg-type]
    expected.begin()
    answer, body = read(data, method)
    assert (answer.status, answer.reason) == (expected.status, expected.reason)
    assert answer.headers == [(name, value.strip()) for name, value in expected.getheaders()]
    assert body == expected.read()


@pytest.mark.parametrize(("data", "error"), BROKEN)
def test_what_is_no_whole_answer_is_refused(data: bytes, error: type[answers.Broken]) -> None:
    """Each in its own way; a part of a body is never taken for all of it."""
    with pytest.raises(error):
        read(data)


def test_headers_that_come_twice_or_on_two_lines() -> None:
    """All of their values, and the first."""
    answer, _body = read(b"HTTP/1.1 200 OK\r\nA: 1\r\nnonsense\r\na: 2\r\nB: x\r\n  y\r\nContent-Length: 0\r\n\r\n")
    assert (answer.first("A"), answer.all("a"), answer.all("B"), answer.all("C")) == ("1", "1, 2", "x y", None)


@pytest.mark.parametrize(
    ("host", "port", "line"),
    [("web1", None, "Host: web1"), ("web1", 8080, "Host: web1:8080"), ("::1", 80, "Host: [::1]:80")],
)
def test_requests(host: str, port: Any, line: str) -> None:
    """One request line, the host as the scheme has it, the headers, no body."""
    asked = answers.request("GET", host, port, "/health?a=b", {"Accept": "*/*"})
    assert asked.decode().split("\r\n") == ["GET /health?a=b HTTP/1.1", line, "Accept: */*", "", ""]
