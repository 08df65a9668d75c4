# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrolled hosts as witnesses of the ledger: what each has seen of it, asked over the connections of whoever audits.

Which hosts there are is taken from the inventory as well as from the store: a store that was rewritten would leave out
those that could say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint as checkpoints
from ansible_collections.tidegate.deploy.plugins.module_utils.core.audit import Finding
from ansible_collections.tidegate.deploy.plugins.module_utils.core.checkpoint import Note
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import enforcing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enforcing import Known
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enrolling import look
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import login_of


class Seen(NamedTuple):
    """What hosts have seen of the ledger.

    Attributes:
        notes: checkpoints, each with whose it is.
        findings: hosts whose checkpoint is none any more, or that say no longer that they are enrolled.
        silent: why others could not be asked, a line each.
    """

    notes: list[tuple[str, Note]]
    findings: list[Finding]
    silent: list[str]


def ask(door: Door, store: Store, hostvars: Mapping[str, Mapping[str, Any]]) -> Seen:
    """Ask all enrolled hosts that the inventory has for the last checkpoint that they were shown.

    Args:
        door: the action that asks.
        store: knows which hosts were enrolled.
        hostvars: the variables of each host of the inventory.
    """
    names = enrolled_names(store, hostvars)
    seen = Seen([], [], [])
    for name, said in (look(door, names) if names else {}).items():
        _add(seen, name, said, store, enforcing.known(store, login_of(hostvars[name]), name, 0))
    return seen


def enrolled_names(store: Store, hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The hosts of the inventory that it or the store says are enrolled."""
    said_to_be = {name for name in hostvars if login_of(hostvars[name])}
    return sorted(said_to_be | (set(store.all_enrolled()) & set(hostvars)))


def _add(seen: Seen, name: str, said: Said, store: Store, what: Known) -> None:
    if said.verdict != OK:
        seen.silent.append(f"{name} was not asked what it has seen: {said.code}: {said.message}")
        return
    about = said["enrolled"]
    if not said["enforced"] or about is None:
        seen.findings.append(Finding("rows", f"{name}: {': '.join(enforcing.gone(what.by))}"))
        return
    if about.get("problem"):
        seen.findings.append(Finding("rows", f"{name}: {about['problem']}"))
    seen.findings.extend(Finding("rows", f"{name}: {': '.join(one)}") for one in enforcing.unlike(store, about, what))
    kept = about.get("checkpoint")
    if not kept:
        return
    try:
        seen.notes.append((f"the host {name}'s", checkpoints.parse(str(kept["note"]).encode("utf-8"))))
    except ValueError as error:
        seen.findings.append(Finding("signature", f"what the host {name} has seen is no checkpoint any more: {error}"))
