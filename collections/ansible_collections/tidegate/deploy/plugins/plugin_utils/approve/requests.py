# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who wants a change, by their own signature: what enrolled hosts demand beside the approvals, and what never counts as one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import RECORDED, SIGNED
from ansible_collections.tidegate.deploy.plugins.module_utils.core.requested import require_request
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import REQUEST, Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen, statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store


def signature_of(statement: Statement, rows: Iterable[ApprovalRow]) -> str:
    """What the requester of a change signed about a plan of it, armored; empty where they signed nothing.

    Args:
        statement: about that plan, of whatever type.
        rows: what people decided about the plan.
    """
    request = statement.as_request().id
    return next((str(row.signature) for row in rows if (row.decision, row.statement) == (REQUEST, request)), "")


def require(store: Store, change: ChangeRow, people: People, now: datetime) -> None:
    """See that the requester of a change signed that they want its newest plan; the signature is verified again.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        people: of the site, as they are now.
        now: the moment at which it is judged.

    Raises:
        Refusal: as `require_request`; STATEMENT, the store's plan was edited.
    """
    statement = statements.of_change(change)
    rows = store.approvals(change.id, change.revision)
    require_request(statement, signature_of(statement, rows), people.by_name, now, ssh_keygen.verify)


def strength_of(store: Store, change: ChangeRow, people: People, now: datetime) -> str:
    """How sure it is who wants a change: signed, or recorded where only the controller says so."""
    try:
        require(store, change, people, now)
    except Refusal:
        return RECORDED
    return SIGNED
