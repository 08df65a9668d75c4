# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one record of a change: plan, decisions, who did what and when on each host, timings, deviations, verdict and proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core import record as records
from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import Entry
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.merkle import Tree
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.checkpoints import Key
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.observations import RecordedRun
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow, RunRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

FORMAT = "tidegate-record/1"
SIGNED = "record.signed"
_REFUSED = ("denied", "gate.refused")


def content_of(store: Store, change_id: str) -> dict[str, Any]:
    """What happened to a change, as a canonical document.

    Raises:
        Refusal: NO_CHANGE.
    """
    change = store.change(change_id)
    if change is None:
        raise Refusal(
            "NO_CHANGE",
            f"{change_id}: the store {store.name} knows no such change; tidegate.deploy.status lists them",
            change=change_id,
        )
    entries = store.entries(change_id)
    runs = [_run(store, run) for run in store.runs(change_id)]
    playbooks = [_playbook(run) for run in reversed(store.recorded_runs(change_id, most=None))]
    return {
        "format": FORMAT,
        "change": _change(change),
        "plans": [
            {"at": entry.at, "by": entry.actor, **entry.body} for entry in entries if entry.kind == "change.planned"
        ],
        "plan": canonical.loads(change.plan_bytes),
        "moves": [
            _picked(move, "at", "event", "before", "after", "revision", "actor", "reason")
            for move in store.moves(change_id)
        ],
        "decisions": [
            _picked(
                row,
                "at",
                "person",
                "decision",
                "strength",
                "revision",
                "statement",
                "key",
                "expires_at",
                "evidence",
                "signature",
            )
            for row in store.approvals(change_id)
        ],
        "refused": [_refused(entry) for entry in entries if entry.kind in _REFUSED],
        "runs": runs,
        "playbooks": playbooks,
        "deviations": [*_deviations(change, runs), *_of_playbooks(change, playbooks)],
        "verdict": (change.outcome or {}).get("verdict") or change.state,
    }


def recent_of(store: Store) -> dict[str, Any]:
    """The recorded runs of playbooks of the site's own that began last, newest first, whichever change they named."""
    return {"playbooks": [_playbook(run) for run in store.recorded_runs()]}


def sign(store: Store, change_id: str, key: Key, actor: str) -> bool:
    """Sign the record of a change as it is now, in an entry; answers false where that is signed already.

    Raises:
        Refusal: NO_CHANGE.
        OSError: the key cannot sign.
    """
    content = content_of(store, change_id)
    digest = canonical.digest(content)
    if _signature(store, change_id, digest) is not None:
        return False
    signature = key.sign(records.NAMESPACE, records.message(content))
    store.append(SIGNED, actor, {"record": digest, "signature": signature}, change_id)
    return True


def whole_of(store: Store, change_id: str) -> dict[str, Any]:
    """The record with its signature and its proof, as `core.record` checks it; without one that is not there yet.

    Raises:
        Refusal: NO_CHANGE; LEDGER.
    """
    content = content_of(store, change_id)
    note = store.last_checkpoint()
    proof = None
    if note is not None:
        rows = [(number, document) for number, document, _leaf in store.rows_of(change_id)]
        tree = Tree(bytes.fromhex(leaf) for leaf in store.leaves(note.checkpoint.size))
        proof = records.proof(note, rows, tree)
    return {"record": content, "signature": _signature(store, change_id, canonical.digest(content)), "proof": proof}


def _signature(store: Store, change_id: str, digest: str) -> str | None:
    signed = [entry.body for entry in store.entries(change_id) if entry.kind == SIGNED]
    return next((str(body["signature"]) for body in reversed(signed) if body.get("record") == digest), None)


def _picked(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _change(change: ChangeRow) -> dict[str, Any]:
    names = ("id", "service", "environment", "state", "source", "created_at", "closed_at", "revision", "requested_by")
    return _picked(change, *names, "review_due_at", "reviewed_at", "outcome")


def _refused(entry: Entry) -> dict[str, Any]:
    return {"at": entry.at, "by": entry.actor, "code": entry.body.get("code")}


def _run(store: Store, run: RunRow) -> dict[str, Any]:
    names = (
        "id",
        "verb",
        "revision",
        "state",
        "code",
        "message",
        "started_at",
        "ended_at",
        "waves",
        "closed",
        "outcome",
    )
    names_of_host = ("host", "step", "verdict", "code", "message", "touched")
    hosts = [{"wave": row.wave + 1, **_picked(row, *names_of_host)} for row in store.host_rows(run.id)]
    notes = [_picked(row, "at", "host", "step", "verdict", "code", "message", "doc") for row in store.events(run.id)]
    return {**_picked(run, *names), "by": actor_of(run.holder), "hosts": hosts, "notes": notes}


def _playbook(run: RecordedRun) -> dict[str, Any]:
    hosts = [{"host": host, **counts} for host, counts in run.hosts.items()]
    names = ("run_id", "playbook", "change_id", "actor", "started_at", "ended_at", "lost")
    return {**_picked(run, *names), "hosts": hosts}


def _deviations(change: ChangeRow, runs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What did not go as the first plan said, in the order of the runs."""
    if change.revision > 1:
        yield {"what": "planned again", "count": change.revision - 1}
    for run in runs:
        if run["code"]:
            yield {"what": "stopped", "run": run["id"], "code": run["code"], "message": run["message"]}
        for host in run["hosts"]:
            if host["verdict"] in ("failed", "unknown", "back"):
                yield {
                    "what": host["verdict"],
                    "run": run["id"],
                    **{name: host[name] for name in ("host", "code", "message")},
                }
    yield from _elsewhere(change.outcome or {})


def _of_playbooks(change: ChangeRow, playbooks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What did not go as planned in runs of playbooks of the site's own: also what changed on hosts that are not of the change."""
    planned = {host["name"] for host in canonical.loads(change.plan_bytes).get("hosts", ())}
    for run in playbooks:
        for host in run["hosts"]:
            others = {"not of the change": host["changed"] if host["host"] not in planned else 0}
            for what, count in {"failed": host["failed"], "unreachable": host["unreachable"], **others}.items():
                if count:
                    yield {"what": what, "run": run["run_id"], "host": host["host"], "count": count}


def _elsewhere(outcome: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    places = {"new": "completed", "old": "rolled_back"}
    for host in outcome.get("hosts", []):
        if host.get("place") != "untouched" and places.get(host.get("place")) != outcome.get("verdict"):
            yield {"what": "elsewhere", "host": host.get("name"), "place": host.get("place")}
