# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two plans, for people: one readable line each."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import Path, path_text, shown

_MISSING = object()


def difference(old: Plan, new: Plan) -> list[str]:
    """What a new plan changes, one readable line each; empty when their content is the same.

    What hosts said when a plan was made, of what they run and enforce, is left out, as it is of `Plan.content_digest`.
    """
    return [
        *_release_difference(old, new),
        *_host_difference(old, new),
        *_definition_difference(old, new),
        *_value_difference("", _rest(old), _rest(new)),
    ]


def _release_difference(old: Plan, new: Plan) -> list[str]:
    lines = []
    if old.release_id != new.release_id:
        lines.append(f"release: {old.release_id} → {new.release_id}")
    if old.doc["artifact"] != new.doc["artifact"]:
        lines += _value_difference("artifact", old.doc["artifact"], new.doc["artifact"])
    return lines


def _host_difference(old: Plan, new: Plan) -> list[str]:
    gone = [name for name in old.host_names if name not in new.host_names]
    come = [name for name in new.host_names if name not in old.host_names]
    both = [name for name in new.host_names if name in old.host_names]
    lines = [f"hosts added: {', '.join(come)}"] if come else []
    lines += [f"hosts removed: {', '.join(gone)}"] if gone else []
    moved = [name for name in both if old.host(name).domain != new.host(name).domain]
    lines += [f"{name}: domain {old.host(name).domain!r} → {new.host(name).domain!r}" for name in moved]
    if old.waves != new.waves:
        lines.append(f"waves: {_waves_text(old)} → {_waves_text(new)}")
    return lines


def _definition_difference(old: Plan, new: Plan) -> list[str]:
    where: dict[str, list[str]] = {}
    for name in new.host_names:
        if name in old.host_names:
            for line in _value_difference("", old.definition_of(name), new.definition_of(name)):
                where.setdefault(line, []).append(name)
    return [f"definition of {', '.join(names)}: {line}" for line, names in where.items()]


def _rest(plan: Plan) -> dict[str, Any]:
    told = ("release", "artifact", "definitions", "hosts", "waves", "trust")
    return {key: value for key, value in plan.doc.items() if key not in told}


def _value_difference(prefix: str, old: Any, new: Any, path: Path = ()) -> list[str]:
    if old == new and type(old) is type(new):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        steps = list(dict.fromkeys([*old, *new]))
        pairs = [(step, old.get(step, _MISSING), new.get(step, _MISSING)) for step in steps]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(index, before, after) for index, (before, after) in enumerate(zip(old, new, strict=True))]
    else:
        return [_changed(prefix, path, old, new)]
    return [line for step, before, after in pairs for line in _value_difference(prefix, before, after, (*path, step))]


def _changed(prefix: str, path: Path, old: Any, new: Any) -> str:
    where = ".".join(part for part in (prefix, path_text(path)) if part)
    if old is _MISSING:
        return f"{where}: added {shown(new)}"
    if new is _MISSING:
        return f"{where}: removed {shown(old)}"
    return f"{where}: {shown(old)} → {shown(new)}"


def _waves_text(plan: Plan) -> str:
    return " | ".join(" ".join(wave) for wave in plan.waves)
