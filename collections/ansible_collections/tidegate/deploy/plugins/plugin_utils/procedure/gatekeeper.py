# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate for playbooks that are not Tidegate's: what it says to the hosts of a play, written down before it says it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible import constants as C

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.windows_schema import ENFORCE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor, current_run_holder, run_id
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.observations import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.gating import Decision, decide, listed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.guarded import Guard, Guarded
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.naming import digest_of, name_of, named_change
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import (
    drop_scratch,
    now,
    open_store,
    scratch_folder,
)

COLLECTION = Path(__file__).resolve().parents[3]


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
        guard: knows which hosts are guarded.
        sources: where the inventory was read from.
        playbook: the path of the playbook.
        extra: the extra variables.
        check: whether this is check mode, in which nothing is written and nothing refused.
    """

    def __init__(
        self,
        guard: Guard,
        sources: Iterable[str],
        playbook: str,
        extra: Mapping[str, Any],
        check: bool,
    ) -> None:
        self._guard = guard
        self._sources = [str(source) for source in sources]
        self._playbook, self._digest = name_of(playbook), digest_of(playbook)
        self._named = named_change(extra, os.environ)
        self._check = check

    def ask(self, hosts: Iterable[str]) -> Answer:
        """What the gate says to somebody who is about to touch hosts.

        Raises:
            Refusal: DATA, or STORE where a guarded host is enforced: the gate cannot tell.
        """
        guarded = self._guard.guarded(hosts)
        if not guarded:
            return Answer(False)
        enforced = any(host.enforced for host in guarded)
        try:
            return self._decided(guarded)
        except Refusal as refusal:
            if enforced or not refusal.code.startswith("STORE"):
                raise
            return Answer(False, (f"could not record what it observed ({refusal.code}: {refusal.message})",))

    def refuses_now(self, host: str) -> bool:
        """Whether a host is enforced and may not be touched, also in check mode: for tasks that run for real in it."""
        guarded = [found for found in self._guard.guarded([host]) if found.enforced]
        if not guarded:
            return False
        with self._store() as store:
            return not self._decide(store, guarded).allowed

    def _decided(self, guarded: list[Guarded]) -> Answer:
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
        if lead.enforced:
            unsafe = unsafe_places()
            if unsafe:
                message = f"{', '.join(unsafe)} can be changed by every user of this machine: chmod o-w"
                return Decision(False, "UNSAFE_PATH", message)
        names = [host.name for host in group]
        change = self._change(store)
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


def unsafe_places() -> list[str]:
    """What shapes this run and can be written by every user: ansible.cfg, folders of plugins, this collection."""
    folders = [*(C.DEFAULT_CALLBACK_PLUGIN_PATH or ()), *(C.DEFAULT_ACTION_PLUGIN_PATH or ()), str(COLLECTION)]
    folders += [str(COLLECTION / "plugins"), str(COLLECTION / "plugins" / "callback")]
    config = [str(C.CONFIG_FILE), os.path.dirname(str(C.CONFIG_FILE))] if C.CONFIG_FILE else []
    return [place for place in dict.fromkeys([*config, *map(str, folders)]) if _writable_by_all(place)]


def _writable_by_all(place: str) -> bool:
    try:
        found = os.stat(place)
    except OSError:
        return False
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    return bool(found.st_mode & stat.S_IWOTH) and not sticky


def _alike(guarded: Iterable[Guarded]) -> Iterator[list[Guarded]]:
    """Hosts in groups to which the same is said: enforced ones first."""
    groups: dict[tuple[bool, int, str], list[Guarded]] = {}
    for host in guarded:
        groups.setdefault((host.mode != ENFORCE, id(host.policy), repr(host.people)), []).append(host)
    for key in sorted(groups, key=lambda key: key[0]):
        yield groups[key]
