# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site says of trust is read, and each mistake in it is named with its path."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.trust import TrustData

from .test_people import a_line

PLACE = "tidegate_trust of host localhost"


def data(**more):
    return {"site": "example.org", "rule": {"groups": {"ops": 2}}, "login_keys": [f"{a_line(9)} ci"], **more}


def test_defaults_are_filled_in():
    """Three keys are enough; keys of the login lose their comments and come once."""
    found = TrustData.of(data(login_keys=[f"{a_line(9)} ci", a_line(9)]), PLACE)
    assert ("example.org", "deploy", "365d", (a_line(9),)) == (
        found.site,
        found.login,
        found.expires_after,
        found.login_keys,
    )
    assert {"name": "trust", "groups": {"ops": 2}} == found.rule


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "found nothing, expected site, rule and login_keys; write it to group_vars/all/tidegate_trust.yml"),
        ({}, "site: found nothing, expected a name that this organization keeps"),
        (data(sit="x"), "sit: found an unknown key, expected one of site, rule"),
        (data(rule={}), "rule: found a rule that asks nobody, expected groups, or any_of and count"),
        (data(rule={"any_of": ["ops"]}), "rule.count: found nothing, expected it beside any_of"),
        (data(rule={"groups": {"ops": 1}, "strength": "recorded"}), "rule.strength: found an unknown key"),
        (data(login_keys=[]), "login_keys: found an empty list, expected a list of the public keys"),
        (
            data(login_keys=["ssh-dss AAAA"]),
            "login_keys[0]: found the kind of key 'ssh-dss', which may not sign, expected a plain key: ",
        ),
        (data(login="Root!"), "login: found 'Root!', expected the name of the user"),
        (data(expires_after="1y"), "expires_after: found '1y', expected for how many days a version holds"),
        (data(programs=["abc"]), "programs[0]: found 'abc', expected a SHA-256 digest"),
        (
            data(countersigned_opens="yes"),
            "countersigned_opens: found 'yes', expected true or false: whether approvals",
        ),
        (data(require_presence="yes"), "require_presence: found 'yes', expected true or false"),
    ],
)
def test_mistakes_are_named(value, said):
    """Where it is, what was found and what was expected."""
    with pytest.raises(Refusal) as caught:
        TrustData.of(value, PLACE)
    assert "DATA" == caught.value.code
    assert f"{PLACE}: {said}" in caught.value.message


def test_a_near_key_is_hinted():
    """A typo is told with what was probably meant."""
    with pytest.raises(Refusal, match=r"sourcs: found an unknown key.*did you mean sources\?"):
        TrustData.of(data(sourcs=[]), PLACE)
