# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the doctor found: a line each, with what mends it, and a block with the counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import block, listed, printable

LEVELS = {"refuse": "stop", "unknown": "unknown", "warn": "warn", "note": "note"}
"""Levels as people read them, the worst first: mend before a rollout; could not be asked; mend soon; good to know."""

_MOST_NAMES = 4


def grouped(found: Iterable[tuple[str, Mapping[str, str]]]) -> list[dict[str, object]]:
    """Findings with all places where they are the same, the worst first.

    Args:
        found: place and finding.
    """
    places: dict[tuple[str, str, str, str], list[str]] = {}
    for where, one in found:
        key = (LEVELS[one["level"]], one["check"], one["found"], one["hint"])
        if where not in places.setdefault(key, []):
            places[key].append(where)
    order = list(LEVELS.values())
    return [
        {"level": level, "check": check, "where": where, "found": text, "fix": hint}
        for (level, check, text, hint), where in sorted(places.items(), key=lambda item: order.index(item[0][0]))
    ]


def counts(findings: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """How many findings there are of each level."""
    count = dict.fromkeys(LEVELS.values(), 0)
    for one in findings:
        count[str(one["level"])] += 1
    return count


def doctor_text(
    findings: Sequence[Mapping[str, object]], hosts: Sequence[str], silent: Sequence[str], store: str, versions: str
) -> str:
    """All of it, as people read it.

    Args:
        findings: of `grouped`.
        hosts: that were asked.
        silent: of these, those that could not be.
        store: where the store is, or would be.
        versions: what runs on the controller.
    """
    places = [listed(list(map(str, one["where"])), _MOST_NAMES) for one in findings]  # type: ignore[call-overload]
    width = max((len(place) for place in places), default=0)
    lines = [
        f"{one['level']!s:<7}  {place:<{width}}  {printable(one['found'])} → {printable(one['fix'])}"
        for one, place in zip(findings, places, strict=True)
    ]
    count = counts(findings)
    answered = [name for name in hosts if name not in silent]
    pairs = [
        ("controller", versions),
        ("hosts", f"{len(answered)} of {len(hosts)} could be looked at"),
        ("not looked at", listed(list(silent))),
        ("store", store),
        ("next", _next(count)),
    ]
    return "\n".join([*lines, block(f"doctor: {said(count)}", pairs)])


def said(count: Mapping[str, int]) -> str:
    """The counts in words."""
    words = {"stop": "would stop a rollout", "unknown": "unknown", "warn": "to mend soon", "note": "to know"}
    told = [f"{count[level]} {text}" for level, text in words.items() if count[level]]
    return ", ".join(told) or "nothing found"


def _next(count: Mapping[str, int]) -> str:
    if count["stop"] or count["unknown"]:
        return "mend what says stop or unknown, then run the doctor again"
    return "ansible-playbook tidegate.deploy.rollout -e tidegate_change_file=CHANGE.yml --check"
