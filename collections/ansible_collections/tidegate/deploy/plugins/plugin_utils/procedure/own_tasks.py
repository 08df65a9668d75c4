# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that carries the site's own tasks: what hosts have of it, what runs once, and whether it may go back.

Hosts keep no journal of such a change. What the site's check says of a host takes its place: the release of the plan is
there, or the host is *without* it. The store remembers where it began, so that a half-made change goes back as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import AFTER, BEFORE, NONE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import TASKS, WITHOUT, recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import COMPLETED, PARTIAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import moment
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow, OnceRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import order
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.sequence.back import back_batches

FOUND = "found"
"""The step of a host whose check has answered."""


# -- hosts ---------------------------------------------------------------------------------------------------------


def carried(run: Run) -> bool:
    """Whether the change of a run carries tasks instead of a release."""
    return run.plan.payload == TASKS


def found(run: Run, host: str, there: bool) -> dict[str, Any]:
    """What is kept of a host whose check has answered."""
    return {
        **run.known_of(host),
        "state": "steady",
        "current": run.plan.release_id if there else WITHOUT,
        "change": _maker(run, host) if there else None,
    }


def _maker(run: Run, host: str) -> str | None:
    """The change that made what is there on a host: this one, or one of the same tasks that found it without them."""
    if run.change_id:
        return None if run.is_there(host) else run.change_id
    service, environment = run.plan.service, run.plan.environment
    ended = (run.store.latest_change(service, environment, state) for state in (PARTIAL, COMPLETED))
    for change in (*reversed(run.store.open_changes(service, environment)), *filter(None, ended)):
        plan = recorded(change.plan_bytes)
        if plan.release_id == run.plan.release_id and host in plan.host_names and plan.host(host).previous == WITHOUT:
            return change.id
    return None


def mark_begun(run: Run) -> None:
    """Take over from earlier runs of the change on which hosts it began, so that they go back also when it was cut off."""
    for name in run.plan.host_names:
        if carried(run) and not run.is_there(name) and _began(run.store, run.change_id, name):
            run.mark_touched(name)


def _began(store: Store, change_id: str, host: str) -> bool:
    """Whether a change was begun on a host and has not been taken back there since."""
    for run in reversed(store.runs(change_id)):
        row = store.host_row(run.id, host)
        if row is not None and row.touched:
            return (row.step, row.verdict) != ("back", "back")
    return False


def way_back(run: Run) -> Sequence[Sequence[str]]:
    """The batches in which hosts are taken back; none where the tasks have no way back."""
    if run.plan.doc["tasks"]["revert"] is None:
        return []
    rows = run.rows
    names = [name for batch in order.way_back(run) for name in batch if rows[name].touched or _has_it(run, name)]
    sick = [name for name in names if rows[name].verdict in ("failed", "unknown") or (rows[name].doc or {}).get("sick")]
    silent = sum(1 for name in sick if rows[name].verdict == "unknown")
    return back_batches(names, sick, len(rows), run.plan.floor, silent)


def _has_it(run: Run, name: str) -> bool:
    return (run.rows[name].doc or {}).get("current") == run.plan.release_id and not run.is_there(name)


# -- files ---------------------------------------------------------------------------------------------------------


def part(run: Run, folder: Path, where: Mapping[str, Any]) -> dict[str, Any]:
    """A part of the payload as a play includes it: a file, or a role with one of its files."""
    root = folder / where["root"]
    if where["role"]:
        return {"file": None, "role": str(root), "tasks_from": where["entry"].partition("/")[2]}
    return {"file": str(root / where["entry"]), "role": None, "tasks_from": None}


def kept_files(run: Run, store_folders: Sequence[Path]) -> Path:
    """The folder with the files of a run's plan, as they were planned.

    Args:
        run: the run.
        store_folders: where it may be: that of the store, and in check mode also that of its copy.

    Raises:
        Refusal: TASKS when it is not there, or was changed.
    """
    folders = [bundle.folder_of(store_folder, run.plan.files) for store_folder in store_folders]
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    bundle.require_kept(folder, run.plan.files)
    return folder


# -- once per change -----------------------------------------------------------------------------------------------


def once_left(run: Run, when: str) -> list[Mapping[str, Any]]:
    """What runs once per change and is not done, in the order of the plan."""
    known = run.store.once(run.change_id)
    return [
        one for one in run.plan.once if one["when"] == when and not (one["name"] in known and known[one["name"]].done)
    ]


def once_hosts(run: Run, when: str) -> Sequence[Sequence[str]]:
    """The hosts of a play that runs what is left to run once; none where nothing is, or the rollout stopped.

    This machine takes part, so that a host which cannot be reached does not end the playbook for all.
    """
    left = [] if run.halted or not run.row.live else once_left(run, when)
    if left and when == AFTER and run.store.wave_state(run.id) != (len(run.plan.waves),) * 2:
        left = []
    return [list(dict.fromkeys(["localhost", left[0]["on"]]))] if left else []


def require_once(run: Run, when: str) -> None:
    """See that all which runs once before the waves, or after them, is done.

    Raises:
        Refusal: ONCE, naming what is not.
    """
    left = once_left(run, when)
    if left:
        known = run.store.once(run.change_id)
        named = ", ".join(f"{one['name']} on {one['on']} ({_told(known.get(one['name']))})" for one in left)
        raise Refusal("ONCE", f"what runs once {when} the waves is not done: {named}")


def once_told(run: Run) -> list[str]:
    """Where everything that runs once per change stands, one line each."""
    known = run.store.once(run.change_id) if run.change_id else {}
    return [
        f"{one['name']}: {_told(known.get(one['name']))}, {one['when']} the waves on {one['on']}"
        for one in run.plan.once
    ]


def _told(row: OnceRow | None) -> str:
    states = {"asked": "not begun", "begun": "begun, and nobody knows how it ended", "done": "done", "failed": "failed"}
    return states[row.state] if row else "not begun"


# -- the way back of a whole change --------------------------------------------------------------------------------


def require_way_back(store: Store, change: ChangeRow, now: datetime) -> None:
    """See that a change may be taken back as far as its tasks are concerned.

    Raises:
        Refusal: NO_RETURN when it is past a step that has none; BACK_UNTIL when it is too late for its tasks.
    """
    plan, past = recorded(change.plan_bytes), past_return(store, change)
    if past:
        raise Refusal(
            "NO_RETURN",
            f"{change.id} is past {'; '.join(past)}, and there is no way back from that: go on with resume, or end it with "
            "close and mend what is wrong with a new change",
        )
    ended = change.closed_at if plan.payload == TASKS else None
    if ended is not None and now > moment(ended) + timedelta(seconds=plan.back_for_s):
        raise Refusal(
            "BACK_UNTIL",
            f"{change.id} ended at {ended}, and its way back was open for {plan.back_for_s} s; make a new "
            "change that does the opposite",
        )


def past_return(store: Store, change: ChangeRow) -> list[str]:
    """What a change has begun of which there is no way back, in words."""
    plan = recorded(change.plan_bytes)
    known = store.once(change.id)
    begun = [one["name"] for one in plan.once if one["name"] in known and known[one["name"]].state != "asked"]
    final = [one["name"] for one in plan.once if one["revert"] == NONE]
    past = [name for name in begun if name in final]
    if plan.payload == TASKS and plan.doc["tasks"]["revert"] is None:
        hosts = [name for name in plan.host_names if _began(store, change.id, name)]
        past += [f"apply on {', '.join(hosts)}"] if hosts else []
    return past


__all__ = [
    "AFTER",
    "BEFORE",
    "FOUND",
    "carried",
    "found",
    "kept_files",
    "mark_begun",
    "once_hosts",
    "once_left",
    "once_told",
    "part",
    "past_return",
    "require_once",
    "require_way_back",
    "way_back",
]
