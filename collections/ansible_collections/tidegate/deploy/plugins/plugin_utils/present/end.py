# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that ends a run: cause, hosts by state, what was taken back, what is left, the next command."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import TASKS, Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome.recap import (
    CLOSED,
    COMPLETED,
    FAILED,
    KEPT,
    NOT_STARTED,
    PARTIAL,
    PAUSED,
    REFUSED,
    ROLLED_BACK,
    Outcome,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import block, listed

_TITLES = {
    COMPLETED: "completed: every host was read back on the new release",
    PARTIAL: "completed but for hosts within the failure budget",
    ROLLED_BACK: "rolled back: every host that was touched was read back on its old release",
    FAILED: "failed: not every host is where it should be",
    NOT_STARTED: "not started: no host was changed",
    PAUSED: "paused: what was confirmed stays on the new release, until you say how it goes on",
    KEPT: "ended where it had come: what was confirmed stays on the new release",
    CLOSED: "closed: every host stays as it is",
    REFUSED: "not rolled back: no host went back, the change stays as it was",
}
_PLACES = (
    ("on the new release", "new"),
    ("taken back", "old"),
    ("not touched", "untouched"),
    ("going back by itself", "pending"),
    ("did not go back", "refused"),
    ("on another release", "elsewhere"),
    ("failed", "failed"),
    ("unknown", "unknown"),
)


_APPLICATION = ("PROBE", "TEST", "ACTIVATION", "RELEASE_UNSEEN", "REVERT_FAILED")
_ANSIBLE = ("ANSIBLE", "BROKEN", "INTERRUPTED")
_SITE = ("TASKS", "CHECK", "ONCE")


def refusal_text(refusal: Refusal) -> str:
    """The final block of a run that was refused before it touched a host."""
    return block(
        _TITLES[NOT_STARTED],
        [
            ("cause", _whose(f"{refusal.code}: {refusal.message}")),
            ("next", refusal.facts.get("next") or "mend the cause, then run the same command again"),
        ],
    )


def interrupted_text(cause: str, plan: Plan | None) -> str:
    """One line about a run that ended before it was closed: why, what becomes of its hosts, and what to do.

    Args:
        cause: why.
        plan: of its change; None where it had none yet.
    """
    if plan is None:
        future = "it has changed no host"
    elif plan.payload == TASKS:
        future = "hosts stay as they are, since the site's own tasks do not go back by themselves"
    else:
        future = "hosts that are not confirmed go back by themselves"
    return f"{cause}; {future}. Run the same command again to go on"


def _whose(cause: str) -> str:
    """A cause, with whom it comes from: the release that was rolled out, Ansible, or a refusal of ours."""
    code = cause.partition(":")[0]
    if not cause:
        return ""
    if code in _APPLICATION:
        return f"the application's: {cause}"
    if code in _SITE:
        return f"the change's own tasks: {cause}"
    return f"Ansible's: {cause}" if code in _ANSIBLE else f"Tidegate refused: {cause}"


def end_text(
    outcome: Outcome, change_id: str, release_id: str, store: str, next_commands: list[str], once: Sequence[str] = ()
) -> str:
    """The final block of a run.

    Args:
        outcome: what became of the change.
        change_id: the change's id.
        release_id: the release that it carries.
        store: where all of it is recorded.
        next_commands: what to type next, one of them.
        once: where what runs once per change stands.
    """
    places = [(name, listed(outcome.at(place))) for name, place in _PLACES if outcome.at(place)]
    left = [f"{host.name}: {host.future}" for host in outcome.hosts if host.future]
    causes = [f"{host.name}: {host.cause}" for host in outcome.hosts if host.cause and host.cause not in outcome.cause]
    return block(
        f"{change_id} {_TITLES[outcome.verdict]}",
        [
            ("release", release_id),
            ("cause", _whose(outcome.cause)),
            ("reason", outcome.reason),
            ("also", causes[:10]),
            *places,
            ("once", list(once)),
            ("left to do", left[:10]),
            ("took", _took(outcome)),
            ("store", store),
            ("next", next_commands),
        ],
    )


def _took(outcome: Outcome) -> str:
    """How long the run took, and its steps in it."""
    steps = ", ".join(f"{step.step} {step.took_ms / 1000:.1f}" for step in outcome.steps)
    return f"{outcome.took_ms / 1000:.1f} s" + (f": {steps}" if steps else "") if outcome.took_ms else ""
