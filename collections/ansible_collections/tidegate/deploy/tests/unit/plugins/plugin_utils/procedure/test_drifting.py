# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody puts on a host past Tidegate is found, and has one entry for as long as it stays the same."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure import drifting, moving, opening
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.asking import Stand
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import ROLLBACK, Run

from .conftest import OLD, a_plan

NEW = a_plan().release_id


@pytest.fixture
def change(site):
    """A change that put NEW on web1, which was read back."""
    run = site.frozen()
    for step, state in (("activate", "ready"), ("confirm", "steady")):
        site.say("web1", step, where={"state": state, "current": NEW, "change": run.change_id}, touched=True)
    site.say("web2", "confirm", "failed", where={"state": "steady", "current": NEW})
    return run.change_id


def stand(current=NEW, state="steady", damage="", change=None, unknown=""):
    return Stand({"state": state, "current": current, "damage": damage, "change": change}, unknown)


def drift(site, **how):
    return drifting.drift_of(
        site.store, stand(**how), drifting.confirmed_hosts(site.store, "web", ["production"])["web1"]
    )


def entered(site, kind):
    return [entry for entry in site.store.entries() if entry.kind == kind]


def test_only_what_was_read_back_at_rest_counts_as_recorded(site, change):
    """A step that failed says nothing, and so does another environment's."""
    assert drifting.confirmed_hosts(site.store, "web", ["production"]) == {"web1": (NEW, change)}
    assert drifting.confirmed_hosts(site.store, "web", ["staging"]) == {}


def test_another_release_and_other_files_are_drift(site, change):
    """Said with what was recorded, or with what the host found."""
    assert drift(site, current=OLD) == f"runs {OLD}, and {change} left it on {NEW}"
    assert drift(site, current="unsafe", change=change) == f"runs unsafe, and {change} left it on {NEW}"
    assert drift(site, damage="bin/web differs") == f"the files of {NEW} were changed: bin/web differs"


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"current": OLD, "state": "reverting"},
        {"current": OLD, "state": "pending"},
        {"current": OLD, "unknown": "cannot be reached"},
    ],
)
def test_what_is_no_drift(site, change, how):
    """The release that was recorded, a host that is under way, and one that nobody could ask."""
    assert drift(site, **how) == ""
    assert drifting.drift_of(site.store, stand(OLD), None) == ""


def test_what_a_change_of_this_store_put_there_unseen_is_no_drift(site, change):
    """Its confirm came through, and the answer was lost."""
    moving.move(site.store, change, "completed", outcome={})
    site.forget()
    other = site.frozen(a_plan("3.0.0"))
    assert drift(
        site, current=other.plan.release_id, change=other.change_id
    )  # of another store: this one went nowhere yet
    assert site.store.open_wave(other.id, 0)
    assert drift(site, current=other.plan.release_id, change=other.change_id) == ""
    assert drift(site, current=OLD, change=other.change_id)


def test_after_a_way_back_the_old_release_is_what_was_recorded(site, change):
    """Whoever takes a change back by Tidegate has drifted nowhere."""
    moving.move(site.store, change, "completed", outcome={})
    site.forget()
    opening.begin_way_back(site.store, site.store.change(change))
    assert Run.current(site.store).verb == ROLLBACK
    site.say("web1", "back", "back", where={"state": "steady", "current": OLD, "change": None})
    assert drift(site, current=OLD) == ""
    assert drift(site, current=NEW)


def test_drift_has_one_entry_until_it_changes_or_is_mended(site, change):
    """Of the change that was on the host, with the host; what was found as a digest, for it names files."""
    last = drifting.confirmed_hosts(site.store, "web", ["production"])
    for found in ("bin differs", "bin differs", "lib differs", "", "", "bin differs"):
        assert drifting.record(site.store, "web", {"web1": found, "web3": found}, last) == ""
    found = entered(site, "drift.found")
    assert [entry.body["host"] for entry in found] == ["web1"] * 3
    assert found[0].body["found"] == found[2].body["found"] != found[1].body["found"]
    assert (found[0].change, found[0].body["recorded"]) == (change, NEW)
    assert "differs" not in str(found)
    assert len(entered(site, "drift.mended")) == 1


def test_who_may_only_read_is_told_why_there_is_no_entry(site, change, monkeypatch):
    """Drift is told all the same."""
    last = drifting.confirmed_hosts(site.store, "web", ["production"])
    with site.store.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    why = drifting.record(site.store, "web", {"web1": "bin differs"}, last)
    with site.store.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
    assert why.startswith("STORE: ")
    assert "readonly" in why
    assert entered(site, "drift.found") == []
