# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP/1 request and its answer, for probes and downloads.

Each step of the host program is a process of its own, and to import `http.client` takes it longer than to ask and to
read: that brings the parser of mails along.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

MAX_LINE_BYTES = 64 * 1024
MAX_HEADERS = 100
_CONTINUE = 100
_WITHOUT_BODY = (204, 304)
_HEXADECIMAL = b"0123456789abcdefABCDEF"


class Broken(Exception):
    """What came is no whole HTTP answer."""


class NoAnswer(Broken):
    """The connection was closed before anything came."""


class NotHttp(Broken):
    """It does not follow the protocol."""


class CutShort(Broken):
    """The connection was closed before the end that the answer had announced."""


def request(method: str, host: str, port: Optional[int], target: str, headers: dict[str, str]) -> bytes:
    """The bytes of a request without a body.

    Args:
        method: such as GET.
        host: name or address, an IPv6 one without brackets.
        port: if it is to be named: not when it is the scheme's own.
        target: path and query.
        headers: all but Host.
    """
    name = f"[{host}]" if ":" in host else host
    lines = [f"{method} {target} HTTP/1.1", f"Host: {name}" if port is None else f"Host: {name}:{port}"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


class Answer:
    """The head of an answer, and its body as it comes.

    Args:
        file: buffered, from the first byte of the answer on.
        method: of the request.

    Attributes:
        status: its code.
        reason: the words behind it.
        headers: as they came.
        length: of the body as announced; None where it ends with the last chunk or the connection.

    Raises:
        Broken: there is no head that can be read.
    """

    def __init__(self, file: Any, method: str) -> None:
        self._file = file
        self.status, self.reason = self._status_line()
        while self.status == _CONTINUE:
            self._read_headers()
            self.status, self.reason = self._status_line()
        self.headers = self._read_headers()
        self._chunked = (self.first("Transfer-Encoding") or "").lower() == "chunked"
        self._chunk_left = 0
        self.length = None if self._chunked else self._announced()
        if method == "HEAD" or self.status in _WITHOUT_BODY or self.status < 200:
            self._chunked, self.length = False, 0
        self._left = self.length
        self._over = False

    def first(self, name: str) -> Optional[str]:
        """The value of a header, the first where it comes more than once."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: str) -> Optional[str]:
        """The values of a header with commas between them; None where it does not come."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower()) or None

    def some(self, limit: int) -> bytes:
        """At least one and at most `limit` bytes of the body, or none at its end.

        Raises:
            CutShort: the connection ended before the body did.
            NotHttp: a chunk that is none.
        """
        if self._over:
            return b""
        if self._chunked:
            return self._some_of_chunks(limit)
        if self._left is None:
            return bytes(self._file.read1(limit))
        block: bytes = self._file.read1(min(limit, self._left)) if self._left else b""
        if self._left and not block:
            raise CutShort(f"{self._left} bytes of the body are missing")
        self._left -= len(block)
        return block

    def _some_of_chunks(self, limit: int) -> bytes:
        if not self._chunk_left:
            self._chunk_left = self._chunk_size()
            if not self._chunk_left:
                self._read_headers()  # trailers
                self._over = True
                return b""
        block: bytes = self._file.read1(min(limit, self._chunk_left))
        if not block:
            raise CutShort("the connection was closed inside a chunk")
        self._chunk_left -= len(block)
        if not self._chunk_left and self._line().strip():
            raise NotHttp("a chunk that is longer than it says")
        return block

    def _chunk_size(self) -> int:
        line = self._line()
        if not line:
            raise CutShort("the connection was closed between chunks")
        digits = line.partition(b";")[0].strip()
        if not digits or digits.strip(_HEXADECIMAL):
            raise NotHttp("a chunk without its size")
        return int(digits, 16)

    def _status_line(self) -> tuple[int, str]:
        line = self._line()
        if not line:
            raise NoAnswer("the connection was closed without an answer")
        version, _space, rest = line.decode("latin-1").strip().partition(" ")
        code, _space, reason = rest.strip().partition(" ")
        if not version.startswith(("HTTP/1.", "HTTP/0.9")) or not (
            len(code) == 3 and code.isascii() and code.isdigit()
        ):
            raise NotHttp("no status line")
        return int(code), reason.strip()

    def _read_headers(self) -> list[tuple[str, str]]:
        headers: list[tuple[str, str]] = []
        for _number in range(MAX_HEADERS + 1):
            line = self._line().decode("latin-1")
            if line in ("\r\n", "\n", ""):
                return headers
            if line[0] in " \t" and headers:
                headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
                continue
            name, colon, value = line.partition(":")
            if colon:
                headers.append((name.strip(), value.strip()))
        raise NotHttp(f"more than {MAX_HEADERS} headers")

    def _announced(self) -> Optional[int]:
        text = self.first("Content-Length") or ""
        return int(text) if text.isascii() and text.isdigit() else None

    def _line(self) -> bytes:
        line: bytes = self._file.readline(MAX_LINE_BYTES + 1)
        if len(line) > MAX_LINE_BYTES:
            raise NotHttp("a line without end")
        return line
