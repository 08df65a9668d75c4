# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that leave for another machine to be signed, and the signatures that come back."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.sshsig import MAX_TEXT, Signature
from ansible_collections.tidegate.deploy.plugins.module_utils.core.statement import Statement


def export(statement: Statement, plan: bytes, file: str) -> str:
    """Write a statement's exact bytes to a file, and its plan beside it; answer where that is.

    Raises:
        Refusal: DATA, they cannot be written.
    """
    beside = f"{file}.plan"
    write(statement.data, file)
    write(plan, beside)
    return beside


def write(data: bytes, file: str) -> None:
    """Write exact bytes to a file.

    Raises:
        Refusal: DATA, they cannot be written.
    """
    try:
        Path(file).write_bytes(data)
    except OSError as error:
        raise Refusal(
            "DATA", f"tidegate_export: {file}: {error.strerror}; name a file in a folder that is there"
        ) from None


def handed_in(file: str) -> Signature:
    """The signature in a file.

    Raises:
        Refusal: DATA, it cannot be read; SIG_INVALID, ALG or NAMESPACE, what it holds is none that counts.
    """
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(MAX_TEXT + 1)
    except OSError as error:
        raise Refusal(
            "DATA", f"tidegate_signature: {file}: {error.strerror}; name the .sig file of ssh-keygen"
        ) from None
    try:
        return Signature.parse(data.decode("ascii", "replace"))
    except Refusal as refusal:
        raise Refusal(refusal.code, f"{file}: {refusal.message}", **refusal.facts) from None
