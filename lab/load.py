# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bounded sender of requests: so many a second, whether or not answers come; it counts what came of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from types import TracebackType
from urllib.parse import urlsplit

LEAST_AT_ONCE = 200
WAITING_S = 5  # so long an answer may take before the sender itself has too many on their way
TIMEOUT_S = 10.0
RELEASE_HEADER = "x-release"


class Load:
    """Requests to one address, each on a connection of its own; a context manager that sends while it is entered.

    Attributes:
        answers: How many good answers each release gave, by the header X-Release.
        failures: How many requests failed, by what happened; one that could not be sent in time is "not sent".
        latencies_s: How long each good answer took.
    """

    def __init__(self, url: str, rate: float = 50.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or rate <= 0:
            raise ValueError(f"a load needs an http address and a rate above 0, not {url!r} and {rate}")
        self._where = (parts.hostname, parts.port or 80)
        self._request = f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._pause_s = 1 / rate
        self._at_once = max(LEAST_AT_ONCE, round(rate * WAITING_S))
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send_all()), daemon=True)
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.latencies_s: list[float] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for the answers that are still to come."""
        self._stopped.set()
        self._thread.join()

    @property
    def ok(self) -> int:
        """How many requests were answered well."""
        return self.answers.total()

    @property
    def failed(self) -> int:
        """How many were not."""
        return self.failures.total()

    def summary(self) -> str:
        """One line for people."""
        releases = ", ".join(f"{count} by {release}" for release, count in sorted(self.answers.items())) or "none"
        failures = ", ".join(f"{count} {what}" for what, count in sorted(self.failures.items()))
        slowest = max(self.latencies_s, default=0.0) * 1000
        line = f"{self.ok + self.failed} requests: {self.ok} answered ({releases}), {self.failed} failed"
        return line + (f" ({failures})" if failures else "") + f"; slowest answer {slowest:.0f} ms"

    async def _send_all(self) -> None:
        """Send at fixed moments; a request that would be one too many at once counts as failed."""
        running: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while not self._stopped.is_set():
            if len(running) < self._at_once:
                task = asyncio.create_task(self._send())
                running.add(task)
                task.add_done_callback(running.discard)
            else:
                self.failures["not sent"] += 1
            due += self._pause_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        if running:
            await asyncio.wait(running)

    async def _send(self) -> None:
        started = time.monotonic()
        try:
            status, release = await asyncio.wait_for(self._exchange(), TIMEOUT_S)
        except TimeoutError:
            self.failures["without an answer in time"] += 1
        except (OSError, ValueError, IndexError, EOFError) as error:
            self.failures[type(error).__name__] += 1
        else:
            if status == 200:
                self.answers[release] += 1
                self.latencies_s.append(time.monotonic() - started)
            else:
                self.failures[f"status {status}"] += 1

    async def _exchange(self) -> tuple[int, str]:
        """Send one request and read all of its answer; a shorter body than announced is an EOFError."""
        reader, writer = await asyncio.open_connection(*self._where)
        try:
            writer.write(self._request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {
                key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:])
            }
            await reader.readexactly(int(headers.get("content-length", "0")))
            return int(head[0].split()[1]), headers.get(RELEASE_HEADER, "unnamed")
        finally:
            writer.close()
