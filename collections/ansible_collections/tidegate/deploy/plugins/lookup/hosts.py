# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the run's change, in the order in which a play works on them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts
short_description: The hosts of the run's change, in the plan's order
version_added: 1.0.0
description:
  - Gives a play its hosts and its batches from the plan of the change that the run works on.
  - The plan decides; C(--limit) is refused.
author:
  - Tidegate contributors (@tidegate)
options:
  _terms:
    description:
      - What is asked for. V(plan) gives all hosts, V(waves) those that are still to be rolled out, V(back) those that
        go back.
      - These are the hosts of a change that brings a release. Of one that carries the site's own tasks, V(task_waves) and
        V(task_back) give them, and V(checked) gives all of its hosts, to be asked whether it is there.
      - V(once_before) and V(once_after) give the host of what is left to run once per change, and localhost beside it.
      - V(wave_sizes), V(back_sizes), V(task_wave_sizes) and V(task_back_sizes) give the sizes of the batches, for the keyword C(serial).
      - V(site) gives localhost, for plays about the site as a whole, which no limit may narrow.
      - V(cause) gives why the rollout stopped, and nothing while it goes on.
    required: true
    type: list
    elements: str
    choices:
      - site
      - plan
      - waves
      - wave_sizes
      - back
      - back_sizes
      - checked
      - task_waves
      - task_wave_sizes
      - task_back
      - task_back_sizes
      - once_before
      - once_after
      - cause
notes:
  - Where there is nothing to work on it gives a pattern that matches no host, and no warning.
"""

EXAMPLES = r"""
- name: Activate wave by wave
  hosts: "{{ query('tidegate.deploy.hosts', 'waves') }}"
  serial: "{{ query('tidegate.deploy.hosts', 'wave_sizes') }}"
  gather_facts: false
  roles:
    - role: tidegate.deploy.activate
"""

RETURN = r"""
_raw:
  description: Names of hosts, or sizes of batches.
  type: list
  elements: raw
"""

import atexit
from collections.abc import Callable, Mapping
from typing import Any

from ansible import context

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import ARCHIVE, PLAYBOOK, TASKS
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import order, own_tasks, watchdog
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.lookup import RecordLookup
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import entered, refuse_limit, run_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import drop_scratch, store_to_finish

NOBODY = "all:!all"
"""A pattern that matches no host, without the warning that an unknown name brings."""

Order = Callable[[Run], order.Batches]


def _of(payload: str, batches: Order) -> Order:
    """The batches of changes with one kind of payload; none of others."""
    return lambda run: batches(run) if run.plan.payload == payload else []


_WAVES = _of(ARCHIVE, order.waves)
_BACK = _of(ARCHIVE, order.way_back)
_TASK_WAVES = _of(TASKS, order.waves)
_TASK_BACK = _of(TASKS, own_tasks.way_back)
_HOSTS: dict[str, Order] = {
    "plan": lambda run: [] if run.plan.payload == PLAYBOOK else order.every_host(run),
    "waves": _WAVES,
    "back": _BACK,
    "checked": _of(TASKS, order.every_host),
    "task_waves": _TASK_WAVES,
    "task_back": _TASK_BACK,
    "once_before": lambda run: own_tasks.once_hosts(run, own_tasks.BEFORE),
    "once_after": lambda run: own_tasks.once_hosts(run, own_tasks.AFTER),
}
_CAUSE = "cause"
_SITE = "site"
_SIZES: dict[str, Order] = {
    "wave_sizes": _WAVES,
    "back_sizes": _BACK,
    "task_wave_sizes": _TASK_WAVES,
    "task_back_sizes": _TASK_BACK,
}


_GOES_BACK = ("back", "back_sizes", "task_back", "task_back_sizes")
"""From where on a rollout is not ended by its max_runtime any more."""

_TERMS = (_SITE, *_HOSTS, *_SIZES, _CAUSE)


class LookupModule(RecordLookup):
    """Reads the run's plan from the store, in Ansible's main process."""

    def asked(self, term: str, variables: Mapping[str, Any]) -> list[Any]:
        return _asked(term, variables)


def _asked(term: str, variables: Mapping[str, Any]) -> list[Any]:
    if term not in _TERMS:
        raise Refusal("DATA", f"found {term!r}, expected one of {', '.join(_TERMS)}")
    if any(context.CLIARGS.get(preview) for preview in ("listhosts", "listtasks", "syntax")):
        return [1] if term in _SIZES else [NOBODY]
    if term == _SITE and not context.CLIARGS.get("subset"):  # what was narrowed is refused where that is entered
        return ["localhost"]
    check = bool(context.CLIARGS.get("check"))
    if check:
        atexit.register(drop_scratch)
    sources = [str(source) for source in variables.get("ansible_inventory_sources") or []]
    with store_to_finish(sources, check) as store:
        with entered(store, check):
            refuse_limit()
        run = run_of(store, check)
        if term in _GOES_BACK:
            watchdog.leave(run)
        elif not check:
            watchdog.watch(run, sources)
        if term == _CAUSE:
            return [run.halted] if run.halted else []
        there = {*(variables.get("groups") or {}).get("all", ()), "localhost"}
        batches = [[name for name in batch if name in there] for batch in (_HOSTS.get(term) or _SIZES[term])(run)]
    if term in _SIZES:
        return [len(batch) for batch in batches if batch] or [1]
    return [name for batch in batches for name in batch] or [NOBODY]
