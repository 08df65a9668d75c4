# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate said to playbooks of the site's own, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import block, listed, printable

_DONE = {"observe": "would have refused", "enforce": "refused"}


def observed_text(document: Mapping[str, Any], days: int) -> str:
    """How many runs of how many, and for each reason whose, which, where and when.

    Args:
        document: as `outcome.observed.summed_up` makes it, with ``gate``: names of hosts by mode.
        days: for how many days back.
    """
    lines = [headline(document, days)]
    for reason in document["reasons"]:
        pairs = [
            ("why", printable(reason["last_reason"] or "")),
            ("playbooks", listed(reason["playbooks"])),
            ("by", listed(reason["by"])),
            ("changes", listed(reason["changes"])),
            ("hosts", listed(reason["hosts"])),
            ("last", reason["last"]),
        ]
        lines.append(block(f"{reason['code']}: {_DONE[reason['mode']]} {_runs(reason['runs'])}", pairs))
    return "\n".join([*lines, gate_text(document["gate"])])


def headline(document: Mapping[str, Any], days: int) -> str:
    """The sum in one sentence."""
    parts = [
        f"{_DONE[mode]} {document[key]}"
        for mode, key in (("observe", "would_refuse"), ("enforce", "refused"))
        if document[key]
    ]
    since = f"in the last {days} days"
    if not document["runs"]:
        return f"the gate saw no run on protected hosts {since}; it sees those with tidegate.deploy.gate in callbacks_enabled"
    said = (
        f"{' and '.join(parts)} of {_runs(document['runs'])}"
        if parts
        else f"would have let all of {_runs(document['runs'])} through"
    )
    return f"the gate {said} {since}"


def observed_lines(document: Mapping[str, Any], days: int) -> list[str]:
    """The same for status: the sum, and for each reason how many runs, and whose; nothing where all were let through.

    Args:
        document: as `outcome.observed.summed_up` makes it.
        days: for how many days back.
    """
    reasons = [
        f"  {reason['code']}: {_DONE[reason['mode']]} {_runs(reason['runs'])} by {listed(reason['by'])}"
        for reason in document["reasons"]
    ]
    return [f"{headline(document, days)}; tidegate.deploy.observed tells more", *reasons] if reasons else []


def gate_text(gate: Mapping[str, Any]) -> str:
    """Where the gate for any playbook refuses, and where it only observes."""
    if not gate["enforce"] and not gate["observe"]:
        return "gate for any playbook: no host is protected (group or variable tidegate_protected)"
    parts = [
        f"{words} {listed(gate[mode])}"
        for mode, words in (("enforce", "refuses on"), ("observe", "only observes on"))
        if gate[mode]
    ]
    return f"gate for any playbook: {', '.join(parts)}"


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
