# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in a real store that people approve in a ServiceNow which answers as published."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.elsewhere import given
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.quorum import standing_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Kind, rules_for
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import approving, given_elsewhere, moving
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.approve.elsewhere.api import PASSWORD

from .conftest import a_plan

NAME = "servicenow:CHG0030001"
PEOPLE = {
    "ada": {"groups": ["ops"], "accounts": {"servicenow": "ada.there"}},
    "ben": {"groups": ["ops"], "accounts": {"servicenow": "ben.there"}},
    "otto": {"groups": ["sales"], "accounts": {"servicenow": "otto.there"}},
    "rita": {"groups": ["ops"], "accounts": {"servicenow": "rita.there"}},
}


class Office:
    """A change that rita wants, and the ServiceNow change in which two of ops are to approve it."""

    def __init__(self, site, snow, strength="recorded", **settings):
        secret = {"env": "TIDEGATE_TEST_SECRET"}
        there = {"url": f"{snow.url}/api", "user": "tidegate", "secret": secret, "timeout_s": 30, **settings}
        rule = {"name": "production", "groups": {"ops": 2}, "strength": strength}
        self.by = Governed(Policy.of({"approvals": [rule], "elsewhere": {"servicenow": there}}), People.of(PEOPLE))
        self.store, self.site, self.snow = site.store, site, snow
        plan = a_plan(rules=rules_for(self.by.policy, Kind("web", "production")).digest)
        data = canonical.dumps(plan.doc)
        self.id, _revision = self.store.new_change(
            "web", "production", plan.content_digest, data, "/changes/web.yml", None, 2026
        )
        moving.move(self.store, self.id, "submit", actor="rita", requested_by="rita")
        if snow.changes:
            snow.change.update(
                correlation_id=self.id, description=f"plan sha256 {self.change.plan_digest}", start_date=""
            )

    @property
    def change(self):
        return self.store.change(self.id)

    @property
    def now(self):
        return self.store.now()

    @property
    def later(self):
        """When people approve: seconds after the plan, since ServiceNow has no smaller times."""
        return self.now + timedelta(seconds=2)

    def approve(self, *names):
        for name in names:
            self.snow.approve(name, at=self.later)
        self.snow.accept()

    def take(self, name=NAME):
        asked = approving.ask(self.store, self.change, "approve", "", self.by, self.now)
        return given_elsewhere.take(self.store, asked, name, self.by, self.now)

    def refresh(self):
        given.refresh(self.store, self.change, self.by.policy, self.by.people, self.now)

    def standing(self):
        rules = rules_for(self.by.policy, Kind("web", "production"))
        return standing_of(self.store, self.change, rules, self.by.people, self.now)

    def refusal(self, what, code="ELSEWHERE"):
        with pytest.raises(Refusal) as caught:
            what()
        assert code == caught.value.code
        assert PASSWORD not in caught.value.message
        return caught.value.message
