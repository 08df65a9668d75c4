# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody is asked to sign, and how a change stands with those who are asked."""

from __future__ import annotations

import json
import shlex

from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import Standing
from ansible_collections.tidegate.deploy.plugins.module_utils.core.rules import asked_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import EMERGENCY, Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.plan import plan_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import block, sign_command
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.approving import Asked
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import command

_EMERGENCY = "hosts let it through without the store's consent, once, and no other until somebody has reviewed it"


def asked_text(asked: Asked, store: str) -> str:
    """The whole plan, or, where an earlier one was approved, only what differs; then who is asked, and what is signed.

    Args:
        asked: the decision.
        store: where it is recorded.
    """
    change, doc = asked.change, asked.statement.doc
    shown = _difference(asked) if asked.before else plan_text(plan_of(asked), change.id, change.revision, store, [])
    window = doc["window"] or {}
    times = [
        f"{word} {window[key]}" for word, key in (("from", "not_before"), ("until", "not_after")) if window.get(key)
    ]
    signed = block(
        f"{asked.verb} {change.id}",
        [
            ("for", f"{doc['service']} in {doc['environment']}"),
            ("emergency", _EMERGENCY if doc["type"] == EMERGENCY else ""),
            ("wanted by", doc["requester"]),
            ("reason", doc["reason"]),
            ("its window", ", ".join(times) or "any"),
            ("may run", list(asked.windows)),
            ("asked", [f"{asked_of(rule)} ({rule['name']}, {rule['strength']})" for rule in asked.rules.docs]),
            *standing_lines(asked.standing),
            ("plan", asked.statement.plan),
            ("statement", asked.statement.id),
        ],
    )
    return f"{shown}\n{signed}"


def request_text(request: Statement, change: ChangeRow, store: str) -> str:
    """The whole plan, and what whoever wants it signs.

    Args:
        request: that is signed.
        change: the store's row of it.
        store: where it is recorded.
    """
    plan = plans.recorded(change.plan_bytes)
    signed = block(
        f"submit {change.id}",
        [
            ("for", f"{plan.service} in {plan.environment}"),
            ("wanted by", request.requester),
            ("plan", request.plan),
            ("statement", request.id),
        ],
    )
    return f"{plan_text(plan, change.id, change.revision, store, [])}\n{signed}"


def emergency_text(statement: Statement, store: str) -> str:
    """An emergency that waits for its signatures.

    Args:
        statement: that people sign.
        store: where it is kept.
    """
    doc, window = statement.doc, statement.doc["window"]
    return block(
        f"emergency {statement.change}",
        [
            ("for", f"{doc['service']} in {doc['environment']}"),
            ("hosts", [host["name"] for host in doc["hosts"]]),
            ("wanted by", doc["requester"]),
            ("reason", doc["reason"]),
            ("its window", f"from {window['not_before']}, until {window['not_after']}"),
            ("statement", statement.id),
            ("store", store),
            ("sign it", command("approve", statement.change)),
            ("then", command("rollout", statement.change)),
        ],
    )


def veto_text(statement: Statement, hosts: list[str]) -> str:
    """A veto that is pushed without the store: what it says, and which hosts are told.

    Args:
        statement: the veto.
        hosts: that are told.
    """
    doc = statement.doc
    others = [host["name"] for host in doc["hosts"] if host["name"] not in hosts]
    return block(
        f"reject {statement.change} without the store",
        [
            ("for", f"{doc['service']} in {doc['environment']}"),
            ("wanted by", doc["requester"]),
            ("reason", doc["reason"]),
            ("told", hosts),
            ("not enrolled", others),
            ("plan", statement.plan),
            ("statement", statement.id),
        ],
    )


def export_veto_text(file: str, statement: Statement) -> str:
    """How such a veto is signed on another machine, and pushed."""
    quoted = shlex.quote(file)
    push = f"ansible-playbook tidegate.deploy.reject -e tidegate_statement={quoted} -e tidegate_signature={quoted}.sig"
    return block(
        f"sign the veto of {statement.change} elsewhere",
        [
            ("sign it", sign_command(statement.namespace, file)),
            ("push it", push),
        ],
    )


def plan_of(asked: Asked) -> plans.Plan:
    """The plan that is decided about."""
    return plans.recorded(asked.change.plan_bytes)


def standing_lines(standing: Standing) -> list[tuple[str, str | list[str]]]:
    """How a change stands, as lines of a block."""
    return [
        ("approved by", list(standing.approved_by)),
        ("rejected by", list(standing.vetoed_by)),
        ("missing", standing.missing),
        ("not counted", [str(found) for found in standing.why if found.person]),
    ]


def export_text(file: str, plan_file: str, namespace: str, verb: str, change: str, reason: str = "") -> str:
    """How an exported statement is looked at and signed on another machine, and handed in; a reason is part of what is signed."""
    quoted = shlex.quote(file)
    why = f" -e {shlex.quote(json.dumps({'tidegate_reason': reason}))}" if reason else ""
    return block(
        f"sign {change} elsewhere",
        [
            ("look at it", f"python3 tidegate-verify.py plan {quoted} {shlex.quote(plan_file)}"),
            ("sign it", sign_command(namespace, file)),
            (
                "hand it in",
                f"{command(verb, change)}{why} -e tidegate_signature={quoted}.sig",
            ),
        ],
    )


def _difference(asked: Asked) -> str:
    return block(
        f"{asked.change.id} revision {asked.change.revision}, beside revision {asked.before}, which was approved",
        [("differs", list(asked.differs) or ["only in what its hosts run now"])],
    )
