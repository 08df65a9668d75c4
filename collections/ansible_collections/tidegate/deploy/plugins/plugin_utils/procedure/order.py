# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which hosts are worked on, as plays ask for it: a plan's waves, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import ROLLBACK, Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.sequence.back import back_batches

Batches = Sequence[Sequence[str]]


def every_host(run: Run) -> Batches:
    """All hosts of the plan at once."""
    return [run.plan.host_names]


def waves(run: Run) -> Batches:
    """The waves of the plan; none where there is nothing to roll out."""
    return run.plan.waves if run.row.live else []


def way_back(run: Run) -> Batches:
    """The batches in which hosts return, and last, at once, those that were never touched: the change closes there too.

    Nothing where a rollout went well, or stopped before it touched a host.
    """
    rows = run.rows
    touched = [name for name, row in rows.items() if row.touched or run.verb == ROLLBACK]
    if not touched or (run.verb != ROLLBACK and not run.halted):
        return []
    gone = {name for name in touched if rows[name].step == "back" and rows[name].verdict in ("back", "ok")}
    open_ones = [name for name in touched if name not in gone]
    sick = [name for name in open_ones if rows[name].verdict in ("failed", "unknown")]
    silent = sum(1 for name in sick if rows[name].verdict == "unknown")
    batches = list(back_batches(open_ones, sick, len(rows), run.plan.floor, silent))
    rest = tuple(name for name in rows if name not in touched)
    return [*batches, rest] if rest else batches
