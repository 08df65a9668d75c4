# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What enrolled hosts are shown: what people signed, and for each wave the store's grant with its proofs.

A run asks for a grant once per wave, and its steps, which are processes of their own, each find what their host is shown
in a private file beside the store.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.countersigned import Countersigned
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.logged import Seen
from ansible_collections.tidegate.deploy.plugins.module_utils.core.merkle import Tail
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import (
    APPROVE,
    COUNTERSIGNED,
    SIGNED,
    WITHDRAW,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import EMERGENCY, Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import requests
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import in_force
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.availability import Wave
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import GOING
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said, call
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run, change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.signing_off import log_key
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import Private
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each

Permit = Mapping[str, Any]
"""A permit as the host program reads it (protocol, section 5)."""


class Permits(Private):
    """The permits of a run's open wave."""

    KIND = "permits"

    def keep(self, host: str, permit: Permit, index: int | None) -> None:
        """Keep what a host is shown when it activates the release, and the index of the entry that grants it, if one does."""
        self._keep(host, json.dumps({"permit": permit, "index": index}))

    def of(self, host: str) -> Permit:
        """What was kept for a host.

        Raises:
            Refusal: CHALLENGE, nothing was: it gave no challenge before the wave.
        """
        kept = self._kept(host)
        if kept is None:
            raise Refusal(
                "CHALLENGE", f"{host} gave no challenge before this wave, so that nothing was granted for it; run again"
            )
        permit: Permit = json.loads(kept)["permit"]
        return permit

    def index_of(self, host: str) -> int | None:
        """The index of the entry that granted it to a host; None: nothing did in this run."""
        kept = self._kept(host)
        return None if kept is None else json.loads(kept)["index"]


class Challenges(Private):
    """The challenges that hosts gave with a staging, until their waves open."""

    KIND = "challenges"
    FRESH = timedelta(minutes=2)
    """How long one waits for its wave: of the ten minutes that a host lets it live, most are left for the wave itself."""

    def keep(self, host: str, answer: Mapping[str, Any], now: datetime) -> None:
        """Keep what a host has answered to a staging, if a challenge is in it: older programs answer none there."""
        if "challenges" in answer:
            given = {key: answer[key] for key in ("challenges", "seen")}
            self._keep(host, json.dumps({**given, "at": now.isoformat()}))

    def of(self, host: str, now: datetime) -> Mapping[str, Any] | None:
        """What a host gave, as it answers `challenge`; None: nothing, or not just now."""
        kept = self._kept(host)
        given: Mapping[str, Any] = {} if kept is None else json.loads(kept)
        fresh = given and timedelta() <= now - datetime.fromisoformat(given["at"]) <= self.FRESH
        return given if fresh else None


def signed(store: Store, change: ChangeRow) -> dict[str, Any]:
    """A permit without a grant: what staging needs, and all that an emergency has.

    Args:
        store: keeps what people signed.
        change: the store's row of it.
    """
    statement = in_force(store, change, store.latest())
    rows = store.approvals(change.id, change.revision)
    gone = {row.person for row in rows if row.decision == WITHDRAW}
    given = [row for row in rows if (row.decision, row.statement) == (APPROVE, statement.id) and row.person not in gone]
    signatures = tuple(str(row.signature) for row in given if row.strength == SIGNED)
    evidence = [
        Countersigned(row.person, row.evidence, str(row.signature)).doc()
        for row in given
        if row.strength == COUNTERSIGNED
    ]
    permit = {
        **Signed(statement.data, signatures).doc(),
        "request": requests.signature_of(statement, rows),
        "grant": None,
    }
    return {**permit, "evidence": evidence} if evidence else permit


def grant(door: Door, run: Run, wave: Wave) -> list[str]:
    """Ask the enrolled hosts of the open wave for challenges, and the store for its grant; keep what each is shown.

    Hosts that gave a challenge just now, with the staging, are not asked for another. For an emergency neither is asked:
    its challenges are in what people signed.

    Args:
        door: the action that asks.
        run: whose wave it is.
        wave: that was opened.

    Returns:
        Why hosts gave no challenge, a line each; their activation says so again.

    Raises:
        Refusal: PAUSED, VETO, WAVE, LEASE_LOST or CLOCK, what stops a wave; LEDGER, the log cannot be signed, or a host
            has seen another one.
    """
    asked = [name for name in wave.members if run.plan.host(name).uid and not run.is_there(name)]
    if not asked:
        return []
    service, change = run.plan.service, change_of(run.store, run.change_id)
    now = run.store.latest()
    statement = in_force(run.store, change, now)
    if statement.type == EMERGENCY:
        permit, permits = signed(run.store, change), Permits(run.store.folder, run.id)
        for name in asked:
            permits.keep(name, permit, None)
        return []
    kept = Challenges(run.store.folder, run.id)
    staged = {name: answer for name in asked if (answer := kept.of(name, now))}
    others = [name for name in asked if name not in staged]
    minted = each(door, others, False, lambda _name, program: call(program, "challenge", {"services": [service]}))
    given: dict[str, Said | Mapping[str, Any]] = {
        **staged,
        **{name: said for name, said in minted.items() if said.verdict == "ok"},
    }
    if given:
        _keep(
            run, statement, {name: _Given(run.plan.host(name).uid, said, service) for name, said in given.items()}, wave
        )
    return [f"{name}: {said.code}: {said.message}" for name, said in minted.items() if name not in given]


class _Given:
    """What a host gave before a wave."""

    def __init__(self, uid: str, said: Said | Mapping[str, Any], service: str) -> None:
        self.uid = uid
        self.challenge = str(said["challenges"][service])
        self.seen = Seen.of(said["seen"])


def _keep(run: Run, statement: Statement, given: Mapping[str, _Given], wave: Wave) -> None:
    store = run.store
    base = signed(store, change_of(store, run.change_id))
    challenges = {one.uid: one.challenge for one in given.values()}
    granted = store.grant(run.id, wave.index, statement.id, run.plan.service, challenges, GOING)
    proof = Proof(store)
    permits = Permits(store.folder, run.id)
    for name, one in given.items():
        index = granted[one.uid]
        permits.keep(name, {**base, "grant": proof.of(index, one.seen, name)}, index)


class Proof:
    """Proves entries to hosts by a checkpoint that is signed now; hosts that saw the same share the work.

    Args:
        store: keeps the log.

    Raises:
        Refusal: LEDGER, it cannot be signed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        try:
            key = log_key(store)
            key.make()
            self._note = store.sign_checkpoint(key)
        except OSError as error:
            raise Refusal(
                "LEDGER", f"the ledger cannot be signed, and enrolled hosts believe nothing else: {error}"
            ) from error
        self._tails: dict[Seen, Tail] = {}
        self._documents: dict[int, bytes] = {}

    def of(self, index: int, seen: Seen, host: str) -> dict[str, Any]:
        """The entry and what proves it to a host.

        Args:
            index: of the entry.
            seen: the checkpoint that the host saw last.
            host: its name, for messages.
        """
        size = self._note.checkpoint.size
        tail = self._tails.get(seen)
        if tail is None:
            try:
                tail = self._tails[seen] = self._store.since(seen.size, seen.root, size)
            except Refusal as refusal:
                raise Refusal(refusal.code, f"{host}: {refusal.message}") from None
        if index not in self._documents:
            _number, self._documents[index], _leaf = next(self._store.rows(index))
        return {
            "entry": base64.b64encode(self._documents[index]).decode("ascii"),
            "inclusion": [node.hex() for node in tail.inclusion(index)],
            "checkpoint": self._note.data().decode("ascii"),
            "consistency": [node.hex() for node in tail.consistency(seen.size)],
            "from": seen.size,
        }
