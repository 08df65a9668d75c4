# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person decides about a change with their key: approve it, reject it, take that back.

Who decides is whoever the key belongs to, never a name that somebody gives. A decision that could not count is refused, so
that nobody goes home believing that they have approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core import quorum as counting
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import STRENGTHS, Standing, Voice
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen, statements
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.quorum import TYPES, duties_of, standing_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import plan as plans
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change import states
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.difference import difference
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.rows import ChangeRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Rules
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import consent, moving
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.deciding import SUBMIT
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.onward import command
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import change_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.timing import window_of

APPROVE, REJECT, WITHDRAW = VERBS = ("approve", "reject", "withdraw")
DECISIONS: Mapping[str, str] = {
    APPROVE: counting.APPROVE,
    REJECT: counting.VETO,
    WITHDRAW: counting.WITHDRAW,
}
"""What is recorded, by the verb."""


@dataclass(frozen=True)
class Asked:
    """A decision that somebody is about to sign.

    Attributes:
        verb: one of `VERBS`.
        change: the store's row of the change.
        statement: what is signed.
        rules: that hold for the change.
        standing: of the change before.
        differs: from what people approved before; empty where they have not.
        before: the revision that they approved; 0: none.
        windows: whether it may run now, or when; and the windows of the policy that are meant for it.
    """

    verb: str
    change: ChangeRow
    statement: Statement
    rules: Rules
    standing: Standing
    differs: tuple[str, ...] = ()
    before: int = 0
    windows: tuple[str, ...] = ()

    @property
    def opens_hosts(self) -> bool:
        """Whether hosts that enforce by themselves are to count the signature."""
        return self.verb == APPROVE and any(host["uid"] for host in self.statement.doc["hosts"])


@dataclass(frozen=True)
class Decided:
    """A decision that was recorded.

    Attributes:
        person: whose it is.
        new: whether it was not there already.
        state: of the change afterwards.
        standing: of the change afterwards.
    """

    person: str
    new: bool
    state: str
    standing: Standing


def ask(store: Store, change: ChangeRow, verb: str, reason: str, by: Governed, now: datetime) -> Asked:
    """What somebody would decide about a change, every digest computed anew.

    Args:
        store: where it is recorded.
        change: the store's row of it.
        verb: one of `VERBS`.
        reason: in the words of whoever decides; asked for but where something is approved.
        by: what governs the change.
        now: the moment.

    Raises:
        Refusal: DATA, no reason; NOT_OPEN, the change is not in a state for this; RULES; STATEMENT.
    """
    words = " ".join(reason.split())
    if verb != APPROVE and not words:
        raise Refusal(
            "DATA",
            f"tidegate_reason: found nothing, expected why, for example -e \"tidegate_reason='too risky today'\" ({verb})",
        )
    if change.state == states.DRAFT and verb != WITHDRAW:
        _require_handed_in(store, change)
    states.decide(change, verb, moving.facts_of(store, change))
    plan = plans.recorded(change.plan_bytes)
    rules = consent.rules_of(plan, by.policy)
    if verb == APPROVE:
        consent.require_rules(change, plan, rules)
    if verb == APPROVE:
        statement = statements.in_force(store, change, now)
    else:
        statement = statements.of_change(change, TYPES[DECISIONS[verb]], words)
    standing = standing_of(store, change, rules, by.people, now)
    before = max((row.revision for row in store.approvals(change.id) if row.decision == counting.APPROVE), default=0)
    old = store.plan_bytes(change.id, before) if verb == APPROVE and 0 < before < change.revision else None
    differs = () if old is None else tuple(difference(plans.recorded(old), plan))
    if old == change.plan_bytes:
        differs = ("nothing: it is the same plan again",)
    windows = tuple(window_of(plan, by.policy, now).lines)
    return Asked(verb, change, statement, rules, standing, differs, before if old is not None else 0, windows)


def _require_handed_in(store: Store, draft: ChangeRow) -> None:
    states.decide(draft, SUBMIT, moving.facts_of(store, draft))  # says so where nobody's approval is asked
    way = command(SUBMIT, draft.id)
    raise Refusal("NOT_OPEN", f"{draft.id} is a draft; hand it in first: {way}", change=draft.id, next=[way])


def decide(
    store: Store, asked: Asked, signature: Signature, by: Governed, now: datetime, trust: TrustData | None = None
) -> Decided:
    """Record a signed decision, and let the change move where that follows.

    Args:
        store: where it is recorded.
        asked: what was signed.
        signature: by whoever decides.
        by: what governs the change.
        now: the moment.
        trust: what enrolled hosts demand of signatures; None where the site says nothing of them.

    Raises:
        Refusal: whatever keeps it from counting: NAMESPACE, PRESENCE, SIG_INVALID, KEY, ABSENT, SELF, QUORUM, WITHDRAWN …
    """
    statement, change = asked.statement, asked.change
    person = person_of(signature, statement, by.people)
    ssh_keygen.require_valid(signature, statement.namespace, statement.data)
    if trust is not None and asked.opens_hosts:
        trust.require_told(signature)
    voice = Voice(person, DECISIONS[asked.verb], now, STRENGTHS[-1], signature.key.fingerprint)
    require_counts(store, asked, voice, by.people, now)
    row = ApprovalRow(
        statement=statement.id,
        change_id=change.id,
        revision=change.revision,
        person=person,
        decision=voice.decision,
        strength=voice.strength,
        key=voice.key,
        document=statement.data.decode("utf-8"),
        signature=signature.armored,
    )
    new = store.add_approval(row)
    return moved(store, asked, person, new, by, now)


def person_of(signature: Signature, statement: Statement, people: People) -> str:
    """Whose signature it is, by its key.

    Raises:
        Refusal: KEY, nobody's; NAMESPACE; PRESENCE.
    """
    signature.require(statement.namespace)
    person = people.of_key(signature.key.fingerprint)
    if person is not None:
        return person
    key = signature.key.fingerprint
    bridge = next((bridge.name for bridge in people.bridges if key in bridge.keys), None)
    if bridge is not None:
        raise Refusal("KEY", f"{key}, which signed, is a key of the bridge {bridge}, which decides nothing", key=key)
    raise Refusal(
        "KEY",
        f"{people.place}: found no person with the key {key}, which signed; enter it there, or sign with one that is there",
        key=key,
    )


def require_counts(store: Store, asked: Asked, voice: Voice, people: People, now: datetime) -> None:
    """See that a decision would count, were it the only one.

    Raises:
        Refusal: as `decide`.
    """
    found = counting.flaw_of(voice, people.by_name, now, people.bridges)
    if found is None and asked.verb == APPROVE:
        duties = duties_of(asked.change, None)
        alone = counting.standing(asked.rules.docs, [voice], people.by_name, duties, now, people.bridges)
        if voice.person not in alone.counted:
            found = next(finding for finding in alone.why if finding.person == voice.person)
    if found is None and asked.verb == REJECT and not _speaks(voice, asked.rules, people):
        found = counting.Finding("QUORUM", f"{voice.person} is in none of the groups that are asked about this change")
    if found is not None:
        raise Refusal(found.code, f"{asked.change.id}: {found.message}", change=asked.change.id, person=voice.person)
    rows = store.approvals(asked.change.id, asked.change.revision)
    if asked.verb == WITHDRAW and not any(row.person == voice.person and row.decision in TYPES for row in rows):
        raise Refusal(
            "NOT_OPEN", f"{asked.change.id}: {voice.person} has decided nothing about revision {asked.change.revision}"
        )


def _speaks(voice: Voice, rules: Rules, people: People) -> bool:
    groups = counting.groups_at(voice.person, people.by_name, voice.at)
    return any(group in groups for rule in rules.docs for group in (*rule["groups"], *rule["any_of"]))


def moved(store: Store, asked: Asked, person: str, new: bool, by: Governed, now: datetime) -> Decided:
    """The change after a decision: approved once everybody has, rejected at once, back in line when that is not so any more."""
    change = change_of(store, asked.change.id)
    standing = standing_of(store, change, asked.rules, by.people, now)
    reason = str(asked.statement.doc["reason"])
    if asked.verb == REJECT or (asked.verb == WITHDRAW and not standing.granted):
        change = moving.move(store, change.id, asked.verb, actor=person, reason=reason)
    elif asked.verb == APPROVE and standing.granted and change.state == states.SUBMITTED:
        change = moving.move(store, change.id, APPROVE, actor=person)
    return Decided(person, new, change.state, standing)
