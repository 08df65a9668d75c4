# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How people go on with a change: the commands that a final block, a refusal and status show, and until when they hold."""

from __future__ import annotations

from datetime import timedelta

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import PLAYBOOK, Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import recap
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import Outcome
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import ROLLBACK, Run, change_of


def command(verb: str, change_id: str = "", remark: str = "") -> str:
    """What to type for a verb."""
    words = ["ansible-playbook", f"tidegate.deploy.{verb}", *([f"-e tidegate_change={change_id}"] if change_id else [])]
    return " ".join(words) + (f"   # {remark}" if remark else "")


def run_command(plan: Plan, change_id: str) -> str:
    """What to type to roll a change out; of a playbook of the site's own, to run that."""
    if plan.payload != PLAYBOOK:
        return command("rollout", change_id)
    [path] = plan.files
    return f"ansible-playbook {path.rpartition('/')[2]} -e tidegate_change={change_id}"


def close_command(change_id: str) -> str:
    """What to type to end a change as it stands."""
    return f"{command('close', change_id)} -e \"tidegate_reason='WHY'\""


def ways_on(change_id: str, returns: bool = True) -> list[str]:
    """How somebody goes on with a paused change: three commands, of which one is to be typed.

    Args:
        change_id: of the change.
        returns: whether there is a way back.
    """
    return [
        command("resume", change_id, "go on where it stopped, when the cause is mended"),
        *([command("rollback", change_id, "or take every host back")] if returns else []),
        f"{close_command(change_id)}   # or end it as it stands",
    ]


def require_not_paused(change: ChangeRow) -> None:
    """See that a change does not wait for somebody's decision.

    Raises:
        Refusal: PAUSED, with the three commands.
    """
    if states.resting(change) == states.PAUSED:
        cause = (change.outcome or {}).get("cause") or "its rollout stopped"
        raise Refusal(
            "PAUSED",
            f"{change.id} of {change.service} in {change.environment} is paused ({cause}); go on with resume, take it back "
            "with rollback, or end it as it stands with close",
            next=ways_on(change.id),
        )


def until(change: ChangeRow, catch_up_for_s: int) -> str:
    """Until when the hosts that a partial change left behind can be caught up."""
    last = moment(str(change.closed_at)) + timedelta(seconds=catch_up_for_s)
    return last.strftime("%Y-%m-%d %H:%M UTC")


def require_in_time(store: Store, change: ChangeRow, catch_up_for_s: int) -> None:
    """See that a partial change can still be caught up.

    Raises:
        Refusal: CATCH_UP, with the way to a new change.
    """
    if store.closed_for_s(change) > catch_up_for_s:
        raise Refusal(
            "CATCH_UP",
            f"{change.id}: hosts that it left behind could be caught up until {until(change, catch_up_for_s)}; close it, "
            "then the same change file opens a new change, which leaves alone what is on the release already",
            next=[close_command(change.id)],
        )


def next_commands(run: Run, outcome: Outcome) -> list[str]:
    """What to type after a run."""
    status, change_id = command("status"), run.change_id
    if outcome.verdict == recap.PAUSED:
        return ways_on(change_id, returns=not own_tasks.past_return(run.store, change_of(run.store, change_id)))
    if outcome.verdict in (recap.COMPLETED, recap.KEPT) and run.verb != ROLLBACK:
        return [command("rollback", change_id, "if it must come back")]
    if outcome.verdict == recap.PARTIAL:
        change = run.store.change(change_id)
        last = until(change, run.plan.catch_up_for_s) if change and change.closed_at else "in time"
        remark = f"until {last}: catches up the hosts named above, and reads the others back"
        return [command("resume", change_id, remark), command("rollback", change_id, "or take every host back")]
    if outcome.verdict == recap.FAILED and run.verb == ROLLBACK:
        return [command("rollback", change_id, "again, when they answer")]
    if outcome.verdict == recap.FAILED:
        return [f"{status}   # then see to the hosts named above"]
    if outcome.verdict == recap.NOT_STARTED and outcome.cause.startswith("VETO: "):
        return [f"{status}   # it was rejected: by whom, and how it is ended here"]
    if outcome.verdict == recap.NOT_STARTED:
        return ["mend the cause, then run the same command again"]
    return [status]
