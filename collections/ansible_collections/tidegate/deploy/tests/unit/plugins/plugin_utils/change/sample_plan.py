# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of two hosts, for tests that change one part of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import Entry, Manifest
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.build import build

MANIFEST = Manifest.of(
    [
        Entry("bin", "dir", mode=0o755),
        Entry("bin/web", "file", mode=0o755, size=10, sha256="a" * 64),
        Entry("site.yml", "file", mode=0o644, size=5, sha256="b" * 64),
    ]
)
ARTIFACT = {
    "kind": "file",
    "name": "web.tar.gz",
    "sha256": "c" * 64,
    "size_bytes": 99,
    "strip": 0,
    "url": None,
    "allow_hosts": [],
}
DEFINITION = {"v": 1, "service": "web", "root": "/opt/web", "probes": [{"kind": "http", "url": "http://a/"}]}
HOSTS = [plan.Host("web2", DEFINITION, "2.3.0-abc", "b"), plan.Host("web1", DEFINITION, plan.ABSENT, "a")]


def a_plan(**changes: Any) -> plan.Plan:
    """The plan, with other parts where a test says so."""
    parts = {
        "service": "web",
        "environment": "production",
        "title": None,
        "version": "2.4.0",
        "manifest": MANIFEST,
        "artifact": ARTIFACT,
        "hosts": HOSTS,
        "waves": [["web1"], ["web2"]],
        "floor": 1,
        "budget": 0,
        "back_for_s": 604800,
        "checks": {},
        "limits": {"max_bytes": 1},
    }
    return build(**{**parts, **changes})
