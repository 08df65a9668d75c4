# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with what hosts are to trust, for the doctor: found before anybody is asked to sign it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.fitness import REFUSE, WARN, finding
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust_lint import findings
from ansible_collections.tidegate.deploy.plugins.module_utils.core.vitals import Finding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.trusting import compiled
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import trusting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.door import RecordDoor
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.drafting import Inventory
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.governing import Government

CHECK = "trust"
NO_LOG = f"tidegate/{'0' * 32}"
"""The name of a ledger that there is none of: the doctor opens no store, and says nothing about its keys."""


def trust_findings(door: RecordDoor, inventory: Inventory, now: datetime) -> list[Finding]:
    """What is wrong with the trust of each environment whose hosts have the variable."""
    return [one for name in trusting.environments(inventory) for one in _of(door, inventory, name, now)]


def _of(door: RecordDoor, inventory: Inventory, environment: str, now: datetime) -> Iterator[Finding]:
    try:
        government = Government(door, trusting.hosts_of(inventory, environment)[0])
        if not government.has_trust:
            return
        log = (NO_LOG, government.trust.login_keys[0])
        material = trusting.material_of(door, inventory, environment, log)
        wrong = findings(compiled(material, 1, now))
    except Refusal as refusal:
        for line in refusal.message.splitlines():
            yield finding(CHECK, REFUSE, line, "mend it; no version of the trust is drafted until then")
        return
    for line in wrong:
        if not line.startswith("log."):
            yield finding(
                CHECK, WARN, f"{environment}: {line}", "mend it; no version of the trust is drafted until then"
            )
