# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.plan import plan_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import opening, own_tasks, previewing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import drop_scratch, now


class ActionModule(RecordDoor):
    """Freeze the plan of the run's change with what its hosts said, and show it."""

    STEP = "plan"

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = Run.current(store)
        try:
            _require_sound(run)
            frozen = opening.freeze(run, now().year)
            if run.forward and not frozen.done:
                opening.leased(frozen.run)
        except Refusal as refusal:
            Display().display(refusal_text(refusal))
            store.end_run(run.id, "refused")
            raise
        bound = frozen.run
        if own_tasks.carried(bound) and not frozen.done:
            own_tasks.mark_begun(bound)
        if self.check and bound.plan.files:
            hidden = previewing.not_previewed(bound, self.store_path)
            frozen.notes.extend(f"cannot be previewed: {task}" for task in hidden)
        Display().display(plan_text(bound.plan, bound.change_id, bound.row.revision, self.store_path, frozen.notes))
        if not run.forward or frozen.done:
            store.end_run(run.id, "completed" if run.forward else "planned")
        if self.check and not run.forward:
            drop_scratch()
        say = f"{bound.change_id} revision {bound.row.revision}, {len(bound.plan.waves)} waves"
        return StepResult(
            self.STEP,
            "ok",
            say,
            changed=bound.row.revision != run.row.revision and not frozen.done,
            data={
                "change": bound.change_id,
                "revision": bound.row.revision,
                "plan_digest": bound.plan.digest,
                "waves": [list(wave) for wave in bound.plan.waves],
                "notes": frozen.notes,
            },
        )


def _require_sound(run: Run) -> None:
    """See that no more hosts are sick or unknown than the budget allows.

    Raises:
        Refusal: PRECHECK, with all of them.
    """
    bad = {name: row for name, row in run.rows.items() if row.verdict != "ok"}
    if len(bad) > run.plan.budget:
        found = "; ".join(f"{name}: {row.message or 'was not looked at'}" for name, row in bad.items())
        raise Refusal("PRECHECK", f"{len(bad)} of {len(run.rows)} hosts are not fit, before anything changed. {found}")
