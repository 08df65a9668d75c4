# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release is older than another."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.downgrade import _is_older

RISING = [
    "0.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2",
    "v1.10",
    "2026.11.28",
]
"""The example of Semantic Versioning, clause 11, and what else dotted numbers are."""


@pytest.mark.parametrize(("older", "newer"), list(pairwise(RISING)))
def test_versions_of_numbers_have_an_order(older, newer):
    """Numbers count as numbers, and what leads to a release comes before it."""
    assert _is_older(older, f"{newer}-aaaaaaaaaaaa")
    assert not _is_older(newer, f"{older}-aaaaaaaaaaaa")
    assert not _is_older(older, f"{older}-aaaaaaaaaaaa")


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0.0"), ("1.0+a", "1.0+b"), ("main", "1.0"), ("f00", "ba5")])
def test_what_has_no_order_is_never_older(one, other):
    """Nobody can say of names and hashes which is older, and builds of one version are the same."""
    assert not _is_older(one, f"{other}-aaaaaaaaaaaa")
    assert not _is_older(other, f"{one}-aaaaaaaaaaaa")


@pytest.mark.parametrize("previous", ["absent", "unknown"])
def test_what_replaces_nothing_known_is_no_downgrade(previous):
    """A first deployment, and a host that was silent."""
    assert not _is_older("1.0", previous)
