# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks an export of the ledger: with the standard library and ssh-keygen, without Tidegate and without Ansible.

    python3 tidegate-verify.py EXPORT [--checkpoint OLD]... [--key PUB] [--approvers FILE]
    python3 tidegate-verify.py plan STATEMENT PLAN
    python3 tidegate-verify.py record RECORD --key PUB

EXPORT is a folder that `ansible-playbook tidegate.deploy.audit -e tidegate_export=DIR` wrote. OLD is a checkpoint that
you kept from an earlier export, or from a witness; without one nobody can tell a log that was rewritten as a whole. PUB is
the public key of the log, as you were given it on another way. FILE names the people and their keys as you know them, as
ssh-keygen's allowed signers; without it those of the export are taken. Exit 0: all is as it was. 1: it is not. 2: cannot be read.
STATEMENT and PLAN are the files that `ansible-playbook tidegate.deploy.approve -e tidegate_export=FILE` wrote: the plan is
shown, once the statement that is to be signed is found to be about it, every digest computed anew.
RECORD is what `ansible-playbook tidegate.deploy.history -e tidegate_json=FILE` wrote of one change.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ansible_collections.tidegate.deploy.plugins.module_utils.core import audit, canonical, evidence, record
from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint as checkpoints
from ansible_collections.tidegate.deploy.plugins.module_utils.core.audit import Finding, Row, Walked
from ansible_collections.tidegate.deploy.plugins.module_utils.core.checkpoint import Note
from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import Entry
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.names import printable
from ansible_collections.tidegate.deploy.plugins.module_utils.core.review import lines, reviewed
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import KINDS, Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import (
    APPROVAL,
    EMERGENCY,
    REQUEST,
    VETO,
    WITHDRAWAL,
    Statement,
    namespace_of,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.signing import verify

GOOD, BAD, UNREADABLE = 0, 1, 2
EVERY = 100_000

DECISIONS = {
    "request.given": (REQUEST,),
    "approval.given": (APPROVAL, EMERGENCY),
    "approval.vetoed": (VETO,),
    "approval.withdrawn": (WITHDRAWAL,),
}
"""The types of statements that somebody may have signed, by the kind of the entry."""

NAMED = ("system", "reference", "account")
"""What an entry says of an approval that was given in another system."""


def main(arguments: Sequence[str]) -> int:
    """Check an export, say what was found, and answer the exit code."""
    if arguments[:1] == ["plan"]:
        return show_plan(arguments[1:])
    if arguments[:1] == ["record"]:
        return show_record(arguments[1:])
    parser = argparse.ArgumentParser(
        description="Checks an export of the ledger of Tidegate.",
        epilog="What is to be signed, and the record of one change: tidegate-verify.py plan -h, tidegate-verify.py record -h",
    )
    parser.add_argument("export", help="the folder of the export")
    parser.add_argument(
        "--checkpoint", action="append", default=[], help="a checkpoint that you kept; more than one may be named"
    )
    parser.add_argument("--key", help="the public key of the log as you know it: a file with one line")
    parser.add_argument("--approvers", help="the people's keys as you know them: a file of allowed signers")
    asked = parser.parse_args(arguments)
    kept = [Path(path) for path in asked.checkpoint]
    try:
        return _verdict(*check(Path(asked.export), kept, _key(asked.key), asked.approvers))
    except OSError as error:
        return _unreadable(str(error))
    except ValueError as error:
        return _unreadable(f"a checkpoint that you named is not one: {error}")


def show_plan(arguments: Sequence[str]) -> int:
    """Check that a statement is about a plan, show both, and answer the exit code."""
    parser = argparse.ArgumentParser(prog="tidegate-verify.py plan", description="Shows what is to be signed.")
    parser.add_argument("statement", help="the file that is to be signed")
    parser.add_argument("plan", help="the file beside it")
    asked = parser.parse_args(arguments)
    try:
        statement = Statement.parse(Path(asked.statement).read_bytes())
        plan = reviewed(statement, Path(asked.plan).read_bytes())
        sys.stdout.writelines(f"{line}\n" for line in lines(statement, plan))
    except OSError as error:
        return _unreadable(str(error))
    except Refusal as refusal:
        sys.stdout.write(f"BAD: {printable(refusal.message)}; do not sign\n")
        return BAD
    return GOOD


def show_record(arguments: Sequence[str]) -> int:
    """Check the record of one change, and answer the exit code."""
    parser = argparse.ArgumentParser(prog="tidegate-verify.py record", description="Checks the record of one change.")
    parser.add_argument("record", help="the file that the verb history wrote")
    parser.add_argument("--key", required=True, help="the public key of the log as you know it: a file with one line")
    asked = parser.parse_args(arguments)
    try:
        whole = canonical.loads(Path(asked.record).read_bytes())
        found = list(record.problems(whole, verify, _key(asked.key) or ""))
    except (OSError, ValueError) as error:
        return _unreadable(str(error))
    for problem in found:
        sys.stdout.write(f"BAD: {printable(problem)}\n")
    if not found:
        count = len(whole["proof"]["entries"])
        sys.stdout.write(f"GOOD: signed by the log's key, and its {count} entries are in the log\n")
    return BAD if found else GOOD


def check(
    folder: Path, kept: Sequence[Path], key: str | None, approvers: str | None = None
) -> tuple[Walked, list[Finding]]:
    """All that is wrong with an export.

    Args:
        kept: files with checkpoints from elsewhere.
        key: the public key that the log must have, as a line without a comment.
        approvers: the file with the people's keys; None for that of the export.

    Raises:
        OSError: a file cannot be read.
        ValueError: a checkpoint from elsewhere is not one.
    """
    findings: list[Finding] = []
    old = [(f"the kept ({path})", checkpoints.parse(path.read_bytes())) for path in kept]
    own = list(_notes(folder / "checkpoints", findings))
    seen = [(f"the witness' ({name})", note) for name, note in _notes(folder / "witnesses", findings)]
    compared = _Files(folder, Path(approvers) if approvers else folder / "approvers")
    sizes, moments = audit.wanted([note for _name, note in [*old, *own, *seen]])
    walked = audit.walk(_rows(folder / "entries.jsonl"), sizes, moments, compared.see)
    findings += audit.judge(walked, [note for _name, note in own], [*old, *seen], verify, key)
    if walked.finding is None:
        findings += compared.findings
    return walked, findings


class _Files:
    """Holds the plans, notes and decisions of an export against the digests in its entries.

    Args:
        approvers: the file with the people's keys.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, folder: Path, approvers: Path) -> None:
        self._folder = folder
        self._approvers = approvers
        self._keys = set(_signers(approvers.read_text(encoding="utf-8")))
        self._notes: tuple[str, list[bytes]] = ("", [])
        self.findings: list[Finding] = []

    def see(self, entry: Entry) -> None:
        if entry.kind == "change.planned":
            name = f"plans/{_name(entry.change)}.r{entry.body.get('revision')}.json"
            self._compare(name, self._read(name), entry.body.get("plan"), entry.index)
        elif entry.kind == "hosts.recorded":
            first, last = entry.body.get("first"), entry.body.get("last")
            name = f"notes/{_name(entry.body.get('run'))}.jsonl"
            lines = (self._read(name) or b"").splitlines(keepends=True)
            if isinstance(first, int) and isinstance(last, int):
                self._compare(name, b"".join(lines[first - 1 : last]), entry.body.get("digest"), entry.index)
        elif entry.kind in DECISIONS:
            self._decision(entry)

    def _decision(self, entry: Entry) -> None:
        """What somebody decided about, and who signed for it: that person, or a bridge that saw it in another system."""
        statement, signature = (
            self._document(entry, name, ending) for name, ending in (("statement", "json"), ("signature", "sig"))
        )
        if statement is None or (signature is None and entry.body.get("signature") is not None):
            return  # that is a finding already
        wrong = self._about(entry, statement)
        armored, strength = (signature or b"").decode("ascii", "replace"), entry.body.get("strength")
        if not wrong and strength == "signed":
            namespace = namespace_of(canonical.loads(statement)["type"])
            wrong = self._unsigned(entry, entry.actor, namespace, statement, armored)
        elif not wrong and strength == "countersigned":
            wrong = self._unvouched(entry, armored)
        if wrong:
            told = f"entry {entry.index}: the {entry.body.get('decision')} of {entry.actor} {wrong}"
            self.findings.append(Finding("signature", told, entry.index, entry.index))

    def _document(self, entry: Entry, name: str, ending: str) -> bytes | None:
        digest = entry.body.get(name)
        if digest is None:
            return None
        path = f"approvals/{_name(digest)}.{ending}"
        data = self._read(path)
        return data if self._compare(path, data, digest, entry.index) else None

    def _about(self, entry: Entry, statement: bytes) -> str:
        """Why a statement is not one of what its entry says; empty if it is."""
        try:
            said = canonical.loads(statement)
        except ValueError:
            return "is about something that is no statement"
        type_of = said.get("type") if isinstance(said, dict) else None
        if type_of not in DECISIONS[entry.kind] or said.get("change") != entry.change:
            return "is about another change, or another decision"
        return ""

    def _unvouched(self, entry: Entry, armored: str) -> str:
        """Why no bridge vouches for what somebody decided in another system; empty if one does."""
        data = self._read(f"approvals/{_name(entry.body.get('signature'))}.evidence") or b""
        try:
            said = canonical.loads(data)
            told = (said["statement"], said["person"], *(said["evidence"][name] for name in NAMED))
        except (ValueError, KeyError, TypeError):
            return "has no evidence that a bridge could have countersigned"
        if told != (entry.body.get("statement"), entry.actor, *(entry.body.get(name) for name in NAMED)):
            return "is countersigned as something else than the entry says"
        return self._unsigned(entry, f"bridge:{entry.body.get('system')}", evidence.NAMESPACE, data, armored)

    def _unsigned(self, entry: Entry, owner: str, namespace: str, message: bytes, armored: str) -> str:
        """Why bytes are not signed by who has to sign them; empty if they are."""
        try:
            made = Signature.parse(armored)
        except Refusal as refusal:
            return f"has no signature: {refusal.message}"
        if made.key.fingerprint != entry.body.get("key"):
            return "is signed with another key than the entry names"
        if (owner, made.key.line) not in self._keys:
            return f"is signed with a key that {self._approvers} does not know as theirs"
        if not verify(made.key.line, namespace, message, armored):
            return "is not what was signed"
        return ""

    def _compare(self, name: str, data: bytes | None, digest: object, index: int) -> bool:
        """Whether a file has its digest; a finding where not."""
        wrong = ""
        if data is None:
            wrong = f"{name} is gone; entry {index} names it"
        elif hashlib.sha256(data).hexdigest() != digest:
            wrong = f"{name} is not what entry {index} says"
        if wrong:
            self.findings.append(Finding("rows", wrong, index, index))
        return not wrong

    def _read(self, name: str) -> bytes | None:
        if self._notes[0] != name:
            path = self._folder / name
            self._notes = (name, [path.read_bytes()] if path.is_file() else [])
        return self._notes[1][0] if self._notes[1] else None


def _signers(text: str) -> Iterator[tuple[str, str]]:
    """The people of a file of allowed signers, each with a key without its comment."""
    for line in text.splitlines():
        words = line.split()
        kinds = [at for at, word in enumerate(words) if at and word in KINDS]
        if kinds and kinds[0] + 1 < len(words) and not line.startswith("#"):
            yield words[0], " ".join(words[kinds[0] : kinds[0] + 2])


def _name(value: object) -> str:
    """A name as a part of a path; whatever is odd in it leads nowhere."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "?" for letter in str(value))


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number and number % EVERY == 0:
                sys.stderr.write(f"{number} entries were read\n")
            yield number, line[:-1] if line.endswith(b"\n") else line, None


def _notes(folder: Path, findings: list[Finding]) -> Iterator[tuple[str, Note]]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            yield path.name, checkpoints.parse(path.read_bytes())
        except ValueError as error:
            findings.append(Finding("signature", f"{folder.name}/{path.name} is not a checkpoint any more: {error}"))


def _key(path: str | None) -> str | None:
    return None if path is None else " ".join(Path(path).read_text(encoding="utf-8").split()[:2])


def _verdict(walked: Walked, findings: Sequence[Finding]) -> int:
    if not findings:
        sys.stdout.write(f"GOOD: all {walked.size} entries of {walked.origin} are as they were\n")
        sys.stdout.writelines(f"NOTE: {told}\n" for told in audit.replaced(walked))
        return GOOD
    for finding in findings:
        first = "" if finding.first is None else f" [first bad entry: {_first(finding)}]"
        sys.stdout.write(f"BAD: {printable(str(finding))}{first}\n")
    return BAD


def _first(finding: Finding) -> str:
    return str(finding.first) if finding.first == finding.last else f"{finding.first} to {finding.last}"


def _unreadable(why: str) -> int:
    sys.stderr.write(f"cannot check: {why}\n")
    return UNREADABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
