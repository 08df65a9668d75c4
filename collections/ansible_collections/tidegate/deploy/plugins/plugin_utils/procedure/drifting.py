# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host runs what was recorded for it last; what somebody put there past Tidegate has an entry, once.

A host that is under way, could not be asked, or of which nothing was recorded here has not drifted. Neither has one on
which a change of this store put what runs, though nobody could read that back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import Entry, digest_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.plan import recorded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import BACK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import FROM_CHECK

FOUND, MENDED = "drift.found", "drift.mended"

_AT_REST = (("confirm", "ok"), ("back", BACK))


class Confirmed(NamedTuple):
    """What a host was read back on, and the change whose run did that."""

    release: str
    change_id: str


def confirmed_hosts(store: Store, service: str, environments: Iterable[str]) -> dict[str, Confirmed]:
    """What each host of a service was on when a run last read it back at rest, after a confirm or a way back."""
    return {
        host: Confirmed(str(stood["current"]), change)
        for environment in set(environments)
        for host, change, stood in store.notes_of(service, environment, _AT_REST)
        if stood and stood.get("state") == "steady" and FROM_CHECK not in stood
    }


def drift_of(store: Store, stand: Stand, last: Confirmed | None) -> str:
    """How what a host runs differs from what was recorded for it, for people; empty where it does not.

    Args:
        store: that knows the changes.
        stand: what the host says.
        last: what it was read back on last; None where it never was.
    """
    service = stand.service
    if stand.why_unknown or service["state"] != "steady" or last is None:
        return ""
    current = str(service["current"])
    if current != last.release and not _put_there(store, service.get("change"), current):
        return f"runs {current}, and {last.change_id} left it on {last.release}"
    damage = service.get("damage")
    return f"the files of {current} were changed: {damage}" if damage else ""


def record(store: Store, service: str, found: Mapping[str, str], last: Mapping[str, Confirmed]) -> str:
    """Enter what is new about drift: that it is there, or that it is not any more. Answers why it was not entered.

    Args:
        store: the ledger.
        service: the service.
        found: of each host that is at rest how it drifted; empty where it did not.
        last: what each was read back on last.
    """
    known = {confirmed.change_id: store.entries(confirmed.change_id) for confirmed in last.values()}
    try:
        for host, drift in found.items():
            if host not in last:
                continue
            change = last[host].change_id
            told = _told(known[change], service, host)
            if drift and digest_of(drift) != told:
                body = {"service": service, "host": host, "recorded": last[host].release, "found": digest_of(drift)}
                store.append(FOUND, actor(), body, change)
            elif told and not drift:
                store.append(MENDED, actor(), {"service": service, "host": host}, change)
    except Refusal as refusal:
        return f"{refusal.code}: {refusal.message}"
    return ""


def _put_there(store: Store, change_id: str | None, release: str) -> bool:
    """Whether a change of this store is why a host runs a release, as far as its plan goes: another store may have one of that id."""
    change = store.change(change_id) if change_id else None
    if change is None or recorded(change.plan_bytes).release_id != release:
        return False
    return any(run.opened for run in store.runs(change.id))


def _told(entries: list[Entry], service: str, host: str) -> str | None:
    """The digest of the drift of a host that the ledger tells of; None where it tells of none, or that it was mended."""
    told = None
    for entry in entries:
        if entry.kind in (FOUND, MENDED) and (entry.body.get("service"), entry.body.get("host")) == (service, host):
            told = entry.body["found"] if entry.kind == FOUND else None
    return told
