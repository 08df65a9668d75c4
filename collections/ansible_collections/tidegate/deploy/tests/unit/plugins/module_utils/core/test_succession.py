# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust begins with its own quorum, follows itself one number at a time with two, and lets go with one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.signed import Signed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.succession import (
    UNENROLL_NAMESPACE,
    Unenroll,
    overlaps,
    require_current,
    require_first,
    require_successor,
    require_unenroll,
)
from ansible_collections.tidegate.deploy.plugins.module_utils.core.trust import NAMESPACE

from .made_trust import BUNDLE, NOW, PEOPLE, UID, Identity, bundle, person, signed, verify
from .test_definition import GOOD

OLD = bundle()
LEFT = {name: one for name, one in PEOPLE.items() if name != "dan"} | {"fay": person("fay", "trust")}
"""Without dan, and with fay in dan's place."""

NEW = bundle(number=4, people=LEFT)


def under(names, of, namespace=NAMESPACE):
    """The signatures of some people under a bundle."""
    return [signed(name, of.data, namespace) for name in names]


def follows(new, names, now=NOW, namespace=NAMESPACE):
    require_successor(OLD, new, under(names, new, namespace), now, verify)


def test_a_version_with_the_quorums_of_both():
    """One person who is in both counts in both."""
    follows(NEW, ("cy", "dan", "fay"))


REFUSED = {
    "H09 by the old quorum only": (NEW, ("cy", "dan"), "QUORUM", "by version 4 of trust: missing 1 of trust"),
    "H09 by the new quorum only": (NEW, ("cy", "fay"), "QUORUM", "by version 3 of trust: missing 1 of trust"),
    "nobody": (NEW, (), "QUORUM", "by version 3 of trust: missing 2 of trust"),
    "people who may only approve changes": (NEW, ("ada", "bob"), "QUORUM", "by version 3 of trust: ada is in none"),
    "H09 a version skipped": (bundle(number=5), ("cy", "dan"), "TRUST", "found version 5 of trust, expected 4"),
    "H09 a lower number": (bundle(number=2), ("cy", "dan"), "TRUST", "found version 2 of trust, expected 4"),
    "the same number": (bundle(people=LEFT), ("cy", "dan", "fay"), "TRUST", "found version 3 of trust, expected 4"),
    "B22 a number far ahead": (bundle(number=2**53 - 1), ("cy", "dan"), "TRUST", "expected 4"),
    "another site": (bundle(number=4, site="evil"), ("cy", "dan"), "TRUST", "for production of evil, expected one for"),
    "another environment": (
        bundle(number=4, environment="test"),
        ("cy", "dan"),
        "TRUST",
        "found a bundle for test of acme",
    ),
    "A15 a weak key in it": (
        bundle(
            number=4,
            people={**PEOPLE, "eve": {"groups": [], "keys": [{"line": "ssh-dss AA", "from": None, "until": None}]}},
        ),
        ("cy", "dan"),
        "ALG",
        "people.eve.keys[0]",
    ),
    "a weak key of the log": (
        bundle(number=4, log={**BUNDLE["log"], "keys": ["ssh-dss AA"]}),
        ("cy", "dan"),
        "ALG",
        "log.keys[0]",
    ),
    "H12 overlapping services": (
        bundle(
            number=4, services={**BUNDLE["services"], "api": [{"definition": {**GOOD, "service": "api"}, "hosts": []}]}
        ),
        ("cy", "dan"),
        "TRUST",
        "version 4 of trust contradicts itself: api and web both have the unit web.service; the roots of api and web overlap",
    ),
}


@pytest.mark.parametrize(("new", "names", "code", "says"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_follow(new, names, code, says):
    """Each refusal says which version's people are missing, or what is wrong."""
    with pytest.raises(Refusal) as caught:
        follows(new, names)
    assert code == caught.value.code
    assert says in caught.value.message


def test_a18_signatures_for_another_use():
    """An approval of these bytes is no consent to trust them."""
    with pytest.raises(Refusal) as caught:
        follows(NEW, ("cy", "dan", "fay"), namespace="approval@tidegate")
    assert "NAMESPACE" == caught.value.code


def test_a_version_that_ran_out_is_passed_on_the_way_to_a_later_one():
    """Only the last has to be good now."""
    later = NOW + timedelta(days=400)
    follows(NEW, ("cy", "dan", "fay"), now=later)
    require_current(NEW, NOW)
    with pytest.raises(Refusal, match="TRUST: version 4 of trust ran out at 2027-11-01T00:00:00Z"):
        require_current(NEW, later)


def test_a11_a_key_that_ended_changes_no_trust():
    """Also not an old version, whenever that says that it was made: who has signed it can sign it once more."""
    ended = bundle(people={**PEOPLE, "dan": person("dan", "trust", until="2026-11-20T00:00:00Z")})
    with pytest.raises(Refusal) as caught:
        require_successor(ended, NEW, under(("cy", "dan", "fay"), NEW), NOW, verify)
    assert "by version 3 of trust: " in caught.value.message
    assert "of dan is not valid now" in caught.value.message


def test_the_first_bundle_is_signed_by_its_own_quorum():
    """And has not run out."""
    require_first(OLD, under(("cy", "dan"), OLD), NOW, verify)
    for signatures, now, code in (
        (under(("cy",), OLD), NOW, "QUORUM"),
        (under(("cy", "dan"), OLD), NOW + timedelta(days=400), "TRUST"),
    ):
        with pytest.raises(Refusal) as caught:
            require_first(OLD, signatures, now, verify)
        assert code == caught.value.code


# --- services that meet -----------------------------------------------------------------------------------------------


def service(root, unit, *hosts, name="api"):
    return [{"definition": {**GOOD, "service": name, "root": root, "unit": unit}, "hosts": list(hosts)}]


MEETING = {
    "apart": ({"api": service("/opt/api", "api.service")}, []),
    "a root beside": ({"api": service("/opt/web-2", "api.service")}, []),
    "one in the other": (
        {"api": service("/opt/web/api", "api.service")},
        ["the roots of web and api overlap: /opt/web and /opt/web/api"],
    ),
    "behind one that sorts between": (
        {"api": service("/opt/web-2", "api.service"), "db": service("/opt/web/db", "db.service", name="db")},
        ["the roots of web and db overlap: /opt/web and /opt/web/db"],
    ),
    "one unit": ({"api": service("/opt/api", "web.service")}, ["api and web both have the unit web.service"]),
    "one unit on one host": (
        {"api": service("/opt/api", "web.service", "db1")},
        ["api and web both have the unit web.service"],
    ),
}


@pytest.mark.parametrize(("services", "lines"), MEETING.values(), ids=MEETING)
def test_h12_services_that_meet_on_a_host(services, lines):
    """Of each host, also of those that no variant names."""
    assert lines == overlaps(bundle(services={**BUNDLE["services"], **services}))


def test_services_that_never_meet_may_share():
    """The same root on different hosts is two roots."""
    apart = {"api": service("/opt/web", "web.service", "db1"), "web": [{"definition": GOOD, "hosts": ["web1"]}]}
    assert [] == overlaps(bundle(services=apart))


# --- leaving ----------------------------------------------------------------------------------------------------------

HOST = Identity()
LEAVES = {
    "v": 1,
    "type": "unenroll",
    "hosts": [{"name": "web1", "uid": UID}],
    "trust": 3,
    "not_after": "2026-11-28T14:00:00Z",
    "reason": "the fleet moves",
}


def leave(names=("cy", "dan"), now=NOW, host=HOST, namespace=UNENROLL_NAMESPACE, **changes):
    data = Unenroll.of({**LEAVES, **changes}).data
    signatures = tuple(signed(name, data, namespace) for name in names)
    require_unenroll(Signed(data, signatures), OLD, host, now, verify)


def test_a_host_leaves_by_the_quorum_for_trust():
    """Named with its uid."""
    leave()


STAYS = {
    "too few": ({"names": ("cy",)}, "QUORUM", "missing 1 of trust"),
    "another host": ({"host": Identity("web1", "3" * 32)}, "PERMIT", "does not name web1"),
    "later": ({"now": NOW + timedelta(hours=2)}, "WINDOW", "could be used until 2026-11-28T14:00:00Z"),
    "newer trust": ({"trust": 4}, "TRUST_STALE", "at version 3 of trust, and the statement needs 4"),
    "for another use": ({"namespace": NAMESPACE}, "NAMESPACE", "expected one for 'unenroll@tidegate'"),
    "no reason": ({"reason": ""}, "STATEMENT", "reason is not as it must be"),
    "no hosts": ({"hosts": []}, "STATEMENT", "hosts is not as it must be"),
    "a host without uid": ({"hosts": [{"name": "web1", "uid": ""}]}, "STATEMENT", "hosts[0]: uid is not as it must be"),
    "an approval": ({"type": "approval"}, "STATEMENT", "type is not as it must be, expected unenroll"),
}


@pytest.mark.parametrize(("change", "code", "says"), STAYS.values(), ids=STAYS)
def test_a_host_stays(change, code, says):
    """Until the right people let it go, in time."""
    with pytest.raises(Refusal) as caught:
        leave(**change)
    assert code == caught.value.code
    assert says in caught.value.message


def test_only_the_canonical_bytes_are_a_statement():
    """Whatever else says the same is none."""
    with pytest.raises(Refusal, match="STATEMENT: found a statement that is not in its canonical form"):
        Unenroll.parse(canonical.dumps(LEAVES) + b" ")
