# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases that a host keeps, for a change that goes to one of them and brings no artifact."""

from __future__ import annotations

import os

from ..core import canonical
from ..core.errors import Refusal
from ..core.manifest import Manifest
from ..core.release import is_release_id
from .intact import damage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .host import Host


def retained(host: Host, definition: dict[str, Any], wanted: str) -> list[dict[str, Any]]:
    """The releases of a version that this host keeps, each by its manifest, and what is wrong with it.

    Args:
        host: where.
        definition: of the service.
        wanted: a version, or the id of one release.
    """
    try:
        names = sorted(os.listdir(os.path.join(definition["root"], "releases")))
    except FileNotFoundError:
        return []
    meant = [name for name in names if is_release_id(name) and wanted in (name, name.rpartition("-")[0])]
    return [_described(host, definition, name) for name in meant]


def _described(host: Host, definition: dict[str, Any], release: str) -> dict[str, Any]:
    wrong = damage(host, definition, release)
    if wrong:
        return {"id": release, "damage": wrong}
    try:
        with open(host.paths.manifest(definition["service"], release), "rb") as file:
            manifest = Manifest.parse(canonical.loads(file.read()))
    except (OSError, ValueError, Refusal) as error:  # retention took it since
        return {"id": release, "damage": str(error)}
    return {
        "id": release,
        "damage": "",
        "manifest": manifest.digest,
        "files": manifest.files,
        "size_bytes": manifest.size_bytes,
    }
