# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has to approve a change: the rules of a policy that are meant for it, and whether anybody could.

Every rule that matches holds; what a change says of its own type and risk so adds people, and never takes one away that a
rule without that match asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import unfilled
from ansible_collections.tidegate.deploy.plugins.module_utils.core.rules import (
    FEWEST_IN_EMERGENCY,
    asked_of,
    meant_for,
    people_asked,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.file import duration_s
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import (
    EMERGENCY,
    NORMAL,
    REQUESTER,
    SIGNED,
    TYPES,
)

EXPIRES_AFTER = "7d"

Members = Callable[[str], Mapping[str, Sequence[str]]]
"""Of each group the people who can approve with a strength, or a greater one."""


@dataclass(frozen=True)
class Kind:
    """What of a change its rules are picked by.

    Args:
        service: whom it is for.
        environment: where.
        type: one of `policy_schema.TYPES`.
        risk: one of `policy_schema.RISKS`, or None.
    """

    service: str
    environment: str
    type: str = NORMAL
    risk: str | None = None

    def matches(self, match: Mapping[str, Sequence[str]]) -> bool:
        """Whether a rule with these matches is meant for it; a risk that nobody has judged is any of them."""
        return meant_for(match, self.service, self.environment, self.type, self.risk)


@dataclass(frozen=True)
class Rules:
    """The rules that hold for one change.

    Attributes:
        docs: of each its name, ``groups``, ``any_of`` and ``count``, ``strength``, ``separation`` and ``expires_after_s``,
            with all defaults.
    """

    docs: tuple[Mapping[str, Any], ...] = ()

    @property
    def asked(self) -> bool:
        """Whether they ask anybody."""
        return bool(self.docs)

    @property
    def digest(self) -> str | None:
        """What a plan holds of them; None where they ask nobody."""
        return canonical.digest(list(self.docs)) if self.docs else None


def rules_for(policy: Policy, kind: Kind) -> Rules:
    """The rules of a policy that hold for a change.

    Args:
        policy: of the site.
        kind: what of the change they are picked by.

    Raises:
        Refusal: DATA, an emergency where approvals are asked for, and no rule asks two people for it.
    """
    rules = _matching(policy, kind)
    if kind.type == EMERGENCY and max(map(people_asked, rules.docs), default=0) < FEWEST_IN_EMERGENCY:
        others = [type_ for type_ in TYPES if type_ != EMERGENCY]
        if rules.asked or any(_matching(policy, Kind(kind.service, kind.environment, other)).asked for other in others):
            raise Refusal(
                "DATA",
                f"{policy.place}.approvals: found no rule that asks {FEWEST_IN_EMERGENCY} people for emergencies of "
                f"{kind.service} in {kind.environment}, where other changes are approved; add one with "
                f"match: {{type: [{EMERGENCY}]}}",
            )
    return rules


def _matching(policy: Policy, kind: Kind) -> Rules:
    return Rules(tuple(filled(rule) for rule in policy.approvals if kind.matches(rule.get("match", {}))))


def filled(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule with its defaults, without what it is picked by: to widen that does not change what was approved."""
    return {
        "name": rule["name"],
        "groups": dict(rule.get("groups", {})),
        "any_of": sorted(rule.get("any_of", ())),
        "count": rule.get("count", 0),
        "strength": rule.get("strength", SIGNED),
        "separation": sorted({REQUESTER, *rule.get("separation", ())}),
        "expires_after_s": duration_s(rule.get("expires_after", EXPIRES_AFTER)),
    }


# --- whether anybody could -------------------------------------------------------------------------------------------


def require_satisfiable(rule: Mapping[str, Any], members: Members, place: str, without: Iterable[str] = ()) -> None:
    """See that enough people could approve by a rule at all.

    Raises:
        Refusal: DATA, naming the rule and whom it lacks.
    """
    missing = len(unfilled(rule, members(rule["strength"]), without))
    if missing:
        lack = _lack(rule, members, missing, without)
        raise Refusal("DATA", f"{place}.approvals: {lack}; add people to tidegate_people, or let the rule ask others")


def _lack(rule: Mapping[str, Any], members: Members, missing: int, without: Iterable[str]) -> str:
    groups = [*rule["groups"], *rule["any_of"]]
    able = members(rule["strength"])
    there = [f"{group} has {', '.join(able.get(group, ())) or 'nobody'}" for group in dict.fromkeys(groups)]
    barred = sorted(set(without))
    but = f"; {', '.join(barred)} may not" if barred else ""
    needed = f"{missing} more {'person is' if missing == 1 else 'people are'} needed whose approval would be {rule['strength']}"
    return f"the rule {rule['name']!r} asks {asked_of(rule)}, and {needed} ({'; '.join(there)}{but})"


def findings(policy: Policy, places: Iterable[tuple[str, str]], members: Members) -> list[str]:
    """What is wrong with a policy as a whole: rules that nobody can satisfy, services that nobody can approve.

    Args:
        policy: of the site.
        places: each service with an environment that it is in.
        members: who is in which group.

    Returns:
        One readable line each.
    """
    lines = {
        f"{policy.place}.approvals: {_lack(rule, members, missing, ())}": None
        for rule in map(filled, policy.approvals)
        if (missing := len(unfilled(rule, members(rule["strength"]))))
    }
    for service, environment in places:
        for type_ in TYPES:
            lines |= dict.fromkeys(_of_service(policy, Kind(service, environment, type_), members))
    return list(lines)


def meant_for_nothing(policy: Policy, places: Collection[tuple[str, str]]) -> list[str]:
    """What of a policy holds for no change, because no service that is named is in an environment that is named.

    Args:
        policy: of the site.
        places: each service with an environment that it is in.

    Returns:
        One readable line each.
    """
    lines = []
    for kind in ("approvals", "windows", "freezes"):
        for index, entry in enumerate(policy.doc.get(kind, ())):
            named = {key: entry.get("match", {}).get(key) for key in ("service", "environment")}
            match = {key: names for key, names in named.items() if names}
            if not any(meant_for(match, *place, NORMAL, None) for place in places):
                told = " and ".join(f"{key} {', '.join(names)}" for key, names in match.items())
                lines.append(f"{policy.place}: {kind}[{index}] ({entry['name']}) is for {told}, which is nothing here")
    return lines


def _of_service(policy: Policy, kind: Kind, members: Members) -> Iterator[str]:
    try:
        rules = rules_for(policy, kind)
    except Refusal as refusal:
        yield refusal.message
        return
    what = f"{policy.place}: {kind.type} changes of {kind.service} in {kind.environment}"
    for rule in rules.docs:
        able = members(rule["strength"])
        if unfilled(rule, able):
            yield f"{what} can be approved by nobody: the rule {rule['name']!r} asks {asked_of(rule)}"
            continue
        everybody = {name for group in (*rule["groups"], *rule["any_of"]) for name in able.get(group, ())}
        alone = [name for name in sorted(everybody) if unfilled(rule, able, {name})]
        if alone:
            yield f"{what} cannot be approved when they are wanted by {' or '.join(alone)} (the rule {rule['name']!r})"
