# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site asks of its changes, as it writes that in ``tidegate_policy``; without the variable it asks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.rules import FEWEST_IN_EMERGENCY, people_asked
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy_schema import EMERGENCY, POLICY, REFUSE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import (
    Problem,
    problems,
    refuse,
    shown,
)

VARIABLE = "tidegate_policy"


@dataclass(frozen=True)
class Policy:
    """A policy that has been checked. Make one with `of`.

    Args:
        doc: the plain value of the variable; treat it as frozen.
        place: the variable, and whose it is, for errors.
    """

    doc: Mapping[str, Any] = field(default_factory=dict)
    place: str = VARIABLE

    @classmethod
    def of(cls, variable: Any, place: str = VARIABLE) -> Policy:
        """The policy in a value of the variable, which may carry Ansible's tags.

        Args:
            variable: the value, templated; None where the variable is not defined.
            place: such as ``tidegate_policy of host localhost``.

        Raises:
            Refusal: DATA, naming the place, the path in it, what was found and what was expected.
        """
        if variable is None:
            return cls({}, place)
        value = plain(variable, place)
        refuse(place, problems(value, POLICY) or _rule_problems(value))
        return cls(value, place)

    @property
    def approvals(self) -> tuple[Mapping[str, Any], ...]:
        """The rules for approval, as they are written."""
        return tuple(self.doc.get("approvals", ()))

    @property
    def refuses_downgrades(self) -> bool:
        """Whether a change may not bring hosts to an older release than they run."""
        return bool(self.doc.get("downgrade") == REFUSE)

    @property
    def review_within(self) -> str | None:
        """How soon an emergency is reviewed, as it is written; None where nothing is."""
        found: str | None = self.doc.get("emergency", {}).get("review_within")
        return found


def _rule_problems(value: Mapping[str, Any]) -> list[Problem]:
    """What a schema cannot say."""
    found: list[Problem] = []
    names: list[str] = []
    for index, rule in enumerate(value.get("approvals", ())):
        path = ("approvals", index)
        if rule["name"] in names:
            found.append(Problem((*path, "name"), f"{shown(rule['name'])} again", "a name of its own"))
        names.append(rule["name"])
        found += _who_problems(path, rule)
        types = rule.get("match", {}).get("type", ())
        if EMERGENCY in types and people_asked(rule) < FEWEST_IN_EMERGENCY:
            expected = f"at least {FEWEST_IN_EMERGENCY} where it is for emergencies"
            found.append(Problem(path, f"a rule that asks {people_asked(rule)} person", expected))
    return found


def _who_problems(path: tuple[str | int, ...], rule: Mapping[str, Any]) -> list[Problem]:
    if "groups" not in rule and "any_of" not in rule:
        return [Problem(path, "a rule that asks nobody", "groups, or any_of and count")]
    if ("any_of" in rule) != ("count" in rule):
        there, missing = ("any_of", "count") if "any_of" in rule else ("count", "any_of")
        return [Problem((*path, missing), "nothing", f"it beside {there}")]
    return []
