# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a document against a JSON Schema and says what is wrong in words a person can act on.

Each problem names its path (``web.probes[0].http.urll``), what was found, what was expected and the nearest known
key. The ``description`` of a property is its *expected*, so a schema, its reference page and its errors are one text.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal

if TYPE_CHECKING:
    import jsonschema

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]

MOST_PROBLEMS = 10
MOST_SHOWN = 80
MOST_STEPS = 12


@dataclass(frozen=True)
class Problem:
    """One thing in a document that is not as it must be.

    Args:
        path: keys and indexes that lead to it.
        found: what is there, in words.
        expected: what must be there, in words.
        near: the known key that was probably meant.
    """

    path: Path
    found: str
    expected: str
    near: str | None = None

    def text(self) -> str:
        """The problem as one line."""
        hint = f"; did you mean {self.near}?" if self.near else ""
        return f"{path_text(self.path) or 'the document'}: found {self.found}, expected {self.expected}{hint}"


def prepare() -> None:
    """Import now what every check needs, for all workers that are forked later; where it is missing, the first check says so."""
    with suppress(Refusal):
        _validator()


def problems(document: object, schema: Schema) -> list[Problem]:
    """Everything in a plain document that its schema does not allow.

    Raises:
        Refusal: DEPENDENCY, jsonschema is missing; with the command that installs it for the Python that runs Ansible.
    """
    found = [problem for error in _validator()(schema).iter_errors(document) for problem in _translate(error)]
    return list(dict.fromkeys(found))


def refuse(place: str, found: Sequence[Problem], lines: Mapping[Path, int] | None = None) -> None:
    """Raise one Refusal that tells all problems; do nothing when there are none.

    Args:
        place: the file or variable they are in; empty when the caller tells it.
        found: the problems.
        lines: the line of each path, where the document is a file; a path without one has its parent's.

    Raises:
        Refusal: DATA.
    """
    if not found:
        return
    lines = lines or {}
    ordered = sorted(found, key=lambda problem: _line(problem.path, lines))
    told = [f"{_place(place, problem.path, lines)}{problem.text()}" for problem in ordered[:MOST_PROBLEMS]]
    if len(ordered) > MOST_PROBLEMS:
        told.append(f"{_place(place, (), {})}and {len(ordered) - MOST_PROBLEMS} more")
    facts = [{"path": path_text(p.path), "found": p.found, "expected": p.expected, "near": p.near} for p in ordered]
    raise Refusal("DATA", "\n".join(told), place=place, problems=facts)


def path_text(path: Path) -> str:
    """A path as people write it: ``web.probes[0].http.url``."""
    text = ""
    for part in path[:MOST_STEPS]:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text if len(path) <= MOST_STEPS else f"{text}…"


def shown(value: object) -> str:
    """A value for a message: short, in the words of YAML, on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"a mapping with {', '.join(str(key) for key in value)}" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    text = repr(value)
    if "://" in text:  # passwords and signatures of a URL are nobody's business
        text = re.sub(r"\?[^'\"]*", "?…", re.sub(r"//[^/@\s]*@", "//…@", text))
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the given one, or None when none is."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def _place(place: str, path: Path, lines: Mapping[Path, int]) -> str:
    line = _line(path, lines)
    return f"{place}:{line}: " if line else f"{place}: " if place else ""


def _line(path: Path, lines: Mapping[Path, int]) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


def _translate(error: jsonschema.ValidationError) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    keyword, instance = error.validator, cast(Any, error.instance)
    argument: Any = error.validator_value
    schema: Any = error.schema
    if keyword == "additionalProperties" and argument is False:
        known = list(schema.get("properties", ()))
        for key in instance:
            if key not in known:
                near = nearest(str(key), known)
                yield Problem((*path, str(key)), "an unknown key", f"one of {', '.join(known)}", near)
    elif keyword == "required":
        for key in argument:
            if key not in instance:
                yield Problem((*path, key), "nothing", _describe(schema["properties"][key], "a value"))
    elif keyword == "type" and argument == "object" and isinstance(instance, dict):
        for key in instance:
            if not isinstance(key, str):
                yield Problem((*path, str(key)), f"a name that YAML reads as {shown(key)}", "text: put it in quotes")
    elif "propertyNames" in error.absolute_schema_path:
        yield Problem((*path, str(instance)), f"the name {shown(instance)}", _describe(schema, "a name"))
    else:
        yield Problem(path, shown(instance), _describe(schema, _generic(str(keyword), argument)))


def _describe(schema: Schema, otherwise: str) -> str:
    return str(schema.get("description", otherwise))


def _generic(keyword: str, argument: Any) -> str:
    if keyword == "enum":
        return f"one of {', '.join(shown(value) for value in argument)}"
    if keyword == "type":
        return " or ".join([argument] if isinstance(argument, str) else argument)
    return f"{keyword} {argument}"


@lru_cache(maxsize=1)
def _validator() -> Any:
    """JSON Schema's validator, but for integers, keys and patterns that mean what they say."""
    try:
        import jsonschema  # takes 0.1 s, which workers that read no document need not spend
    except ImportError as error:
        raise Refusal(
            "DEPENDENCY",
            f"reading change files and services needs jsonschema, found: {error}. Install it for the Python that runs "
            f"Ansible: {sys.executable} -m pip install 'jsonschema>=4.18'",
            python=sys.executable,
        ) from None

    def pattern(_self: Any, regex: str, value: object, _schema: object) -> Iterator[jsonschema.ValidationError]:
        # A "$" of Python also matches before a final newline, one of JSON Schema does not.
        if isinstance(value, str) and (not re.search(regex, value) or (regex.endswith("$") and value.endswith("\n"))):
            yield jsonschema.ValidationError(f"{value!r} does not match {regex!r}")

    base = jsonschema.Draft202012Validator
    checker = base.TYPE_CHECKER.redefine("integer", _is_integer).redefine("object", _is_object)
    return jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        base, validators={"pattern": pattern}, type_checker=checker
    )


def _is_integer(_checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_object(_checker: object, value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)
