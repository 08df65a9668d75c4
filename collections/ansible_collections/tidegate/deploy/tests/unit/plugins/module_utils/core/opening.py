# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trust bundle by which approvals that a bridge countersigned open hosts, and such approvals."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.module_utils.core import evidence
from ansible_collections.tidegate.deploy.plugins.module_utils.core.countersigned import Countersigned

from .made_trust import line, rule, signed

BRIDGE = {"systems": ["servicenow"], "keys": [{"line": line("board"), "from": None, "until": None}]}
EVIDENCE = {
    "bridges": {"board": BRIDGE},
    "accounts": {name: {"servicenow": f"{name}.there"} for name in ("ada", "bob", "gus")},
}
RULES = (
    rule("two of ops", {"type": ["normal"]}, strength="countersigned"),
    rule("fire", {"type": ["emergency"]}, strength="countersigned"),
)


def opening(rules=RULES, **changes):
    """What a bundle has more or else."""
    return {"countersigned_opens": True, "evidence": {**EVIDENCE, **changes}, "rules": list(rules)}


def seen(person, **changes):
    """What a bridge keeps of an approval of somebody."""
    kept = {"system": "servicenow", "reference": "CHG0030001", "account": f"{person}.there", "url": "https://there"}
    return {**kept, "given_at": "2026-11-28T13:00:00+00:00", **changes}


def given(of, person, by="board", **changes):
    """An approval of a statement that was given elsewhere, and countersigned."""
    kept = seen(person, **changes)
    made = signed(by, evidence.message(of.id, person, kept), evidence.NAMESPACE)
    return Countersigned(person, kept, made)
