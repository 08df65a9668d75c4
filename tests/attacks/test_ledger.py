# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs audit and history, run as people run them: on a ledger that is what it was, and on one that is not."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from attacks.office import Office

from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import history

JINJA = "{{ lookup('ansible.builtin.pipe', 'touch PWNED') }} | @everyone <b>"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path, JINJA)
    made.say(tidegate_witnesses=[str(tmp_path / "witness")])
    return made


def doctor(office: Office, *statements: str) -> None:
    """Somebody who can write the file, with a tool of their own."""
    with closing(sqlite3.connect(office.folder / "inventory/.tidegate/store.db")) as store:
        for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            store.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            store.execute(statement)
        store.commit()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def verified(folder: Path, *words: object) -> tuple[int, str]:
    """What the outsider's program says."""
    command = [sys.executable, "-I", str(folder / "tidegate-verify.py"), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_an_audit_signs_shows_and_exports(office: Office) -> None:
    """A checkpoint, a witness that keeps it, and a folder that an outsider checks with one file."""
    export = office.folder / "export"
    ran = office.play("audit", tidegate_export=str(export))
    assert 0 == ran.returncode, ran.stdout
    assert "entries are as they were" in ran.stdout
    assert (office.folder / "witness").read_bytes().startswith(b"tidegate/")
    status, said = verified(export, export, "--checkpoint", office.folder / "witness")
    assert (status, said[:5]) == (0, "GOOD:")
    again = office.play("audit", tidegate_export=str(export))
    assert (again.returncode, "EXISTS: " in again.stdout) == (2, True)


def test_an_audit_in_check_mode_writes_nothing(office: Office) -> None:
    """No key, no checkpoint, no witness, no export."""
    before = files(office.folder / "inventory")
    ran = office.play("audit", "--check", tidegate_export=str(office.folder / "export"))
    assert 0 == ran.returncode, ran.stdout
    assert files(office.folder / "inventory") == before
    assert not (office.folder / "export").exists()
    assert not (office.folder / "witness").exists()


def test_a_doctored_ledger_fails_the_audit_and_the_outsider_s_check(office: Office) -> None:
    """E01, E09: both name the first bad entry; nothing is signed over it, and the witness keeps what it had."""
    assert 0 == office.play("audit").returncode
    kept = (office.folder / "witness").read_bytes()
    doctor(office, "UPDATE entries SET document = replace(document, 'cyd', 'eve') WHERE number = 2")
    export = office.folder / "export"
    ran = office.play("audit", tidegate_export=str(export))
    assert 2 == ran.returncode, ran.stdout
    assert "LEDGER: NOT as it was; the first bad entry is 2" in ran.stdout
    assert "Traceback" not in ran.stdout
    assert (office.folder / "witness").read_bytes() == kept
    status, said = verified(export, export, "--checkpoint", office.folder / "witness")
    assert (status, "BAD: EDITED: entry 2" in said) == (1, True)


def test_a_new_key_takes_over(office: Office) -> None:
    """The old one stays beside it; the ledger, its checkpoints and an export are good with either known to the outsider."""
    assert 0 == office.play("audit").returncode
    key = office.folder / "inventory/.tidegate/log_key"
    old = key.read_bytes()
    ran = office.play("audit", tidegate_rotate_key=True, tidegate_export=str(office.folder / "export"))
    assert 0 == ran.returncode, ran.stdout
    assert (key.with_name("log_key.old").read_bytes(), key.read_bytes() == old) == (old, False)
    for known in ("log_key.pub", "log_key.old.pub"):
        assert 0 == verified(office.folder / "export", office.folder / "export", "--key", key.with_name(known))[0]
    assert 0 == office.play("audit").returncode


def test_a_lost_key_is_replaced_in_the_open(office: Office) -> None:
    """The verb says so from then on; an outsider's check fails until it is given the new key."""
    assert 0 == office.play("audit").returncode
    key = office.folder / "inventory/.tidegate/log_key"
    key.unlink()
    ran = office.play("audit", tidegate_key_lost=True, tidegate_export=str(office.folder / "export"))
    assert 0 == ran.returncode, ran.stdout
    status, said = verified(office.folder / "export", office.folder / "export")
    assert (status, "the key before was lost" in said) == (1, True)
    assert 0 == verified(office.folder / "export", office.folder / "export", "--key", key.with_name("log_key.pub"))[0]
    both = office.play("audit", tidegate_key_lost=True, tidegate_rotate_key=True)
    assert (2, "DATA: found rotate_key and key_lost" in both.stdout) == (both.returncode, True)


def test_a_run_without_a_change_is_signed_too(office: Office) -> None:
    """No host of it can be reached, and what was noted about them is in a signed checkpoint all the same."""
    assert 2 == office.play("remove").returncode
    with office.store() as store:
        note = store.last_checkpoint()
        assert note is not None
        assert ("run.ended", store.log_size()) == (store.entries()[-2].kind, note.checkpoint.size)


def test_a_change_that_ends_without_a_run_is_signed(office: Office) -> None:
    """Who gives it up ends it, as a run would: its record is signed, and the log that has its end."""
    cancelled = office.play("cancel", tidegate_reason="nobody needs it")
    assert 0 == cancelled.returncode, cancelled.stdout
    assert "cancelled" == office.state
    with office.store() as store:
        whole = history.whole_of(store, office.change)
    assert "cancelled" == whole["record"]["verdict"]
    assert whole["signature"] is not None
    assert whole["proof"] is not None


def test_a_witness_that_refuses_is_told_and_stops_nothing(office: Office) -> None:
    """It is on another machine that is away; the audit is good all the same."""
    office.say(tidegate_witnesses=["/nowhere/witness"])
    ran = office.play("audit")
    assert 0 == ran.returncode, ran.stdout
    assert "the witness /nowhere/witness did not accept the checkpoint" in ran.stdout
    office.say(tidegate_services={})
    assert "witness /nowhere/witness: has seen nothing yet" in office.play("status").stdout


def test_a_history_is_written_for_programs_and_people(office: Office) -> None:
    """F01, F09: a title that would be obeyed by Ansible or by Markdown is shown, and does nothing."""
    assert 0 == office.play("audit").returncode
    json_file, page = office.folder / "record.json", office.folder / "record.md"
    ran = office.play("history", tidegate_json=str(json_file), tidegate_markdown=str(page))
    assert 0 == ran.returncode, ran.stdout
    whole = json.loads(json_file.read_text())
    assert [move["event"] for move in whole["record"]["moves"]] == ["submit"]
    assert whole["record"]["plan"]["title"] == JINJA
    assert len(whole["proof"]["entries"]) == 2
    assert office.change in page.read_text()
    assert not list(office.folder.rglob("PWNED"))


def test_a_history_of_no_change_is_refused(office: Office) -> None:
    """By its code."""
    ran = office.play("history", tidegate_change="CHG-2026-0999")
    assert (ran.returncode, "NO_CHANGE: " in ran.stdout) == (2, True)
