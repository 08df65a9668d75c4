# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A refusal is in the ledger before it is answered, also one that comes before an action or lookup has begun anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible import context

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.holder import actor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.surroundings import told_unsafe


def deny(store: Store, refusal: Refusal, check: bool, identity: str | None = None) -> None:
    """Enter a refusal in the ledger before it is answered. Check mode enters nothing.

    Args:
        store: where it is recorded.
        refusal: that is about to be answered.
        check: whether nothing may be written.
        identity: the change that it is about, as it was named; one that there is not is no id in the ledger.
    """
    if not check and not refusal.code.startswith("STORE"):
        known = identity if identity and store.change(identity) is not None else None
        store.deny(actor(), refusal.code, refusal.message, known)


@contextmanager
def entered(store: Store, check: bool) -> Iterator[None]:
    """Enter whatever is refused within."""
    try:
        yield
    except Refusal as refusal:
        deny(store, refusal, check)
        raise


def run_of(store: Store, check: bool) -> Run:
    """The run of this process; that it has begun none is entered.

    Raises:
        Refusal: NO_CHANGE.
    """
    with entered(store, check):
        return Run.current(store)


def refuse_limit() -> None:
    """Refuse a run that somebody narrowed: a plan's hosts are the plan's.

    Raises:
        Refusal: LIMIT.
    """
    subset = context.CLIARGS.get("subset")
    if subset:
        raise Refusal(
            "LIMIT",
            f"found --limit {subset!r}; Tidegate works on whole plans and sites. Name the hosts of a change with hosts: "
            "in its file instead",
        )


def refuse_unsafe() -> None:
    """Refuse to begin where every user of the controller may change what shapes the run.

    Raises:
        Refusal: UNSAFE_PATH.
    """
    told = told_unsafe()
    if told:
        raise Refusal("UNSAFE_PATH", told)
