# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fields of a signed document may hold, each as a question and as it is said to people."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import canonical
from .errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Optional

    Fields = Mapping[str, tuple[Callable[[Any], bool], str]]  # field -> is it right, what was expected

MAX_TEXT = 1000
_HEX64 = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(r"[0-9a-f]{32}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z")


def read(code: str, data: bytes, max_bytes: int, what: str) -> Any:
    """The document in bytes that are its canonical form.

    Raises:
        Refusal: of that code.
    """
    try:
        doc = canonical.loads(data, max_bytes)
        exact = canonical.dumps(doc) == data
    except ValueError as error:
        raise Refusal(code, f"found {error}, expected {what} as Tidegate exports it") from None
    if not exact:
        raise Refusal(code, f"found {what} that is not in its canonical form; export it again")
    return doc


def written(code: str, doc: Any) -> bytes:
    """The canonical bytes of a document.

    Raises:
        Refusal: of that code.
    """
    try:
        return canonical.dumps(doc)
    except ValueError as error:
        raise Refusal(code, f"found {error}, expected a document that can be signed") from None


def require(code: str, where: str, doc: Any, fields: Fields) -> None:
    """See that a document has exactly some fields, and each is right.

    Raises:
        Refusal: of that code, naming the field.
    """
    if not isinstance(doc, dict) or set(doc) != set(fields):
        raise Refusal(code, f"{where}: found other fields, expected exactly {', '.join(sorted(fields))}")
    for name, (is_right, expected) in fields.items():
        if not is_right(doc[name]):
            raise Refusal(code, f"{where}: {name} is not as it must be, expected {expected}")


def is_text(value: Any) -> bool:
    """Text that is not too long."""
    return isinstance(value, str) and len(value) <= MAX_TEXT


def is_name(value: Any) -> bool:
    """Such text, and some of it."""
    return is_text(value) and bool(value)


def is_digest(value: Any) -> bool:
    """A SHA-256 in lower-case hexadecimal, or as many random bytes."""
    return isinstance(value, str) and bool(_HEX64.fullmatch(value))


def is_uid(value: Any) -> bool:
    """What an enrolled host is told from all others by."""
    return isinstance(value, str) and bool(_UID.fullmatch(value))


def is_count(value: Any) -> bool:
    """A number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_moment(value: Any) -> bool:
    """A second, in UTC."""
    return isinstance(value, str) and len(value) == len("2026-11-28T13:00:00Z") and moment(value) is not None


def moment(text: str) -> Optional[datetime]:
    """The moment that a text of a signed document or entry names; None where it names none."""
    from datetime import datetime, timezone  # here, because it takes long and most steps ask for none

    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def is_list(value: Any, of: Callable[[Any], bool], fewest: int = 0) -> bool:
    """A sorted list in which nothing stands twice."""
    return isinstance(value, list) and len(value) >= fewest and all(map(of, value)) and sorted(set(value)) == value
