# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not attacked because it is not there: as soon as it is, a test here fails and names the attack to be tested.

Whoever makes such a surface writes the test of the attack, enters that in `attacks.table`, and takes the surface out of here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

COLLECTION = Path(__file__).parents[2] / "collections/ansible_collections/tidegate/deploy"


class Surface(NamedTuple):
    """By what something that could be attacked would be seen.

    Attributes:
        modules: that nobody imports who has not got it.
        calls: names of functions and methods.
        text: in a text of a program.
        files: names of files.
    """

    modules: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    text: str = r"(?!)"
    files: str = r"(?!)"


SURFACES = {
    "F08": Surface(
        modules=("html", "markupsafe", "jinja2"),
        text=r"(?i)<!doctype|</?(html|head|body|div|span|table|script|style|svg|a|img|iframe)(\s[^>]*)?/?>",
        files=r"\.(html?|svg|j2)$",
    ),
    "F17": Surface(
        modules=("prometheus_client", "opentelemetry"),
        text=r"(?i)(^|\n)# (TYPE|HELP|EOF|UNIT)\b|openmetrics|text/plain; version=0\.0\.4",
        files=r"\.prom$",
    ),
    "F18": Surface(
        modules=(
            "http.server",
            "socketserver",
            "wsgiref",
            "xmlrpc",
            "flask",
            "aiohttp",
            "tornado",
            "uvicorn",
            "fastapi",
        ),
        calls=("bind", "create_server", "create_unix_server", "start_server", "start_unix_server"),
    ),
}
"""HTML in reports; metrics; something that listens."""

SEEN = (
    ("F08", "import jinja2", "imports jinja2"),
    ("F08", "from html import escape", "imports html"),
    ("F08", "page = f'<table class=x>{rows}</table>'", "writes '<table class=x>'"),
    ("F08", "chart = '<svg>'", "writes '<svg>'"),
    ("F17", "line = '# TYPE tidegate_changes counter'", "writes '# TYPE'"),
    ("F17", "import prometheus_client as p", "imports prometheus_client"),
    ("F18", "from http.server import BaseHTTPRequestHandler", "imports http.server"),
    ("F18", "def f(s):\n    s.bind(('', 80))", "calls bind"),
    ("F18", "import asyncio\nasyncio.start_server(f)", "calls start_server"),
)
"""What each would be seen by: the row, a program, and what is said of it."""

UNSEEN = (
    "'''A report of <host> in HTML, served by http.server'''",
    "text = 'a < b, <host>, <name>'",
    "event.listen(engine, 'connect', f)",
    "import http.client",
)


@cache
def parsed(program: str) -> list[ast.AST]:
    """A program in its parts."""
    return list(ast.walk(ast.parse(program)))


def imported(node: ast.AST) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def found(surface: Surface, program: str) -> Iterator[str]:
    """What a program has of a surface; in what it says, not in what it documents."""
    nodes = parsed(program)
    told = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        for module in surface.modules:
            if any(name == module or name.startswith(f"{module}.") for name in imported(node)):
                yield f"imports {module}"
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in surface.calls:
                yield f"calls {name}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            written = re.search(surface.text, node.value)
            if written:
                yield f"writes {written.group().strip()!r}"


@pytest.mark.parametrize("row", SURFACES)
def test_what_is_not_there_cannot_be_attacked(row: str) -> None:
    """No report in HTML, no metrics, nothing that listens: whoever adds one tests the attack first."""
    surface = SURFACES[row]
    ours = [path for path in sorted(COLLECTION.rglob("*")) if "tests" not in path.relative_to(COLLECTION).parts]
    seen = [f"{path}: a file" for path in ours if re.search(surface.files, path.name)]
    for path in ours:
        if path.suffix == ".py" and "plugins" in path.parts:
            seen += [f"{path}: {what}" for what in found(surface, path.read_text(encoding="utf-8"))]
    assert seen == [], f"test attack {row} (tests/attacks/table.py), and take its surface out of SURFACES"


@pytest.mark.parametrize(("row", "program", "what"), SEEN)
def test_a_surface_is_seen(row: str, program: str, what: str) -> None:
    """By what it imports, calls or writes."""
    assert what in list(found(SURFACES[row], program))


@pytest.mark.parametrize("program", UNSEEN)
def test_what_only_looks_like_one_is_not(program: str) -> None:
    """Words about it, names in brackets, and clients."""
    assert [what for surface in SURFACES.values() for what in found(surface, program)] == []
