# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's own tasks that the run's change carries, as they were planned."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tasks
short_description: The site's own tasks that the run's change carries, as they were planned
version_added: 1.0.0
description:
  - Gives a play the task files and roles of the change that the run works on, from the copies that were kept when it was planned.
    Files that were edited since do not count.
  - Copies that are missing or changed are refused with V(TASKS).
author:
  - Tidegate contributors (@tidegate)
options:
  _terms:
    description:
      - V(apply), V(revert) and V(check) give what the change carries for each host.
      - V(once_before) and V(once_after) give what is left to run once per change on the host of the task.
    required: true
    type: list
    elements: str
    choices: [apply, revert, check, once_before, once_after]
"""

EXAMPLES = r"""
- name: Apply the change on the host
  ansible.builtin.include_tasks: "{{ query('tidegate.deploy.tasks', 'apply')[0].file }}"
"""

RETURN = r"""
_raw:
  description:
    - For each host's tasks one mapping with C(file), the path of a task file, or with C(role), the folder of a role, and C(tasks_from).
    - For what runs once a mapping each, with C(name), C(apply) and C(check); the last two are as above, or null.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import context

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import own_tasks
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.lookup import RecordLookup
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import run_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import store_folder, store_to_finish

_PARTS = ("apply", "revert", "check")
_ONCE = {"once_before": own_tasks.BEFORE, "once_after": own_tasks.AFTER}


class LookupModule(RecordLookup):
    """Reads the run's plan from the store."""

    def asked(self, term: str, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
        return _asked(term, variables)


def _asked(term: str, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    if term not in (*_PARTS, *_ONCE):
        raise Refusal("DATA", f"found {term!r}, expected one of {', '.join((*_PARTS, *_ONCE))}")
    sources, check = variables.get("ansible_inventory_sources") or [], bool(context.CLIARGS.get("check"))
    with store_to_finish(sources, check) as store:
        run = run_of(store, check)
        folders = [Path(store.folder), Path(store_folder(sources))]
        if term in _PARTS:
            wanted = (run.plan.doc["tasks"] or {}).get(term)
            return [own_tasks.part(run, own_tasks.kept_files(run, folders), wanted)] if wanted else []
        host = str(variables.get("inventory_hostname") or "")
        left = [one for one in own_tasks.once_left(run, _ONCE[term]) if one["on"] == host and not run.halted]
        return [_once(run, own_tasks.kept_files(run, folders), one) for one in left]


def _once(run: Run, folder: Path, one: Mapping[str, Any]) -> dict[str, Any]:
    check = own_tasks.part(run, folder, one["check"]) if one["check"] else None
    return {"name": one["name"], "apply": own_tasks.part(run, folder, one["apply"]), "check": check}
