# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as people mean it: read once, strictly, with the line of every value.

What differs from YAML 1.1: only ``true`` and ``false`` are booleans, only plain decimal numbers are integers, and there
are no floats, dates or sexagesimals, so ``release: 2.40`` and ``release: 2024-01-02`` are the texts that they look
like. Duplicate keys, tags and merge keys are refused, and aliases cannot make a document grow without end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from ansible_collections.tidegate.deploy.plugins.module_utils.core.canonical import MAX_DEPTH
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import Path, path_text

MAX_VALUES = 10_000

_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[re.Pattern[str], str]] = {
    f"{_TAG}null": (re.compile(r"(?:~|null|)"), "~n\0"),
    f"{_TAG}bool": (re.compile(r"(?:true|false)"), "tf"),
    f"{_TAG}int": (re.compile(r"(?:0|-?[1-9][0-9]{0,14})"), "-0123456789"),
}


@dataclass(frozen=True)
class Document:
    """A document and where its values stand.

    Args:
        value: what it says, in plain Python values.
        lines: the line of each path in it, from 1.
    """

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)


def parse(text: str, place: str) -> Document:
    """The one document in a text.

    Args:
        text: the YAML.
        place: the name of the file, for errors.

    Raises:
        Refusal: DATA, naming file and line.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        told = ", ".join(text for text in (error.context, error.problem) if text)
        raise Refusal("DATA", f"{place}{line}: not YAML: {told}") from None
    except yaml.YAMLError as error:
        raise Refusal("DATA", f"{place}: not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise Refusal("DATA", f"{place}: nested too deeply") from None
    reader = _Reader(place)
    return Document(None if node is None else reader.value(node, ()), reader.lines)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own interface


for _tag, (_pattern, _first) in _SCALARS.items():
    _anchored = re.compile(rf"^{_pattern.pattern}\Z")
    _Loader.add_implicit_resolver(_tag, _anchored, [char if char != "\0" else "" for char in _first])


class _Reader:
    """Turns nodes into values, and remembers their lines."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.lines: dict[Path, int] = {}
        self.count = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        self.lines.setdefault(path, node.start_mark.line + 1)
        if self.count > MAX_VALUES or len(path) > MAX_DEPTH:
            raise self._refusal(node, path, f"more than {MAX_VALUES} values or {MAX_DEPTH} levels, aliases counted in")
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        raise self._refusal(node, path, f"the tag {node.tag.replace(_TAG, '!!')}, expected plain YAML")

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, item in node.value:
            if not (isinstance(key_node, yaml.ScalarNode) and key_node.tag == f"{_TAG}str"):
                raise self._refusal(key_node, path, "a key that is not text, expected text; put it in quotes")
            key = key_node.value
            if key in value:
                first = self.lines[(*path, key)]
                raise self._refusal(
                    key_node, (*path, key), f"the key a second time, expected it once; see line {first}"
                )
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            value[key] = self.value(item, (*path, key))
        return value

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> str | int | bool | None:
        text = str(node.value)
        if node.tag == f"{_TAG}str":
            return text
        pattern, _first = _SCALARS.get(node.tag, (None, ""))
        if pattern is None or not pattern.fullmatch(text):
            raise self._refusal(node, path, f"the tag {node.tag.replace(_TAG, '!!')}, expected plain YAML")
        if node.tag == f"{_TAG}int":
            return int(text)
        return text == "true" if node.tag == f"{_TAG}bool" else None

    def _refusal(self, node: yaml.Node, path: Path, found: str) -> Refusal:
        line = node.start_mark.line + 1
        return Refusal("DATA", f"{self.place}:{line}: {path_text(path) or 'the document'}: found {found}")
