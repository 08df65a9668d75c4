# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The people of the tests, and the change that they approve."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere.credit import Subject
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.elsewhere import System, systems

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PLANNED_AT = NOW - timedelta(hours=2)
BEFORE, AFTER = PLANNED_AT - timedelta(hours=1), PLANNED_AT + timedelta(hours=1)
CHANGE = "CHG-2026-0001"
PLAN = "ab" * 32
OTHER_PLAN = "cd" * 32
SUBJECT = Subject(CHANGE, PLAN, PLANNED_AT, "web", "production", requester="rita")


class People:
    """Who is who: the account of ada is ``ada.there``, in every system."""

    def of_account(self, system: str, account: str) -> str | None:
        names = {"ada", "ben", "rita", "otto"}
        name = account.casefold().removesuffix(".there")
        return name if name in names and account.endswith(".there") else None


def system(name: str, url: str, **more: object) -> System:
    """A system as a site names it, its secret in the environment."""
    return systems({name: {"url": url, "secret": {"env": "TIDEGATE_TEST_SECRET"}, "timeout_s": 60, **more}})[name]


def utc(moment: datetime) -> str:
    """A time as AWX, GitLab and GitHub write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
