# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice releases: archives that come out the same, byte for byte, whenever and wherever they are built."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

SERVICES = Path(__file__).resolve().parent / "services"
PLACE = Path(__file__).resolve().parent.parent / "build" / "releases"
BUILT_AT = 1_767_225_600  # 2026-01-01T00:00:00Z
VERSIONS = {
    "1.0.0": None,
    "2.0.0": None,
    "3.0.0": "crash",  # ends by itself 3 s after its start
    "4.0.0": "wrong",  # runs, and gives another version than its own
    "5.0.0": "slow",  # answers after 2 s; a worker beats every 10 s
}


def build(place: Path = PLACE) -> list[Path]:
    """Build every release of every practice service.

    Args:
        place: The folder for the archives, named ``<service>-<version>.tar.gz``.

    Returns:
        The archives.
    """
    place.mkdir(parents=True, exist_ok=True)
    return [
        _write(place / f"{service}-{version}.tar.gz", _files(service, version, trouble))
        for service in ("web", "worker")
        for version, trouble in VERSIONS.items()
    ]


def build_bulky(version: str, files: int, place: Path = PLACE) -> Path:
    """Build a good release of the web service with many small files, whose unpacking takes a moment.

    Args:
        version: what it is called.
        files: how many there are beside its own.
        place: the folder for the archive.
    """
    place.mkdir(parents=True, exist_ok=True)
    own = _files("web", version, None)
    more = {f"pages/{number:05}.txt": (f"page {number}\n".encode(), 0o644) for number in range(files)}
    return _write(place / f"web-{version}.tar.gz", {**own, **more})


def _files(service: str, version: str, trouble: str | None) -> dict[str, tuple[bytes, int]]:
    files = {
        "VERSION": (f"{version}\n".encode(), 0o644),
        f"bin/{service}": ((SERVICES / service).read_bytes(), 0o755),
    }
    if trouble:
        files["TROUBLE"] = (f"{trouble}\n".encode(), 0o644)
    return files


def _write(path: Path, files: dict[str, tuple[bytes, int]]) -> Path:
    """Write one archive with everything that could differ fixed: order, times, owners, the header of gzip."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in sorted({str(Path(name).parent) for name in files} - {"."}):
            archive.addfile(_entry(folder, 0o755, tarfile.DIRTYPE))
        for name, (content, mode) in sorted(files.items()):
            archive.addfile(_entry(name, mode, tarfile.REGTYPE, len(content)), io.BytesIO(content))
    new = path.with_name(f".{path.name}.{os.getpid()}.new")  # others may build the same at this moment
    new.write_bytes(_gzipped(plain.getvalue()))
    new.replace(path)
    return path


def _entry(name: str, mode: int, kind: bytes, size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type, entry.size, entry.mtime = mode, kind, size, BUILT_AT
    return entry


def _gzipped(content: bytes) -> bytes:
    """Compress with a header that names neither a file nor a system."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=BUILT_AT) as archive:
        archive.write(content)
    return packed.getvalue()
