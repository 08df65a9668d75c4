# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server that answers as an API does, and fails as servers fail: each fault is served for every request."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

PASSWORD = "s3cret-of-the-site"


class Api:
    """A server of one system. Subclasses answer.

    Attributes:
        fault: what goes wrong with each request: a key of `FAULTS`, or None.
        requests: what was asked: method, path, query, body.
    """

    system = ""

    def __init__(self) -> None:
        self.fault: str | None = None
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.released = threading.Event()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Api:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def with_tls(self, certificate: str, key: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def authorized(self, headers: Any) -> bool:
        """Whether a request carries the credential."""
        raise NotImplementedError

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, document and headers."""
        raise NotImplementedError

    def error(self, status: int) -> Any:
        """The body of an error, as this system has it."""
        raise NotImplementedError


class _Handler(BaseHTTPRequestHandler):
    api: Api

    def log_message(self, *_arguments: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        self.api.requests.append((self.command, unquote(parts.path), query, body))
        if self.api.fault is not None:
            FAULTS[self.api.fault](self)
        elif not self.api.authorized(self.headers):
            self.send(401, self.api.error(401))
        else:
            self.send(*self.api.answer(self.command, unquote(parts.path), query, body))

    def send(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        said = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


def _status(number: int) -> Any:
    return lambda handler: handler.send(number, handler.api.error(number))


def _drip(handler: _Handler) -> None:
    """A byte now and then, so that no single read takes long."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while not handler.api.released.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()
    except OSError:
        return


def _cut(handler: _Handler) -> None:
    """Less than was announced."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"result": [{"number": "CHG0030001", "approval": "approved"')


def _echo(handler: _Handler) -> None:
    """An error that repeats the credential."""
    handler.send(403, {"message": f"nobody knows {handler.headers.get('Authorization')} {PASSWORD}"})


FAULTS: dict[str, Any] = {
    "401": _status(401),
    "403": _status(403),
    "404": _status(404),
    "429": _status(429),
    "500": _status(500),
    "503 in HTML": lambda handler: handler.send(503, b"<html>maintenance</html>"),
    "asleep": lambda handler: handler.send(200, b"<html>Your instance is hibernating</html>"),
    "redirect": lambda handler: handler.send(302, b"", {"Location": "https://evil.example.org/login?x=1"}),
    "nothing": lambda handler: handler.send(200, b""),
    "null": lambda handler: handler.send(200, None),
    "list of numbers": lambda handler: handler.send(200, [1, 2, 3]),
    "a key twice": lambda handler: handler.send(200, b'{"result": [], "result": []}'),
    "deep": lambda handler: handler.send(200, b"[" * 100_000),
    "endless": lambda handler: handler.send(200, b" " * (4 * 1024 * 1024 + 1)),
    "not utf-8": lambda handler: handler.send(200, b'{"result": "\xff"}'),
    "cut": _cut,
    "drip": _drip,
    "echo": _echo,
}
