# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own download over HTTP or HTTPS: to allowed hosts only, resumable, bounded in size and time.

No proxy, credentials or configuration of the environment is used. What arrives is hashed while it is written to a
private file that is named by the digest it must have; an interrupted download goes on from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..core.errors import Refusal
from ..core.names import printable
from ..core.urls import PORTS, Url
from . import answers
from .clock import Clock
from .extract import write_all
from .space import disk_refusal

ATTEMPTS = 4
MAX_REDIRECTS = 5
READ_TIMEOUT_S = 15
_BLOCK_BYTES = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_WAIT_S = 0.5
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


@dataclass(frozen=True)
class Download:
    """What is fetched.

    Args:
        url: where it is; its own host is allowed unless `allow_hosts` says otherwise.
        allow_hosts: `host` or `host:port`, for the URL and every redirect; empty means the URL's own host only.
        sha256: what it must be.
        size_bytes: how long it must be.
        timeout_s: for all attempts together.
    """

    url: str
    allow_hosts: tuple[str, ...]
    sha256: str
    size_bytes: int
    timeout_s: int


def fetch(download: Download, folder: str, clock: Clock) -> int:
    """Download into a private file.

    Args:
        download: what.
        folder: private, on a file system with room; keeps what was interrupted. One caller at a time.
        clock: measures the time.

    Returns:
        A descriptor of the file; the caller closes it and removes the file when it is done with it.

    Raises:
        Refusal: FETCH, DIGEST or NO_SPACE.
    """
    url = Url.parse(download.url)
    if download.allow_hosts:
        url.require_allowed(download.allow_hosts)
    path = os.path.join(folder, download.sha256)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _Transfer(download, url, fd, clock).run()
    except BaseException as error:
        os.close(fd)
        resumable = isinstance(error, Refusal) and error.code == "FETCH" and os.path.getsize(path) > 0
        if not resumable:
            os.unlink(path)
        refusal = disk_refusal(error, folder) if isinstance(error, OSError) else None
        if refusal is not None:
            raise refusal from None
        raise
    return fd


class _Interrupted(Exception):
    """An attempt ended early, for a reason that may be gone at the next one."""


class _Transfer:
    """One download with its attempts."""

    def __init__(self, download: Download, url: Url, fd: int, clock: Clock) -> None:
        self._download = download
        self._url = url
        self._fd = fd
        self._clock = clock
        self._end_ms = clock.now_ms() + 1000 * download.timeout_s
        self._digest = hashlib.sha256()
        self._have_bytes = 0

    def run(self) -> None:
        self._take_up()
        resumed = self._have_bytes > 0
        reason = ""
        for attempt in range(ATTEMPTS):
            try:
                if self._have_bytes < self._download.size_bytes:
                    self._attempt()
            except _Interrupted as interrupted:
                reason = str(interrupted)
                self._clock.sleep(max(0.0, min(_WAIT_S * 2**attempt, self._left_s())))
                continue
            if self._digest.hexdigest() == self._download.sha256:
                return
            if not resumed:
                raise self._wrong_digest()
            resumed = False  # what was left of an earlier run may be to blame: once more from the beginning
            self._start_over()
        raise self._refuse(f"{reason or 'wrong content after a resumed download'}; tried {ATTEMPTS} times")

    def _take_up(self) -> None:
        """Hash what an earlier run left."""
        if os.fstat(self._fd).st_size > self._download.size_bytes:
            self._start_over()
        os.lseek(self._fd, 0, os.SEEK_SET)
        while True:
            block = os.read(self._fd, _BLOCK_BYTES)
            if not block:
                return
            self._digest.update(block)
            self._have_bytes += len(block)

    def _start_over(self) -> None:
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self._digest = hashlib.sha256()
        self._have_bytes = 0

    def _attempt(self) -> None:
        url = self._url
        for _hop in range(MAX_REDIRECTS + 1):
            with self._answer(url) as response:
                if response.status not in _REDIRECTS:
                    self._receive(response)
                    return
                location = response.all("Location") or ""
                url = url.redirected(location, self._download.allow_hosts or self._url.own_hosts)
        raise self._refuse(f"more than {MAX_REDIRECTS} redirects")

    @contextlib.contextmanager
    def _answer(self, url: Url) -> Iterator[answers.Answer]:
        """The head of the answer to a request; whatever breaks on the network from here on is an interruption."""
        sock: socket.socket | None = None
        try:
            sock = self._connect(url)
            headers = {"User-Agent": "tidegate-host", "Accept-Encoding": "identity", "Connection": "close"}
            if self._have_bytes:
                headers["Range"] = f"bytes={self._have_bytes}-"
            port = None if url.port == PORTS[url.scheme] else url.port
            sock.settimeout(self._time_for_a_read())
            sock.sendall(answers.request("GET", url.host, port, url.request, headers))
            reader = io.BufferedReader(_TimedReader(sock, self._time_for_a_read), _BLOCK_BYTES)
            yield answers.Answer(reader, "GET")
        except _WriteError as error:
            raise error.cause from None
        except answers.CutShort:
            raise _Interrupted("connection closed early") from None
        except answers.Broken as error:
            raise _Interrupted(f"answer broken ({error})") from None
        except OSError as error:
            raise self._network_error(error) from None
        finally:
            if sock is not None:
                sock.close()

    def _connect(self, url: Url) -> socket.socket:
        """A connection to an address that was itself checked, so that a name cannot lead elsewhere afterwards."""
        addresses = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        for *_kind, address in addresses:
            url.require_address(str(address[0]))
        for index, (family, kind, protocol, _name, address) in enumerate(addresses):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self._time_for_a_read())
                sock.connect(address)
                return self._with_tls(sock, url) if url.scheme == "https" else sock
            except OSError:
                sock.close()
                if index == len(addresses) - 1:
                    raise
        raise self._refuse(f"{url.host} has no address")

    @staticmethod
    def _with_tls(sock: socket.socket, url: Url) -> socket.socket:
        import ssl

        try:
            return ssl.create_default_context().wrap_socket(sock, server_hostname=url.host)
        except ssl.SSLCertVerificationError as error:
            raise Refusal("FETCH", f"{url}: certificate refused: {error.verify_message}", url=str(url)) from None

    def _receive(self, response: answers.Answer) -> None:
        self._check_head(response)
        while True:
            block = response.some(_BLOCK_BYTES)
            if not block:
                break
            if self._have_bytes + len(block) > self._download.size_bytes:
                raise self._too_long(f"more than {self._download.size_bytes}")
            try:
                write_all(self._fd, block)
            except OSError as error:
                raise _WriteError(error) from None
            self._digest.update(block)
            self._have_bytes += len(block)
        if self._have_bytes < self._download.size_bytes:
            raise _Interrupted("connection closed early")

    def _check_head(self, response: answers.Answer) -> None:
        status = response.status
        if status == 416 or (status == 200 and self._have_bytes):
            self._start_over()
        if status == 416 or status == 429 or status >= 500:
            raise _Interrupted(f"status {status}")
        if status == 206:
            match = _CONTENT_RANGE.fullmatch(response.all("Content-Range") or "")
            if not match or int(match[1]) != self._have_bytes:
                self._start_over()
                raise _Interrupted("another range than was asked for")
        elif status != 200:
            raise self._refuse(f"status {status} {printable(response.reason)}, expected 200")
        encoding = response.all("Content-Encoding") or "identity"
        if encoding != "identity":
            raise self._refuse(f"content encoding {printable(encoding)}, expected none")
        if response.length is not None and self._have_bytes + response.length > self._download.size_bytes:
            raise self._too_long(str(self._have_bytes + response.length))

    def _left_s(self) -> float:
        return (self._end_ms - self._clock.now_ms()) / 1000

    def _time_for_a_read(self) -> float:
        """How long the next call on the network may take.

        Raises:
            Refusal: FETCH; the time for the whole download is over.
        """
        left_s = self._left_s()
        if left_s <= 0:
            found = (
                f"not complete after {self._download.timeout_s} s; what arrived is kept: run again, or allow more time"
            )
            raise self._refuse(found)
        return min(left_s, READ_TIMEOUT_S)

    def _network_error(self, error: OSError) -> Exception:
        if isinstance(error, socket.timeout):
            self._time_for_a_read()
            return _Interrupted(f"nothing arrived for {READ_TIMEOUT_S} s")
        return _Interrupted(error.strerror or type(error).__name__)

    def _refuse(self, found: str) -> Refusal:
        have, size = self._have_bytes, self._download.size_bytes
        return Refusal(
            "FETCH", f"{self._url}: {found} ({have} of {size} bytes are here)", url=str(self._url), have=have
        )

    def _too_long(self, found: str) -> Refusal:
        expected = self._download.size_bytes
        return Refusal("DIGEST", f"{self._url}: {found} bytes found, expected {expected}", url=str(self._url))

    def _wrong_digest(self) -> Refusal:
        found, expected = self._digest.hexdigest(), self._download.sha256
        return Refusal(
            "DIGEST", f"{self._url}: sha256 {found} found, expected {expected}", found=found, expected=expected
        )


class _WriteError(Exception):
    """Writing failed, which is not the network's fault."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _TimedReader(io.RawIOBase):
    """What comes from a socket, with a fresh time limit before every call.

    A server that sends a byte now and then never lets a socket's own timeout pass.
    """

    def __init__(self, sock: socket.socket, timeout_s: Callable[[], float]) -> None:
        super().__init__()
        self._sock = sock
        self._timeout_s = timeout_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._timeout_s())
        return self._sock.recv_into(buffer)
