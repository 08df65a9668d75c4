# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts enforce is what they say themselves; who enforces no longer is found, and what one did without the store is entered once."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import enforcing, host_witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.enforcing import Known
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.everywhere import Said
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program

UID, STATEMENT = "1" * 32, "a" * 64
DUE = {"service": "web", "statement": STATEMENT, "change": "CHG-2026-0001", "at": "2026-11-28T12:00:00Z", "reason": "x"}
ABOUT = {
    "uid": UID,
    "trust": 2,
    "program": host_program().digest,
    "checkpoint": {"size": 41, "root": "0" * 64, "note": "n"},
    "reviews_due": [DUE],
    "vetoes": [],
    "problem": "",
}


def stand(**about):
    return Stand({"state": "steady"}, enforced=True, enrolled={**ABOUT, **about})


OPEN = Stand({"state": "steady"})


def test_an_enrolled_host_says_what_it_enforces(site):
    """With its uid, trust, program, what it has seen, and the review that it waits for, without what people wrote freely."""
    found = enforcing.enforcement(site.store, stand(), Known("the store", 2))
    assert (found["against"], found["uid"], found["trust"], found["seen"]) == (enforcing.ALL, UID, 2, 41)
    (due,) = found["reviews_due"]
    assert {key: due[key] for key in enforcing.DUE} == {key: value for key, value in DUE.items() if key != "reason"}
    assert f"tidegate.deploy.review -e tidegate_statement={STATEMENT}" in due["next"]
    assert (found["lost"], found["problems"]) == ("", [])


def test_a_host_that_hears_bridges_says_so(site):
    """Whoever has a key of one is among those who could let something through."""
    found = enforcing.enforcement(site.store, stand(countersigned_opens=True), Known("the store", 2))
    assert found["against"] == "everybody but root there; what bridges countersign counts"


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"problem": "its machine-id is another"}, "refuses everything: its machine-id is another"),
        ({"trust": 1}, "trust version 1, and 2 is signed"),
        ({"program": "f" * 64}, "host program ffffffffffff, and this collection has"),
    ],
)
def test_what_is_wrong_with_an_enrolled_host_is_named(site, about, said):
    (problem,) = enforcing.enforcement(site.store, stand(**about), Known("the store", 2))["problems"]
    assert problem.startswith(said)


def test_an_enrollment_that_the_store_does_not_know_is_named(site):
    """By another uid, or trust that was never made here; and that a host was enrolled anew, for as long as nobody let it go."""
    other, bundle = "2" * 32, site.store.add_trust("production", 1, b"{}")

    def problems(**about):
        what = enforcing.known(site.store, "", "web1", 0)
        return enforcing.enforcement(site.store, stand(**about), what)["problems"]

    assert problems(uid=other, bundle="f" * 64) == []
    site.store.enroll_host("web1", UID, "production", 1, "0" * 64)
    assert problems(bundle=bundle) == []
    assert [one.partition(":")[0] for one in problems(uid=other, bundle="f" * 64)] == [
        f"enrolled as {other}, and the store knows it as {UID}",
        "trust version 2 is none that this store has made",
    ]
    site.store.enroll_host("web1", other, "production", 1, "0" * 64)
    assert problems(uid=other, bundle=bundle) == [
        f"enrolled anew by root there: nobody signed that it may leave as {UID}"
    ]
    audited = host_witnesses.Seen([], [], [])
    said = Said("ok", fields={"enforced": True, "enrolled": {**ABOUT, "bundle": bundle, "checkpoint": None}})
    host_witnesses._add(audited, "web1", said, site.store, enforcing.known(site.store, "", "web1", 0))
    assert [str(one) for one in audited.findings] == [
        f"ROWS: web1: enrolled as {UID}, and the store knows it as {other}: find out who enrolled it anew, and when"
    ]


def test_a_host_whose_enrollment_cannot_be_read_says_only_that(site):
    """It knows neither its uid nor its trust then."""
    broken = Stand({"state": "steady"}, enforced=True, enrolled={"program": "", "problem": "DATA: no bundle"})
    found = enforcing.enforcement(site.store, broken, Known("the store", 2))
    assert found["problems"][0] == "refuses everything: DATA: no bundle"


@pytest.mark.parametrize(
    ("by", "said"),
    [("the inventory", "the inventory says"), ("the inventory and the store", "the inventory and the store say")],
)
def test_a_host_that_says_no_longer_that_it_is_enrolled_is_told_loudly(site, by, said):
    found = enforcing.enforcement(site.store, OPEN, Known(by, 2))
    assert found["against"] == enforcing.NOBODY
    assert found["lost"].startswith(f"NOT ENFORCED: {said} that it is enrolled")


def test_nothing_is_said_of_a_host_that_could_not_be_asked_or_never_was_enrolled(site):
    assert enforcing.enforcement(site.store, Stand({}, "cannot be reached"), Known("the store", 2))["lost"] == ""
    assert enforcing.enforcement(site.store, OPEN, Known("", 0))["lost"] == ""


def test_the_store_and_the_inventory_are_asked_who_is_enrolled(site):
    assert enforcing.known(site.store, "deploy", "web1", 3) == Known("the inventory", 3)
    site.store.enroll_host("web1", UID, "production", 1, "0" * 64)
    assert enforcing.known(site.store, "deploy", "web1", 3).by == "the inventory and the store"
    assert enforcing.known(site.store, "", "web2", 3).by == ""


def test_an_emergency_that_a_host_journalled_has_one_entry_per_host(site):
    """Whoever asks how often; its change is one of another store, and so no change of this one."""
    for _time in range(2):
        assert enforcing.ingest(site.store, "web1", ABOUT) == ""
    enforcing.ingest(site.store, "web2", {**ABOUT, "uid": "2" * 32})
    said = [entry for entry in site.store.entries() if entry.kind == "host.said"]
    assert [(one.body["host"], one.body["uid"], one.body["statement"], one.change) for one in said] == [
        ("web1", UID, STATEMENT, None),
        ("web2", "2" * 32, STATEMENT, None),
    ]
    assert "reason" not in said[0].body
