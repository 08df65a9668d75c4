# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of taking services over, and of removing Tidegate, host by host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import printable, table


def adopted_text(service: str, done: Mapping[str, Any], check: bool) -> str:
    """What came of taking a service over.

    Args:
        service: its name.
        done: what each host said: ``verdict message`` and the answer's fields.
        check: it was only looked at.
    """
    rows = [(host, _word(said, check, "taken over"), said["release"] or "", _note(said)) for host, said in done.items()]
    lines = [f"service {service}", *_indented(table(("host", "", "release", "to note"), rows))]
    todo = dict.fromkeys(line for said in done.values() for line in said["todo"] or ())
    return "\n".join([*lines, *(f"before the next rollout: {printable(line)}" for line in todo)])


def removed_text(done: Mapping[str, Any], check: bool, store: str) -> str:
    """What came of removing Tidegate from hosts, and what stays.

    Args:
        done: what each host said: ``verdict message`` and the answer's fields.
        check: it was only looked at.
        store: the path of the store, which stays.
    """
    rows = [(host, _word(said, check, "removed"), _note(said)) for host, said in done.items()]
    lines = [*table(("host", "", "to note"), rows)]
    stays = [(host, *_kept(left)) for host, said in done.items() for left in said["left"] or ()]
    if stays:
        head = ("host", "service", "runs on", "in", "releases", "no longer taken back")
        lines += ["", "what stays on the hosts", *_indented(table(head, stays))]
    return "\n".join([*lines, f"what stays here: the store {printable(store)}"])


def _word(said: Any, check: bool, done: str) -> str:
    if said.verdict != "ok":
        return str(said.verdict)
    if not said["changed"]:
        return "unchanged"
    return f"would be {done}" if check else done


def _note(said: Any) -> str:
    if said.verdict != "ok":
        return f"{said.code}: {said.message}"
    removed = said["removed"]
    if removed:
        return ", ".join(removed)
    return f"{said['files']} files of {said['from']}" if said["from"] else ""


def _kept(left: Mapping[str, Any]) -> tuple[str, ...]:
    release = str(left["current"])
    shown = release if left["state"] == "steady" else f"{release} ({left['state']})"
    return (left["service"], shown, left["root"] or "", str(left["releases"]), left["change"] or "")


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
