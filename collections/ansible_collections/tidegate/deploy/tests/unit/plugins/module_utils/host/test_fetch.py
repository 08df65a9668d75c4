# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own download takes exactly the promised bytes, from allowed hosts only, and not for ever."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import random
import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.host import fetch as fetching
from ansible_collections.tidegate.deploy.plugins.module_utils.host.clock import Clock
from ansible_collections.tidegate.deploy.plugins.module_utils.host.fetch import ATTEMPTS, Download, fetch

DATA = random.Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers the n-th request by the n-th of the server's answers, and all later ones by the last."""

    server: Any
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        number = len(self.server.seen)
        self.server.seen.append((self.path, dict(self.headers)))
        answers = self.server.answers
        with contextlib.suppress(ConnectionError):
            answers[min(number, len(answers) - 1)](self)
        self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def head(self, status: int, length: int | None, **more: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in more.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    @property
    def start(self) -> int:
        """Where the requested range begins."""
        return int(self.headers.get("Range", "bytes=0-").partition("=")[2].rstrip("-"))


def whole(handler: Handler) -> None:
    """The data or, if asked, the rest of it."""
    start = handler.start
    if start:
        found = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
        handler.head(206, len(DATA) - start, Content_Range=found)
    else:
        handler.head(200, len(DATA))
    handler.wfile.write(DATA[start:])


def without_ranges(handler: Handler) -> None:
    """The data, whatever range was asked for."""
    handler.head(200, len(DATA))
    handler.wfile.write(DATA)


def without_length(handler: Handler) -> None:
    """The data until the connection ends."""
    handler.head(200, None, Connection="close")
    handler.wfile.write(DATA)


def chunked(handler: Handler) -> None:
    """The data in chunks."""
    handler.head(200, None, Transfer_Encoding="chunked")
    for at in range(0, len(DATA), 50_000):
        block = DATA[at : at + 50_000]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
    handler.wfile.write(b"0\r\n\r\n")


def cut(handler: Handler) -> None:
    """A third of what is left, then the end of the connection."""
    start = handler.start
    handler.head(206 if start else 200, len(DATA) - start, Content_Range=f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
    handler.wfile.write(DATA[start : start + (len(DATA) - start) // 3])


def other(handler: Handler) -> None:
    """As many bytes, but other ones."""
    handler.head(200, len(DATA))
    handler.wfile.write(b"x" * len(DATA))


def endless(handler: Handler) -> None:
    """Data that never ends."""
    handler.head(200, None, Connection="close")
    while True:
        handler.wfile.write(b"x" * 65536)


def too_long(handler: Handler) -> None:
    """Announces more than was promised."""
    handler.head(200, len(DATA) + 1)
    handler.wfile.write(DATA + b"x")


def drip(handler: Handler) -> None:
    """A byte now and then, in the middle of the header."""
    with contextlib.suppress(OSError):
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b"H")
            handler.wfile.flush()


def drip_body(handler: Handler) -> None:
    """A byte of the data now and then."""
    handler.head(200, len(DATA))
    with contextlib.suppress(OSError):
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b"x")


def nothing(handler: Handler) -> None:
    """Not a word."""
    handler.server.over.wait(60)


def encoded(handler: Handler) -> None:
    """Compressed on the way, though it was not asked for."""
    handler.head(200, len(DATA), Content_Encoding="gzip")
    handler.wfile.write(DATA)


def wrong_range(handler: Handler) -> None:
    """Another range than was asked for."""
    if handler.start:
        handler.head(206, len(DATA), Content_Range=f"bytes 0-{len(DATA) - 1}/{len(DATA)}")
        handler.wfile.write(DATA)
    else:
        whole(handler)


def no_http(handler: Handler) -> None:
    """Something else than HTTP."""
    handler.wfile.write(b"220 mail ready\r\n")


def status(code: int) -> Answer:
    """An answer without content."""
    return lambda handler: handler.head(code, 0)


def to(location: str, code: int = 302) -> Answer:
    """A redirect; `{port}` is the server's own."""
    return lambda handler: handler.head(code, 0, Location=location.format(port=handler.server.server_port))


class Web:
    """A real server on a thread, and what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.answers, self.server.seen, self.server.over = answers, [], threading.Event()
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Web:
        self.thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.server.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/web-1.0.tar.gz?a=b"

    @property
    def ranges(self) -> list[str | None]:
        """The range of each request."""
        return [headers.get("Range") for _path, headers in self.server.seen]


class QuickClock(Clock):
    """Real time, but nobody waits between two attempts."""

    def sleep(self, seconds: float) -> None:
        """Do not."""


def download(folder: Path, url: str, timeout_s: float = 20, **changes: Any) -> bytes:
    """What a download gives; the file is removed as its user would do it."""
    values: dict[str, Any] = {"url": url, "allow_hosts": (), "sha256": SHA256, "size_bytes": len(DATA), **changes}
    fd = fetch(Download(timeout_s=timeout_s, **values), str(folder), QuickClock())  # type: ignore[arg-type]
    try:
        assert stat.S_IMODE(os.fstat(fd).st_mode) == 0o600
        return os.pread(fd, len(DATA) + 1, 0)
    finally:
        os.close(fd)


def refusal(folder: Path, url: str, **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        download(folder, url, **changes)
    return caught.value


# --- what works ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [whole, without_length, chunked])
def test_the_promised_bytes_arrive(tmp_path: Path, answer: Answer) -> None:
    """However the server sends them; the request names no encoding and nothing of the host's configuration."""
    with Web(answer) as web:
        assert download(tmp_path, web.url) == DATA
    path, headers = web.server.seen[0]
    assert path == "/web-1.0.tar.gz?a=b"
    assert headers["Accept-Encoding"] == "identity"
    assert set(headers) == {"Host", "User-Agent", "Accept-Encoding", "Connection"}


def test_a_broken_download_goes_on_where_it_was(tmp_path: Path) -> None:
    """Each attempt asks only for what is missing."""
    with Web(cut, cut, whole) as web:
        assert download(tmp_path, web.url) == DATA
    assert web.ranges == [None, "bytes=100000-", "bytes=166666-"]


def test_a_later_run_goes_on_where_an_earlier_one_ended(tmp_path: Path) -> None:
    """What arrived is kept for the next run, privately."""
    with Web(cut, status(503)) as web:
        found = refusal(tmp_path, web.url)
    assert found.code == "FETCH"
    assert "status 503" in found.message
    assert f"100000 of {len(DATA)} bytes are here" in found.message
    assert (tmp_path / SHA256).read_bytes() == DATA[:100000]
    with Web(whole) as web:
        assert download(tmp_path, web.url) == DATA
    assert web.ranges == ["bytes=100000-"]


def test_a_complete_file_is_not_fetched_again(tmp_path: Path) -> None:
    """A run that was killed after the download finds everything there."""
    (tmp_path / SHA256).write_bytes(DATA)
    (tmp_path / SHA256).chmod(0o600)
    with Web(whole) as web:
        assert download(tmp_path, web.url) == DATA
    assert web.ranges == []


@pytest.mark.parametrize("answer", [without_ranges, wrong_range, status(416)])
def test_a_server_that_cannot_resume_is_asked_for_everything(tmp_path: Path, answer: Answer) -> None:
    """A half file is given up when the server does not go on with it."""
    (tmp_path / SHA256).write_bytes(DATA[:1000])
    (tmp_path / SHA256).chmod(0o600)
    with Web(answer, whole) as web:
        assert download(tmp_path, web.url) == DATA
    assert web.ranges[0] == "bytes=1000-"


@pytest.mark.parametrize("leftover", [b"y" * 1000, b"y" * len(DATA), b"y" * (len(DATA) + 1)])
def test_a_leftover_with_other_bytes_does_not_spoil_the_next_run(tmp_path: Path, leftover: bytes) -> None:
    """When the digest is wrong after resuming, the leftover is dropped and all is fetched once more."""
    (tmp_path / SHA256).write_bytes(leftover)
    (tmp_path / SHA256).chmod(0o600)
    with Web(whole) as web:
        assert download(tmp_path, web.url) == DATA


def test_a_redirect_on_the_same_server_is_followed(tmp_path: Path) -> None:
    """Relative and absolute, up to five times."""
    hops = [to("/a"), to("b", 301), to("http://127.0.0.1:{port}/c", 303), to("/d", 307), to("/e?f", 308)]
    with Web(*hops, whole) as web:
        assert download(tmp_path, web.url) == DATA
    assert [path for path, _headers in web.server.seen][1:] == ["/a", "/b", "/c", "/d", "/e?f"]


def test_a_redirect_to_an_allowed_host_is_followed(tmp_path: Path) -> None:
    """The allow-list of the change counts for redirects too."""
    with Web(whole) as second, Web(to(f"http://localhost:{second.server.server_port}/x")) as first:
        assert download(tmp_path, first.url, allow_hosts=("127.0.0.1", "localhost")) == DATA


def test_proxies_of_the_environment_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the caller's environment says can lead a download elsewhere."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Web(whole) as web:
        assert download(tmp_path, web.url) == DATA


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (other, "DIGEST", f"expected {SHA256}"),
        (too_long, "DIGEST", f"{len(DATA) + 1} bytes found, expected {len(DATA)}"),
        (endless, "DIGEST", f"more than {len(DATA)} bytes found"),
        (status(404), "FETCH", "status 404 Not Found, expected 200"),
        (status(401), "FETCH", "status 401"),
        (status(204), "FETCH", "status 204"),
        (encoded, "FETCH", "content encoding gzip, expected none"),
        (status(500), "FETCH", f"status 500; tried {ATTEMPTS} times"),
        (no_http, "FETCH", "answer broken"),
        (to("/again"), "FETCH", "more than 5 redirects"),
        (to("http://localhost:{port}/x"), "FETCH", " is not allowed, expected one of: 127.0.0.1"),
        (to("http://127.0.0.1:1/x"), "FETCH", "127.0.0.1:1 is not allowed"),
        (to("http://169.254.169.254/latest/meta-data"), "FETCH", "169.254.169.254:80 is not allowed"),
        (to("file:///etc/passwd"), "FETCH", "scheme 'file' found"),
        (to("ftp://127.0.0.1/x"), "FETCH", "scheme 'ftp' found"),
        (to("//evil.example/x"), "FETCH", "evil.example:80 is not allowed"),
        (to("http://user@127.0.0.1:{port}/x"), "FETCH", "user name or password"),
    ],
)
def test_a_bad_answer_is_refused_and_leaves_nothing(tmp_path: Path, answer: Answer, code: str, message: str) -> None:
    """The refusal says what was found and expected; no file stays where no byte is worth keeping."""
    with Web(answer) as web:
        found = refusal(tmp_path, web.url)
    assert (found.code, message in found.message) == (code, True), found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc/passwd", "scheme 'file' found, expected http or https"),
        ("http://allowed.example@127.0.0.1/x", "user name or password"),
        ("http://127.0.0.1\\@allowed.example/x", "only plain ASCII"),
        ("http://169.254.169.254/latest", "address 169.254.169.254 found"),
        ("http://[fe80::1]/x", "address fe80::1 found"),
        ("http://[::ffff:169.254.169.254]/x", "address 169.254.169.254 found"),
        ("http://0.0.0.0/x", "address 0.0.0.0 found"),
        ("http://2130706433/x", "leads to the loopback address 127.0.0.1"),
        ("http://127.1/x", "leads to the loopback address 127.0.0.1"),
        ("http:///x", "expected a host"),
        ("http://127.0.0.1:99999/x", "Port out of range"),
    ],
)
def test_a_bad_url_is_refused_without_a_request(tmp_path: Path, url: str, message: str) -> None:
    """Schemes, credentials, metadata services and disguised loopback addresses."""
    found = refusal(tmp_path, url)
    assert (found.code, message in found.message) == ("FETCH", True), found
    assert list(tmp_path.iterdir()) == []


def test_the_allow_list_counts_for_the_url_itself(tmp_path: Path) -> None:
    """A change that names hosts means all of them."""
    with Web(whole) as web:
        assert (
            "is not allowed, expected one of: cdn.example"
            in refusal(tmp_path, web.url, allow_hosts=("cdn.example",)).message
        )
        assert web.ranges == []


@pytest.mark.parametrize("answer", [drip, drip_body, nothing])
def test_a_slow_server_is_left_at_the_deadline(tmp_path: Path, answer: Answer) -> None:
    """A byte now and then does not keep a download alive; what arrived is kept for the next run."""
    clock = Clock()
    before_ms = clock.now_ms()
    with Web(answer) as web:
        found = refusal(tmp_path, web.url, timeout_s=0.4)
    assert found.code == "FETCH"
    assert "not complete after 0.4 s" in found.message
    assert clock.now_ms() - before_ms < 30_000


def test_a_silent_server_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection that hangs costs its own time limit, not the whole download."""
    monkeypatch.setattr(fetching, "READ_TIMEOUT_S", 0.2)
    with Web(nothing, whole) as web:
        assert download(tmp_path, web.url) == DATA


def test_a_refused_connection_is_named(tmp_path: Path) -> None:
    """With the reason that the system gives."""
    with Web(whole) as web:
        url = web.url
    assert "Connection refused; tried" in refusal(tmp_path, url).message


def test_a_full_disk_is_no_network_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named for what it is, at once, and the bytes so far are removed."""

    def full(_fd: int, _block: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching, "write_all", full)
    with Web(whole) as web:
        assert refusal(tmp_path, web.url).code == "NO_SPACE"
    assert len(web.ranges) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    """Even in the private folder."""
    (tmp_path / "victim").write_bytes(b"")
    (tmp_path / SHA256).symlink_to("victim")
    with Web(whole) as web, pytest.raises(OSError, match="Too many levels of symbolic links"):
        download(tmp_path, web.url)
    assert (tmp_path / "victim").read_bytes() == b""


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    """Every server of a test has ended with it."""
    before = threading.active_count()
    yield
    assert threading.active_count() <= before + 1
