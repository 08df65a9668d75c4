# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schema does not allow is told in words: path, found, expected, nearest key."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import (
    Problem,
    _validator,
    nearest,
    path_text,
    problems,
    refuse,
    shown,
)

PATHS = {
    (): "",
    ("web",): "web",
    ("web", "probes", 0, "http", "url"): "web.probes[0].http.url",
    ("links", "config/site.yml"): 'links["config/site.yml"]',
    (0, "a"): "[0].a",
    ("a",) * 20: ".".join("a" * 12) + "…",
}


@pytest.mark.parametrize(("path", "text"), PATHS.items())
def test_paths(path, text):
    """A path reads as people write it."""
    assert text == path_text(path)


SHOWN = [
    (None, "nothing"),
    (True, "true"),
    (7, "7"),
    ("a\nb", "'a\\nb'"),
    ({}, "an empty mapping"),
    ({"a": 1, "b": 2}, "a mapping with a, b"),
    ([], "an empty list"),
    ([1, 2], "a list of 2"),
    ("x" * 100, "'" + "x" * 79 + "…"),
    ("https://user:secret@example.com/x", "'https://…@example.com/x'"),
    ("https://example.com/x?signature=secret", "'https://example.com/x?…'"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_shown(value, text):
    """A value is shown short, on one line, and without a password."""
    assert text == shown(value)


def test_nearest():
    """The known name that is most like a wrong one is found, and none when all are far."""
    assert "probes" == nearest("prob", ["unit", "probes", "root"])
    assert nearest("x", ["unit", "probes"]) is None


SCHEMA = {
    "type": "object",
    "required": ["count"],
    "additionalProperties": False,
    "properties": {
        "count": {"type": "integer", "minimum": 1},
        "mode": {"enum": ["a", "b"]},
        "text": {"type": "string", "pattern": "^[a-z]+$", "description": "lower-case letters"},
        "many": {"type": ["array", "null"], "items": {"type": "string"}},
    },
}
WRONG = {
    "missing": ({}, [Problem(("count",), "nothing", "a value")]),
    "boolean": ({"count": True}, [Problem(("count",), "true", "integer")]),
    "whole fraction": ({"count": 1.0}, [Problem(("count",), "1.0", "integer")]),
    "too small": ({"count": 0}, [Problem(("count",), "0", "minimum 1")]),
    "enum": ({"count": 1, "mode": "c"}, [Problem(("mode",), "'c'", "one of 'a', 'b'")]),
    "pattern": ({"count": 1, "text": "A"}, [Problem(("text",), "'A'", "lower-case letters")]),
    "newline at the end": ({"count": 1, "text": "a\n"}, [Problem(("text",), "'a\\n'", "lower-case letters")]),
    "two types": ({"count": 1, "many": 1}, [Problem(("many",), "1", "array or null")]),
    "item": ({"count": 1, "many": ["a", 1]}, [Problem(("many", 1), "1", "string")]),
    "unknown": (
        {"count": 1, "txt": 1},
        [Problem(("txt",), "an unknown key", "one of count, mode, text, many", "text")],
    ),
    "keys that are no text": (
        {"count": 1, 12: 1, False: 1},
        [
            Problem(("12",), "a name that YAML reads as 12", "text: put it in quotes"),
            Problem(("False",), "a name that YAML reads as false", "text: put it in quotes"),
        ],
    ),
    "right": ({"count": 1, "mode": "a", "text": "a", "many": None}, []),
}


@pytest.mark.parametrize(("document", "expected"), WRONG.values(), ids=WRONG)
def test_problems(document, expected):
    """Each kind of mistake has its words."""
    assert expected == problems(document, SCHEMA)


def test_refuse_tells_all_with_their_lines():
    """Problems are told in the order of the file; one without a line of its own has its parent's."""
    found = [Problem(("b", "c"), "1", "2"), Problem(("a",), "3", "4", "aa")]

    with pytest.raises(Refusal) as caught:
        refuse("x.yml", found, {("a",): 1, ("b",): 2})

    assert ["x.yml:1: a: found 3, expected 4; did you mean aa?", "x.yml:2: b.c: found 1, expected 2"] == (
        caught.value.message.splitlines()
    )
    assert {"path": "a", "found": "3", "expected": "4", "near": "aa"} == caught.value.facts["problems"][0]


def test_nothing_wrong_is_no_refusal():
    """Without problems nothing is refused."""
    refuse("x.yml", [])


def test_without_jsonschema_one_message_says_how_to_get_it(monkeypatch):
    """A missing package is told with the command that installs it for the Python that runs Ansible."""
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    _validator.cache_clear()

    with pytest.raises(Refusal) as caught:
        problems({}, SCHEMA)

    assert "DEPENDENCY" == caught.value.code
    assert f"{sys.executable} -m pip install 'jsonschema>=4.18'" in caught.value.message
