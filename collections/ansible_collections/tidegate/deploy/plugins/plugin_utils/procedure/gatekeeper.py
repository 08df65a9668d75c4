# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate for playbooks that are not Tidegate's: what it says to the hosts of a play, written down before it says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.windows_schema import ENFORCE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor, current_run_holder, run_id
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.observations import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.gated import Decision, listed, no_change
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarding import Guarded, checked, unpacked
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import (
    drop_scratch,
    open_store,
    scratch_folder,
)


@dataclass(frozen=True)
class Answer:
    """What the gate says to a play.

    Attributes:
        refused: it does not begin.
        lines: for people, one for each group of hosts to which the same is said.
    """

    refused: bool
    lines: tuple[str, ...] = ()


class Gatekeeper:
    """Decides for one ansible-playbook process.

    Args:
        sources: where the inventory was read from.
        playbook: the name of the playbook's file.
        digest: SHA-256 of that file, where there is one.
        named: the change that was named, or None.
        check: whether this is check mode, in which nothing is written and nothing refused.
        unsafe: what is wrong with what shapes the run (`surroundings.told_unsafe`); empty where nothing is.
    """

    def __init__(
        self, sources: Sequence[str], playbook: str, digest: str | None, named: str | None, check: bool, unsafe: str
    ) -> None:
        self._sources = sources
        self._playbook, self._digest = playbook, digest
        self._named = named
        self._check = check
        self._unsafe = unsafe

    def ask(self, guarded: Sequence[Guarded]) -> Answer:
        """What the gate says to somebody who is about to touch guarded hosts.

        Raises:
            Refusal: DATA, or STORE where a guarded host is enforced: the gate cannot tell.
        """
        if not guarded:
            return Answer(False)
        enforced = any(host.enforced for host in guarded)
        try:
            return self._decided(guarded)
        except Refusal as refusal:
            if enforced or not refusal.code.startswith("STORE"):
                raise
            return Answer(False, (f"could not record what it observed ({refusal.code}: {refusal.message})",))

    def ask_for_real(self, guarded: Sequence[Guarded]) -> Answer:
        """What the gate says to a task that runs for real in check mode: it refuses where hosts are enforced and may not be touched."""
        enforced = [host for host in guarded if host.enforced]
        if not enforced:
            return Answer(False)
        with self._store() as store:
            decided = {host.name: self._decide(store, [host]) for host in enforced}
        refused = {name: decision for name, decision in decided.items() if not decision.allowed}
        if not refused:
            return Answer(False)
        why = next(iter(refused.values()))
        what = "a task of the play runs for real in check mode (check_mode: false)"
        return Answer(True, (f"refuses {listed(refused)}: {what}: {why.code}: {why.message}",))

    def _decided(self, guarded: Sequence[Guarded]) -> Answer:
        refused, lines = False, []
        with self._store() as store:
            for group in _alike(guarded):
                decision = self._decide(store, group)
                names = tuple(host.name for host in group)
                if not self._check:
                    store.gated(self._said(store, group[0].mode, decision, names), actor())
                refused |= group[0].enforced and not decision.allowed and not self._check
                lines += [] if decision.allowed else [self._line(group[0], decision, names)]
        return Answer(refused, tuple(lines))

    def _decide(self, store: Store, group: list[Guarded]) -> Decision:
        lead = group[0]
        if lead.enforced and self._unsafe:
            return Decision(False, "UNSAFE_PATH", self._unsafe)
        names = [host.name for host in group]
        change = self._change(store)
        if not change:
            return no_change(None)
        from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.gating import decide

        return decide(store, change, names, store.latest(), lead.policy, lead.people, self._digest)

    def _change(self, store: Store) -> str | None:
        """The change that was named, or else the one that actions of ours work on in this process."""
        if self._named:
            return self._named
        run = store.run(run_id(current_run_holder()))
        return None if run is None or not run.live else run.change_id

    def _said(self, store: Store, mode: str, decision: Decision, names: tuple[str, ...]) -> Said:
        change = decision.facts.get("change")
        return Said(
            run_id(current_run_holder()),
            self._playbook,
            None if change is None else str(change),
            mode,
            decision.allowed,
            decision.code,
            decision.message,
            names,
        )

    def _line(self, lead: Guarded, decision: Decision, names: tuple[str, ...]) -> str:
        if not lead.enforced:
            what = "only observes; it would refuse"
        elif self._check:
            what = "would refuse, without --check,"
        else:
            what = "refuses"
        return f"{what} {listed(names)}: {decision.code}: {decision.message}"

    @contextmanager
    def _store(self) -> Iterator[Store]:
        """The store; in check mode a copy, which is gone afterwards unless actions of ours work on it."""
        kept = self._check and scratch_folder().exists()
        try:
            with open_store(self._sources, self._check) as store:
                yield store
        finally:
            if self._check and not kept:
                drop_scratch()


def answered(question: Mapping[str, Any]) -> dict[str, Any]:
    """What the gate says to a question of its callback.

    Args:
        question: ``run``, what `Gatekeeper` takes; ``asked``, what of guarded hosts was `packed` that are about to be touched, and
            ``read`` of those whose data is only looked at; ``real``, whether tasks run for real in check mode.

    Raises:
        Refusal: as `Gatekeeper.ask` and `checked`.
    """
    keeper = Gatekeeper(**question["run"])
    checked(unpacked(question["read"]))
    asked = checked(unpacked(question["asked"]))
    return asdict(keeper.ask_for_real(asked) if question["real"] else keeper.ask(asked))


def _alike(guarded: Iterable[Guarded]) -> Iterator[list[Guarded]]:
    """Hosts in groups to which the same is said: enforced ones first."""
    groups: dict[tuple[bool, int, str], list[Guarded]] = {}
    for host in guarded:
        groups.setdefault((host.mode != ENFORCE, id(host.policy), repr(host.people)), []).append(host)
    for key in sorted(groups, key=lambda key: key[0]):
        yield groups[key]
