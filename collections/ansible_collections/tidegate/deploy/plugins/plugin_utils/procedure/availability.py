# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before each wave: is it the next one, are all of its hosts here, and do enough others serve meanwhile?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import ABSENT, ARCHIVE, TASKS, UNKNOWN
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run

_LAST = {ARCHIVE: "confirm", TASKS: "probe"}
"""The step with which a host of a wave is through, by what the change carries."""


@dataclass(frozen=True)
class Wave:
    """A wave that may begin.

    Attributes:
        index: from 0.
        members: its hosts.
        others: the hosts of the plan outside of it.
    """

    index: int
    members: tuple[str, ...]
    others: tuple[str, ...]


def next_wave(run: Run, batch: Sequence[str]) -> Wave:
    """The wave that a batch of a play is.

    Args:
        run: the run.
        batch: the hosts of the batch, in the play's order.

    Raises:
        Refusal: WAVE when the batch is not exactly the plan's next wave, or the wave before is not through.
    """
    opened, closed = run.store.wave_state(run.id)
    if opened != closed:
        _close_wave(run, closed)
    if opened >= len(run.plan.waves):
        raise Refusal("WAVE", f"all {opened} waves of the plan are through; expected no further batch")
    members = run.plan.waves[opened]
    if tuple(batch) != members:
        raise Refusal(
            "WAVE",
            f"the play's batch is {', '.join(batch)}, wave {opened + 1} of the plan is {', '.join(members)}; let the "
            "play take hosts and serial from the lookup tidegate.deploy.hosts",
        )
    return Wave(opened, members, tuple(name for name in run.plan.host_names if name not in members))


def finish_waves(run: Run) -> None:
    """Close the last wave, when all of its hosts came through or the budget allows for those that did not.

    Raises:
        Refusal: WAVE when a host did not come through, or a wave never began, and no step said why.
    """
    opened, closed = run.store.wave_state(run.id)
    if opened != closed:
        _close_wave(run, closed)
    if opened != len(run.plan.waves):
        raise Refusal(
            "WAVE", f"{opened} of {len(run.plan.waves)} waves were begun, and no step said why it ended there"
        )


def require_budget(run: Run) -> None:
    """See that no more hosts failed on the way here than the budget allows.

    Raises:
        Refusal: BUDGET, naming them.
    """
    failed = run.store.bad_hosts(run.id)
    bad = {name: run.rows[name] for name in run.plan.host_names if name in failed}
    if len(bad) > run.plan.budget:
        named = "; ".join(f"{name}: {row.step} {row.message}" for name, row in bad.items())
        raise Refusal("BUDGET", f"{len(bad)} hosts failed, the budget allows {run.plan.budget} ({named})")


def require_floor(run: Run, wave: Wave, up: Mapping[str, str]) -> str:
    """See that enough hosts outside of a wave serve.

    Args:
        run: the run.
        wave: the wave that may begin.
        up: of each host outside of it why it does not serve; empty where it does.

    Returns:
        What was found, in one sentence.

    Raises:
        Refusal: FLOOR, naming the hosts that do not serve.
    """
    down = {name: why for name, why in up.items() if why}
    serving = len(up) - len(down)
    floor = effective_floor(run)
    if serving < floor:
        named = "; ".join(f"{name}: {why}" for name, why in down.items()) or "the plan has no others"
        raise Refusal(
            "FLOOR",
            f"wave {wave.index + 1} of {len(run.plan.waves)} may not begin: {serving} hosts outside of it serve, the "
            f"floor is {floor} ({named})",
        )
    return f"wave {wave.index + 1} of {len(run.plan.waves)}: {serving} other hosts serve, floor {floor}"


def effective_floor(run: Run) -> int:
    """How many hosts must serve: a service that is deployed for the first time has none that could."""
    deployed = sum(1 for host in run.plan.hosts if host.previous not in (ABSENT, UNKNOWN))
    return min(run.plan.floor, deployed)


def _close_wave(run: Run, index: int) -> None:
    failed = run.store.bad_hosts(run.id)
    unfinished = [
        name
        for name in run.plan.waves[index]
        if (run.rows[name].step, run.rows[name].verdict) != (_LAST[run.plan.payload], "ok") and name not in failed
    ]
    if unfinished:
        raise Refusal("WAVE", f"wave {index + 1} is not through: {', '.join(unfinished)} were not confirmed")
    run.store.close_wave(run.id, index)
