# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site writes becomes one document that hosts read, and the same site always the same one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import with_bridges
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.policy import Policy
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.services import Services
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.policy.trusting import (
    Material,
    compiled,
    difference,
    says_the_same,
)

from ..inventory.test_people import a_line

NOW = datetime(2026, 11, 28, 13, tzinfo=UTC)
PEOPLE = {
    "bob": {
        "groups": ["sec", "ops"],
        "keys": [{"key": f"{a_line(11)} bob"}, {"key": a_line(10), "until": "2027-01-01"}],
    },
    "ada": {"groups": ["ops"], "keys": [{"key": a_line(9)}], "absent": [{"from": "2026-12-01", "until": "2026-12-02"}]},
    "eve": {"groups": ["ops"], "accounts": {"awx": "eve"}},
}
POLICY = {
    "approvals": [
        {"name": "all", "groups": {"ops": 1}},
        {"name": "risky", "match": {"risk": ["high"], "environment": ["production"]}, "groups": {"sec": 1}},
        {"name": "elsewhere", "match": {"environment": ["staging"]}, "groups": {"ops": 2}},
    ]
}


def a_definition(**more):
    service = {"unit": "web.service", "probes": [{"unit": {}}], **more}
    return Services.of({"web": service}).service("web").definition


def material(**more):
    hosts = {"web1": a_definition(), "web2": a_definition(), "web3": a_definition(root="/srv/web")}
    return replace(
        Material(
            TrustData.of({"site": "example.org", "rule": {"groups": {"ops": 2}}, "login_keys": [a_line(12)]}),
            People.of(PEOPLE),
            Policy.of(POLICY),
            "production",
            {"web": hosts},
            f"tidegate/{'a' * 32}",
            (a_line(13),),
            "f" * 64,
        ),
        **more,
    )


def test_all_that_hosts_ask_about_is_in_it():
    """People who can sign, the rules of this environment, a definition for each host, and who may change that."""
    bundle = compiled(material(), 1, NOW)
    doc = bundle.doc
    assert {"ada": ["ops"], "bob": ["ops", "sec"]} == {name: person["groups"] for name, person in doc["people"].items()}
    assert [(a_line(10), "2027-01-01T23:59:59Z"), (a_line(11), None)] == [
        (key["line"], key["until"]) for key in doc["people"]["bob"]["keys"]
    ]
    assert [("all", {}), ("risky", {"environment": ["production"], "risk": ["high"]})] == [
        (rule["name"], rule["match"]) for rule in doc["rules"]
    ]
    assert ({"ops": 2}, ["f" * 64]) == (doc["trust_rule"]["groups"], doc["programs"])
    assert ("2026-11-28T13:00:00Z", "2027-11-28T13:00:00Z") == (doc["made_at"], doc["expires_at"])
    assert "/opt/web" == bundle.definition_for("web", "web1").doc["root"]
    assert "/opt/web" == bundle.definition_for("web", "a-host-to-come").doc["root"]
    assert "/srv/web" == bundle.definition_for("web", "web3").doc["root"]
    assert (False, False) == (doc["countersigned_opens"], "evidence" in doc)


def test_bridges_and_accounts_are_in_it_only_where_they_open_hosts():
    """With accounts of the systems that a bridge may vouch for, and people who have nothing else."""
    bridges = {"board": {"systems": ["awx"], "keys": [{"key": a_line(14), "from": "2026-11-01"}]}}
    people = with_bridges(People.of({**PEOPLE, "dan": {"accounts": {"gitlab": "dan"}}}), bridges)
    data = {**material().data.doc, "countersigned_opens": True}
    opened = compiled(material(people=people, data=TrustData.of(data)), 2, NOW)
    assert {
        "bridges": {"board": {"systems": ["awx"], "keys": [_from_november(14)]}},
        "accounts": {"eve": {"awx": "eve"}},
    } == (opened.doc["evidence"])
    assert ["ada", "bob", "eve"] == sorted(opened.doc["people"])
    closed = compiled(material(people=people), 1, NOW)
    assert says_the_same(closed, compiled(material(), 1, NOW))
    assert "countersigned_opens: False → True" in difference(closed, opened)


def _from_november(number):
    return {"line": a_line(number), "from": "2026-11-01T00:00:00Z", "until": None}


def test_the_same_site_says_the_same():
    """Neither the order in which a site writes things nor the time changes what is said."""
    other = material(people=People.of(dict(reversed(PEOPLE.items()))))
    assert says_the_same(compiled(material(), 1, NOW), compiled(other, 2, NOW + timedelta(days=9)))
    assert [] == difference(compiled(material(), 1, NOW), compiled(other, 2, NOW + timedelta(days=9)))


def test_what_differs_is_told():
    """A person who left, another program, another probe: a line each, with its path."""
    people = People.of({name: person for name, person in PEOPLE.items() if name != "bob"})
    hosts = {**material().definitions["web"], "web3": a_definition(root="/srv/web3")}
    other = material(people=people, program="e" * 64, definitions={"web": hosts})
    assert [
        "people.bob goes",
        f"programs[0]: {'f' * 64} → {'e' * 64}",
        "services.web[1].definition.root: /srv/web → /srv/web3",
    ] == difference(compiled(material(), 1, NOW), compiled(other, 2, NOW))


def test_a_trust_that_contradicts_itself_is_none():
    """What core refuses is refused here."""
    with pytest.raises(Refusal) as caught:
        compiled(material(origin="somebody's"), 1, NOW)
    assert "TRUST" == caught.value.code
