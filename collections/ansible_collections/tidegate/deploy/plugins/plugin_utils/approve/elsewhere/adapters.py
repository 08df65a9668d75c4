# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter of each system that a policy may name."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere import awx, github, gitlab, servicenow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.client import Client
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.evidence import Adapter
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory import elsewhere
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import System
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy


def systems_of(policy: Policy) -> dict[str, System]:
    """The systems that a policy names."""
    return elsewhere.systems(policy.doc.get("elsewhere"))


def adapter(system: System) -> Adapter:
    """What reads from a system.

    Raises:
        Refusal: DATA, its credential or address cannot be used.
    """
    return _ADAPTERS[system.name](system)


def servicenow_client(system: System, within_s: int | None = None) -> Client:
    """What asks the ServiceNow of a site.

    Args:
        system: how it is reached.
        within_s: for a request at most, where the site allows more.
    """
    secret = system.secret.read()
    bounded = system if within_s is None else replace(system, timeout_s=min(within_s, system.timeout_s))
    basic = b64encode(f"{system.user}:{secret}".encode()).decode("ascii")
    authorization = f"Bearer {secret}" if system.user is None else f"Basic {basic}"
    return Client.of(bounded, {"Authorization": authorization}, secret, basic)


def parted(name: str, systems: Mapping[str, System]) -> tuple[System, str]:
    """The system and the reference in it that a name such as ``servicenow:CHG0030001`` means.

    Raises:
        Refusal: DATA, it is not such a name, or policy names no such system.
    """
    system, colon, reference = name.partition(":")
    if not colon or system not in _ADAPTERS or not reference:
        raise Refusal(
            "DATA",
            f"tidegate_evidence: found {name!r:.80}, expected one of servicenow:NUMBER, awx:NUMBER, "
            "gitlab:GROUP/PROJECT:DEPLOYMENT, github:OWNER/REPOSITORY:RUN:ENVIRONMENT",
        )
    if system not in systems:
        raise Refusal(
            "DATA",
            f"tidegate_policy.elsewhere.{system}: found nothing, expected its url and where its secret is, to look at {name}",
        )
    return systems[system], reference


def _servicenow(system: System) -> Adapter:
    return servicenow.ServiceNow(servicenow_client(system))


_ADAPTERS: Mapping[str, Callable[[System], Adapter]] = {
    servicenow.SYSTEM: _servicenow,
    awx.SYSTEM: awx.Awx.of,
    gitlab.SYSTEM: gitlab.Gitlab.of,
    github.SYSTEM: github.Github.of,
}
