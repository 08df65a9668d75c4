# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor says of hosts what status says: what is enforced, who enforces no longer, whose trust is behind, and drift."""

from __future__ import annotations

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import comparing, trusting
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.examining import Seen

from .conftest import OLD, a_plan
from .test_enforcing import ABOUT, DUE

NEW = a_plan().release_id
SAID = "enforced"


def host(current=NEW, about=None, damage="", asked=True):
    service = {"state": "steady", "current": current, "damage": damage, "change": None}
    stands = {"web": Stand(service, enforced=about is not None, enrolled=about)}
    return Seen([], asked=asked, enforced=about is not None, enrolled=about, stands=stands if asked else {})


def told(store, seen, **logins):
    """Place, check and text of what is found, and with what mends it."""
    found = comparing.findings(store, seen, logins, dict.fromkeys(seen, "production"))
    return {(where, one["check"], one["found"]): one["hint"] for where, one in found}


def test_what_is_enforced_is_said_for_each_service_and_host(site):
    """Against whom; where no host enforces anything that is one line."""
    quiet = {**ABOUT, "reviews_due": []}
    assert [
        ("web1", SAID, "web: enforced against everybody but root there"),
        ("web2", SAID, "web: enforced against nobody: root and whoever can log in"),
    ] == list(told(None, {"web1": host(about=quiet), "web2": host()}))
    ((where, check, said),) = told(None, {"web1": host(), "web2": host(), "web3": host(asked=False)})
    assert ("hosts", SAID, True) == (where, check, said.startswith("no host enforces anything"))
    assert {} == told(None, {"web1": host(asked=False)})


def test_a_host_that_says_no_longer_that_it_is_enrolled(site):
    """Whether the inventory says so, or the store, or both; one that could not be asked, or never was, is not named."""
    seen = {"web1": host(), "web2": host(asked=False), "web3": host()}
    site.store.enroll_host("web1", "1" * 32, "production", 1, "a" * 64)
    lost = [found for found in told(site.store, seen, web1="deploy", web2="deploy") if "NOT ENFORCED" in found[2]]
    ((where, _check, said),) = lost
    assert ("web1", True) == (where, said.startswith("NOT ENFORCED: the inventory and the store say"))
    assert any("the store says" in found[2] for found in told(site.store, seen))
    assert any("the inventory says" in found[2] for found in told(None, seen, web1="deploy"))
    found = told(site.store, {"web1": host(about={**ABOUT, "uid": "2" * 32})}, web1="deploy")
    assert ("web1", "trust", f"enrolled as {'2' * 32}, and the store knows it as {'1' * 32}") in found


def test_trust_that_is_behind_and_reviews_that_are_due(site, monkeypatch):
    """With what to type; a trust of which nobody knows is said instead."""
    monkeypatch.setattr(trusting, "newest", lambda _store, _environment, _now: 3)
    found = told(site.store, {"web1": host(about=ABOUT)}, web1="deploy")
    assert "enroll brings it there" in found["web1", "trust", "trust version 2, and 3 is signed"]
    due = found[
        "web1", "review", f"web: the emergency of {DUE['change']} waits for its review, and the next one is refused"
    ]
    assert f"tidegate.deploy.review -e tidegate_statement={DUE['statement']}" in due

    def unknown(_store, _environment, _now):
        raise Refusal("TRUST", "version 2 is none")

    monkeypatch.setattr(trusting, "newest", unknown)
    found = told(site.store, {name: host(about=ABOUT) for name in ("web1", "web2")})
    assert [("hosts", "trust", "what hosts of production are to trust is not known: version 2 is none")] == [
        one for one in found if one[1] == "trust"
    ]


def test_drift_is_what_status_calls_so(site):
    """Another release than was confirmed there, or other files of it; nothing where nothing was confirmed."""
    run = site.frozen()
    for name in ("web1", "web2"):
        site.say(name, "activate", where={"state": "ready", "current": NEW, "change": run.change_id}, touched=True)
        site.say(name, "confirm", where={"state": "steady", "current": NEW, "change": run.change_id}, touched=True)
    seen = {"web1": host(OLD), "web2": host(damage="bin/web differs"), "web3": host(OLD)}
    assert [
        ("web1", "drift", f"web: runs {OLD}, and {run.change_id} left it on {NEW}"),
        ("web2", "drift", f"web: the files of {NEW} were changed: bin/web differs"),
    ] == [found for found in told(site.store, seen) if found[1] == "drift"]
