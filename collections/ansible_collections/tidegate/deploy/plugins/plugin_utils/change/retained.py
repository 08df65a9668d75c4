# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that hosts still keep: what a change goes to that names a version and no artifact.

Its manifest is bound by digest, as that of an artifact is, and only when every host that answers keeps the same one, intact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal


@dataclass(frozen=True)
class Retained:
    """A release by its manifest, without the manifest.

    Args:
        version: of the release.
        digest: of its manifest.
        files: how many it has.
        size_bytes: of all of them.
    """

    version: str
    digest: str
    files: int
    size_bytes: int


@dataclass(frozen=True)
class Holding:
    """What one host keeps of a version.

    Args:
        releases: ``retained`` of the host's answer: id, damage, and of an intact one manifest, files and size_bytes.
        why_unknown: why it could not be asked; empty where it answered.
    """

    releases: Sequence[Mapping[str, Any]] = field(default=())
    why_unknown: str = ""


Ask = Callable[[Mapping[str, Mapping[str, Any]]], Mapping[str, Holding]]
"""What each host keeps, asked with the service's definition there, by name of host."""


def choose(wanted: str, holdings: Mapping[str, Holding], budget: int, place: str) -> Retained:
    """The one release that all hosts keep.

    Args:
        wanted: a version, or the id of a release.
        holdings: by name of host.
        budget: how many hosts may be silent; they are asked again before anything is switched there.
        place: the change file, for errors.

    Raises:
        Refusal: RETAINED, naming for each release who has it, and who lacks it, has it damaged or is silent.
    """
    have: dict[str, list[str]] = {}
    other: dict[str, list[str]] = {}
    found: dict[str, Mapping[str, Any]] = {}
    for host, holding in holdings.items():
        intact = [one for one in holding.releases if not one["damage"]]
        for one in intact:
            have.setdefault(one["id"], []).append(host)
            found[one["id"]] = one
        if not intact:
            other.setdefault(_why_not(holding), []).append(host)
    silent = [host for host, holding in holdings.items() if holding.why_unknown]
    lacking = [host for hosts in other.values() for host in hosts if host not in silent]
    if len(found) != 1 or lacking or len(silent) > budget:
        raise _refusal(wanted, have, other, place)
    release_id, one = next(iter(found.items()))
    return Retained(release_id.rpartition("-")[0], one["manifest"], one["files"], one["size_bytes"])


def _why_not(holding: Holding) -> str:
    if holding.why_unknown:
        return f"unknown ({holding.why_unknown})"
    if holding.releases:
        return "damaged ({})".format("; ".join(str(one["damage"]) for one in holding.releases))
    return "not there"


def _refusal(wanted: str, have: Mapping[str, list[str]], other: Mapping[str, list[str]], place: str) -> Refusal:
    parts = [f"{release} found on {', '.join(hosts)}" for release, hosts in have.items()]
    parts += [f"{why} on {', '.join(hosts)}" for why, hosts in other.items()]
    several = f"; name one of them as the release: {' or '.join(have)}" if len(have) > 1 else ""
    return Refusal(
        "RETAINED",
        f"{place}: release {wanted} without an artifact: expected one release of it, intact on every host of the change; "
        f"{'; '.join(parts)}. Name an artifact, or leave hosts out with hosts:{several}",
    )
