# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge countersigns: that it saw, in another system, one person's approval of one statement.

The bytes are made anew from what is kept whenever they are verified, so that a countersignature is about exactly that: it
holds for no other statement, person, account, system, record or time. Which bridge signed is found from its key.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import shape
from .shape import is_digest, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
TYPE = "evidence"
NAMESPACE = f"{TYPE}@tidegate"
"""In which it is signed: a countersignature is never an approval of the bridge's own."""

KEPT: shape.Fields = {
    "system": (is_name, "the name of the other system"),
    "reference": (is_name, "what was looked at there"),
    "account": (is_name, "the account that approved"),
    "given_at": (is_name, "when it was given there"),
    "url": (is_name, "where to look again"),
}
"""What is kept of an approval given elsewhere, and how that is said."""

_FIELDS: shape.Fields = {
    "v": (lambda value: value is not True and value == VERSION, str(VERSION)),
    "type": (lambda value: value == TYPE, TYPE),
    "statement": (is_digest, "the id of a statement"),
    "person": (is_name, "the name of a person"),
    "evidence": (lambda value: isinstance(value, dict), "what is kept of it"),
}


def message(statement: str, person: str, evidence: Mapping[str, Any]) -> bytes:
    """The exact bytes that are countersigned: canonical JSON without a newline at its end.

    Args:
        statement: the id of the statement that was approved.
        person: whose account it is.
        evidence: exactly the fields of `KEPT`.

    Raises:
        Refusal: STATEMENT, it is not as it must be.
    """
    doc = {"v": VERSION, "type": TYPE, "statement": statement, "person": person, "evidence": dict(evidence)}
    shape.require("STATEMENT", "what a bridge countersigns", doc, _FIELDS)
    shape.require("STATEMENT", "evidence", doc["evidence"], KEPT)
    return shape.written("STATEMENT", doc)
