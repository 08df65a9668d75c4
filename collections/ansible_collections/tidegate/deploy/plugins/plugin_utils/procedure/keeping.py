# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the site's own tasks, kept beside the store for as long as a change may run or take them back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan, recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import PARTIAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Draft


def keep(store: Store, drafted: Draft, now: datetime) -> None:
    """Keep the files of a draft. Where they were not kept yet, remove those that no change needs any more."""
    if not drafted.bundle.files:
        return
    folder = bundle.folder_of(Path(store.folder), drafted.plan.files)
    is_new = not folder.exists()
    drafted.bundle.keep(folder)
    if is_new:
        bundle.prune(folder.parent, lambda: {folder, *_needed(store, now)}, now.timestamp())


def _needed(store: Store, now: datetime) -> set[Path]:
    """The folders that some change needs."""
    plans = ((change, recorded(change.plan_bytes)) for change in store.changes(limit=None))
    return {bundle.folder_of(Path(store.folder), plan.files) for change, plan in plans if _needs(change, plan, now)}


def _needs(change: ChangeRow, plan: Plan, now: datetime) -> bool:
    """Whether a change may still run its tasks: it goes on, hosts are behind, or its way back is open."""
    if change.closed_at is None or change.state == PARTIAL:
        return True
    return now <= moment(change.closed_at) + timedelta(seconds=plan.back_for_s)
