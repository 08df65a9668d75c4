# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind tidegate.deploy.availability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import BEFORE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.postgresql import Away
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import consent, own_tasks, permits, telling
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import ask_all
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.availability import (
    Wave,
    effective_floor,
    next_wave,
    require_budget,
    require_floor,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government, host_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import run_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import SKIPPED, StepResult
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run, change_of

_STOPS = ("PAUSED", "VETO", "LEDGER", "CLOCK")
"""What came up since the wave was judged, or keeps the store from granting it."""


class ActionModule(RecordDoor):
    """Open the plan's next wave, if the batch is exactly that wave and enough other hosts serve meanwhile.

    It never fails as a task: a wave that may not begin stops the rollout in the store, and every later step sees it.
    """

    STEP = "availability"
    FINISHES = True
    _governs: Government | None = None

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = run_of(store, self.check)
        if run.halted:
            return StepResult(self.STEP, SKIPPED, f"not started, the rollout stopped with {run.row.code}")
        try:
            self._require_linear()
            store.require_there()
            self.require_kept(store)
            self._require_consent(store, run)
            require_budget(run)
            own_tasks.require_once(run, BEFORE)
            wave = next_wave(run, [str(name) for name in self.task_vars["ansible_play_batch"]])
            say = require_floor(run, wave, self._who_serves(run, wave))
        except Refusal as refusal:
            return self._stopped(run, refusal)
        try:
            store.open_wave(run.id, wave.index, going=() if self.check else consent.GOING)
            without = [] if self.check else permits.grant(self, run, wave)
        except Refusal as refusal:
            if not isinstance(refusal, Away) and refusal.code not in _STOPS:
                raise
            return self._stopped(run, refusal)
        for said in without:
            Display().warning(said)
        if not self.check:
            self._tell(store, run, wave)
        return StepResult(self.STEP, "ok", say)

    def _tell(self, store: Store, run: Run, wave: Wave) -> None:
        """Tell ServiceNow that a wave opens; what could not be told is a warning."""
        policy = self._government(run).policy
        text = f"wave {wave.index + 1} of {len(run.plan.waves)} opens: {', '.join(run.plan.waves[wave.index])}"
        warning = telling.noted(store, change_of(store, run.change_id), policy, text)
        if warning:
            Display().warning(warning)

    def _stopped(self, run: Run, refusal: Refusal) -> StepResult:
        """The result of a wave that may not begin: the rollout stops."""
        self.deny(run.store, refusal, run.change_id)
        run.store.halt(run.id, refusal.code, refusal.message)
        Display().warning(f"{refusal.code}: {refusal.message}")
        return StepResult(self.STEP, SKIPPED, refusal.message, code=refusal.code)

    def _require_consent(self, store: Store, run: Run) -> None:
        """See that nobody has stopped, vetoed or outlived the change since it began; check mode has said what it lacks."""
        if not self.check:
            governed = self._government(run).governed
            began = moment(run.row.started_at)
            consent.require_wave(store, change_of(store, run.change_id), governed, store.latest(), began)

    def _government(self, run: Run) -> Government:
        """What governs the run, read once for this wave."""
        if self._governs is None:
            self._governs = Government(self, host_of(self, run.plan))
        return self._governs

    def _require_linear(self) -> None:
        strategy = str(self._task.get_play().strategy).rpartition(".")[2]
        if strategy != "linear":
            raise Refusal("STRATEGY", f"found strategy {strategy}, expected linear: waves hold under no other")

    def _who_serves(self, run: Run, wave: Wave) -> dict[str, str]:
        """Of each host outside of the wave, why it does not serve; empty where it does."""
        if not effective_floor(run):
            return {}
        definitions = {name: run.plan.definition_of(name) for name in wave.others}
        answers = ask_all(self, definitions, also_undeployed=own_tasks.carried(run))
        return {name: answer.why_down for name, answer in answers.items()}
