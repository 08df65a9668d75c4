# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge countersigns: that it saw, in another system, one person's approval of one statement.

The bytes are made anew from what is kept whenever they are verified, so that a countersignature is about exactly that: it
holds for no other statement, person, account, system, record or time. Which bridge signed is found from its key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import canonical
from .errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
TYPE = "evidence"
NAMESPACE = f"{TYPE}@tidegate"
"""In which it is signed: a countersignature is never an approval of the bridge's own."""

FIELDS = ("system", "reference", "account", "given_at", "url")
"""What is kept of an approval given elsewhere: where, what was looked at, whose account, when, and where to look again."""

MAX_CHARACTERS = 2000

_HEX64 = re.compile(r"[0-9a-f]{64}")


def message(statement: str, person: str, evidence: Mapping[str, Any]) -> bytes:
    """The exact bytes that are countersigned: canonical JSON without a newline at its end.

    Args:
        statement: the id of the statement that was approved.
        person: whose account it is.
        evidence: exactly `FIELDS`, each a text.

    Raises:
        Refusal: STATEMENT, it is not as it must be.
    """
    if not _HEX64.fullmatch(statement):
        raise _refusal("a statement without its digest", "64 hexadecimal digits")
    if set(evidence) != set(FIELDS):
        raise _refusal("other fields", f"exactly {', '.join(FIELDS)}")
    for name, value in (("person", person), *sorted(evidence.items())):
        if not isinstance(value, str) or not 0 < len(value) <= MAX_CHARACTERS:
            raise _refusal(f"no proper {name}", f"a text of at most {MAX_CHARACTERS} characters")
    doc = {"v": VERSION, "type": TYPE, "statement": statement, "person": person, "evidence": dict(evidence)}
    try:
        return canonical.dumps(doc)
    except ValueError as error:
        raise _refusal(str(error), "text that can be signed") from None


def _refusal(found: str, expected: str) -> Refusal:
    return Refusal("STATEMENT", f"found {found} in evidence of another system, expected {expected}")
