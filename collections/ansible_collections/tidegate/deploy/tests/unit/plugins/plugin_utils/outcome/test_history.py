# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a change: complete, signed at its end, proved to be in the ledger, and shown without obeying its texts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, record
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import signing
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.signing import LogKey
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.outcome import history
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.history import (
    code,
    history_markdown,
    history_text,
    recent_markdown,
    recent_text,
)

VERIFIER = Path(__file__).parents[5] / "files/tidegate-verify.py"
ODD = "<script>alert(1)</script> [x](javascript:1) @everyone <!channel> ``rm`` | a\nb \x1b[2J \u202e# no"
HOLDER = {"user": "ada", "host": "ops1"}


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / ".tidegate/store.db"), lambda: datetime(2026, 11, 28, tzinfo=UTC)) as opened:
        yield opened


@pytest.fixture
def key(store):
    made = LogKey(os.path.join(store.folder, signing.NAME))
    made.make()
    store.name_key(made)
    return made


@pytest.fixture
def change(store):
    """A change that was rolled out to two hosts, of which one failed, with odd texts wherever people write any."""
    made, revision = store.new_change("web", "production", "c" * 64, b'{"reason":"r"}', ODD)
    store.begin_run("run", made, revision, "rollout", HOLDER, [["web1", "web2"]], lease=False)
    store.open_wave("run", 0)
    store.note("run", "web1", "confirm", "ok", touched=True)
    store.note("run", "web2", "test", "failed", "PROBE", ODD, touched=True)
    store.close_wave("run", 0)
    store.halt("run", "PROBE", ODD)
    store.end_run("run", "failed", {"verdict": "failed", "took_ms": 7})
    store.deny("eve", "SELF", ODD, made)
    return made


@pytest.fixture
def whole(store, change, key):
    assert history.sign(store, change, key, "ada@ops1")
    store.sign_checkpoint(key)
    return history.whole_of(store, change)


def verify(*arguments):
    command = [sys.executable, "-I", str(VERIFIER), "record", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_record_tells_all_of_a_change(whole, change):
    """Plan, runs, who did what on which host, what was refused, what did not go as planned."""
    content = whole["record"]
    assert (content["change"]["id"], content["change"]["source"]) == (change, ODD)
    assert [plan["revision"] for plan in content["plans"]] == [1]
    assert content["plan"] == {"reason": "r"}
    (run,) = content["runs"]
    assert (run["verb"], run["by"], run["state"], run["code"]) == ("rollout", "ada@ops1", "failed", "PROBE")
    assert run["outcome"]["took_ms"] == 7
    assert [(host["host"], host["verdict"]) for host in run["hosts"]] == [("web1", "ok"), ("web2", "failed")]
    assert [(note["host"], note["step"]) for note in run["notes"]] == [("web1", "confirm"), ("web2", "test")]
    assert content["refused"] == [{"at": "2026-11-28T00:00:00.000000Z", "by": "eve", "code": "SELF"}]
    assert [one["what"] for one in content["deviations"]] == ["stopped", "failed"]
    assert canonical.loads(canonical.dumps(whole)) == whole


def test_a_record_is_proved_by_an_outsider(whole, key, tmp_path):
    """With nothing but the file and the public key."""
    path = tmp_path / "record.json"
    path.write_text(json.dumps(whole))
    assert verify(path, "--key", f"{key.path}.pub") == (
        0,
        f"GOOD: signed by the log's key, and its {len(whole['proof']['entries'])} entries are in the log\n",
    )
    assert list(record.problems(whole, signing.verify, key.line)) == []


@pytest.mark.parametrize(
    ("name", "doctor", "said"),
    [
        ("content", lambda whole: whole["record"].update(verdict="completed"), "it is not what was signed"),
        ("signature", lambda whole: whole.update(signature=None), "nobody has signed it"),
        (
            "entry",
            lambda whole: whole["proof"]["entries"][0].update(
                document=whole["proof"]["entries"][0]["document"].replace("CHG-2026-0001", "CHG-2026-0002")
            ),
            "is not proved to be in the log",
        ),
        ("path", lambda whole: whole["proof"]["entries"][1]["path"].reverse(), "is not proved to be in the log"),
        (
            "checkpoint",
            lambda whole: whole["proof"].update(checkpoint=whole["proof"]["checkpoint"].replace("at 2026", "at 2025")),
            "its checkpoint is not signed by the log's key",
        ),
    ],
)
def test_a_record_that_was_doctored_is_found(whole, key, tmp_path, name, doctor, said):
    """Whichever of its three parts it was."""
    doctor(whole)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(whole))
    status, found = verify(path, "--key", f"{key.path}.pub")
    assert (status, said in found) == (1, True), found


def test_what_is_not_a_record_is_said_to_be_none(tmp_path, key):
    """Exit 2."""
    path = tmp_path / "record.json"
    path.write_text('{"record":{}}')
    status, found = verify(path, "--key", f"{key.path}.pub")
    assert (status, "not a record of a change" in found) == (2, True)


def test_a_record_is_signed_again_only_when_it_changed(store, change, key, whole):
    """What came after its signature shows; the next end signs it anew."""
    assert not history.sign(store, change, key, "ada@ops1")
    store.deny("mallory", "QUORUM", "no", change, source="elsewhere")
    assert history.whole_of(store, change)["signature"] is None
    assert history.sign(store, change, key, "ada@ops1")
    assert history.whole_of(store, change)["signature"] is not None


def test_a_change_that_is_not_there_is_refused(store):
    """By name."""
    with pytest.raises(
        Refusal, match=f"CHG-2026-0099: the store {store.name} knows no such change; tidegate.deploy.status lists them"
    ) as caught:
        history.whole_of(store, "CHG-2026-0099")
    assert caught.value.code == "NO_CHANGE"


def test_a_ledger_without_a_checkpoint_has_no_proof_yet(store, change):
    """The record is there all the same, and says so."""
    whole = history.whole_of(store, change)
    assert whole["proof"] is None
    assert "not signed" in history_text(whole)


def test_texts_of_people_mean_nothing_in_markdown(whole):
    """No control character, no line of their own, no cell of their own; all of them inside of code spans."""
    page = history_markdown(whole)
    assert "\x1b" not in page
    assert "\u202e" not in page
    rows = [line for line in page.splitlines() if "alert(1)" in line]
    assert rows
    for line in rows:
        assert line.startswith("| ")
        outside = re.sub(r"(`+) .*? \1(?!`)", "", line)
        assert not set(outside) - set("| ")


@pytest.mark.parametrize("text", ["a", "a`b", "``", "a```b`", "| a | b |"])
def test_a_code_span_cannot_be_left(text):
    """Its fence is longer than any in the text; cells of a table stay one."""
    shown = code(text)
    fence = re.match("`+", shown).group()
    assert shown.endswith(f" {fence}")
    assert fence not in shown[len(fence) : -len(fence)]
    assert not re.search(r"(?<!\\)\|", shown)


def test_the_terminal_is_not_obeyed(whole):
    """What it would obey is made visible."""
    shown = history_text(whole)
    assert "\x1b" not in shown
    assert "\\x1b" in shown


# --- playbooks of the site's own -------------------------------------------------------------------------------------


def record_run(store, run, change, *statuses, playbook="site.yml"):
    store.begin_record(run, change, "ada@ops1", playbook)
    store.add_batch(run, [{"host": "web1", "status": status} for status in statuses], lost=1, ended=True)


def test_runs_of_playbooks_that_named_the_change_are_in_its_record(store, change):
    """With what they came to on each host; in the record, on the terminal and on the page."""
    record_run(store, "own", change, "ok", "changed", "changed")
    record_run(store, "other", None, "ok")
    whole = history.whole_of(store, change)
    (run,) = whole["record"]["playbooks"]
    assert ("own", "site.yml", "ada@ops1", 1) == (run["run_id"], run["playbook"], run["actor"], run["lost"])
    assert [{"host": "web1", "ok": 1, "changed": 2, "failed": 0, "unreachable": 0, "skipped": 0}] == run["hosts"]
    told = f"site.yml by ada@ops1 for {change}: 1 ok, 2 changed on web1; 1 results are not recorded"
    assert told in history_text(whole)
    page = history_markdown(whole)
    assert "## Playbook: ` site.yml ` by ` ada@ops1 `" in page
    assert "| ` web1 ` | ` 1 ` | ` 2 ` | ` 0 ` | ` 0 ` | ` 0 ` |" in page
    assert canonical.loads(canonical.dumps(whole)) == whole


def test_what_a_playbook_did_otherwise_than_planned_is_told(store):
    """Hosts on which it failed or that it did not reach, and those that it changed though they are not of the change."""
    plan = canonical.dumps({"hosts": [{"name": "web1"}, {"name": "web2"}]})
    change, _revision = store.new_change("web", "production", "d" * 64, plan, "own.yml")
    store.begin_record("own", change, "ada@ops1", "site.yml")
    said = [
        ("web1", "changed"),
        ("web1", "failed"),
        ("web2", "unreachable"),
        ("db1", "changed"),
        ("db1", "changed"),
        ("db2", "ok"),
    ]
    store.add_batch("own", [{"host": host, "status": status} for host, status in said], lost=0, ended=True)
    whole = history.whole_of(store, change)
    assert [("not of the change", "db1", 2), ("failed", "web1", 1), ("unreachable", "web2", 1)] == [
        (one["what"], one["host"], one["count"]) for one in whole["record"]["deviations"]
    ]
    assert "not of the change, db1, 2" in history_text(whole)
    assert "| ` not of the change ` | ` db1 ` |" in history_markdown(whole)


def test_without_a_change_the_recent_runs_are_listed(store, change):
    """All of them, also those that named no change; texts of people mean nothing there either."""
    assert "no run of a playbook was recorded" in recent_text(history.recent_of(store))
    record_run(store, "a", change, "ok")
    record_run(store, "b", None, "failed", playbook=ODD)
    recent = history.recent_of(store)
    assert {("a", change), ("b", None)} == {(run["run_id"], run["change_id"]) for run in recent["playbooks"]}
    for shown in (recent_text(recent), recent_markdown(recent)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "1 failed on web1" in shown or "| ` web1 ` | ` 0 ` | ` 0 ` | ` 1 ` |" in shown
