# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in a real store, and people with real keys who decide about it."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve.quorum import standing_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.approvals import Kind, rules_for
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import (
    approving,
    consent,
    deciding,
    moving,
    requesting,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.consent import Governed

from ...module_utils.core.ssh_keys import public
from .conftest import a_plan

POLICY = {"approvals": [{"name": "production", "groups": {"ops": 2}, "separation": ["requester", "operator"]}]}


def people_doc(keys):
    """What the site writes of them."""

    def key(name, **more):
        return {"key": public(keys[name]), **more}

    return {
        "ada": {"groups": ["ops"], "keys": [key("ada"), key("ada2")]},
        "bob": {"groups": ["ops"], "keys": [key("bob")], "accounts": {"awx": "bob"}},
        "cyd": {"groups": ["ops"], "keys": [key("cyd")]},
        "dan": {"groups": ["sales"], "keys": [key("dan")]},
        "lea": {"groups": ["ops"], "keys": [key("late", **{"from": "2999-01-01"})]},
        "gil": {"groups": ["ops"], "keys": [key("gone", until="2020-01-01")]},
    }


class Office:
    """A change that cyd wants, and those who decide about it."""

    def __init__(self, site, keys):
        self.store, self.keys, self.site = site.store, keys, site
        self.by = Governed(Policy.of(POLICY), People.of(people_doc(keys)))
        self.plan(a_plan(rules=self.rules.digest))
        self.hand_in()

    def hand_in(self):
        moving.move(self.store, self.id, "submit", actor="cyd", requested_by="cyd")

    @property
    def rules(self):
        return rules_for(self.by.policy, Kind("web", "production"))

    def plan(self, plan, id=None):  # noqa: A002 - the store's word
        made = self.store.new_change(
            "web", "production", plan.content_digest, canonical.dumps(plan.doc), "/changes/web.yml", id, 2026
        )
        self.id = made[0]

    @property
    def change(self):
        return self.store.change(self.id)

    @property
    def now(self):
        return self.store.now()

    def asked(self, verb="approve", reason="it is late"):
        return approving.ask(self.store, self.change, verb, reason, self.by, self.now)

    def decide(self, signature, verb="approve"):
        if not isinstance(signature, Signature):
            signature = Signature.parse(signature)
        return approving.decide(self.store, self.asked(verb), signature, self.by, self.now)

    def requests(self, name, trust=None):
        """Hand it in, signed by somebody as whoever wants it."""
        request = requesting.ask(self.store, self.change, self.by, self.now)
        signature = ssh_keygen.sign(request.data, request.namespace, str(self.keys[name]))
        requesting.record(self.store, self.change, request, signature, self.by, self.now, trust)
        deciding.decide(self.store, self.change, "submit", None, self.by, self.now)

    def signs(self, name, verb="approve"):
        statement = self.asked(verb).statement
        return self.decide(ssh_keygen.sign(statement.data, statement.namespace, str(self.keys[name])), verb)

    def standing(self, operator=None):
        return standing_of(self.store, self.change, self.rules, self.by.people, self.now, operator)

    def without(self, **changes):
        doc = people_doc(self.keys)
        self.by = replace(self.by, people=People.of({name: changes.get(name, entry) for name, entry in doc.items()}))

    @property
    def why_not(self):
        refusal = consent.why_not(self.store, self.change, self.by, self.now)
        return refusal and refusal.code
