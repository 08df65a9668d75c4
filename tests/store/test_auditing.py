# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of a ledger in PostgreSQL, and of one whose owner took the triggers away first."""

from __future__ import annotations

import os
import sqlite3

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import exports, signing, witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.auditing import audit_store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.signing import LogKey
from ansible_collections.tidegate.deploy.tests.unit.plugins.plugin_utils.ledger.rolled_out import roll_out

TRIGGERS = "ALTER TABLE tidegate.entries DISABLE TRIGGER USER"
ATTACKS = [
    ("edited", "UPDATE tidegate.entries SET document = replace(document, 'ada', 'eve') WHERE number = 4", 4),
    ("truncated", "DELETE FROM tidegate.entries WHERE number > 11", 12),
    ("rows", "UPDATE tidegate.events SET verdict = 'ok' WHERE verdict = 'failed'", 9),
    ("rows", "UPDATE tidegate.runs SET outcome = '{}'", 10),
]


@pytest.fixture
def signed(store, tmp_path):
    """A ledger with a checkpoint of its own, and one that a witness keeps, of 13 entries."""
    key = LogKey(os.path.join(store.folder, signing.NAME))
    os.makedirs(store.folder, exist_ok=True)
    key.make()
    roll_out(store)
    store.sign_checkpoint(key)
    store.append("denied", "ada", {})
    witnesses.show(store, store.sign_checkpoint(key), [str(tmp_path / "witness")])
    return store


def found(store, tmp_path):
    return audit_store(store, [str(tmp_path / "witness")], signing.verify).findings


def test_a_ledger_that_is_what_it_was(signed, tmp_path):
    """In a server as in a file; its export is the same, and so is a copy in a file."""
    assert found(signed, tmp_path) == []
    assert exports.write(signed, str(tmp_path / "export"), []) == 13
    signed.copy_to(str(tmp_path / "copy.db"))
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        documents = [text for (text,) in copy.execute("SELECT document FROM entries ORDER BY number")]
    assert "".join(f"{text}\n" for text in documents).encode() == (tmp_path / "export/entries.jsonl").read_bytes()


@pytest.mark.parametrize(("kind", "statement", "first"), ATTACKS)
def test_what_the_owner_of_the_tables_did_is_found(signed, server, path, tmp_path, kind, statement, first):
    """E10: whoever may disable triggers can write, and the audit names the first bad entry."""
    database = path.split("/")[3].split("?")[0]
    server.execute(database, TRIGGERS)
    server.execute(database, statement)
    assert [(finding.kind, finding.first) for finding in found(signed, tmp_path)][:1] == [(kind, first)]
