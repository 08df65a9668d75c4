# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On the way back sick hosts go first and at once, healthy ones within the floor."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.sequence.back import back_batches

TOUCHED = ("w1", "w2", "w3", "w4", "w5")

CASES = {
    "nothing": ((), {"w1"}, 8, 4, 0, ()),
    "all healthy": (TOUCHED, set(), 8, 6, 0, (("w1", "w2"), ("w3", "w4"), ("w5",))),
    "all sick": (TOUCHED, set(TOUCHED), 5, 4, 0, (TOUCHED,)),
    "sick first": (TOUCHED, {"w5", "w2"}, 8, 6, 0, (("w2", "w5"), ("w1", "w3"), ("w4",))),
    "sick hosts that were not touched": (TOUCHED, {"w9"}, 8, 0, 0, (TOUCHED,)),
    "hosts that stay down": (TOUCHED[:3], set(), 8, 6, 1, (("w1",), ("w2",), ("w3",))),
    "too few up already": (TOUCHED[:2], set(), 8, 6, 4, (("w1",), ("w2",))),
    "one host": (("w1",), set(), 1, 0, 0, (("w1",),)),
}


@pytest.mark.parametrize(("touched", "unhealthy", "total", "floor", "down", "batches"), CASES.values(), ids=CASES)
def test_batches(touched, unhealthy, total, floor, down, batches):
    """Each case gives exactly these batches."""
    assert batches == back_batches(touched, unhealthy, total, floor, down)


def test_a_host_twice_is_a_bug():
    """Batches of a host that is listed twice are refused as a bug of the caller."""
    with pytest.raises(ValueError, match="twice"):
        back_batches(("w1", "w1"), (), 2, 1)
