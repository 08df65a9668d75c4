# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that were away for so long that a version which they have missed does not hold any more, and who can mend that.

Hosts take versions in their order and judge keys by their own present, so a key that ran out since does not count under a
version that was made before. Whoever could have signed it then, and has a good key now, signs it once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core import quorum
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import APPROVE, SIGNED, Standing, Voice
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import Bundle
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.trusting import Version

SIGN = "ansible-playbook tidegate.deploy.trust -e tidegate_sign=true -e tidegate_trust_version={}"


@dataclass(frozen=True)
class Stuck:
    """A version that does not hold any more, before one that hosts are to come to.

    Attributes:
        version: which one.
        able: by whose rule it falls short, in words -> who has a good key and may sign it by that; empty where also all of
            them together would be too few.
    """

    version: Version
    able: Mapping[str, tuple[str, ...]]

    @property
    def number(self) -> int:
        """Of the version."""
        return self.version.bundle.number

    @property
    def told(self) -> str:
        """What is wrong with it, and what to do."""
        said = f"version {self.number} of the trust does not hold any more, and hosts before it cannot pass it"
        if not self.able:
            return (
                f"{said}: missing {'; '.join(self.version.missing)}, and too few are left who could sign it; on such a host remove "
                "/var/lib/tidegate/identity.json as root, and enroll it anew, as root: ansible-playbook tidegate.deploy.enroll"
            )
        who = "; ".join(
            f"{self.version.standings[whose].missing}, {whose}: {' or '.join(names)}"
            for whose, names in self.able.items()
        )
        return f"{said}: missing {who}; sign it once more: {SIGN.format(self.number)}"


def stuck(found: Sequence[Version], now: datetime) -> list[Stuck]:
    """The versions that keep hosts from the ones after them.

    Args:
        found: all versions, the first one first; no host comes to that from another.
        now: the moment at which they are judged.
    """
    return [Stuck(one, _able(one, now)) for one in found[1:] if one.followed and not one.holds]


def in_the_way(found: Sequence[Stuck], trust: int) -> Stuck | None:
    """What keeps a host from the newest trust that has come to a version; None: nothing."""
    return next((one for one in found if one.number > trust), None)


def behind(found: Sequence[Stuck], hosts: Mapping[str, int]) -> dict[str, Stuck]:
    """The hosts that are stuck, and where.

    Args:
        found: the versions that do not hold any more.
        hosts: the number of the version that each enforces.
    """
    where = {host: in_the_way(found, trust) for host, trust in hosts.items()}
    return {host: one for host, one in where.items() if one is not None}


def _able(version: Version, now: datetime) -> dict[str, tuple[str, ...]]:
    bundles = [bundle for bundle in (version.before, version.bundle) if bundle is not None]
    found = {}
    for bundle, (whose, standing) in zip(bundles, version.standings.items(), strict=True):
        best = _signed_by_all(bundle, now)
        if not best.granted:
            return {}
        if not standing.granted:
            found[whose] = tuple(sorted(best.counted.keys() - standing.counted))
    return found


def _signed_by_all(bundle: Bundle, now: datetime) -> Standing:
    """How a version would stand by the rule of a bundle, had everybody signed it now with every key."""
    members = bundle.members()
    voices = [Voice(name, APPROVE, now, SIGNED, key) for name, member in members.items() for key in member.keys]
    return quorum.standing([bundle.trust_rule], voices, members, {}, now)
