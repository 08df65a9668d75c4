# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PostgreSQL server that holds the store is stopped in the middle of a rollout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.hosts import V1, V2, Fleetful, assert_all_on
from e2e.project import Project
from store.server import Server, database_of

WAVES = [["web1"], ["web2", "web4"], ["web3", "web5", "web6"]]


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    try:
        yield started
    finally:
        started.end()


def test_a_rollout_whose_store_goes_away(site: Project, hosts: Fleetful, server: Server) -> None:
    """The canary is tested and confirmed, no wave follows, all go back as the change says; recorded once, when it is back.
    When it has lost its last commits, nothing is added to it."""
    address = server.database()
    env = {"TIDEGATE_STORE": address, "TIDEGATE_WITNESSES": str(site.temp / "witness")}

    def ask(query: str) -> list[tuple[object, ...]]:
        return server.execute(database_of(address), query)

    first = site.begin("rollout", env=env, change_file=site.change(V2, waves=WAVES))
    first.wait_for_step("activate", "web1")
    server.stop()
    done = first.end()

    assert done.rc == 2, done.text
    assert done.verdicts("confirm")["web1"] == "ok", done.text
    assert "STORE_AWAY" in done.codes, done.text
    assert done.verdicts("activate") == dict.fromkeys(done.verdicts("activate"), "skipped") | {"web1": "ok"}, done.text
    assert "the store is away: this is kept in" in done.text
    assert done.verdicts("back")["web1"] == "back", done.text
    assert_all_on(hosts.see(), V1)

    refused = site.play("rollout", env=env, change_file=site.change(V2, waves=WAVES))
    assert refused.rc != 0
    assert "Nothing new starts without it" in refused.text

    server.start()
    seen = site.play("status", env=env)
    assert seen.rc == 0, seen.text
    assert ask("SELECT state FROM tidegate.changes") == [("rolled_back",)]
    assert ask("SELECT state, code, opened FROM tidegate.runs") == [("rolled_back", "STORE_AWAY", 1)]
    noted = ask("SELECT step, verdict, count(*) FROM tidegate.events WHERE host = 'web1' GROUP BY 1, 2")
    assert {("confirm", "ok", 1), ("back", "back", 1)} <= set(noted)
    assert ask("SELECT run_id FROM tidegate.leases WHERE run_id IS NOT NULL") == []
    assert list((site.store_folder / "spool").glob("*.jsonl")) == []

    backup = server.client("pg_dump", "--dbname", address)
    again = site.play("rollout", env=env, change_file=site.change(V2, waves=WAVES))
    assert again.rc == 0, again.text
    assert_all_on(hosts.see(), V2)

    server.execute(database_of(address), "DROP SCHEMA tidegate CASCADE")
    server.client("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", address, text=backup)
    entries = ask("SELECT count(*) FROM tidegate.entries")
    behind = site.play("rollout", env=env, change_file=site.change(V1, waves=WAVES))
    assert behind.rc != 0
    assert "STORE_BEHIND" in behind.codes, behind.text
    assert "has lost entries of its ledger" in behind.text
    assert "docs/how-to/store.md" in behind.text
    assert ask("SELECT count(*) FROM tidegate.entries") == entries
    assert_all_on(hosts.see(), V2)
