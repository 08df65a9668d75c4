# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of trust follow each other by real signatures of the people of both, and what was settled is not drafted again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.succession import require_first, require_successor
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import NAMESPACE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.bridges import with_bridges
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.people import People
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.trust import enrolled_text, trust_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import trusting

from ...module_utils.core.ssh_keys import public
from ..policy.test_trusting import material

NOW = datetime(2026, 11, 28, 13, tzinfo=UTC)


class Office:
    """A store and the people of a site, at a moment that tests turn."""

    def __init__(self, folder, keys):
        self.now, self.keys = NOW, keys
        self.store = Store.open(str(folder / "store.db"), lambda: self.now)
        self.people("ada", "bob", "cyd")
        self.rule, self.more, self.bridges = {"groups": {"ops": 2}}, {}, None

    def people(self, *names, **until):
        self.who = {
            name: {
                "groups": ["ops", "sec"],
                "keys": [{"key": public(self.keys[name]), **({"until": until[name]} if name in until else {})}],
            }
            for name in names
        }

    @property
    def material(self):
        data = {"site": "example.org", "rule": self.rule, "login_keys": [public(self.keys["eve"])], **self.more}
        return replace(material(), data=TrustData.of(data), people=with_bridges(People.of(self.who), self.bridges))

    @property
    def versions(self):
        return trusting.versions(self.store, "production", self.now)

    def draft(self, renews=False):
        return trusting.draft(self.store, self.material, self.versions, self.now, renews)

    def sign(self, *names):
        for name in names:
            version = self.versions[-1]
            made = ssh_keygen.sign(version.row.document, NAMESPACE, str(self.keys[name]))
            _person, _new, version = trusting.sign(self.store, version, made, self.now)
        return version


@pytest.fixture
def office(tmp_path, keys):
    made = Office(tmp_path, keys)
    yield made
    made.store.close()


def test_the_first_version_holds_once_its_quorum_has_signed(office):
    """Who still has to sign is told; who signed twice counts once; hosts take what holds."""
    drafted = office.draft()
    assert (1, ("2 of ops (trust), by the rule of this version",)) == (drafted.bundle.number, drafted.missing)
    assert office.draft() is None
    with pytest.raises(Refusal, match="found no signed version of the trust of production; missing 2 of ops"):
        trusting.require_in_force(office.store, "production", NOW)

    half = office.sign("ada", "ada")
    assert (False, ("1 of ops (trust), by the rule of this version",)) == (half.holds, half.missing)
    whole = office.sign("cyd")

    assert whole.holds
    require_first(whole.bundle, whole.armored, NOW, signing.verify)
    assert [1] == [one.bundle.number for one in trusting.require_in_force(office.store, "production", NOW)]
    assert office.draft() is None


def test_a_draft_that_nobody_needs_is_drafted_again(office):
    """Its number stays, and signatures under the one before do not count."""
    office.draft()
    office.sign("ada")
    office.people("ada", "bob")
    again = office.draft()
    assert (1, ()) == (again.bundle.number, again.row.signatures)


def test_the_next_version_needs_the_people_of_both(office):
    """A leaver goes by those who stay; what is weaker is named; hosts accept what the store says holds."""
    office.draft()
    first = office.sign("ada", "bob")
    office.people("ada", "cyd", "eve")
    office.rule = {"groups": {"ops": 1}}
    second = office.draft()
    shown = trust_text(second, "store.db")
    assert "people.bob goes" in shown
    assert "trust itself can be changed by less: 1 of ops" in shown
    assert "eve may sign with" in shown
    assert "missing" in shown

    half = office.sign("eve")
    assert ("2 of ops (trust), by the rule of version 1",) == half.missing
    assert [1] == [one.bundle.number for one in trusting.in_force(office.versions)]
    told = enrolled_text({}, first, half, (), check=False)
    assert (
        "trust version 2 is not signed yet: missing 2 of ops (trust), by the rule of version 1; sign it: ansible"
        in told
    )
    assert "not signed yet" not in enrolled_text({}, first, first, (), check=False)
    whole = office.sign("bob", "cyd")

    assert whole.holds
    require_successor(first.bundle, whole.bundle, whole.armored, NOW, signing.verify)
    assert [1, 2] == [one.bundle.number for one in trusting.in_force(office.versions)]


def test_what_bridges_let_through_is_shown_to_who_signs_it(office):
    """With their keys and whose accounts those are; before, that nothing of that kind counts."""
    office.draft()
    first = office.sign("ada", "bob")
    assert "nothing that was approved in other systems counts" in trust_text(first, "store.db")
    office.who["ada"]["accounts"] = {"awx": "ada.there", "login": "ada"}
    office.bridges = {
        "board": {"systems": ["awx"], "keys": [{"key": public(office.keys["dan"]), "until": "2027-01-01"}]}
    }
    assert office.draft() is None
    office.more = {"countersigned_opens": True}
    shown = trust_text(office.draft(), "store.db")
    assert "board countersigns what awx says: ssh-ed25519" in shown
    assert "until 2027-01-01T23:59:59Z" in shown
    assert "ada is ada.there of awx" in shown
    assert "approvals given in other systems open hosts, once a bridge has countersigned them" in shown


def test_a_version_that_runs_out_is_followed(office):
    """When a fifth of its time is left, and when a key under it has run out, since hosts judge that now."""
    office.draft()
    office.sign("ada", "bob")
    office.now += timedelta(days=291)
    assert office.draft() is None
    office.now += timedelta(days=2)
    assert 2 == office.draft().bundle.number

    office.now = NOW + timedelta(days=366)
    with pytest.raises(Refusal, match="ran out at 2027-11-28"):
        trusting.require_in_force(office.store, "production", office.now)


def test_a_version_that_says_the_same_is_drafted_where_that_is_asked_for(office):
    """Hosts make room by it; a draft that waits for signatures is not drafted again."""
    office.draft()
    assert office.draft(renews=True) is None
    office.sign("ada", "bob")
    assert (office.draft(), office.draft(renews=True).bundle.number) == (None, 2)
    assert office.draft(renews=True) is None
    assert office.sign("ada", "bob").holds


def test_what_was_settled_keeps_its_number(office):
    """A key that has run out since makes no room for another document of that number."""
    office.people("ada", "bob", "cyd", bob="2026-12-01")
    office.draft()
    office.sign("ada", "bob")
    office.now += timedelta(days=10)
    (first,) = office.versions
    assert (False, True) == (first.holds, first.settled)
    assert 2 == office.draft().bundle.number


def test_a_lost_quorum_begins_anew(office):
    """By the rule of the version alone, only where that is said; its number is taken once a host has it."""
    office.draft()
    office.sign("ada", "bob")
    office.people("cyd", "dan")
    office.draft()
    office.sign("cyd", "dan")
    assert [1] == [one.bundle.number for one in trusting.require_in_force(office.store, "production", NOW)]
    anew = trusting.require_in_force(office.store, "production", NOW, anew=True)
    assert [1, 2] == [one.bundle.number for one in anew]
    require_first(anew[-1].bundle, anew[-1].armored, NOW, signing.verify)

    office.store.enroll_host("web1", "a" * 32, "production", 2, "f" * 64)
    told = enrolled_text({}, office.versions[0], office.versions[1], (), check=False)
    assert (
        "version 2 may be on hosts and misses 1 of ops (trust), by the rule of version 1: have the next one signed"
        in told
    )
    assert 3 == office.draft().bundle.number
    assert office.sign("cyd", "dan").holds


def test_what_would_not_count_is_not_recorded(office, keys):
    """Neither a key that is in no version, nor one that has run out, a person who is not asked, or another use."""
    office.people("ada", "bob", "cyd", "dan", cyd="2026-11-27")
    office.who["dan"]["groups"] = ["sec"]
    version = office.draft()
    stranger = ssh_keygen.sign(version.row.document, NAMESPACE, str(keys["eve"]))
    other = ssh_keygen.sign(version.row.document, "approval@tidegate", str(keys["ada"]))
    late, unasked = (ssh_keygen.sign(version.row.document, NAMESPACE, str(keys[name])) for name in ("cyd", "dan"))
    for made, code in ((stranger, "KEY"), (late, "KEY"), (unasked, "QUORUM"), (other, "NAMESPACE")):
        with pytest.raises(Refusal) as caught:
            trusting.sign(office.store, version, made, NOW)
        assert code == caught.value.code
    assert () == office.versions[-1].row.signatures


def test_what_hosts_refuse_is_not_drafted(office):
    """A rule that nobody can satisfy is told before anybody signs."""
    office.rule = {"groups": {"security": 2}}
    with pytest.raises(Refusal, match="2 more people with keys are needed") as caught:
        office.draft()
    assert ("TRUST", []) == (caught.value.code, office.versions)
