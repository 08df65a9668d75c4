# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a change: each host by where it was last read back, and one verdict over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import KEEP, PAUSE, TAKE_BACK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import UNKNOWN
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.times import StepTime

COMPLETED, ROLLED_BACK, FAILED = "completed", "rolled_back", "failed"
"""All on the new release; all on the old one; neither."""

NOT_STARTED, REFUSED, PARTIAL = "not_started", "refused", "partial"
"""Nothing was begun; no host would go back; new but for hosts within the budget."""

PAUSED, KEPT, CLOSED = "paused", "kept", "closed"
"""Stopped, and waits for somebody; stopped for good where it had come; ended by somebody as it stood."""


@dataclass(frozen=True)
class HostEnd:
    """Where a host ended.

    Attributes:
        name: the host.
        place: ``new``, ``old``, ``unknown``, ``failed`` (of the protocol's state), ``refused`` (it did not go back),
            ``pending``, ``elsewhere`` (on a third release) or ``untouched``.
        touched: the change was activated there, or may have been.
        bad: a step failed there, or it could not be asked.
        current: the release that was last read back, if any was.
        cause: why, where it is not on the new release.
        future: what will become of it, where that is open.
    """

    name: str
    place: str
    touched: bool
    bad: bool
    current: str
    cause: str = ""
    future: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a change.

    Attributes:
        verdict: one of the constants above.
        cause: why it stopped, with its code; empty when it did not.
        hosts: in the order of the plan.
        reason: why somebody ended it as it stands; empty unless somebody did.
        took_ms: from the beginning of its run to here.
        steps: what each step took in that.
    """

    verdict: str
    cause: str
    hosts: Sequence[HostEnd]
    reason: str = ""
    took_ms: int = 0
    steps: Sequence[StepTime] = ()

    @property
    def as_planned(self) -> bool:
        """Whether everything was read back as the verb wanted it."""
        return self.verdict == COMPLETED

    def at(self, place: str) -> list[str]:
        """The names of the hosts at a place."""
        return [host.name for host in self.hosts if host.place == place]

    def doc(self) -> dict[str, Any]:
        """The canonical document that the record keeps."""
        return {
            "verdict": self.verdict,
            "cause": self.cause,
            **({"reason": self.reason} if self.reason else {}),
            "hosts": [{"name": host.name, "place": host.place, "current": host.current} for host in self.hosts],
            "took_ms": self.took_ms,
            "steps": [step.doc() for step in self.steps],
        }


def of_rollout(cause: str, hosts: Sequence[HostEnd], policy: str = TAKE_BACK) -> Outcome:
    """The outcome of a rollout.

    Args:
        cause: why it stopped; empty when it did not.
        hosts: where each host ended.
        policy: what it does when it stops, of `file_schema.POLICIES`.
    """
    places = {host.place for host in hosts}
    if not cause:
        verdict = COMPLETED if places == {"new"} else PARTIAL
    elif not any(host.touched for host in hosts):
        verdict = NOT_STARTED
    elif policy == PAUSE:
        verdict = PAUSED
    elif places <= {"old", "untouched"}:
        verdict = ROLLED_BACK
    elif policy == KEEP and not places & {"failed", "refused", "elsewhere"}:
        verdict = KEPT
    else:
        verdict = FAILED
    return Outcome(verdict, cause, hosts)


def of_rollback(cause: str, hosts: Sequence[HostEnd]) -> Outcome:
    """The outcome of a rollback that somebody asked for.

    Args:
        cause: why a host did not come back; empty when all did.
        hosts: where each host ended.
    """
    behind = not cause and all(host.place in ("old", "untouched") for host in hosts)
    came = any(host.place not in ("refused", "untouched") for host in hosts)
    return Outcome(ROLLED_BACK if behind else FAILED if came else REFUSED, cause, hosts)


def of_close(reason: str, hosts: Sequence[HostEnd]) -> Outcome:
    """The outcome of a change that somebody ends as it stands.

    Args:
        reason: why.
        hosts: where each host is.
    """
    return Outcome(CLOSED, "", hosts, reason)


def host_end(
    name: str,
    release_id: str,
    previous: str,
    row: Mapping[str, Any],
    touched: bool,
    bad: bool,
    begun: bool | None = None,
    alone: bool = True,
) -> HostEnd:
    """Where one host ended, from the last thing that it said.

    Args:
        name: the host.
        release_id: the release of the plan.
        previous: what the host ran before; `UNKNOWN` when it was silent then.
        row: step, verdict and message of the last step, and under ``where`` the host's own account.
        touched: the change was activated there, or may have been.
        bad: a step failed there, or it could not be asked.
        begun: whether any run of the change touched it; None: as far as this one knows.
        alone: whether hosts take such a change back by themselves, which nobody does with the site's own tasks.
    """
    begun = touched if begun is None else begun
    where = row.get("where") or {}
    current, state = str(where.get("current") or ""), where.get("state")
    cause = str(row.get("message") or "") if bad else ""
    if row.get("verdict") == "unknown":
        future = _unknown_future(where, release_id) if alone else _future_of_tasks(where, release_id)
        future = future if begun else "nothing was begun there, it stays as it is"
        return HostEnd(name, "unknown", touched, bad, current, cause, future)
    if (row.get("step"), row.get("verdict")) == ("back", "failed") and state != "failed":
        return HostEnd(name, "refused", touched, bad, current, cause, "it stays as it is")
    if state == "failed":
        return HostEnd(name, "failed", touched, bad, current, cause, "somebody must look at it, then roll back again")
    if state == "steady" and current == release_id:
        return HostEnd(name, "new", touched, bad, current, cause)
    if state == "steady" and previous in (current, UNKNOWN):
        return HostEnd(name, "old" if touched else "untouched", touched, bad, current, cause)
    if state in ("pending", "ready", "reverting"):
        return HostEnd(name, "pending", touched, bad, current, cause, "goes back by itself at its deadline")
    if state == "steady":
        return HostEnd(
            name, "elsewhere", touched, bad, current, cause, f"runs {current}, neither the old nor the new release"
        )
    return HostEnd(name, "unknown" if touched else "untouched", touched, bad, current, cause)


def _unknown_future(where: Mapping[str, Any], release_id: str) -> str:
    """What becomes of a host that nobody can ask, by its own rules."""
    left = where.get("deadline_in_s")
    if left:
        return f"unless it was confirmed it goes back by itself within {left} s"
    if (where.get("state"), where.get("current")) == ("steady", release_id):
        return "it was confirmed before, and stays on the new release"
    if where.get("begins_for_s"):
        return f"if anything began there, it goes back by itself within {where['begins_for_s']} s"
    return "whatever was begun there and not confirmed goes back by itself at its deadline"


def _future_of_tasks(where: Mapping[str, Any], release_id: str) -> str:
    """The same where the change is the site's own tasks: hosts have no rules for those."""
    if (where.get("state"), where.get("current")) == ("steady", release_id):
        return "the change was found there before, and stays"
    return "it stays as it is, however far the tasks came there: they do not go back by themselves"
