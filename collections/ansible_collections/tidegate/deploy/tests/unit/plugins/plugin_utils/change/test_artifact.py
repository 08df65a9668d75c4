# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An artifact is read once: its digest, its size and its manifest are of the same bytes."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import socket
import tarfile
import threading

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.archive import Limits
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import artifact, download, file

LIMITS = Limits().doc


def tarball(**files):
    """The bytes of a gzipped tar archive."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return raw.getvalue()


BYTES = tarball(web="version 2", readme="read me")
SHA256 = hashlib.sha256(BYTES).hexdigest()


def change(folder, **source):
    """A change file beside an artifact that may be there."""
    entry = {"kind": "file", "path": str(folder / "web.tar.gz"), **source}
    return file.ChangeFile(
        place=str(folder / "web.yml"), service="web", release="2", artifact=file.ArtifactSource(**entry)
    )


def refused(wanted, **options):
    """The refusal of a change's artifact."""
    with pytest.raises(Refusal) as caught:
        artifact.resolve(wanted, options.pop("cache", None), LIMITS, **options)
    return caught.value


def test_a_file(tmp_path):
    """A file's digest, size and manifest are found, and told as a plan has them."""
    (tmp_path / "web.tar.gz").write_bytes(BYTES)

    found = artifact.resolve(change(tmp_path), None, LIMITS)

    assert ["readme", "web"] == [entry.path for entry in found.manifest.entries]
    assert tmp_path / "web.tar.gz" == found.local_path
    assert {
        "kind": "file",
        "name": "web.tar.gz",
        "sha256": SHA256,
        "size_bytes": len(BYTES),
        "strip": 0,
        "url": None,
        "allow_hosts": [],
    } == found.doc


def test_the_promised_digest(tmp_path):
    """A file with the digest that the change file gives is taken, any other is refused with both."""
    (tmp_path / "web.tar.gz").write_bytes(BYTES)

    assert SHA256 == artifact.resolve(change(tmp_path, sha256=SHA256), None, LIMITS).sha256
    refusal = refused(change(tmp_path, sha256="0" * 64))
    assert "DIGEST" == refusal.code
    assert f"found SHA-256 {SHA256}, expected {'0' * 64}" in refusal.message


NO_FILE = {
    "missing": (lambda path: None, "No such file or directory"),
    "folder": (lambda path: path.mkdir(), "not a regular file"),
    "pipe": (os.mkfifo, "not a regular file"),
}


@pytest.mark.parametrize(("make", "message"), NO_FILE.values(), ids=NO_FILE)
def test_no_file(tmp_path, make, message):
    """What is no file is refused with the change file and the resolved path."""
    make(tmp_path / "web.tar.gz")

    refusal = refused(change(tmp_path))

    assert "ARTIFACT_MISSING" == refusal.code
    assert f"{tmp_path}/web.yml: artifact.file: {tmp_path}/web.tar.gz: {message}" in refusal.message


def test_a_bad_archive_is_refused_with_its_member(tmp_path):
    """What would never be unpacked on a host is refused on the controller, before any host is asked."""
    (tmp_path / "web.tar.gz").write_bytes(tarball(**{"../web": "x"}))

    refusal = refused(change(tmp_path))

    assert "ARCHIVE" == refusal.code
    assert "../web" in refusal.message


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    """Digest and manifest are never of different bytes."""
    path = tmp_path / "web.tar.gz"
    path.write_bytes(BYTES)
    derive = artifact.manifest_of

    def derive_late(*arguments):
        path.write_bytes(tarball(web="something else"))
        return derive(*arguments)

    monkeypatch.setattr(artifact, "manifest_of", derive_late)

    assert "changed while it was read" in refused(change(tmp_path)).message


class Answers:
    """A download that gives these bytes, and counts how often it was asked."""

    def __init__(self, data):
        self.data = data
        self.count = 0

    def __call__(self, source, folder, most_bytes):
        self.count += 1
        path = folder / source.sha256
        path.write_bytes(self.data)
        return os.open(path, os.O_RDONLY)


def url_change(folder, url="http://a/web.tar.gz", **source):
    """A change with an artifact behind a URL."""
    return change(folder, kind="url", path="", url=url, sha256=SHA256, **source)


def test_a_download_is_kept_by_digest(tmp_path):
    """What was downloaded once is not downloaded again."""
    answers = Answers(BYTES)

    for _time in range(2):
        found = artifact.resolve(url_change(tmp_path), tmp_path / "store/cache", LIMITS, answers)

    assert 1 == answers.count
    assert tmp_path / "store/cache" / SHA256 == found.local_path
    assert BYTES == found.local_path.read_bytes()
    assert 0o700 == (tmp_path / "store/cache").stat().st_mode & 0o777
    assert "http://a/web.tar.gz" == found.doc["url"]
    assert "web.tar.gz" == found.doc["name"]


def test_a_spoiled_cache_is_downloaded_again(tmp_path):
    """A kept download that is not what its name says is never used."""
    (tmp_path / SHA256).write_bytes(BYTES[:10])
    answers = Answers(BYTES)

    found = artifact.resolve(url_change(tmp_path), tmp_path, LIMITS, answers)

    assert (1, BYTES) == (answers.count, found.local_path.read_bytes())


def test_without_a_cache_nothing_is_kept(tmp_path):
    """Check mode reads a download through, and leaves no file."""
    found = artifact.resolve(url_change(tmp_path), None, LIMITS, Answers(BYTES))

    assert found.local_path is None
    assert [] == list(tmp_path.iterdir())
    assert SHA256 == found.sha256


def test_a_wrong_size_is_refused(tmp_path):
    """The size that a change file gives must be the artifact's."""
    refusal = refused(url_change(tmp_path, size_bytes=7), download=Answers(BYTES))

    assert "DIGEST" == refusal.code
    assert f"found {len(BYTES)} bytes, expected 7" in refusal.message


# --- over HTTP -------------------------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the artifact, a redirect to it, and mistakes."""

    def do_HEAD(self):
        self.answer(head=True)

    def do_GET(self):
        self.answer(head=False)

    def answer(self, head):
        if self.path == "/moved.tar.gz":
            self.send_response(302)
            self.send_header("Location", "/web.tar.gz")
            self.end_headers()
        elif self.path == "/elsewhere.tar.gz":
            self.send_response(302)
            self.send_header("Location", "http://other.example.com/web.tar.gz")
            self.end_headers()
        elif self.path == "/web.tar.gz":
            self.send_response(200)
            self.send_header("Content-Length", str(len(BYTES)))
            self.end_headers()
            if not head:
                self.wfile.write(BYTES)
        elif self.path == "/sizeless.tar.gz":
            self.send_response(200)
            self.end_headers()
        else:
            self.send_error(404)

    def log_message(self, *_arguments):
        """Say nothing."""


@pytest.fixture
def server():
    """The address of a web server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


@pytest.mark.parametrize("name", ["web.tar.gz", "moved.tar.gz"])
def test_over_http(tmp_path, server, name):
    """An artifact behind a URL is downloaded, also through a redirect; its size need not be known."""
    source = url_change(tmp_path, url=f"{server}/{name}", allow_hosts=("127.0.0.1",))

    found = artifact.resolve(source, tmp_path / "cache", LIMITS)

    assert (SHA256, len(BYTES)) == (found.sha256, found.size_bytes)
    assert BYTES == found.local_path.read_bytes()


BAD_ANSWERS = {
    "404": ("gone.tar.gz", "/gone.tar.gz: found status 404 to HEAD, expected 200"),
    "no size": ("sizeless.tar.gz", "found no size, expected one"),
    "redirect to a stranger": ("elsewhere.tar.gz", "is not allowed, expected one of: 127.0.0.1"),
}


@pytest.mark.parametrize(("name", "message"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_bad_answers(tmp_path, server, name, message):
    """A server that does not give the file is refused with what it gave."""
    refusal = refused(url_change(tmp_path, url=f"{server}/{name}", allow_hosts=("127.0.0.1",)))

    assert "FETCH" == refusal.code
    assert message in refusal.message


def test_nobody_answers(tmp_path):
    """A server that is not there is refused."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    refusal = refused(url_change(tmp_path, url=f"http://127.0.0.1:{port}/a", allow_hosts=("127.0.0.1",)))

    assert "FETCH" == refusal.code
    assert "refused" in refusal.message


def test_too_large_for_the_limits(tmp_path, server):
    """A download beyond the limits is refused before it begins."""
    source = file.ArtifactSource(kind="url", url=f"{server}/web.tar.gz", sha256=SHA256, allow_hosts=("127.0.0.1",))

    with pytest.raises(Refusal, match=f"found {len(BYTES)} bytes, expected at most 10"):
        download.download(source, tmp_path, 10)
