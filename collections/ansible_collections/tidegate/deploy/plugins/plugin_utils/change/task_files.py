# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be told of a task file by reading it: whether it is one, and which of its tasks check mode cannot show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

VAULTED = b"$ANSIBLE_VAULT"
BLOCKS = ("block", "rescue", "always")
RUNS_ALWAYS = ("include_tasks", "import_tasks", "include_role", "import_role", "meta", "set_fact", "debug", "assert")

Support = Callable[[str], str]
"""How well a module supports check mode, as its documentation says: full, partial, none; empty: nobody knows."""


class _Loader(yaml.SafeLoader):
    """Reads tasks as data; what tags mean (``!vault``, ``!unsafe``) is Ansible's business."""


_Loader.add_multi_constructor("!", lambda _loader, suffix, _node: f"!{suffix}")


def problem(data: bytes) -> str:
    """What keeps a file from being a list of tasks; empty if nothing does."""
    if data.startswith(VAULTED):
        return ""
    try:
        tasks = yaml.load(data, Loader=_Loader)  # noqa: S506 -- a safe loader
    except yaml.YAMLError as error:
        return f"not YAML: {' '.join(str(error).split())}"
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    if not isinstance(tasks, list) or not tasks:
        return "no list of tasks"
    if any(not isinstance(task, dict) for task in tasks):
        return "a list of something else than tasks"
    if any("hosts" in task and ("tasks" in task or "roles" in task) for task in tasks):
        return "a playbook"
    return ""


def not_previewed(files: Mapping[str, bytes], keywords: set[str], support: Support) -> Iterator[str]:
    """The tasks that check mode cannot show, one readable line each.

    Args:
        files: the task files, by their path.
        keywords: what may stand in a task beside its module.
        support: what modules say of themselves.
    """
    for path, data in files.items():
        if data.startswith(VAULTED):
            yield f"{path}: a vaulted file"
            continue
        for task in _tasks(yaml.load(data, Loader=_Loader)):  # noqa: S506 -- a safe loader
            why = _why(task, keywords, support)
            if why:
                yield f"{path}: {task.get('name') or 'a task without a name'} ({why})"


def runs_in_check_mode(files: Mapping[str, bytes]) -> list[str]:
    """The tasks that ask to be run even in check mode, by their names."""
    return [
        str(task.get("name") or path)
        for path, data in files.items()
        if not data.startswith(VAULTED)
        for task in _tasks(yaml.load(data, Loader=_Loader))  # noqa: S506 -- a safe loader
        if task.get("check_mode") not in (None, True)
    ]


def _tasks(listed: Any, outer: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """All tasks, also those in blocks, with the check mode of the blocks around them."""
    for task in listed if isinstance(listed, list) else ():
        if not isinstance(task, dict):
            continue
        inherited = {"check_mode": (outer or {}).get("check_mode"), **task}
        if "block" in task:
            for part in BLOCKS:
                yield from _tasks(task.get(part), inherited)
        else:
            yield inherited


def _why(task: Mapping[str, Any], keywords: set[str], support: Support) -> str:
    module = _module(task, keywords)
    if task.get("check_mode") not in (None, True):
        return f"{module}, with check_mode: {task['check_mode']}"
    if module.rpartition(".")[2] in RUNS_ALWAYS:
        return ""
    found = support(module)
    if found in ("full", "N/A"):
        return ""
    return module if found in ("none", "partial") else f"{module}, whose check mode nobody knows"


def _module(task: Mapping[str, Any], keywords: set[str]) -> str:
    named = task.get("action") or task.get("local_action")
    if named:
        return str(named.get("module") if isinstance(named, dict) else str(named).split()[0])
    return next((str(key) for key in task if key not in keywords and not str(key).startswith("with_")), "no module")
