# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON: one value, one sequence of bytes, one digest.

The subset of RFC 8785 in which it cannot be misread: objects with ASCII keys, arrays, strings without lone
surrogates, integers below 2^53, booleans and null. Floats, duplicate keys and anything after the document are refused.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 64

_SURROGATE = re.compile("[\ud800-\udfff]")


def dumps(value: Any) -> bytes:
    """The canonical bytes of a value, without a trailing newline.

    Raises:
        ValueError: the value holds something that canonical JSON does not know.
    """
    if not _fits(value, 0):
        _check(value, "$", 0)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def loads(data: bytes, max_bytes: int = 64 * 1024 * 1024) -> Any:
    """The value of a JSON document, parsed strictly; it need not be in canonical form.

    Raises:
        ValueError: not UTF-8, not JSON, too large, or holds what canonical JSON does not know.
    """
    if len(data) > max_bytes:
        raise ValueError(f"document of {len(data)} bytes, at most {max_bytes} are read")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH}") from None
    if not _fits(value, 0):
        _check(value, "$", 0)
    return value


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes of a value, in hexadecimal."""
    import hashlib  # it loads OpenSSL, which takes as long as all else that a step of the host program imports

    return hashlib.sha256(dumps(value)).hexdigest()


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _value in pairs]
        raise ValueError(f"key {next(n for n in names if names.count(n) > 1)!r} appears twice")
    return value


def _refuse_number(text: str) -> Any:
    raise ValueError(f"number {text!r} is not an integer")


def _fits(value: Any, depth: int) -> bool:
    """Whether all is plainly canonical; where not, `_check` says what is odd, or that a subclass is as good."""
    kind = type(value)
    if kind is str:
        return value.isascii() or not _SURROGATE.search(value)
    if kind is int:
        return bool(abs(value) <= MAX_INTEGER)
    if kind is dict:
        deeper = depth + 1
        return depth < MAX_DEPTH and all(
            isinstance(key, str) and key.isascii() and _fits(item, deeper) for key, item in value.items()
        )
    if kind is list:
        deeper = depth + 1
        return depth < MAX_DEPTH and all(_fits(item, deeper) for item in value)
    return value is None or kind is bool


def _check(value: Any, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"{where}: nested deeper than {MAX_DEPTH}")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise ValueError(f"{where}: integer {value} is not below 2^53")
    elif isinstance(value, str):
        if _SURROGATE.search(value):
            raise ValueError(f"{where}: string with a lone surrogate")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise ValueError(f"{where}: key {key!r} is not an ASCII string")
            _check(item, f"{where}.{key}", depth + 1)
    else:
        raise ValueError(f"{where}: {type(value).__name__} is not canonical JSON")
