# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A version whose signer's key ran out keeps hosts from what came later, until others who may sign it do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.succession import require_successor
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import NAMESPACE
from ansible_collections.tidegate.deploy.plugins.plugin_utils.approve import ssh_keygen
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.trust import stuck_lines, trust_text
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import enrolling, stragglers, trusting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enrolling import Errand

from .test_enrolling import OURS, Host
from .test_trusting import Office

HOSTS = {"web1": 1, "web2": 2, "web4": 3}


class Late(Office):
    """Three versions, the first two signed by ada and bob; the keys of some have run out since."""

    def __init__(self, folder, keys, *ran_out):
        super().__init__(folder, keys)
        for more in ([], ["eve"], []):
            self.people("ada", "bob", "cyd", *more, **dict.fromkeys(ran_out, "2026-12-01"))
            self.draft()
            self.sign(*(("bob", "cyd") if self.versions[-1].bundle.number == 3 else ("ada", "bob")))
        self.now += timedelta(days=10)

    @property
    def stuck(self):
        return stragglers.stuck(self.versions, self.now)

    def add(self, number, name):
        """Somebody signs a version once more."""
        version = trusting.numbered(self.versions, number)
        made = ssh_keygen.sign(version.row.document, NAMESPACE, str(self.keys[name]))
        return trusting.sign(self.store, version, made, self.now)


@pytest.fixture
def late(tmp_path, keys):
    made = Late(tmp_path, keys, "ada")
    yield made
    made.store.close()


def passes(late):
    """Whether a host takes version 2 after version 1."""
    first, second, _third = late.versions
    try:
        require_successor(first.bundle, second.bundle, second.armored, late.now, signing.verify)
    except Refusal:
        return False
    return True


def test_who_is_stuck_where_and_who_can_mend_it_is_told(late):
    """Only hosts that have the version to come; and what to type."""
    (stuck,) = late.stuck
    assert (stuck.number, passes(late)) == (2, False)
    assert dict.fromkeys(stragglers.behind([stuck], HOSTS)) == {"web1": None}
    (line,) = stuck_lines(stragglers.behind([stuck], HOSTS))
    assert line.startswith("web1: version 2 of the trust does not hold any more")
    assert (
        "missing 1 of ops (trust), by the rule of version 1: cyd; 1 of ops (trust), by the rule of this version: cyd or eve"
        in line
    )
    assert line.endswith("tidegate.deploy.trust -e tidegate_sign=true -e tidegate_trust_version=2")
    assert "-e tidegate_sign=true -e tidegate_trust_version=2" in trust_text(stuck.version, "store.db")


def test_one_who_may_signs_it_once_more_and_hosts_pass(late):
    """By either rule; the signature is the same one for all hosts, and its number stays taken."""
    _person, _new, half = late.add(2, "eve")
    assert (half.holds, passes(late), dict(late.stuck[0].able)) == (
        False,
        False,
        {"by the rule of version 1": ("cyd",)},
    )
    person, new, whole = late.add(2, "cyd")
    assert (person, new, whole.bundle.number, whole.holds) == ("cyd", True, 2, True)
    assert passes(late)
    assert (late.stuck, late.draft()) == ([], None)


def test_a_last_version_that_somebody_signs_late_keeps_its_number(tmp_path, keys):
    """Also while it does not hold again: hosts may have it."""
    office = Office(tmp_path, keys)
    office.people("ada", "bob", "cyd", ada="2026-12-01", bob="2026-12-01")
    office.draft()
    office.sign("ada", "bob")
    office.now += timedelta(days=10)
    late = office.sign("cyd")
    assert (late.holds, late.settled) == (False, True)
    office.store.close()


def test_where_too_few_are_left_the_host_is_enrolled_anew(tmp_path, keys):
    """No signature helps then, and none is asked for."""
    late = Late(tmp_path, keys, "ada", "bob", "cyd")
    (stuck,) = late.stuck
    assert (stuck.number, stuck.able) == (2, {})
    assert "too few are left who could sign it; on such a host remove /var/lib/tidegate/identity.json" in stuck.told
    late.store.close()


def test_signatures_of_those_who_may_not_are_refused_under_an_earlier_version_too(late, keys):
    """A stranger, and a key that has run out."""
    for name in ("ada", "dan"):
        with pytest.raises(Refusal) as caught:
            late.add(2, name)
        assert caught.value.code == "KEY"
    with pytest.raises(Refusal, match="tidegate_trust_version: found 7, expected 1 to 3"):
        late.add(7, "cyd")


def test_enroll_says_it_before_a_host_is_asked(late):
    """A host before that version is refused with what to do; one after it is brought to the newest."""
    errand = Errand(late.versions, late.material.data, late.now, late.stuck)
    behind, after = Host(trust=1), Host(trust=2, carries=OURS)
    refused = enrolling._bring(behind, "web1", errand, check=True).said
    assert (refused.code, "it is at trust version 1: version 2 of the trust does not hold" in refused.message) == (
        "QUORUM",
        True,
    )
    assert behind.asked == ["ask", "ask"]
    assert enrolling._bring(after, "web1", errand, check=False).trust == 3
