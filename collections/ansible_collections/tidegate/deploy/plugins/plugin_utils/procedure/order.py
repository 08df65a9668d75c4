# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which hosts are worked on, as plays ask for it: a plan's waves, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import PAUSE, TAKE_BACK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import HostRow
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
    """The batches in which hosts return, and last, at once, those that have nothing to return from: it closes there too.

    Nothing where a rollout went well, or stopped before it touched a host. Where its policy keeps what was confirmed,
    only hosts that run the release unconfirmed return.
    """
    rows = run.rows
    touched = [name for name, row in rows.items() if row.touched or run.verb == ROLLBACK]
    if not touched or (run.verb != ROLLBACK and not run.halted):
        return []
    if run.verb != ROLLBACK and run.policy != TAKE_BACK:
        unconfirmed = tuple(name for name in touched if _is_unconfirmed(run, rows[name]))
        return [unconfirmed] if unconfirmed else []
    went = {name for name in touched if rows[name].step == "back" and rows[name].verdict in ("back", "ok")}
    closed = {name for name in went if not (rows[name].doc or {}).get("open")}
    open_ones = [name for name in touched if name not in went]
    sick = [name for name in open_ones if rows[name].verdict in ("failed", "unknown")]
    silent = sum(1 for name in sick if rows[name].verdict == "unknown")
    batches = list(back_batches(open_ones, sick, len(rows), run.plan.floor, silent))
    rest = tuple(name for name in rows if name not in open_ones and name not in closed)
    return [*batches, rest] if rest else batches


def closes(run: Run) -> bool:
    """Whether the change may not go on on a host that returns: it ends, or is taken back everywhere.

    One that has begun nowhere stays open, for it is over only when people say so: the same command may run it again.
    """
    if run.verb == ROLLBACK:
        return True
    return bool(run.halted) and run.policy != PAUSE and bool(run.store.touched_hosts(run.change_id))


def _is_unconfirmed(run: Run, row: HostRow) -> bool:
    """Whether a host may still run the release without having been confirmed, and was not asked to go back yet."""
    where = row.doc or {}
    stays = (where.get("state"), where.get("current")) == ("steady", run.plan.release_id)
    return row.step != "back" and not stays
