# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two plans is told in lines that people read."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.difference import difference
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.change.sample_plan import (
    ARTIFACT,
    DEFINITION,
    HOSTS,
    a_plan,
)

DIFFERENCES = {
    "budget": ({"budget": 1}, ["budget: 0 → 1"]),
    "title": ({"title": "x"}, ["title: nothing → 'x'"]),
    "waves": (
        {"waves": [["web2"], ["web1"]]},
        ["waves: web1 | web2 → web2 | web1"],
    ),
    "artifact": ({"artifact": {**ARTIFACT, "strip": 1}}, ["artifact.strip: 0 → 1"]),
    "limit added": ({"limits": {"max_bytes": 1, "max_entries": 2}}, ["limits.max_entries: added 2"]),
    "limit removed": ({"limits": {}}, ["limits.max_bytes: removed 1"]),
    "definition of one host": (
        {
            "hosts": [
                HOSTS[0],
                plan.Host("web1", {**DEFINITION, "probes": [{"kind": "http", "url": "http://b/"}]}, "absent", "a"),
            ]
        },
        ["definition of web1: probes[0].url: 'http://a/' → 'http://b/'"],
    ),
    "definition of both hosts": (
        {"hosts": [plan.Host(h.name, {**DEFINITION, "root": "/srv"}, h.previous, h.domain) for h in HOSTS]},
        ["definition of web1, web2: root: '/opt/web' → '/srv'"],
    ),
    "host added": (
        {"hosts": [*HOSTS, plan.Host("web3", DEFINITION)], "waves": [["web1"], ["web2", "web3"]]},
        ["hosts added: web3", "waves: web1 | web2 → web1 | web2 web3"],
    ),
    "domain": (
        {"hosts": [HOSTS[0], plan.Host("web1", DEFINITION, "absent", "z")]},
        ["web1: domain 'a' → 'z'"],
    ),
}


@pytest.mark.parametrize(("changes", "lines"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_difference_says_what_changed(changes, lines):
    """Each difference is one readable line, and hosts that differ alike share one."""
    assert lines == difference(a_plan(), a_plan(**changes))


def test_difference_of_releases_names_both():
    """A new version shows both release ids."""
    lines = difference(a_plan(), a_plan(version="2.4.1"))

    assert [f"release: {a_plan().release_id} → {a_plan(version='2.4.1').release_id}"] == lines


def test_what_runs_now_makes_no_difference():
    """Another expected previous release is told by nobody: it is no difference of content."""
    moved = a_plan(hosts=[plan.Host("web2", DEFINITION, "9.9.9-f", "b"), HOSTS[1]])

    assert difference(a_plan(), moved) == []
