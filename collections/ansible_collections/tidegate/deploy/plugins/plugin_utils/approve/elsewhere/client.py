# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A REST API of another system: JSON over HTTP, bounded in time and size. Whatever is not plainly an answer holds.

- TLS is verified. Plain HTTP is spoken to this machine only, where a proxy may listen.
- No redirect is followed, so that a credential never reaches another host.
- A request as a whole has a time limit, also where a server sends a byte now and then.
- Credentials are in headers only, and are cut out of everything that the other side says before it is shown.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Timer
from typing import Any
from urllib.parse import urlencode

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import printable
from ansible_collections.tidegate.deploy.plugins.module_utils.core.urls import Url
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import System

MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_SAID_BYTES = 2000
TIMEOUT_S = 30

_HELP = {
    401: "the credential is not accepted there",
    403: "the account that Tidegate uses there may not do this",
    404: "it is not there, or the account that Tidegate uses there may not see it",
    429: "too many requests: run this again later",
}


@dataclass(frozen=True)
class Answer:
    """What a server answered.

    Attributes:
        document: the JSON value.
        headers: by their names in lower case.
    """

    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """Asks one system.

    Args:
        system: its name, for messages.
        url: where its API lies; paths are appended to it.
        headers: sent with each request, credentials among them.
        secrets: what is never shown.
        ca_file: certificates that are trusted instead of the machine's; None for those.
        timeout_s: for a request as a whole.

    Raises:
        Refusal: DATA, the URL is none, or would carry a credential over plain HTTP to another machine.
    """

    def __init__(
        self,
        system: str,
        url: str,
        headers: Mapping[str, str],
        secrets: tuple[str, ...] = (),
        ca_file: str | None = None,
        timeout_s: int = TIMEOUT_S,
    ) -> None:
        self.system = system
        self._base = _base(system, url)
        self._headers = headers
        self._secrets = secrets
        self._ca_file = ca_file
        self._timeout_s = timeout_s

    @classmethod
    def of(cls, system: System, headers: Mapping[str, str], *secrets: str) -> Client:
        """The client of a system as the policy of the site describes it.

        Args:
            system: how it is reached.
            headers: sent with each request, credentials among them.
            secrets: what is never shown.

        Raises:
            Refusal: as the constructor.
        """
        return cls(system.name, system.url, headers, secrets, system.ca_file, system.timeout_s)

    def url_of(self, path: str) -> str:
        """The whole URL of a path, for records."""
        return f"{self._base.full.rstrip('/')}/{path}"

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Read.

        Args:
            path: below the API's URL, escaped, without a slash in front.
            query: names and values.

        Raises:
            Refusal: ELSEWHERE, whatever is not an answer of status 200 with a JSON document.
        """
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None, (200,))

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Answer:
        """Write a document.

        Raises:
            Refusal: as `get`; 201 is an answer, too.
        """
        return self._ask(method, path, json.dumps(document).encode("utf-8"), (200, 201))

    def unclear(self, what: str) -> Refusal:
        """The refusal of an answer that cannot be understood.

        Args:
            what: it is that was found, and what was expected.
        """
        return self._refusal(f"{what}; nothing is concluded from it, look there and run this again")

    def _ask(self, method: str, path: str, body: bytes | None, expected: tuple[int, ...]) -> Answer:
        target = f"{self._base.request.rstrip('/')}/{path}"
        headers = {"Accept": "application/json", "User-Agent": "tidegate", "Connection": "close", **self._headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        with self._bounded() as connection:
            connection.request(method, target, body=body, headers=headers)
            with connection.getresponse() as response:
                said = response.read(MAX_ANSWER_BYTES + 1)
        found = {name.lower(): value for name, value in response.getheaders()}
        if response.status not in expected:
            raise self._refused(response.status, found, said)
        if len(said) > MAX_ANSWER_BYTES:
            raise self.unclear(f"found an answer of more than {MAX_ANSWER_BYTES} bytes")
        return Answer(self._parsed(said), found)

    @contextmanager
    def _bounded(self) -> Iterator[http.client.HTTPConnection]:
        """A connection that is cut when the time is up; whatever breaks on the way is a refusal."""
        connection = self._connection()
        late = Event()
        sockets: list[socket.socket] = []  # a connection forgets its socket before the answer is read
        timer = Timer(self._timeout_s, _cut, (sockets, late))
        timer.daemon = True
        try:
            timer.start()
            connection.connect()
            sockets.append(connection.sock)
            if late.is_set():  # there was no socket yet that could be cut
                raise self._too_slow()
            yield connection
            if late.is_set():
                raise self._too_slow()
        except ssl.SSLCertVerificationError as error:
            raise self._refusal(f"its certificate is refused: {error.verify_message}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                raise self._too_slow() from None
            raise self._refusal(f"no answer: {printable(self._clean(str(error)) or type(error).__name__)}") from None
        finally:
            timer.cancel()
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port, timeout_s = self._base.host, self._base.port, self._timeout_s
        if self._base.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise Refusal(
                "DATA", f"tidegate_policy.elsewhere.{self.system}.ca_file: {self._ca_file}: {error.strerror or error}"
            ) from None
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)

    def _parsed(self, said: bytes) -> Any:
        try:
            return json.loads(said.decode("utf-8"), object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise self.unclear("found an answer that is not JSON") from None

    def _refused(self, status: int, headers: Mapping[str, str], said: bytes) -> Refusal:
        if 300 <= status < 400:
            where = printable(self._clean(headers.get("location", "")).partition("?")[0]) or "nowhere"
            return self._refusal(f"redirects to {where}; write the address that answers as its url")
        why = _HELP.get(status, "")
        told = self._clean(_message(said))
        text = "; ".join(part for part in (printable(told), why) if part)
        return self._refusal(f"answers with status {status}{f' ({text})' if text else ''}")

    def _too_slow(self) -> Refusal:
        return self._refusal(f"no whole answer within {self._timeout_s} s")

    def _refusal(self, found: str) -> Refusal:
        return Refusal("ELSEWHERE", f"{self.system} ({self._base}): {found}", system=self.system)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


def _base(system: str, url: str) -> Url:
    place = f"tidegate_policy.elsewhere.{system}.url"
    try:
        base = Url.parse(url)
    except Refusal as refusal:
        raise Refusal("DATA", f"{place}: {refusal.message}") from None
    if "?" in base.request:
        raise Refusal("DATA", f"{place}: found a query in {base}, expected the address of an API")
    if base.scheme == "http" and base.host not in ("localhost", "127.0.0.1", "::1"):
        raise Refusal("DATA", f"{place}: found {base}, expected https: credentials are sent there")
    return base


def _cut(sockets: list[socket.socket], late: Event) -> None:
    """End whatever a connection waits for."""
    late.set()
    for sock in sockets:
        with suppress(OSError):  # closed meanwhile: nobody waits for anything
            sock.shutdown(socket.SHUT_RDWR)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that says something twice could be read in two ways."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _message(said: bytes) -> str:
    """What a server says about an error, in any of the forms that the four systems have; empty for other ones."""
    try:
        document = json.loads(said[:MAX_SAID_BYTES])
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    error = document.get("error", document)
    parts = [error.get(key) for key in ("message", "detail")] if isinstance(error, dict) else [error]
    return ": ".join(part for part in parts if isinstance(part, str) and part)
