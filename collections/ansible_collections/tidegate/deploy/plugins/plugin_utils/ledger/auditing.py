# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole log of a store, proved: its entries, its checkpoints, its witnesses, and the rows that it tells of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ansible_collections.tidegate.deploy.plugins.module_utils.core import audit
from ansible_collections.tidegate.deploy.plugins.module_utils.core import checkpoint as checkpoints
from ansible_collections.tidegate.deploy.plugins.module_utils.core.audit import Finding, Row, Walked
from ansible_collections.tidegate.deploy.plugins.module_utils.core.checkpoint import Note
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger import witnesses
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.checkpoints import Checkpoints
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.compare import Comparison

EVERY = 100_000
"""After how many entries progress is told."""


class Audited(NamedTuple):
    """What an audit found."""

    walked: Walked
    checkpoints: int
    witnesses: int
    findings: list[Finding]
    hosts: int = 0


def audit_store(
    store: Checkpoints,
    paths: Sequence[str],
    verify: audit.Verify,
    tell: Callable[[int], None] = lambda count: None,
    key: str | None = None,
    hosts: Sequence[tuple[str, Note]] = (),
) -> Audited:
    """Prove the log of a store.

    Args:
        paths: of the site's witnesses.
        verify: verifies signatures.
        tell: told from time to time how many entries were read.
        key: the public key of this controller, as a line; trusted if the log names it.
        hosts: what enrolled hosts have seen of the log, each with whose it is.
    """
    findings: list[Finding] = []
    own = _own(store, findings)
    kept = [*_kept(paths, findings), *hosts]
    sizes, moments = audit.wanted([*own, *(note for _name, note in kept)])
    comparison = Comparison(store)
    walked = audit.walk(_told(store.rows(), tell), sizes, moments, comparison.see)
    if walked.size == 0 and walked.finding is None and not own and not kept:
        return Audited(walked, 0, 0, findings)  # nothing was ever done here
    trusted = next((named.line for named in walked.keys if named.line == key), None)
    findings += audit.judge(walked, own, kept, verify, trusted)
    if walked.finding is None:
        findings += comparison.finish()
    return Audited(walked, len(own), len(kept) - len(hosts), findings, len(hosts))


def _own(store: Checkpoints, findings: list[Finding]) -> list[Note]:
    notes = []
    for number, data in enumerate(store.checkpoint_notes(), 1):
        try:
            notes.append(checkpoints.parse(data))
        except ValueError as error:
            findings.append(Finding("signature", f"checkpoint number {number} is damaged: {error}"))
    return notes


def _kept(paths: Sequence[str], findings: list[Finding]) -> Iterator[tuple[str, Note]]:
    for path in paths:
        try:
            note = witnesses.kept(path)
        except (OSError, ValueError) as error:
            findings.append(Finding("signature", f"the witness {path} cannot be read: {error}"))
            continue
        if note is not None:
            yield f"the witness {path}'s", note


def _told(rows: Iterator[Row], tell: Callable[[int], None]) -> Iterator[Row]:
    for row in rows:
        if row[0] and row[0] % EVERY == 0:
            tell(row[0])
        yield row
