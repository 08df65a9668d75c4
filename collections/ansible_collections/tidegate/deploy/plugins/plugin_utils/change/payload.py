# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own tasks as what a change carries: what its change file names, and the rules that a schema cannot say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import (
    BEFORE,
    NONE,
    PAUSE,
    TIMES,
    UNNEEDED,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import Path, Problem, shown


@dataclass(frozen=True)
class Part:
    """A piece of a payload: a task file in its folder, or a role.

    Args:
        at: where the change file names it, for errors.
        folder: of the task file, or of the role; absolute, unless it is a role that is known by its name only.
        entry: the name of the task file; of a role the file in its tasks folder.
        role: whether it is a role.
    """

    at: Path
    folder: str
    entry: str
    role: bool = False


@dataclass(frozen=True)
class Tasks:
    """What makes a change on a host, what takes it back (None: nothing does), and what says whether it is there."""

    apply: Part
    revert: Part | None
    check: Part

    @property
    def parts(self) -> dict[str, Part]:
        """Its pieces by their names."""
        return {"apply": self.apply, "check": self.check} | ({"revert": self.revert} if self.revert else {})


@dataclass(frozen=True)
class Once:
    """Tasks that run once per change.

    Args:
        name: unique in the change.
        when: `BEFORE` the first wave or `AFTER` the last one.
        on: the host that they run on.
        apply: what is done.
        check: what says whether it was done; None: nothing does.
        revert: `NONE` (no way back past it) or `UNNEEDED` (it may stay when the change goes back).
    """

    name: str
    when: str
    on: str
    apply: Part
    check: Part | None
    revert: str = NONE


def tasks_in(value: Mapping[str, Any], place: str) -> Tasks | None:
    """The per-host tasks of a change file that the schema has checked."""
    if "tasks" not in value:
        return None
    given = value["tasks"]
    parts = {key: _part(given[key], place, ("tasks", key)) for key in given if not _is_none(key, given[key])}
    return Tasks(parts["apply"], parts.get("revert"), parts["check"])


def once_in(value: Mapping[str, Any], place: str) -> tuple[Once, ...]:
    """The once-per-change tasks of a change file that the schema has checked."""
    return tuple(
        Once(
            name=one["name"],
            when=one.get("when", BEFORE),
            on=one["on"],
            apply=_part(one["apply"], place, ("once", index, "apply")),
            check=_part(one["check"], place, ("once", index, "check")) if "check" in one else None,
            revert=one.get("revert", NONE),
        )
        for index, one in enumerate(value.get("once", ()))
    )


def rules(value: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the tasks of a change file beyond what its schema says."""
    return [*_return_rules(value), *_once_rules(value.get("once", ()))]


def _return_rules(value: Mapping[str, Any]) -> Iterator[Problem]:
    """What has no way back stops where it is when it fails: somebody has to say so in the change file."""
    final: list[Path] = [("tasks", "revert")] if _is_none("revert", value.get("tasks", {}).get("revert")) else []
    final += [
        ("once", index, "revert") for index, one in enumerate(value.get("once", ())) if one.get("revert", NONE) == NONE
    ]
    policy = value.get("on_failure")
    if final and policy != PAUSE:
        where = ", ".join(".".join(str(step) for step in path) for path in final)
        expected = f"{PAUSE}, since there is no way back past a step without revert ({where})"
        yield Problem(("on_failure",), shown(policy), expected)


def _once_rules(once: Any) -> Iterator[Problem]:
    names = [one["name"] for one in once]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(("once", index, "name"), f"{name!r} twice", "a name of its own")
    for when in TIMES:
        there = {one["on"]: index for index, one in enumerate(once) if one.get("when", BEFORE) == when}
        if len(there) > 1:
            found = f"hosts {', '.join(there)}"
            yield Problem(("once", max(there.values()), "on"), found, f"one host for all that runs {when} the waves")


def _is_none(key: str, value: object) -> bool:
    return key == "revert" and value == NONE


def _part(value: str | Mapping[str, str], place: str, at: Path) -> Part:
    base = os.path.dirname(place)
    if isinstance(value, str):
        folder, name = os.path.split(os.path.normpath(os.path.join(base, os.path.expanduser(value))))
        return Part(at, folder, name)
    role, entry = value["role"], value.get("tasks_from", "main")
    if "/" in role:
        role = os.path.normpath(os.path.join(base, os.path.expanduser(role)))
    return Part(at, role, entry, role=True)


__all__ = ["UNNEEDED", "Once", "Part", "Tasks", "once_in", "rules", "tasks_in"]
