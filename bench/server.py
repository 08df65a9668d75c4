# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small web server for the artifacts: it knows ranges, and hands files to the kernel without reading them."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Files(ThreadingHTTPServer):
    """Serves the files of a folder on one address; a context manager that serves while it is entered."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: str, folder: Path) -> None:
        super().__init__((address, 0), _Answer)
        self.folder = folder.resolve()

    def url(self, path: Path) -> str:
        """Where a file of the folder is found."""
        return f"http://{self.server_address[0]!s}:{self.server_port}/{path.resolve().relative_to(self.folder)}"

    def __enter__(self) -> Files:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: Files
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = (self.server.folder / self.path.lstrip("/")).resolve()
        if not (path.is_relative_to(self.server.folder) and path.is_file()):
            self.send_error(404)
            return
        size = path.stat().st_size
        asked = RANGE.fullmatch(self.headers.get("Range", ""))
        first = int(asked.group(1)) if asked else 0
        last = min(int(asked.group(2) or size - 1), size - 1) if asked else size - 1
        if asked and first > last:
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if self.command == "GET":
            self.wfile.flush()
            with path.open("rb") as file:
                self.connection.sendfile(file, first, last - first + 1)

    do_HEAD = do_GET  # noqa: N815 -- the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing per request."""
