# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which batches hosts go back: sick ones at once, healthy ones so that the floor holds (protocol section 8)."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def back_batches(
    touched: Sequence[str], unhealthy: Collection[str], total: int, floor: int, down: int = 0
) -> tuple[tuple[str, ...], ...]:
    """The batches in which hosts return to their previous release.

    Unhealthy hosts serve nobody: all of them go first, in one batch, and do not count against the floor. The healthy
    ones follow in batches that leave ``floor`` hosts up; where fewer are up already, they still go, one at a time,
    because a host must never be kept on a release that was given up.

    Args:
        touched: the hosts that have something to take back, in the order of the plan.
        unhealthy: those of them that do not serve now; names that are not touched are ignored.
        total: how many hosts the plan has.
        floor: how many of them must stay up.
        down: how many hosts of the plan will still be down when the healthy ones go, unreachable ones for example.

    Returns:
        Batches of names in the order of ``touched``; each touched host exactly once.
    """
    if len(set(touched)) != len(touched):
        raise ValueError("a host appears twice among the touched")
    sick = tuple(name for name in touched if name in unhealthy)
    healthy = tuple(name for name in touched if name not in unhealthy)
    size = max(1, total - down - floor)
    batches = [healthy[start : start + size] for start in range(0, len(healthy), size)]
    return tuple([sick, *batches] if sick else batches)
