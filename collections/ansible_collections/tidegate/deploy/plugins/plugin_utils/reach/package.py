# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host program as one reproducible package: the same sources give the same bytes and so the same digest.

Nothing in it is compressed: what deflate makes of a text differs from one zlib to another, and then two controllers would not know
each other's program.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = "tidegate_host"
ROOMS = ("core", "host")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SOURCES = Path(__file__).resolve().parents[2] / "module_utils"


@dataclass(frozen=True)
class Package:
    """A zip of ``tidegate_host/{core,host}/*.py`` and the digest by which hosts know it."""

    data: bytes
    digest: str


@functools.cache
def host_program(sources: Path = _SOURCES) -> Package:
    """Pack the host program.

    Args:
        sources: the folder that holds the rooms ``core`` and ``host``.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, f"{ROOT}/", b"")
        _add(archive, f"{ROOT}/__init__.py", b"")
        for room in ROOMS:
            _add(archive, f"{ROOT}/{room}/", b"")
            _add(archive, f"{ROOT}/{room}/__init__.py", b"")
            for source in sorted((sources / room).glob("*.py")):
                if source.name != "__init__.py":
                    _add(archive, f"{ROOT}/{room}/{source.name}", source.read_bytes())
    data = buffer.getvalue()
    return Package(data, hashlib.sha256(data).hexdigest())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # Folders are entries of their own: without them zipimport does not find namespace packages.
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
    info.create_system = 3
    archive.writestr(info, content)
