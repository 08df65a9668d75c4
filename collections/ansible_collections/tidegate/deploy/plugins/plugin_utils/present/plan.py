# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan, as it is shown before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import downgrade
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file_schema import KEEP, PAUSE, TAKE_BACK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import ARCHIVE, PLAYBOOK, Plan
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import NORMAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import block, duration, files, listed, size
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import run_command

_POLICIES = {
    TAKE_BACK: "any failure takes every host back",
    PAUSE: "a failure takes the failed hosts back and pauses the change (on_failure: pause)",
    KEEP: "a failure takes the failed hosts back and ends the change (on_failure: keep)",
}


def _artifact(plan: Plan) -> str:
    artifact = plan.doc["artifact"]
    if plan.payload != ARCHIVE:
        return ""
    if artifact is None:
        return "none is needed: every host keeps the release, and was asked whether it is intact"
    return f"{artifact['name']} sha256 {artifact['sha256']}"


def _tasks(plan: Plan) -> list[str]:
    """What the change carries for each host."""
    return [
        f"{name}: {_part(plan.doc['tasks'][name])}" for name in ("apply", "check", "revert") if plan.doc.get("tasks")
    ]


def _once(plan: Plan) -> list[str]:
    """What it runs once."""
    return [f"{one['name']}: {_part(one['apply'])}, {one['when']} the waves on {one['on']}" for one in plan.once]


def _part(part: Mapping[str, Any] | None) -> str:
    if part is None:
        return "none"
    folder = str(part["root"]).partition("-")[2]
    return f"role {folder}, {part['entry']}" if part["role"] else f"{folder}/{part['entry']}"


def _way_back(plan: Plan) -> str:
    if plan.payload == PLAYBOOK:
        return "none by Tidegate: the playbook is yours"
    if plan.no_return:
        return "a failure pauses the change (on_failure: pause); by hand only before a point of no return"
    return f"{_POLICIES[plan.on_failure]}; by hand for {duration(plan.back_for_s)} after that"


def _rolled_out(plan: Plan, change_id: str) -> list[tuple[str, Any]]:
    """How it goes out; of a playbook of the site's own, how somebody runs it."""
    if plan.payload == PLAYBOOK:
        [(path, file)] = plan.files.items()
        name = path.rpartition("/")[2]
        return [
            ("playbook", f"{name} sha256 {file['sha256']}"),
            ("hosts", listed(plan.host_names)),
            ("run it", run_command(plan, change_id)),
        ]
    release = plan.doc["release"]
    waves = [
        f"{index + 1}  {'canary  ' if index == 0 and len(plan.waves) > 1 else ''}{listed(wave)}"
        for index, wave in enumerate(plan.waves)
    ]
    return [
        ("release", f"{plan.release_id}, {files(release['files'])}, {size(release['size_bytes'])}"),
        ("artifact", _artifact(plan)),
        ("tasks", _tasks(plan)),
        ("once", _once(plan)),
        ("from", listed(sorted({host.previous for host in plan.hosts}))),
        ("to note", downgrade.told(plan)),
        ("waves", waves),
        ("limits", f"{plan.floor} of {len(plan.hosts)} hosts stay up, {plan.budget} may fail"),
    ]


def plan_text(
    plan: Plan,
    change_id: str,
    revision: int | None,
    store: str,
    notes: list[str],
    window: Sequence[str] = (),
    stands: Sequence[tuple[str, Any]] = (),
) -> str:
    """What will happen, where, in which order, and how it comes back.

    Args:
        plan: the frozen plan.
        change_id: the change's id.
        revision: of the change.
        store: where it is recorded.
        notes: what is to be said besides (a new revision and why, hosts that are there already).
        window: whether it may run now, or when; and the windows that are meant for it.
        stands: named lines that say where the change stands.
    """
    return block(
        f"{change_id} revision {revision}",
        [
            ("change", plan.doc["title"] or f"{plan.service} {plan.version}"),
            ("service", f"{plan.service} in {plan.environment}"),
            *_rolled_out(plan, change_id),
            ("window", list(window)),
            ("way back", _way_back(plan)),
            ("no return", [f"there is no way back past {step}" for step in plan.no_return]),
            ("type", "" if plan.type == NORMAL else plan.type),
            ("risk", plan.risk),
            ("reason", plan.reason),
            ("author", plan.author),
            ("requester", plan.requester),
            ("plan", plan.digest),
            ("store", store),
            ("note", notes),
            *stands,
        ],
    )
