# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever wants a change on enrolled hosts signs that, so that no controller can say that it is somebody else.

It is who the key belongs to; where a name was given, by the change file or by the user of the process, it has to be theirs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import SIGNED
from ansible_collections.tidegate.deploy.plugins.module_utils.core.requested import require_request
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import REQUEST, Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen, statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import deciding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed


def ask(store: Store, change: ChangeRow, by: Governed, now: datetime) -> Statement:
    """What whoever wants a change signs before it is handed in.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        by: what governs it, and who hands it in.
        now: the moment.

    Raises:
        Refusal: REQUEST, who wants it has no key; whatever keeps the change from being handed in.
    """
    name = deciding.wanted_by(store, change, by, now)
    member = by.people.by_name.get(name)
    if member is None or not any(span.holds(now) for span in member.keys.values()):
        raise Refusal(
            "REQUEST",
            f"{change.id} is wanted by {name or 'nobody'}, who has no key in {by.people.place} to sign that with, as enrolled "
            f"hosts demand; enter one there (the user of a controller is found by accounts: {{login: USER}}), or name a person "
            f"who has one as requester: in {change.source}, and plan it again",
            change=change.id,
        )
    return statements.of_change(replace(change, requested_by=name)).as_request()


def record(
    store: Store,
    change: ChangeRow,
    request: Statement,
    signature: Signature,
    by: Governed,
    now: datetime,
    trust: TrustData | None,
) -> None:
    """Record a signed request; once it is there already, nothing.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        request: what was signed, as `ask` answered it.
        signature: by whoever wants it.
        by: what governs it.
        now: the moment.
        trust: what enrolled hosts demand of signatures; None where the site says nothing of them.

    Raises:
        Refusal: REQUEST, somebody else signed it; whatever else keeps it from counting.
    """
    require_request(request, signature.armored, by.people.by_name, now, ssh_keygen.verify)
    if trust is not None:
        trust.require_told(signature)
    store.add_approval(
        ApprovalRow(
            statement=request.id,
            change_id=change.id,
            revision=change.revision,
            person=request.requester,
            decision=REQUEST,
            strength=SIGNED,
            key=signature.key.fingerprint,
            document=request.data.decode("utf-8"),
            signature=signature.armored,
        )
    )
