# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import PLAYBOOK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.end import refusal_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.outlook import outlook_pairs
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.plan import plan_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import (
    consent,
    opening,
    own_tasks,
    previewing,
    telling,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import Outlook, outlook_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import run_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import PLAN, Run, change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import drop_scratch, now
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.timing import window_of


class ActionModule(RecordDoor):
    """Freeze the plan of the run's change with what its hosts said, and show it."""

    STEP = "plan"
    _by: Governed | None = None

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = run_of(store, self.check)
        try:
            _require_sound(run)
            frozen = opening.freeze(run, now().year)
            if run.forward and not frozen.done:
                self._begin(store, frozen)
            elif not frozen.done and not self.check:
                self._tell_planned(store, frozen)
        except Refusal as refusal:
            self.deny(store, refusal, Run.current(store).change_id)
            Display().display(refusal_text(refusal))
            store.end_run(run.id, "refused")
            self.sign_off(store, Run.current(store).change_id)
            raise
        bound = frozen.run
        if own_tasks.carried(bound) and not frozen.done:
            own_tasks.mark_begun(bound)
        if self.check and bound.plan.files and bound.plan.payload != PLAYBOOK:
            hidden = previewing.not_previewed(bound, self.store_folder)
            frozen.notes.extend(f"cannot be previewed: {task}" for task in hidden)
        found = self._show(store, bound, frozen.notes)
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
                "outlook": found.doc(),
            },
        )

    def _begin(self, store: Store, frozen: opening.Frozen) -> None:
        """Take the lease and begin, if everybody whom policy asks agrees; check mode says what would be refused."""
        run = frozen.run
        try:
            consent.require(store, change_of(store, run.change_id), self._governed(run), store.latest())
        except Refusal as refusal:
            if not self.check:
                raise
            frozen.notes.append(f"would be refused: {refusal.code}: {refusal.message}")
            opening.leased(run)
            return
        opening.lets_out(run)
        if not self.check:
            by = self._governed(run)
            warning = telling.begun(store, change_of(store, run.change_id), by.policy, by.operator or "")
            frozen.notes.extend([warning] if warning else [])

    def _tell_planned(self, store: Store, frozen: opening.Frozen) -> None:
        """Have the plan where its approval is asked, if policy wants it there."""
        run = frozen.run
        note = telling.ensure(change_of(store, run.change_id), self._governed(run).policy)
        frozen.notes.extend([note] if note else [])

    def _show(self, store: Store, run: Run, notes: list[str]) -> Outlook:
        """Show the plan, and where its change stands."""
        by, moment = self._governed(run), store.latest()
        found = outlook_of(store, change_of(store, run.change_id), by, moment)
        window = window_of(run.plan, by.policy, moment).lines
        stands = outlook_pairs(found) if run.verb == PLAN else []
        told = plan_text(run.plan, run.change_id, run.row.revision, self.store_path, notes, window, stands)
        Display().display(told)
        return found

    def _governed(self, run: Run) -> Governed:
        """What governs the run, read once."""
        if self._by is None:
            self._by = Government(self, run.plan.host_names[0]).governed
        return self._by


def _require_sound(run: Run) -> None:
    """See that no more hosts are sick or unknown than the budget allows. Those of a playbook of the site's are not asked.

    Raises:
        Refusal: PRECHECK, with all of them.
    """
    if run.plan.payload == PLAYBOOK:
        return
    bad = {name: row for name, row in run.rows.items() if row.verdict != "ok"}
    if len(bad) > run.plan.budget:
        found = "; ".join(
            f"{name}: {(row.message or 'was not looked at').removeprefix(f'{name}: ')}" for name, row in bad.items()
        )
        raise Refusal("PRECHECK", f"{len(bad)} of {len(run.rows)} hosts are not fit, before anything changed. {found}")
