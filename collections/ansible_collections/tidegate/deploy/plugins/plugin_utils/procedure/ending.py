# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ends: each host where it was last read back, one outcome, the lease given back."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import recap
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import HostEnd, Outcome
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import ROLLBACK, ROLLOUT, Run, change_of

_STATE_OF = {
    recap.COMPLETED: "completed",
    recap.PARTIAL: "completed",
    recap.ROLLED_BACK: "rolled_back",
    recap.FAILED: "failed",
}
"""What a change becomes by its outcome; where nothing was started it stays open."""


def outcome_of(run: Run) -> Outcome:
    """What became of the change of a run."""
    causes = _first_causes(run)
    hosts = [_host_end(run, host.name, host.previous, causes.get(host.name)) for host in run.plan.hosts]
    if run.verb == ROLLBACK:
        return recap.of_rollback(_cause_of_way_back(run), hosts)
    return recap.of_rollout(_cause(run), hosts)


def end(run: Run, outcome: Outcome) -> None:
    """Record the outcome: the change's state, the end of the run, the lease."""
    state = _STATE_OF.get(outcome.verdict)
    change = change_of(run.store, run.change_id)
    if state is not None and change.state != state:
        run.store.move_change(run.change_id, state, outcome.doc())
    run.store.end_run(run.id, outcome.verdict, outcome.doc())


def next_command(run: Run, outcome: Outcome) -> str:
    """What to type next."""
    if outcome.verdict == recap.COMPLETED and run.verb == ROLLOUT:
        return f"ansible-playbook tidegate.deploy.rollback -e tidegate_change={run.change_id}   # if it must come back"
    if outcome.verdict == recap.FAILED and run.verb == ROLLBACK:
        return (
            f"ansible-playbook tidegate.deploy.rollback -e tidegate_change={run.change_id}   # again, when they answer"
        )
    if outcome.verdict in (recap.PARTIAL, recap.FAILED):
        return "ansible-playbook tidegate.deploy.status   # then see to the hosts named above"
    if outcome.verdict == recap.NOT_STARTED:
        return "mend the cause, then run the same command again"
    return "ansible-playbook tidegate.deploy.status"


def _cause(run: Run) -> str:
    if run.halted:
        return run.halted
    opened, closed = run.store.wave_state(run.id)
    if run.verb == ROLLOUT and (opened, closed) != (len(run.plan.waves), len(run.plan.waves)):
        return f"INTERRUPTED: {closed} of {len(run.plan.waves)} waves were finished"
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


def _host_end(run: Run, name: str, previous: str, cause: str | None) -> HostEnd:
    row = run.rows[name]
    facts = {"step": row.step, "verdict": row.verdict, "message": cause or row.message, "where": row.doc}
    wanted = "" if run.verb == ROLLBACK and run.is_there(name) else run.plan.release_id
    return recap.host_end(name, wanted, previous, facts, bool(row.touched), cause is not None)
