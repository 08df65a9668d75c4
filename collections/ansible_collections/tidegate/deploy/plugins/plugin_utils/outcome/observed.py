# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate said to playbooks of the site's own, summed up: how many runs it refused or would have refused, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.observations import GatedRow

DAYS = 30
"""For how long back it is told, unless somebody says otherwise."""


def summed_up(rows: Iterable[GatedRow]) -> dict[str, Any]:
    """The rows as one document: runs in all, and of each reason its runs, playbooks, people and hosts.

    A run to which the gate said several things counts once for each reason, and once in all.
    """
    kept = list(rows)
    refused = [row for row in kept if not row.allowed]
    return {
        "runs": len({row.run_id for row in kept}),
        "refused": len({row.run_id for row in refused if row.mode == "enforce"}),
        "would_refuse": len({row.run_id for row in refused if row.mode == "observe"}),
        "reasons": [_reason(mode, code, refused) for mode, code in sorted({(row.mode, row.code) for row in refused})],
    }


def _reason(mode: str, code: str, refused: Iterable[GatedRow]) -> dict[str, Any]:
    rows = [row for row in refused if (row.mode, row.code) == (mode, code)]
    return {
        "mode": mode,
        "code": code,
        "runs": len({row.run_id for row in rows}),
        "playbooks": sorted({row.playbook for row in rows}),
        "by": sorted({row.actor for row in rows}),
        "changes": sorted({row.change_id for row in rows if row.change_id}),
        "hosts": sorted({host for row in rows for host in row.hosts}),
        "last": rows[-1].at,
        "last_reason": rows[-1].reason,
    }
