# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site says in ``tidegate_trust`` of the hosts that refuse by themselves; nobody else says it for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey, Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import key_problem
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust_schema import TRUST
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import Problem, problems, refuse
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import LOGIN

VARIABLE = "tidegate_trust"
EXPIRES_AFTER = "365d"


@dataclass(frozen=True)
class TrustData:
    """What hosts are to trust, as the site writes it. Make one with `of`.

    Args:
        doc: the plain value of the variable; treat it as frozen.
        place: the variable, and whose it is, for errors.
    """

    doc: Mapping[str, Any]
    place: str = VARIABLE

    @classmethod
    def of(cls, variable: Any, place: str = VARIABLE) -> TrustData:
        """The data in a value of the variable, which may carry Ansible's tags.

        Args:
            variable: the value, templated; None where the variable is not defined.
            place: such as ``tidegate_trust of host web1``.

        Raises:
            Refusal: DATA, naming the place, the path in it, what was found and what was expected.
        """
        if variable is None:
            raise Refusal(
                "DATA",
                f"{place}: found nothing, expected site, rule and login_keys; write it to "
                "group_vars/all/tidegate_trust.yml, docs/how-to/enrollment.md shows how",
            )
        value = plain(variable, place)
        refuse(place, problems(value, TRUST) or [*_rule_problems(value["rule"]), *_key_problems(value)])
        return cls(value, place)

    @property
    def site(self) -> str:
        """The name of the site."""
        return str(self.doc["site"])

    @property
    def rule(self) -> Mapping[str, Any]:
        """Who may change the trust, as it is written."""
        return {"name": "trust", **self.doc["rule"]}

    @property
    def login(self) -> str:
        """The user as whom enrolled hosts are driven."""
        return str(self.doc.get("login", LOGIN))

    @property
    def login_keys(self) -> tuple[str, ...]:
        """The public keys that log in as that user: kind and base64."""
        return tuple(dict.fromkeys(PublicKey.of_line(line.strip()).line for line in self.doc["login_keys"]))

    @property
    def expires_after(self) -> str:
        """How long a version lasts, as it is written."""
        return str(self.doc.get("expires_after", EXPIRES_AFTER))

    @property
    def countersigned_opens(self) -> bool:
        """Whether approvals that a bridge countersigned open hosts."""
        return bool(self.doc.get("countersigned_opens", False))

    def require_told(self, signature: Signature) -> None:
        """See that the hosts will count a signature, as far as that depends on what its key tells.

        Raises:
            Refusal: PRESENCE.
        """
        signature.require_told(self.doc.get("require_presence", False), self.doc.get("require_verification", False))


def _rule_problems(rule: Mapping[str, Any]) -> Iterator[Problem]:
    if "groups" not in rule and "any_of" not in rule:
        yield Problem(("rule",), "a rule that asks nobody", "groups, or any_of and count")
    elif ("any_of" in rule) != ("count" in rule):
        there, missing = ("any_of", "count") if "any_of" in rule else ("count", "any_of")
        yield Problem(("rule", missing), "nothing", f"it beside {there}")


def _key_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    for index, line in enumerate(value["login_keys"]):
        try:
            PublicKey.of_line(line.strip())
        except Refusal as refusal:
            yield key_problem(("login_keys", index), refusal)
