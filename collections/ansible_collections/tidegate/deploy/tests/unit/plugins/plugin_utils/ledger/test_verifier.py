# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an outsider finds with nothing but an export, an old checkpoint, Python and ssh-keygen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical, entries, evidence
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import PublicKey
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import exports, signing, witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.approvals import ApprovalRow
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.signing import LogKey
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store

from .rolled_out import roll_out

SITE = Path(__file__).parents[9]
SIZE = 18


@pytest.fixture
def key(store):
    made = LogKey(os.path.join(store.folder, signing.NAME))
    made.make()
    return made


@pytest.fixture
def old(store, key, tmp_path):
    """A checkpoint that an outsider kept, of 12 entries; the log has `SIZE` by now."""
    roll_out(store)
    witness = tmp_path / "old"
    witness.write_bytes(store.sign_checkpoint(key).data())
    for number in range(SIZE - store.log_size()):
        store.append("denied", "eve", {"n": number})
    return witness


@pytest.fixture
def export(store, old, tmp_path):
    folder = tmp_path / "export"
    assert exports.write(store, str(folder), [str(old)]) == SIZE
    return folder


def verify(folder, *arguments):
    """The exit code and what the program said, run as an outsider runs it."""
    command = [sys.executable, "-I", str(folder / exports.VERIFIER), str(folder), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def lines_of(folder):
    return (folder / "entries.jsonl").read_bytes().splitlines(keepends=True)


def write(folder, lines):
    (folder / "entries.jsonl").write_bytes(b"".join(lines))


def rewritten(lines, change):
    """Every entry with its hashes made to fit again; `change` edits the values first."""
    previous, made = entries.NO_ENTRY, []
    for line in lines:
        value = json.loads(line)
        change(value)
        document = entries.compose(**{**value, "previous": previous})
        previous = entries.leaf(document)
        made.append(document + b"\n")
    return made


def edit(value):
    if value["index"] == 10:
        value["actor"] = "eve@ops1"


DOCTORED = [
    ("E01 edited", lambda lines: [*lines[:4], lines[4].replace(b"ada", b"eve"), *lines[5:]], "EDITED", "4"),
    ("E02 deleted", lambda lines: [*lines[:4], *lines[5:]], "DELETED", "4"),
    ("E02 reordered", lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "REORDERED", "4"),
    ("E02 inserted", lambda lines: [*lines[:4], lines[3], *lines[4:]], "INSERTED", "3 to 4"),
    ("E03 truncated", lambda lines: lines[:9], "TRUNCATED", "9"),
    ("E04 rewritten", lambda lines: rewritten(lines, edit), "REWRITTEN", "8 to 11"),
    (
        "E12 two keys",
        lambda lines: [*lines[:4], lines[4].replace(b'"index"', b'"index":4,"index"'), *lines[5:]],
        "EDITED",
        "4",
    ),
    ("E12 NaN", lambda lines: [*lines[:13], lines[13].replace(b'"n":1', b'"n":NaN'), *lines[14:]], "EDITED", "13"),
    ("E12 a float", lambda lines: [*lines[:13], lines[13].replace(b'"n":1', b'"n":1.0'), *lines[14:]], "EDITED", "13"),
    (
        "E12 huge",
        lambda lines: [*lines[:13], lines[13].replace(b'"n":1', b'"n":9007199254740993'), *lines[14:]],
        "EDITED",
        "13",
    ),
    (
        "E12 a lone surrogate",
        lambda lines: [*lines[:4], lines[4].replace(b"ada", b"\\ud800"), *lines[5:]],
        "EDITED",
        "4",
    ),
    (
        "E12 not NFC",
        lambda lines: [*lines[:4], lines[4].replace(b"ada", "a\u0308".encode()), *lines[5:]],
        "EDITED",
        "4",
    ),
    ("nothing", lambda lines: [], "TRUNCATED", "0"),
]


def test_an_export_is_good(export, old, key):
    """With and without an old checkpoint, and with the key that was given on another way."""
    for arguments in ((), ("--checkpoint", old), ("--checkpoint", old, "--key", f"{key.path}.pub")):
        code, said = verify(export, *arguments)
        assert (code, said[:23]) == (0, f"GOOD: all {SIZE} entries of")


def test_whoever_asks_for_help_learns_all_that_it_checks(export):
    """An outsider has nothing but the file."""
    status, said = verify(export, "-h")
    assert (status, "tidegate-verify.py plan -h, tidegate-verify.py record -h" in " ".join(said.split())) == (0, True)


def test_what_an_export_holds(export, store, key):
    """Entries, checkpoints, witnesses, plans, notes, public keys, the verifier; and no private key."""
    found = sorted(str(path.relative_to(export)) for path in export.rglob("*") if path.is_file())
    assert found == [
        "approvers",
        "checkpoints/000000012",
        "entries.jsonl",
        "log_keys",
        "notes/run.jsonl",
        "plans/CHG-2026-0001.r1.json",
        exports.VERIFIER,
        "witnesses/1",
    ]
    assert (export / "log_keys").read_text() == f"{key.line}\n"
    with pytest.raises(Refusal, match="is not empty") as caught:
        exports.write(store, str(export), [])
    assert caught.value.code == "EXISTS"


@pytest.mark.parametrize(("name", "doctor", "kind", "first"), DOCTORED, ids=[row[0] for row in DOCTORED])
def test_what_was_done_to_the_entries_is_named(export, old, name, doctor, kind, first):
    """With the first bad entry, and exit 1; the attacker has taken the export's own checkpoints and witnesses away."""
    for path in (*export.glob("checkpoints/*"), *export.glob("witnesses/*")):
        path.unlink()
    write(export, doctor(lines_of(export)))
    code, said = verify(export, "--checkpoint", old)
    assert code == 1
    assert said.startswith(f"BAD: {kind}: ")
    assert f"[first bad entry: {first}]" in said


def test_a_fork_is_named(export, old, store, key, tmp_path, clock):
    """Somebody with the key rewrote the log and signed it anew: who kept an old checkpoint sees both signatures."""
    lines = rewritten(lines_of(export), edit)
    with Store.open(str(tmp_path / "forged/store.db"), clock) as forged:
        with forged.writing() as connection:
            for line in lines:
                entry, document = json.loads(line), line[:-1]
                row = (entry["index"], entry["previous"], entries.leaf(document), None, document.decode())
                connection.exec_driver_sql("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
            connection.exec_driver_sql("INSERT INTO log_keys VALUES (11, ?)", (key.line,))
        forged.sign_checkpoint(key)
        exports.write(forged, str(tmp_path / "fork"), [])
    code, said = verify(tmp_path / "fork", "--checkpoint", old)
    assert code == 1
    assert "BAD: FORKED: " in said
    assert "[first bad entry: 8 to 11]" in said
    assert verify(tmp_path / "fork")[0] == 1  # its plans and notes are not there


def test_a_restored_backup_is_named(export, old, key):
    """The log went on from a state that is older than the kept checkpoint."""
    lines = lines_of(export)[:9]
    previous = entries.leaf(lines[-1][:-1])
    lines.append(entries.compose(9, previous, "2027-01-01T00:00:00.000000Z", "denied", "ada", {}) + b"\n")
    write(export, lines)
    code, said = verify(export, "--checkpoint", old)
    assert code == 1
    assert "BAD: RESTORED: " in said
    assert "[first bad entry: 9]" in said


@pytest.mark.parametrize(
    ("name", "doctor", "expected"),
    [
        ("E06 larger than the log", lambda data: data, "TRUNCATED"),
        ("E06 other origin", lambda data: b"tidegate/" + b"0" * 32 + data[41:], "ORIGIN"),
        ("E06 bad signature", lambda data: data.replace(b"at 2026-11-24", b"at 2026-11-25"), "SIGNATURE"),
    ],
)
def test_a_checkpoint_that_is_not_of_this_log_is_named(export, old, name, doctor, expected):
    """Larger than the log, of another origin, or not signed by its key."""
    if expected == "TRUNCATED":
        write(export, lines_of(export)[:10])
    kept = old.with_name("kept")
    kept.write_bytes(doctor(old.read_bytes()))
    code, said = verify(export, "--checkpoint", kept)
    assert (code, f"BAD: {expected}: " in said) == (1, True)


def test_another_key_than_the_known_one_is_named(export, tmp_path):
    """Whoever knows the key on another way is not fooled by a log with a key of its own."""
    other = LogKey(str(tmp_path / "other"))
    other.make()
    code, said = verify(export, "--key", f"{other.path}.pub")
    assert (code, "BAD: SIGNATURE: the log does not name the key that you trust" in said) == (1, True)


def test_a_lost_key_is_told_until_the_new_one_is_known(store, key, old, tmp_path):
    """Whoever knows the new key on another way finds the log good, is told, and what was signed before stays proved."""
    other = LogKey(str(tmp_path / "other"))
    other.make()
    store.replace_lost(other)
    store.sign_checkpoint(other)
    folder = tmp_path / "export"
    exports.write(store, str(folder), [str(old)])
    told = f"entry {SIZE} says that the key before was lost, and nobody signed the one in its place"
    for arguments in ((), ("--key", f"{key.path}.pub")):
        code, said = verify(folder, *arguments)
        assert (code, f"BAD: SIGNATURE: {told}: ask for the new one" in said) == (1, True), said
    code, said = verify(folder, "--key", f"{other.path}.pub", "--checkpoint", old)
    assert (code, said[:5], f"NOTE: {told}\n" in said) == (0, "GOOD:", True), said
    write(folder, rewritten(lines_of(folder), edit))
    assert verify(folder, "--key", f"{other.path}.pub", "--checkpoint", old)[0] == 1


@pytest.mark.parametrize("name", ["plans/CHG-2026-0001.r1.json", "notes/run.jsonl"])
@pytest.mark.parametrize("gone", [True, False])
def test_plans_and_notes_are_held_against_their_entries(export, name, gone):
    """Edited or taken away, the entry that has their digest is named."""
    path = export / name
    path.unlink() if gone else path.write_bytes(path.read_bytes().replace(b"1", b"7"))
    code, said = verify(export)
    assert code == 1
    assert f"BAD: ROWS: {name}" in said


# --- what people decided ---------------------------------------------------------------------------------------------


@pytest.fixture
def ada(tmp_path):
    """The key of a person."""
    made = LogKey(str(tmp_path / "ada"))
    made.make()
    return made


def decided(store, change, signer, decision="approve", type_of="approval", **more):
    """What ada decides, signed by `signer`; `more` says what else the row says than was signed."""
    document = canonical.dumps({"type": type_of, "change": change, "of": decision}).decode()
    row = {
        "statement": entries.digest_of(document),
        "change_id": change,
        "revision": 1,
        "person": "ada",
        "decision": decision,
        "strength": "signed",
        "key": PublicKey.of_line(signer.line).fingerprint,
        "document": document,
        "signature": signer.sign(f"{type_of}@tidegate", document.encode()),
    }
    store.add_approval(ApprovalRow(**{**row, **more}))


@pytest.fixture
def approved(store, key, ada, tmp_path):
    """An export in which ada wanted a change, approved it, took that back, and somebody else approved in another system."""
    change = roll_out(store)
    decided(store, change, ada, "request", "request")
    decided(store, change, ada)
    decided(store, change, ada, "withdraw", "withdrawal")
    there = {"system": "awx", "reference": "7", "account": "bob"}
    decided(store, change, ada, person="bob", strength="recorded", key=None, signature=None, evidence=there)
    store.sign_checkpoint(key)
    exports.write(store, str(tmp_path / "export"), [])
    return tmp_path / "export"


def test_what_people_signed_is_verified(approved, ada):
    """Statements and signatures are in the export in the bytes that were signed; who signed with which key, too."""
    assert 3 == len(list(approved.glob("approvals/*.json"))) == len(list(approved.glob("approvals/*.sig")))
    uses = "approval@tidegate,request@tidegate,veto@tidegate,withdrawal@tidegate,emergency@tidegate"
    assert [f'ada namespaces="{uses}" {ada.line}'] == [
        line for line in (approved / "approvers").read_text().splitlines() if line.startswith("ada")
    ]
    for arguments in ((), ("--approvers", approved / "approvers")):
        code, said = verify(approved, *arguments)
        assert (code, said[:5]) == (0, "GOOD:"), said


def test_what_people_signed_in_an_emergency_is_verified(store, key, ada, tmp_path):
    """It is an approval too, in a namespace of its own; a veto that calls itself one is none."""
    change = roll_out(store)
    decided(store, change, ada, type_of="emergency")
    store.sign_checkpoint(key)
    exports.write(store, str(tmp_path / "export"), [])
    code, said = verify(tmp_path / "export")
    assert (code, said[:5]) == (0, "GOOD:"), said


@pytest.mark.parametrize("ending", ["json", "sig"])
@pytest.mark.parametrize("gone", [True, False])
def test_statements_and_signatures_are_held_against_their_entries(approved, ending, gone):
    """Edited or taken away, the file and the entry that has its digest are named."""
    path = sorted(approved.glob(f"approvals/*.{ending}"))[0]
    path.unlink() if gone else path.write_bytes(path.read_bytes() + b" ")
    code, said = verify(approved)
    assert (code, f"BAD: ROWS: approvals/{path.name} is {'gone' if gone else 'not what'}" in said) == (1, True), said


def test_keys_that_an_outsider_does_not_know_are_named(approved, key, tmp_path):
    """The export's own list of people fits itself; who knows the people's keys is not fooled by it."""
    known = tmp_path / "known"
    known.write_text(f"# people\nada {key.line} ada@desk\n")
    code, said = verify(approved, "--approvers", known)
    assert (code, f"is signed with a key that {known} does not know as theirs" in said) == (1, True), said
    assert verify(approved, "--approvers", tmp_path / "nowhere")[0] == 2


FALSE = [
    ({"signature": "x"}, "has no signature: "),
    ({"key": "SHA256:x"}, "is signed with another key than the entry names"),
    ({"type_of": "veto"}, "is about another change, or another decision"),
    ({"change": "CHG-2026-0009"}, "is about another change, or another decision"),
]


@pytest.mark.parametrize(("false", "told"), FALSE)
def test_an_approval_that_nobody_signed_is_named(store, key, ada, tmp_path, false, told):
    """Somebody who may write the store entered it: the log fits itself, and the entry that is not proved is named."""
    change = roll_out(store)
    decided(
        store,
        false.get("change", change),
        ada,
        **{"change_id": change, **{k: false[k] for k in false if k != "change"}},
    )
    store.sign_checkpoint(key)
    exports.write(store, str(tmp_path / "export"), [])
    code, said = verify(tmp_path / "export")
    assert (code, f"BAD: SIGNATURE: entry 11: the approve of ada {told}" in said) == (1, True), said


def test_a_signature_of_something_else_is_named(store, key, ada, tmp_path):
    """A true signature of the same person under another statement proves nothing."""
    change = roll_out(store)
    decided(store, change, ada, signature=ada.sign("approval@tidegate", b"something else"))
    store.sign_checkpoint(key)
    exports.write(store, str(tmp_path / "export"), [])
    code, said = verify(tmp_path / "export")
    assert (code, "entry 11: the approve of ada is not what was signed" in said) == (1, True), said


SEEN = {"system": "awx", "reference": "7", "account": "ada.there", "given_at": "2026-11-28T13:00:00+00:00", "url": "x"}
VOUCHED = [
    ({}, ""),
    ({"person": "bob"}, "is countersigned as something else than the entry says"),
    ({"statement": "0" * 64}, "is countersigned as something else than the entry says"),
    ({"evidence": {**SEEN, "account": "bob.there"}}, "is countersigned as something else than the entry says"),
    ({"evidence": {**SEEN, "url": "y"}}, "is not what was signed"),
    (None, "has no evidence that a bridge could have countersigned"),
]


@pytest.mark.parametrize(("edited", "told"), VOUCHED)
def test_what_a_bridge_countersigned_is_verified(store, key, ada, tmp_path, edited, told):
    """With the key that is known as that of the system's bridge; edited in the export, it is named."""
    change = roll_out(store)
    statement = entries.digest_of(canonical.dumps({"type": "approval", "change": change, "of": "approve"}).decode())
    signature = ada.sign(evidence.NAMESPACE, evidence.message(statement, "ada", SEEN))
    decided(store, change, ada, strength="countersigned", signature=signature, evidence=SEEN)
    store.sign_checkpoint(key)
    exports.write(store, str(tmp_path / "export"), [])
    [file] = (tmp_path / "export/approvals").glob("*.evidence")
    doc = {"statement": statement, "person": "ada", "evidence": SEEN, **(edited or {})}
    if edited is None:
        file.unlink()
    else:
        file.write_bytes(evidence.message(doc["statement"], doc["person"], doc["evidence"]))
    code, said = verify(tmp_path / "export")
    assert (code, f"of ada {told}" in said or not told) == (1 if told else 0, True), said
    (tmp_path / "known").write_text(f"bridge:servicenow {ada.line}\n")
    assert "does not know as theirs" in verify(tmp_path / "export", "--approvers", tmp_path / "known")[1] or told


def test_what_cannot_be_read_is_not_a_verdict(export, tmp_path):
    """Exit 2, with why."""
    assert verify(export, "--checkpoint", tmp_path / "nowhere")[0] == 2
    (tmp_path / "odd").write_text("odd")
    code, said = verify(export, "--checkpoint", tmp_path / "odd")
    assert (code, "a checkpoint that you named is not one" in said) == (2, True)


def test_the_sample_of_the_documentation_is_good():
    """What docs/samples shows is what an auditor gets, and the program says so."""
    samples, program = SITE / "docs/samples", SITE / "collections/ansible_collections/tidegate/deploy/files"
    key = str(samples / "export/log_keys")
    for words in ((str(samples / "export"),), ("record", str(samples / "record.json"))):
        command = [sys.executable, "-I", str(program / exports.VERIFIER), *words, "--key", key]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout[:5]) == (0, "GOOD:"), done.stdout


def test_the_program_is_what_its_modules_are():
    """tools/verifier has written it; the modules in it are word for word those of the store's own audit."""
    loader = SourceFileLoader("verifier", str(SITE / "tools/verifier"))
    generator = module_from_spec(spec_from_loader("verifier", loader))
    loader.exec_module(generator)
    assert generator.TARGET.read_text(encoding="utf-8") == generator.text()


def test_a_witness_s_copy_is_a_checkpoint_for_an_outsider(export, store, key, tmp_path):
    """No other form."""
    place = tmp_path / "witness"
    witnesses.show(store, store.sign_checkpoint(key), [str(place)])
    code, said = verify(export, "--checkpoint", place)
    assert (code, "there are 18 entries" in said) == (0, False)
