# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases of the bench: the same bytes whenever and wherever they are made, another content for each version."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BUILT_AT = 1_767_225_600  # 2026-01-01T00:00:00Z
POOL_BYTES = 4 << 20
BINARY_EVERY = 4  # one file in four does not compress, as images and compiled modules do not
FILES_PER_FOLDER = 40

# Started as `app VERSION_FILE`: it imports next to nothing, so that its own start is a small part of what is measured.
SERVER = """\
import os, socket
answer = "HTTP/1.0 200 OK\\r\\nX-Release: %s\\r\\nContent-Length: %d\\r\\n\\r\\n%s\\n" % (version, len(version) + 1, version)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("", int(os.environ["PORT"])))
listener.listen(64)
while True:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5)
        try:
            connection.recv(65536)
            connection.sendall(answer.encode())
        except OSError:
            pass
"""
PROGRAM = f"""\
#!/usr/bin/python3 -IS
with open(__file__.rpartition("/bin/")[0] + "/VERSION") as file:
    version = file.read().strip()
{SERVER}"""


@dataclass(frozen=True)
class Release:
    """An artifact and what is in it."""

    version: str
    path: Path
    sha256: str
    files: int
    content_bytes: int

    @property
    def is_archive(self) -> bool:
        """Whether it has to be unpacked; else it is one program."""
        return self.path.name.endswith(".tar.gz")


def archive(place: Path, version: str, files: int, content_bytes: int) -> Release:
    """A `tar.gz` of a program, its version and many files of text and of bytes that do not compress.

    Args:
        place: the folder for it; what is there already is taken.
        version: differs in every file, so that no two releases share any.
        files: how many, at least 3.
        content_bytes: of all of them, unpacked.
    """
    path = place / f"{version}-{files}-{content_bytes}" / "app.tar.gz"
    if not path.exists():
        _write(path, _gzipped(_members(version, files, content_bytes)))
    return _release(version, path, files, content_bytes)


def program(place: Path, version: str, content_bytes: int) -> Release:
    """One executable file of a size, as compiled services are: a program, and after it bytes that do not compress."""
    path = place / f"{version}-1-{content_bytes}" / "app"
    if not path.exists():
        start = f"#!/bin/sh\nexec /usr/bin/python3 -IS -c 'version = \"{version}\"\n{SERVER}'\n".encode()
        _write(path, start + random.Random(version).randbytes(content_bytes - len(start)), mode=0o755)
    return _release(version, path, 1, content_bytes)


def _release(version: str, path: Path, files: int, content_bytes: int) -> Release:
    with path.open("rb") as file:
        return Release(version, path, hashlib.file_digest(file, "sha256").hexdigest(), files, content_bytes)


def _members(version: str, files: int, content_bytes: int) -> Iterator[tuple[str, bytes, int]]:
    """Names, contents and modes, in the order of the archive."""
    own = [("VERSION", f"{version}\n".encode(), 0o644), ("bin/web", PROGRAM.encode(), 0o755)]
    yield from own
    rest = files - len(own)
    sizes = _sizes(rest, content_bytes - sum(len(content) for _, content, _ in own))
    chance = random.Random("contents")
    words = [chance.randbytes(chance.randint(1, 6)).hex().encode() for _ in range(2000)]
    text = b" ".join(chance.choices(words, k=POOL_BYTES // 6))
    noise = chance.randbytes(POOL_BYTES)
    for number, size in enumerate(sizes):
        pool, ending = (noise, "bin") if number % BINARY_EVERY == 0 else (text, "txt")
        start = chance.randrange(POOL_BYTES // 2)
        body = f"{version} {number}\n".encode() + pool[start : start + size]
        while len(body) < size:
            body += pool[: size - len(body)]
        yield f"lib/part{number // FILES_PER_FOLDER:02}/file{number:04}.{ending}", body[:size], 0o644


def _sizes(count: int, total: int) -> list[int]:
    """Sizes that add up to a total: many small files and a few large ones, as in most applications."""
    chance = random.Random("sizes")
    weights = [chance.lognormvariate(0, 1.2) for _ in range(count)]
    sizes = [max(32, int(total * weight / sum(weights))) for weight in weights]
    sizes[sizes.index(max(sizes))] += total - sum(sizes)
    return sizes


def _gzipped(members: Iterator[tuple[str, bytes, int]]) -> bytes:
    """Pack with all that could differ fixed: order, times, owners, and a gzip header that names neither file nor system."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=BUILT_AT, compresslevel=6) as plain,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content, mode in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), mode, BUILT_AT
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.chmod(mode)
    new.replace(path)
