# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an auditor is given: the log, its checkpoints and keys, the documents that it has digests of, and the verifier.

entries.jsonl            one entry a line, as its hash is made of it
checkpoints/<size>       signed notes
witnesses/<number>       what the site's witnesses kept
plans/<change>.r<n>.json the plans, by change and revision
notes/<run>.jsonl        the notes of a run, one a line
approvals/<digest>.json  the statements that people decided about, in the bytes that they signed
approvals/<digest>.sig   their signatures, and those of bridges
approvals/<digest>.evidence  what a bridge saw in another system, in the bytes that it signed; named as its signature
approvers                who signed with which key, as ssh-keygen reads it; a bridge is named by the system that it saw
log_keys                 the public keys of the log, oldest first
tidegate-verify.py       checks all of it: python3 tidegate-verify.py . --checkpoint OLD
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint as checkpoints
from ansible_collections.tidegate.deploy.plugins.module_utils.core import evidence
from ansible_collections.tidegate.deploy.plugins.module_utils.core.entries import digest_of
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.quorum import COUNTERSIGNED, SIGNED
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import (
    TYPES,
    namespace_of,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import batches
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.checkpoints import Checkpoints
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.database import doc_out
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.schema import (
    APPROVALS,
    EVENTS,
    LOG_KEYS,
    REVISIONS,
    sa,
)

VERIFIER = "tidegate-verify.py"


def write(store: Checkpoints, folder: str, paths: Sequence[str]) -> int:
    """Write an export into a folder that is not there yet, or empty, and answer how many entries it has.

    Args:
        paths: of the site's witnesses.

    Raises:
        Refusal: EXISTS, there is something in the folder; DATA, it cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise Refusal("EXISTS", f"the folder {target} is not empty: name another one for the export")
        for name in ("checkpoints", "witnesses", "plans", "notes", "approvals"):
            (target / name).mkdir()
        count = _entries(store, target / "entries.jsonl")
        _checkpoints(store, target, paths)
        _documents(store, target)
        _approvals(store, target)
        shutil.copyfile(Path(__file__).parents[3] / "files" / VERIFIER, target / VERIFIER)
    except OSError as error:
        raise Refusal("DATA", f"the export cannot be written to {target}: {error.strerror or error}") from error
    return count


def _entries(store: Checkpoints, path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for _number, document, _leaf in store.rows():
            file.write(document + b"\n")
            count += 1
    return count


def _checkpoints(store: Checkpoints, target: Path, paths: Sequence[str]) -> None:
    for number, data in enumerate(store.checkpoint_notes()):
        try:
            name = f"{checkpoints.parse(data).checkpoint.size:09d}"
        except ValueError:
            name = f"damaged-{number}"
        (target / "checkpoints" / name).write_bytes(data)
    for number, path in enumerate(paths, 1):
        if os.path.exists(path):
            shutil.copyfile(path, target / "witnesses" / str(number))
    with store.reading() as connection:
        lines = connection.execute(sa.select(LOG_KEYS.c.line).order_by(LOG_KEYS.c.number)).scalars()
        (target / "log_keys").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def _documents(store: Checkpoints, target: Path) -> None:
    with store.reading() as connection:
        for row in connection.execute(sa.select(REVISIONS.c.change_id, REVISIONS.c.revision, REVISIONS.c.plan)):
            path = target / "plans" / f"{row.change_id}.r{row.revision}.json"
            path.write_bytes(row.plan.encode("utf-8"))
        for run in list(connection.execute(sa.select(EVENTS.c.run_id).distinct()).scalars()):
            lines = (batches.line(row) for row in batches.rows_of(connection, run, 1))
            (target / "notes" / f"{run}.jsonl").write_bytes(b"".join(lines))


def _approvals(store: Checkpoints, target: Path) -> None:
    """What people decided about and signed, each text once, named by the digest that its entry has."""
    signers = set()
    with store.reading() as connection:
        rows = connection.execute(sa.select(APPROVALS)).all()
    for row in rows:
        (target / "approvals" / f"{digest_of(row.document)}.json").write_bytes(row.document.encode("utf-8"))
        if row.signature is not None:
            (target / "approvals" / f"{digest_of(row.signature)}.sig").write_bytes(row.signature.encode("utf-8"))
        if row.strength == SIGNED:
            signers.update(_signer(row.person, map(namespace_of, TYPES), row.signature))
        elif row.strength == COUNTERSIGNED and row.signature is not None:
            seen = doc_out(row.evidence) or {}
            signers.update(_signer(f"bridge:{seen.get('system')}", [evidence.NAMESPACE], row.signature))
            (target / "approvals" / f"{digest_of(row.signature)}.evidence").write_bytes(_seen(row, seen))
    (target / "approvers").write_text("".join(sorted(signers)), encoding="utf-8")


def _seen(row: Any, kept: Mapping[str, Any]) -> bytes:
    """What a bridge countersigned; nothing where somebody has damaged it."""
    try:
        return evidence.message(row.statement, row.person, kept)
    except Refusal:
        return b""


def _signer(name: str, uses: Iterable[str], signature: str | None) -> list[str]:
    """The line of somebody and the key in a signature; none where somebody has damaged it."""
    try:
        key = Signature.parse(signature or "").key
    except Refusal:
        return []
    return [f'{name} namespaces="{",".join(uses)}" {key.line}\n']
