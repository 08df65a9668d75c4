# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that stands for a host, in which a release is staged without root."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.archive import Limits
from ansible_collections.tidegate.deploy.plugins.module_utils.host.clock import Clock
from ansible_collections.tidegate.deploy.plugins.module_utils.host.disk import Disk
from ansible_collections.tidegate.deploy.plugins.module_utils.host.extract import Nowhere, Reading, Sink, read_artifact
from ansible_collections.tidegate.deploy.plugins.module_utils.host.host import Host
from ansible_collections.tidegate.deploy.plugins.module_utils.host.paths import Paths
from ansible_collections.tidegate.deploy.plugins.module_utils.host.staging import stage
from ansible_collections.tidegate.deploy.plugins.module_utils.host.tree import Authority


class FolderHost:
    """A folder that stands for a host, in which `stage` runs without root."""

    def __init__(self, top: str) -> None:
        self.top = top
        self.root = os.path.join(top, "opt")
        no_units: Any = None
        self.authority = Authority(uid=os.getuid(), top=top, chown=False)
        self.host = Host(Paths(state=os.path.join(top, "state")), Disk(), Clock(), no_units, self.authority)

    def definition(self, **changes: Any) -> dict[str, Any]:
        doc = {"v": 1, "service": "web", "root": self.root, "unit": "web.service", "owner": "root", "group": "root"}
        limits = {"drain_s": 30, "hook_s": 60, "restart_s": 60, "probe_s": 60, "confirm_s": 120}
        doc.update(user=None, start="restart", links={}, drain=None, hooks={"before": None, "after": None})
        probe = {"kind": "unit", "name": "unit", "unit": "web.service", "from": "host", "timeout_s": 5, "in_a_row": 3}
        doc.update(probes=[{**probe, "over_s": 2, "every_ms": 500}], limits=limits, keep=3)
        return {**doc, **changes}

    def request(self, data: bytes, manifest: str, settings: dict[str, Any], **definition: Any) -> dict[str, Any]:
        sha256 = hashlib.sha256(data).hexdigest()
        name, strip = settings.get("name", "a.bin"), settings.get("strip", 0)
        return {
            "definition": self.definition(**definition),
            "release": {"id": f"1.0-{manifest[:12]}", "version": "1.0", "manifest": manifest},
            "artifact": {"name": name, "sha256": sha256, "size_bytes": len(data), "strip": strip},
            "source": {"kind": "push"},
            "limits": {**Limits().doc, **settings.get("limits", {})},
        }

    def push(self, data: bytes, manifest: str, settings: dict[str, Any]) -> dict[str, Any]:
        return stage(self.request(data, manifest, settings), io.BytesIO(data), self.host)

    def left(self) -> list[str]:
        """All files and links that are there, except for the locks."""
        found = [os.path.join(folder, name) for folder, folders, names in os.walk(self.top) for name in names + folders]
        links_and_files = [path for path in found if os.path.islink(path) or not os.path.isdir(path)]
        inside = [os.path.relpath(path, self.top) for path in links_and_files]
        new = [os.path.relpath(path, self.top) for path in found if os.path.basename(path).startswith(".new-")]
        return sorted(set(inside + new) - {"state/services/web/staging.lock", "state/lock"})


def read(data: bytes, settings: dict[str, Any], sink: Sink | None = None) -> Reading:
    """What `read_artifact` makes of bytes."""
    limits = Limits.parse(settings.get("limits", {}))
    with tempfile.TemporaryFile() as artifact:
        artifact.write(data)
        artifact.flush()
        name, strip = settings.get("name", "a.bin"), settings.get("strip", 0)
        return read_artifact(artifact.fileno(), name, strip, limits, sink or Nowhere())
