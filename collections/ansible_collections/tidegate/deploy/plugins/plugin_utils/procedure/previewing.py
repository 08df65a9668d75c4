# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode cannot show of a site's own tasks, and what of them must not even begin in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.playbook.task import Task
from ansible.plugins.loader import fragment_loader, module_loader
from ansible.utils.plugin_docs import get_plugin_docs

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import task_files
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run


def not_previewed(run: Run, store_folder: str) -> list[str]:
    """The tasks of a change that check mode cannot show, one readable line each.

    Args:
        run: of the change, in check mode.
        store_folder: what lies beside the store of which check mode has a copy.
    """
    files = _files(run.plan, _folder(run, store_folder))
    return list(task_files.not_previewed(files, {*Task.fattributes, *_ALSO}, _support))


def why_not_begun(run: Run, store_folder: str) -> str:
    """Why the tasks of a change are not even begun in check mode: some of them ask to run for real; empty if they are."""
    names = task_files.runs_in_check_mode(_files(run.plan, _folder(run, store_folder)))
    return f"not previewed, since in check mode, too, this would run for real: {', '.join(names)}" if names else ""


def _folder(run: Run, store_folder: str) -> Path:
    return own_tasks.kept_files(run, [Path(run.store.folder), Path(store_folder)])


_ALSO = ("local_action", "block", "rescue", "always", "async", "poll", "loop_control")


def _files(plan: Plan, folder: Path) -> dict[str, bytes]:
    """The task files of a plan, without its checks: they only look, and are asked in check mode as well."""
    parts = [*[plan.doc["tasks"]] * bool(plan.doc.get("tasks")), *plan.once]
    checks = {_path(part["check"]) for part in parts if part["check"]}
    found = {}
    for path in plan.files:
        if path.endswith((".yml", ".yaml")) and path not in checks:
            data = (folder / path).read_bytes()
            if data.startswith(task_files.VAULTED) or not task_files.problem(data):
                found[path.partition("-")[2]] = data
    return found


def _path(part: Mapping[str, Any]) -> str:
    return f"{part['root']}/{part['entry']}"


@lru_cache(maxsize=256)
def _support(module: str) -> str:
    """How well a module supports check mode, as its documentation says."""
    try:
        doc = get_plugin_docs(module, "module", module_loader, fragment_loader, False)[0]
        return str(doc["attributes"]["check_mode"]["support"])
    except (AnsibleError, KeyError, TypeError):
        return ""
