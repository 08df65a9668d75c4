# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever is to sign sees the plan whole, or only what differs from the one that was approved."""

from __future__ import annotations

import shlex

from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import Finding, Standing
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Rules
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.approval import asked_text, export_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.approving import Asked

from ...module_utils.core.test_statement import DOC

RULE = {
    "name": "production",
    "groups": {"ops": 2},
    "any_of": [],
    "count": 0,
    "strength": "signed",
    "separation": ["requester"],
    "expires_after_s": 60,
}
WHY = (
    Finding("SELF", "cyd is the requester of this change and cannot approve it", "cyd"),
    Finding("QUORUM", "missing"),
)
STANDING = Standing(False, "1 of ops (production)", (), {"ada": "signed"}, WHY)


class Change:
    """As much of a row as is shown."""

    id, revision = "CHG-2026-0007", 2


def asked(**more):
    statement = Statement.of({**DOC, "requester": "cyd \u202e", "window": {"not_before": None, "not_after": None}})
    return Asked("approve", Change(), statement, Rules((RULE,)), STANDING, **more)


def test_a_second_approval_shows_the_difference():
    """One line per difference, then who is asked, who has approved, who is missing, and why others do not count."""
    windows = ("opens Tue", "nights, every Tuesday 22:00–02:00 UTC")
    text = asked_text(asked(differs=("budget: 0 → 1",), before=1, windows=windows), "/store.db")

    assert "CHG-2026-0007 revision 2, beside revision 1, which was approved" in text
    assert "differs  budget: 0 → 1" in text
    assert all(line in text for line in windows)
    assert "2 of ops (production, signed)" in text
    assert "ada (signed)" in text
    assert "1 of ops (production)" in text
    assert "SELF: cyd is the requester of this change and cannot approve it" in text
    assert "waves" not in text
    assert "\u202e" not in text


def test_the_same_plan_on_other_hosts_states_so():
    """A revision that differs only in what hosts run now says that."""
    assert "only in what its hosts run now" in asked_text(asked(before=1), "/store.db")


def test_names_of_files_are_quoted():
    """The command that is shown can be typed as it stands."""
    text = export_text("my file", "my file.plan", "veto@tidegate", "reject", "CHG-2026-0007")
    assert "ssh-keygen -Y sign -n veto@tidegate -f ~/.ssh/id_ed25519 'my file'" in text
    assert "tidegate_signature='my file'.sig" in text


def test_a_reason_is_handed_in_with_the_signature():
    """It is part of what was signed, and asked for: without it the command that is shown would be refused."""
    text = export_text("x", "x.plan", "veto@tidegate", "reject", "CHG-2026-0007", "it's late")
    [words] = [shlex.split(line.partition("hand it in")[2]) for line in text.splitlines() if "hand it in" in line]
    assert words[2:] == [
        "-e",
        "tidegate_change=CHG-2026-0007",
        "-e",
        '{"tidegate_reason": "it\'s late"}',
        "-e",
        "tidegate_signature=x.sig",
    ]
