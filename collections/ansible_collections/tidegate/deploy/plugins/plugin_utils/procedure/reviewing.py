# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The review of an emergency, entered in the ledger and shown to the hosts that wait for it, with what proves that it is there.

An emergency is named by its statement: with the store away its change was one of another store, which may be gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.logged import Seen
from ansible_collections.tidegate.deploy.plugins.module_utils.core.permit import REVIEWED
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor, current_run_holder
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import enforcing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enrolling import look
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Done, Said, call
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.permits import Proof
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import OK
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import next_identity
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each

REVIEW = "review"


def waiting(
    door: Door, store: Store, hosts: Iterable[str], statements: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Said]]:
    """Which of some hosts wait for the review of an emergency, and what those said that could not be asked.

    Args:
        door: the action that asks.
        store: gets an entry of each emergency that a host tells and that it does not know.
        hosts: their names.
        statements: the ids of the emergencies that are reviewed.

    Returns:
        Of each host that waits what it says of itself, with the one emergency that is due; and the silent ones.
    """
    wanted, found = set(statements), {}
    done = Done(look(door, list(hosts)))
    for name, said in done.good.items():
        about = said["enrolled"] or {}
        if not door.check:
            enforcing.ingest(store, name, about)
        for due in about.get("reviews_due") or ():
            if due["statement"] in wanted:
                found[name] = {**about, "due": due}
    return found, done.bad


def show(door: Door, store: Store, found: Mapping[str, Any], reason: str) -> Done:
    """Enter the reviews that hosts wait for, and show them; the reason is kept with the run.

    Args:
        door: the action that asks.
        store: the ledger.
        found: as `waiting` answered it.
        reason: what was found, in the words of whoever looked.

    Raises:
        Refusal: LEDGER, the log cannot be signed, or a host has seen another one.
    """
    statements = sorted({str(one["due"]["statement"]) for one in found.values()})
    index = {one: store.append_once(REVIEWED, actor(), {"statement": one}, one) for one in statements}
    proof = Proof(store)
    requests = {
        name: {
            "service": one["due"]["service"],
            **proof.of(index[one["due"]["statement"]], _seen(one), name),
        }
        for name, one in found.items()
    }
    run, doc = next_identity(store), {"statements": statements, "reason": reason}
    store.begin_run(run, None, None, REVIEW, current_run_holder(), [list(found)], lease=False, doc=doc)
    said = each(door, requests, False, lambda name, program: call(program, REVIEW, requests[name]))
    for name, one in said.items():
        store.note(run, name, REVIEW, one.verdict, one.code or None, one.message or "reviewed")
    store.end_run(run, "completed" if all(one.verdict == OK for one in said.values()) else "failed")
    return Done(said)


def _seen(about: Mapping[str, Any]) -> Seen:
    """The checkpoint that a host saw last."""
    kept = about.get("checkpoint")
    return Seen.of(kept) if kept else Seen()


def require_due(store: Store, found: Mapping[str, Any], silent: Mapping[str, Said], statement: str) -> None:
    """See that some host waits for the review of an emergency, which is no change of this store that somebody has to review.

    Raises:
        Refusal: STATE.
    """
    for one in found.values():
        change = enforcing.unreviewed(store, one["due"])
        if change is not None:
            raise Refusal(
                "STATE",
                f"{statement} is the emergency of {change.id}, which nobody has reviewed; review that: "
                f"{enforcing.review_command(store, one['due'])}",
                change=change.id,
            )
    if not found:
        others = f"; not asked: {', '.join(silent)}" if silent else ""
        raise Refusal("STATE", f"no host that answers waits for the review of the emergency {statement}{others}")
