# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of a store: entries, checkpoints, witnesses and the rows that entries hold digests of."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing, witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.auditing import audit_store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.signing import LogKey
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

from .rolled_out import doctor, roll_out

FIVE = "number, 'x', leaf, change_id, document"
SWAP = (
    "UPDATE entries SET number = -1, previous = 'x' WHERE number = 7",
    "UPDATE entries SET number = 7 WHERE number = 8",
    "UPDATE entries SET number = 8 WHERE number = -1",
)
ATTACKS = [
    ("E01", ["UPDATE entries SET document = replace(document, 'ada', 'eve') WHERE number = 4"], "edited", 4),
    (
        "E01, with its hash",
        ["UPDATE entries SET document = replace(document, 'ada', 'eve'), leaf = 'x' WHERE number = 4"],
        "edited",
        4,
    ),
    ("E02 deleted", ["DELETE FROM entries WHERE number = 4"], "deleted", 4),
    ("E02 reordered", SWAP, "reordered", 7),
    (
        "E02 inserted",
        [
            "UPDATE entries SET number = number + 100 WHERE number >= 5",
            "INSERT INTO entries SELECT 5, 'x', leaf, change_id, document FROM entries WHERE number = 3",
            "UPDATE entries SET number = number - 99 WHERE number >= 100",
        ],
        "inserted",
        5,
    ),
    ("E03", ["DELETE FROM entries WHERE number > 9"], "truncated", 10),
    (
        "E08",
        ["INSERT OR REPLACE INTO entries SELECT number, previous, leaf, change_id, '{}' FROM entries WHERE number = 6"],
        "edited",
        6,
    ),
    ("the plan", ["UPDATE revisions SET plan = '{\"plan\":2}'"], "rows", 1),
    ("a plan is gone", ["DELETE FROM revisions"], "rows", 1),
    ("the hosts", ["UPDATE run_hosts SET host = 'web9' WHERE host = 'web1'"], "rows", 2),
    ("a note", ["UPDATE events SET verdict = 'ok' WHERE verdict = 'failed'"], "rows", 9),
    ("a note is gone", ["DELETE FROM events WHERE number = 2"], "rows", 5),
    ("the outcome", ["UPDATE runs SET outcome = '{}'"], "rows", 10),
    ("how it ended", ["UPDATE runs SET state = 'completed'"], "rows", 10),
    ("a run is gone", ["DELETE FROM runs"], "rows", 10),
    (
        "a plan that was slipped in",
        ["INSERT INTO revisions SELECT change_id, 7, content_digest, plan_digest, plan, created_at FROM revisions"],
        "rows",
        None,
    ),
    ("a checkpoint", ["UPDATE checkpoints SET note = replace(note, 'subtrees', 'sub')"], "signature", None),
    ("no signature", ["UPDATE checkpoints SET note = substr(note, 1, instr(note, '-----')) || 'x'"], "signature", None),
]


@pytest.fixture
def key(store):
    made = LogKey(os.path.join(store.folder, signing.NAME))
    made.make()
    return made


@pytest.fixture
def signed(store, key):
    roll_out(store)
    store.sign_checkpoint(key)
    return store


def found(store, *paths):
    return audit_store(store, paths, signing.verify)


def test_a_store_that_is_what_it_was(signed, key, tmp_path, clock):
    """Also with a witness, after more was done, and of a store that nobody has used yet."""
    place = str(tmp_path / "witness")
    witnesses.show(signed, signed.last_checkpoint(), [place])
    signed.append("denied", "ada", {})
    audited = found(signed, place, str(tmp_path / "not yet there"))
    assert (audited.findings, audited.checkpoints, audited.witnesses) == ([], 1, 1)
    assert audited.walked.size == signed.log_size()
    with Store.open(str(tmp_path / "new/store.db"), clock) as new:
        assert found(new).findings == []


@pytest.mark.parametrize(("name", "statements", "kind", "first"), ATTACKS, ids=[attack[0] for attack in ATTACKS])
def test_what_was_done_to_the_file_is_found(signed, name, statements, kind, first):
    """Triggers do not stop who owns the file (E09); the audit names the first bad entry."""
    doctor(signed, *statements)
    findings = found(signed).findings
    assert [finding.kind for finding in findings][:1] == [kind]
    assert findings[0].first == first


def test_writable_schema_is_no_way_around(signed):
    """E09: a trigger removed by writing into the schema is as good as any other way."""
    with closing(sqlite3.connect(signed.name)) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute("DELETE FROM sqlite_master WHERE type = 'trigger'")
        other.commit()
    with closing(sqlite3.connect(signed.name)) as other:
        other.execute("UPDATE entries SET document = replace(document, 'ada', 'eve') WHERE number = 4")
        other.commit()
    assert [(finding.kind, finding.first) for finding in found(signed).findings] == [("edited", 4)]


def test_a_store_that_was_restored_from_a_backup_is_found_by_its_witness(signed, key, tmp_path, clock):
    """It went on from the backup; the first entry that was written after the witness saw more is named."""
    place = str(tmp_path / "witness")
    backup = str(tmp_path / "backup.db")
    signed.copy_to(backup)
    size = signed.log_size()
    signed.append("denied", "ada", {})
    witnesses.show(signed, signed.sign_checkpoint(key), [place])
    signed.close()
    shutil.copyfile(backup, signed.name)
    clock.turn(60)
    with Store.open(signed.name, clock) as restored:
        assert [(f.kind, f.first) for f in found(restored, place).findings] == [("truncated", size)]
        restored.append("denied", "eve", {})
        assert [(f.kind, f.first) for f in found(restored, place).findings] == [("restored", size)]
        ((_place, refused),) = witnesses.show(restored, restored.sign_checkpoint(key), [place])
        assert refused is not None


def test_a_witness_that_cannot_be_read_is_told(signed, tmp_path):
    """It is not taken for one that agrees."""
    place = tmp_path / "witness"
    place.write_text("nothing")
    (finding,) = found(signed, str(place)).findings
    assert finding.message.startswith(f"the witness {place} cannot be read")


def test_what_was_before_the_log_is_not_asked(signed):
    """A store that is older than its log has plans without entries."""
    doctor(
        signed,
        "INSERT INTO revisions SELECT change_id, 0, content_digest, plan_digest, plan, '2026-01-01T00:00:00.000000Z' "
        "FROM revisions",
    )
    assert found(signed).findings == []
