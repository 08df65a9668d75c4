# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the people of a site can approve what its policy asks them to, for the doctor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.fitness import NOTE, REFUSE, WARN, finding
from ansible_collections.tidegate.deploy.plugins.module_utils.core.vitals import Finding
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import findings, meant_for_nothing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import LOGIN, Governed

CHECK = "approvals"


def staffing(governed: Callable[[], Governed], places: Iterable[tuple[str, str]], now: datetime) -> list[Finding]:
    """What is wrong with people and policy, taken together.

    Args:
        governed: reads both.
        places: each service with an environment that it is in.
        now: the moment; keys and absences have dates.
    """
    try:
        by = governed()
    except Refusal as refusal:
        return [
            finding(CHECK, REFUSE, line, "mend it; nothing is approved until then")
            for line in refusal.message.splitlines()
        ]
    found = []
    if by.policy.approvals and not any(system == LOGIN for system, _account in by.people.accounts):
        said = "nobody's user is known: whoever submits a change from here could approve it under another name"
        found.append(
            finding(CHECK, NOTE, said, f"write accounts: {{{LOGIN}: USER}} at each person of {by.people.place}")
        )
    hint = f"add people to {by.people.place}, or let the rule ask others"
    there = sorted(set(places))
    wrong = findings(by.policy, there, partial(by.people.members, now))
    unmet = meant_for_nothing(by.policy, there) if there else []
    found += [finding(CHECK, NOTE, line, "see that the names are right: it holds for no change") for line in unmet]
    return [*found, *(finding(CHECK, WARN, line, hint) for line in wrong)]
