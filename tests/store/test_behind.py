# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that lost its last commits: what a witness has seen and the store has no more stops whatever begins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from store.server import Server, database_of

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.signing import LogKey
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store


class Site:
    """A store with a key and a witness, and a backup of it."""

    def __init__(self, server: Server, folder: Path, clock) -> None:
        self.server, self.clock = server, clock
        self.address = server.database()
        self.witness = str(folder / "witness")
        self.key = LogKey(str(folder / "key"))
        self.key.make()

    def open(self) -> Store:
        return Store.open(self.address, self.clock)

    def wrote(self, actor: str, count: int) -> None:
        """Entries, signed and shown to the witness."""
        with self.open() as store:
            for _number in range(count):
                store.append("denied", actor, {})
            assert witnesses.show(store, store.sign_checkpoint(self.key), [self.witness])[0].refused is None

    def backup(self) -> str:
        return self.server.client("pg_dump", "--dbname", self.address)

    def restore(self, backup: str) -> None:
        self.server.execute(database_of(self.address), "DROP SCHEMA tidegate CASCADE")
        self.server.client("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", self.address, text=backup)

    def refusal(self) -> Refusal:
        with self.open() as store, pytest.raises(Refusal) as caught:
            witnesses.require_kept(store, [self.witness])
        return caught.value


@pytest.fixture
def site(server, tmp_path, clock):
    return Site(server, tmp_path, clock)


def test_a_store_that_lost_its_last_commits_is_found(site):
    """By its size at once, and by its root when others wrote on; with both numbers and where to read on."""
    site.wrote("ann", 3)
    backup = site.backup()
    site.wrote("bob", 4)
    with site.open() as store:
        witnesses.require_kept(store, [site.witness])
    site.restore(backup)
    refusal = site.refusal()
    assert (refusal.code, refusal.facts) == ("STORE_BEHIND", {"size": 5, "seen": 9})
    assert f"the witness {site.witness} has seen 9" in refusal.message
    assert "docs/how-to/store.md" in refusal.message
    with site.open() as store:
        for _number in range(9):
            store.append("denied", "eve", {})
    assert "others are in the place of some" in site.refusal().message


def test_a_witness_that_says_nothing_of_this_log_stops_nothing(site, tmp_path):
    """One that has seen nothing yet, that cannot be read, or that has seen another log."""
    site.wrote("ann", 1)
    other = tmp_path / "other"
    other.write_bytes(re.sub(rb"tidegate/[0-9a-f]{32}", b"tidegate/" + b"0" * 32, Path(site.witness).read_bytes()))
    torn = tmp_path / "torn"
    torn.write_bytes(b"torn")
    with site.open() as store:
        witnesses.require_kept(store, [str(tmp_path / "new"), str(torn), str(other), str(tmp_path), site.witness])
