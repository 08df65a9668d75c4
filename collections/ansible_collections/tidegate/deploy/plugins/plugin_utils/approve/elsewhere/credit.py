# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what another system says counts for a change, and for which people.

Invariants: nothing counts unless

- the other side calls it approved, and has no window of its own that is not open now;
- it is about this change: its record names the change, or its project is one that policy lists for the service;
- it is for this environment, where the other side knows environments;
- each person decided after the plan was recorded, or names the plan's digest, and no other plan is named there;
- each account is one person's, and nobody of those who asked for it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import printable
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.evidence import (
    APPROVED,
    DIGEST,
    REJECTED,
    Decision,
    Evidence,
    names,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import System


class Accounts(Protocol):
    """Who is who in other systems."""

    def of_account(self, system: str, account: str) -> str | None:
        """The person whose account it is; None where it is nobody's."""


@dataclass(frozen=True)
class Subject:
    """What is to be approved.

    Args:
        change: its id.
        plan_digest: of its newest plan.
        planned_at: when that plan was recorded.
        service: whom it is for.
        environment: where.
        requester: the person who wants it; None where nobody is named.
    """

    change: str
    plan_digest: str
    planned_at: datetime
    service: str
    environment: str
    requester: str | None = None


@dataclass(frozen=True)
class Credit:
    """One person whose approval elsewhere counts."""

    person: str
    decision: Decision


def credit(evidence: Evidence, subject: Subject, system: System, people: Accounts, now: datetime) -> list[Credit]:
    """The people whose approval counts for a change.

    Args:
        evidence: what the other side says.
        subject: what is to be approved.
        system: what of the other side counts for which service.
        people: who is who.
        now: the moment.

    Raises:
        Refusal: SELF, only somebody who asked for it approved it; WINDOW, it is approved for another time; ELSEWHERE,
            it does not count for another reason. Each with what to do.
    """
    _require_approved(evidence)
    _require_about(evidence, subject, system)
    _require_open(evidence, now)
    counted, why_not = [], []
    for decision in latest(evidence.decisions):
        person, why = _person(decision, evidence, subject, people)
        if person is None:
            why_not.append(why)
        else:
            counted.append(Credit(person, decision))
    if counted:
        return counted
    told = "; ".join(text for _code, text in why_not) or "found nobody who decided it by name"
    selfish = bool(why_not) and all(code == "SELF" for code, _text in why_not)
    raise _refusal(evidence, "SELF" if selfish else "ELSEWHERE", told)


def _require_approved(evidence: Evidence) -> None:
    if evidence.state == APPROVED:
        return
    if evidence.state == REJECTED:
        raise _refusal(evidence, "ELSEWHERE", f"is not approved there, and will not be: {printable(evidence.says)}")
    raise _refusal(
        evidence, "ELSEWHERE", f"waits for approval there: {printable(evidence.says)}; run this again afterwards"
    )


def _require_about(evidence: Evidence, subject: Subject, system: System) -> None:
    """See that the other side's record is about this plan."""
    others = set(DIGEST.findall(evidence.text)) - {subject.plan_digest}
    if others and subject.plan_digest not in evidence.text:
        raise _refusal(
            evidence,
            "ELSEWHERE",
            f"names the plan {min(others)[:12]}…, and {subject.change} now has {subject.plan_digest[:12]}…; plan it again, "
            "and have that approved",
        )
    if evidence.environment and evidence.environment not in system.called(subject.environment):
        raise _refusal(
            evidence,
            "ELSEWHERE",
            f"is for the environment {printable(evidence.environment)}, expected {' or '.join(system.called(subject.environment))}",
        )
    texts = [evidence.text, *(decision.comment for decision in evidence.decisions if decision.approves)]
    named = any(names(text, subject.change) or subject.plan_digest in text for text in texts)
    if not named and evidence.project not in system.projects.get(subject.service, ()):
        where = (
            f", or list its project under tidegate_policy.elsewhere.{evidence.system}.projects.{subject.service}"
            if evidence.project
            else ""
        )
        raise _refusal(
            evidence, "ELSEWHERE", f"does not name {subject.change}: let the other side's record name it{where}"
        )


def _require_open(evidence: Evidence, now: datetime) -> None:
    start, end = evidence.planned_start, evidence.planned_end
    if (start is None or start <= now) and (end is None or now <= end):
        return
    planned = " ".join(
        f"{word} {moment:%Y-%m-%d %H:%M:%S} UTC"
        for word, moment in (("from", start), ("to", end))
        if moment is not None
    )
    raise _refusal(evidence, "WINDOW", f"is planned {planned} there, and now it is {now:%Y-%m-%d %H:%M:%S} UTC")


def latest(decisions: Sequence[Decision]) -> list[Decision]:
    """The approvals that no later decision of the same account replaced."""
    latest: dict[str, Decision] = {}
    for decision in sorted(decisions, key=lambda one: one.at):
        latest[decision.account.casefold()] = decision
    return [decision for decision in latest.values() if decision.approves]


def _person(
    decision: Decision, evidence: Evidence, subject: Subject, people: Accounts
) -> tuple[str | None, tuple[str, str]]:
    """The person behind a decision, or why it does not count."""
    account = f"{evidence.system} account {printable(decision.account)}"
    person = people.of_account(evidence.system, decision.account)
    askers = {asker.casefold() for asker in evidence.asked_by}
    if person is None:
        return None, ("ELSEWHERE", f"the {account} is nobody's: add it to the accounts of a person in tidegate_people")
    asked_there = {people.of_account(evidence.system, asker) for asker in evidence.asked_by}
    if decision.account.casefold() in askers or person in asked_there:
        return None, ("SELF", f"{person} ({account}) asked for it there, and may not approve it")
    if person == subject.requester:
        return None, ("SELF", f"{person} ({account}) wants {subject.change}, and may not approve it")
    if decision.at < subject.planned_at and subject.plan_digest not in decision.comment:
        told = (
            f"{person} approved it at {decision.at:%Y-%m-%d %H:%M:%S} UTC or later, before the plan was recorded at "
            f"{subject.planned_at:%Y-%m-%d %H:%M:%S} UTC; have the plan of now approved"
        )
        return None, ("ELSEWHERE", told)
    return person, ("", "")


def _refusal(evidence: Evidence, code: str, told: str) -> Refusal:
    return Refusal(code, f"{evidence.name} {told}", system=evidence.system, reference=evidence.reference)
