# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ends: each host where it was last read back, one outcome, the lease given back."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import AFTER
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import PLAYBOOK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import recap
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import HostEnd, Outcome
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.times import Note, times_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import moving, own_tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import CLOSE, ROLLBACK, TOOK, Run, change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import ms_since

_EVENT_OF = {
    recap.COMPLETED: states.COMPLETED,
    recap.PARTIAL: states.PARTIAL,
    recap.PAUSED: states.PAUSED,
    recap.KEPT: states.KEPT,
    recap.CLOSED: states.CLOSED,
    recap.ROLLED_BACK: states.ROLLED_BACK,
    recap.FAILED: states.FAILED,
    recap.NOT_STARTED: "not_begun",
}
"""What happened to a change by its outcome; where no host would go back, nothing did."""


def outcome_of(run: Run) -> Outcome:
    """What became of the change of a run, and how long that took."""
    notes = [
        Note(event.step, event.host, moment(event.at), event.doc[TOOK])
        for event in run.store.events(run.id)
        if TOOK in (event.doc or {})
    ]
    return replace(_judged(run), took_ms=ms_since(moment(run.row.started_at)), steps=times_of(notes))


def _judged(run: Run) -> Outcome:
    causes = _first_causes(run)
    begun = run.store.touched_hosts(run.change_id)
    asked = () if run.plan.payload == PLAYBOOK else run.plan.hosts  # what a site's own playbook did, the recorder knows
    hosts = [_host_end(run, host.name, host.previous, causes.get(host.name), begun) for host in asked]
    if run.verb == ROLLBACK:
        return recap.of_rollback(_cause_of_way_back(run), hosts)
    if run.verb == CLOSE:
        return recap.of_close(str(run.doc["reason"]), hosts)
    outcome = recap.of_rollout(_cause(run), hosts, run.policy)
    caught_up = change_of(run.store, run.change_id).state == states.PARTIAL
    return replace(outcome, verdict=recap.PARTIAL) if caught_up and outcome.verdict == recap.KEPT else outcome


def end(run: Run, outcome: Outcome) -> None:
    """Record the outcome: the change's state, the end of the run, the lease."""
    event = _EVENT_OF.get(outcome.verdict)
    if event is not None:
        kept = None if outcome.verdict == recap.NOT_STARTED else outcome.doc()
        moving.move(run.store, run.change_id, event, reason=outcome.reason, outcome=kept)
    run.store.end_run(run.id, outcome.verdict, outcome.doc())


def _cause(run: Run) -> str:
    if run.halted:
        return run.halted
    opened, closed = run.store.wave_state(run.id)
    if run.forward and (opened, closed) != (len(run.plan.waves), len(run.plan.waves)):
        return f"INTERRUPTED: {closed} of {len(run.plan.waves)} waves were finished"
    if run.forward:
        try:
            own_tasks.require_once(run, AFTER)
        except Refusal as refusal:
            return f"{refusal.code}: {refusal.message}"
    return ""


def _cause_of_way_back(run: Run) -> str:
    """Why a host did not go back, of the first that did not."""
    stuck = (row for row in run.rows.values() if row.verdict in ("failed", "unknown"))
    return next((f"{row.code}: {row.host}: {row.message}" for row in stuck), "")


def _first_causes(run: Run) -> dict[str, str]:
    """Of each host on which a step failed or could not be asked for, what the first such step said."""
    causes: dict[str, str] = {}
    for event in run.store.events(run.id):
        if event.verdict in ("failed", "unknown"):
            causes.setdefault(event.host, event.message or "")
    return causes


def _host_end(run: Run, name: str, previous: str, cause: str | None, begun: set[str]) -> HostEnd:
    row = run.rows[name]
    facts = {"step": row.step, "verdict": row.verdict, "message": cause or row.message, "where": row.doc}
    wanted = "" if run.verb == ROLLBACK and run.is_there(name) else run.plan.release_id
    alone = not own_tasks.carried(run)
    end = recap.host_end(name, wanted, previous, facts, bool(row.touched), cause is not None, name in begun, alone)
    if run.verb == ROLLBACK and end.place == "unknown":
        return replace(end, future="goes back when rollback is run again and it answers")
    return end
