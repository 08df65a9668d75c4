# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of an audit, for people."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.deploy.plugins.module_utils.core.audit import Finding, replaced
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.auditing import Audited
from ansible_collections.tidegate.deploy.plugins.plugin_utils.present.text import printable


def audit_text(found: Audited, store: str, warnings: Sequence[str]) -> str:
    """What an audit found, with the one verdict first.

    Args:
        store: where it is.
        warnings: what could not be signed or shown to a witness.
    """
    lines = [f"Ledger of {store}: {verdict_of(found)}"]
    lines += [f"  {printable(finding)}" for finding in found.findings]
    lines += [f"  {told}" for told in replaced(found.walked)]
    lines += [
        f"  {found.checkpoints} checkpoints of its own, {found.witnesses} kept by witnesses, {found.hosts} by hosts"
    ]
    lines += [f"  {printable(warning)}" for warning in warnings]
    return "\n".join(lines)


def verdict_of(found: Audited) -> str:
    """One sentence: good, or the first bad entry, or that there is none and still not all is good."""
    size = found.walked.size
    if not found.findings:
        return f"all {size} entries are as they were" if size else "it has no entry yet"
    first = first_bad(found.findings)
    if first is None:
        return f"NOT as it should be; none of its {size} entries is wrong by itself, but not all else agrees with them"
    return f"NOT as it was; the first bad entry is {first}"


def first_bad(findings: Sequence[Finding]) -> str | None:
    """The smallest entry that is bad, or between which two it is."""
    known = [finding for finding in findings if finding.first is not None]
    if not known:
        return None
    least = min(known, key=lambda finding: (finding.first, finding.last))
    return str(least.first) if least.first == least.last else f"one of {least.first} to {least.last}"
