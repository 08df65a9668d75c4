# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A veto, pushed to the enrolled hosts of a change: from then on they refuse what was signed for it, whoever shows it.

Hosts believe whoever may approve for the service, so a veto needs no store: the statement that was signed says of which plan
and hosts it is. What hosts were told without the store is entered there once they can be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import MAX_BYTES, VETO, Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.statements import of_change
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import OPEN
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.approving import REJECT
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import Door
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Done, call
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import command
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.surroundings import told_unsafe
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import each

TOLD = ("service", "statement", "change", "at", "by")
"""What is told of a veto that hosts have and the store has not."""


def push(door: Door, hosts: Iterable[str], statement: Statement, signature: Signature) -> Done:
    """Tell enrolled hosts that somebody rejects a plan.

    Args:
        door: the action that asks.
        hosts: that are told.
        statement: the veto.
        signature: under it.
    """
    request = Signed(statement.data, (signature.armored,)).doc()
    return Done(each(door, hosts, False, lambda _name, program: call(program, "veto", request)))


# --- without the store


def of_arguments(arguments: Mapping[str, Any]) -> Statement:
    """The veto of what a statement in a file is about; one that is a veto already is taken as it is.

    Args:
        arguments: of the action: ``verb``, ``statement``, the file whose bytes were exported to be signed, and ``reason``.

    Raises:
        Refusal: DATA, the file cannot be read, there is no reason, or something else is asked for, too; STATEMENT, it holds
            something else; UNSAFE_PATH.
    """
    told, others = told_unsafe(), [name for name in ("id", "evidence") if arguments.get(name)]
    if told:
        raise Refusal("UNSAFE_PATH", told)
    if arguments["verb"] != REJECT or others:
        found = others[0] if others else arguments["verb"]
        raise Refusal(
            "DATA", f"tidegate_statement: found it with {found}; it is for tidegate.deploy.reject, instead of a change"
        )
    statement = _read(str(arguments["statement"]))
    if statement.type == VETO:
        return statement
    words = " ".join(str(arguments["reason"]).split())
    if not words:
        raise Refusal("DATA", "tidegate_reason: found nothing, expected why it is rejected")
    return statement.as_type(VETO, words)


def _read(file: str) -> Statement:
    try:
        with Path(file).open("rb") as opened:
            return Statement.parse(opened.read(MAX_BYTES + 1))
    except OSError as error:
        raise Refusal("DATA", f"tidegate_statement: {file}: {error.strerror}; name an exported statement") from None
    except Refusal as refusal:
        raise Refusal(refusal.code, f"tidegate_statement: {file}: {refusal.message}") from None


def enrolled_in(statement: Statement) -> list[str]:
    """The hosts that a statement names and that were enrolled when it was planned; others refuse nothing by themselves."""
    return [host["name"] for host in statement.doc["hosts"] if host["uid"]]


# --- once the store is back


def unknown(store: Store, about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The vetoes that a host was told of and the store was not, each with what to type where it is of an open change of the store.

    Args:
        store: keeps what people decided.
        about: what the host says of its enrollment.
    """
    found = undecided(store, about)
    return [{**{key: veto[key] for key in TOLD}, "next": _next(store, veto)} for veto in found]


def undecided(store: Store, about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The same as the host tells them."""
    return [veto for veto in about.get("vetoes") or () if not _is_decided(store, veto)]


def _is_decided(store: Store, veto: Mapping[str, Any]) -> bool:
    return any(row.statement == veto["statement"] for row in store.approvals(str(veto["change"])))


def _next(store: Store, veto: Mapping[str, Any]) -> str:
    change = store.change(str(veto["change"]))
    if change is None or change.state not in OPEN or of_change(change).about != veto["about"]:
        return ""
    return f"{command('reject', change.id)} -e \"tidegate_reason='WHY'\""
