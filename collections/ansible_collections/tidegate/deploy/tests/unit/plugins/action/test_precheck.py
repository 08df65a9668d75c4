# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller itself judges of a pre-check."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.action import precheck


@pytest.mark.parametrize(
    ("asked_s", "host_s", "answered_s", "off"),
    [
        (1000, 1043, 1060, False),
        (1000, 1090, 1060, False),
        (1000, 1091, 1060, True),
        (1000, 970, 1000, False),
        (1000, 969, 1000, True),
    ],
    ids=["a slow way", "a slow way and the most", "ahead", "behind by the most", "behind"],
)
def test_a_clock_is_wrong_only_if_it_was_so_whenever_it_was_read(asked_s, host_s, answered_s, off):
    """The host reads its clock at some moment between request and answer."""
    facts = {"controller_time_s": asked_s, "time_s": host_s}
    assert precheck._is_off(facts, answered_s, {"clock_skew_s": 30}) is off


def test_a_host_that_tells_no_time_keeps_its_findings():
    """One without systemd says nothing else."""
    assert precheck._is_off({"systemd": False}, 0, {"clock_skew_s": 30})
