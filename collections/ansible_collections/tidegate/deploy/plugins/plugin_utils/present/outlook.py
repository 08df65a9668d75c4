# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a change stands, as people read it: beside its plan, in the status of the site, and after a decision."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.deploy.plugins.plugin_utils.change.states import STATES, TERMINAL
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import block, listed
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.outlook import Outlook


def outlook_pairs(outlook: Outlook) -> list[tuple[str, Any]]:
    """The named lines of a block that say where a change stands."""
    nobody = "nobody yet" if outlook.asked and outlook.state not in TERMINAL else ""
    return [
        ("state", f"{outlook.state}: {STATES[outlook.state]}"),
        ("wanted by", outlook.wanted_by),
        ("approved by", listed(outlook.approved_by) or nobody),
        ("rejected by", listed(outlook.vetoed_by)),
        ("missing", list(outlook.missing)),
        ("review due", outlook.review_due_at),
        ("next", list(outlook.next)),
    ]


def outlook_text(outlook: Outlook, title: str) -> str:
    """The block that ends a verb which decides something.

    Args:
        outlook: where the change stands now.
        title: what was decided, in one sentence.
    """
    return block(title, [("change", f"{outlook.change} revision {outlook.revision}"), *outlook_pairs(outlook)])
