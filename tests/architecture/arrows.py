# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arrows between the parts of the collection, read from the import statements of its files.

A part is where a file lies below ``plugins/``: ``core`` and ``host`` in ``module_utils``, a *room* of ``plugin_utils``, or
a *door* (any kind of plugin that Ansible loads by name). `violations` names every import that goes against an arrow.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

COLLECTION = "ansible_collections.tidegate.deploy.plugins"

# From the top down: a room may use any room below it and none above.
ROOMS = [
    "present",
    "procedure",
    "outcome",
    "people",
    "verify",
    "distribute",
    "approve",
    "sequence",
    "assess",
    "policy",
    "change",
    "inventory",
]
# They stand beside the list: everyone may use them, they know no room.
BESIDE = ["ledger", "reach"]
DOORS = ["action", "modules", "callback", "filter", "lookup", "test", "doc_fragments"]

# What core may use of the standard library: nothing that knows a clock, a file, the environment or a process.
PURE = {
    *("__future__", "abc", "base64", "binascii", "bisect", "collections", "copy", "dataclasses", "datetime", "difflib"),
    *("enum", "errno", "fnmatch", "functools", "hashlib", "heapq", "hmac", "ipaddress", "itertools", "json", "math"),
    *("operator", "posixpath", "re", "stat", "statistics", "string", "struct", "textwrap", "types", "typing"),
    *("unicodedata", "urllib.parse"),
}
IMPURE_CALLS = {"open", "input", "print", "exec", "eval", "now", "utcnow", "today"}
# The doors hand stores and clocks to the rooms; what all doors share for that lies in this one file.
WHERE_THE_CLOCK_ENTERS = PurePosixPath("plugin_utils/procedure/site.py")
DYNAMIC_CALLS = {"import_module", "__import__"}
# In the standard library of only some of the Pythons from 3.9 on.
NOT_IN_EVERY_PYTHON = {
    *(
        "tomllib",
        "asynchat",
        "asyncore",
        "distutils",
        "imp",
        "smtpd",
        "aifc",
        "cgi",
        "cgitb",
        "chunk",
        "crypt",
        "imghdr",
    ),
    *(
        "mailcap",
        "msilib",
        "nis",
        "nntplib",
        "ossaudiodev",
        "pipes",
        "sndhdr",
        "spwd",
        "sunau",
        "telnetlib",
        "uu",
        "xdrlib",
    ),
}


@dataclass(frozen=True)
class Violation:
    """One import or call that goes against an arrow."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name; `relative` says how it was written."""

    module: str
    line: int
    relative: bool


@dataclass(frozen=True)
class File:
    """A Python file of the collection: where it stands and what it imports and calls."""

    path: PurePosixPath  # below plugins/
    tree: ast.Module

    @property
    def module(self) -> str:
        parts = self.path.with_suffix("").parts
        return ".".join([COLLECTION, *(parts[:-1] if parts[-1] == "__init__" else parts)])

    @property
    def part(self) -> str:
        return part_of(self.path.parts)

    @cached_property
    def imports(self) -> list[Import]:
        return list(self._imports())

    @property
    def calls(self) -> Iterator[tuple[str, int]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield (getattr(node.func, "id", "") or getattr(node.func, "attr", "")), node.lineno

    def _imports(self) -> Iterator[Import]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, node.lineno, relative=False)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                for alias in node.names:
                    yield Import(f"{base}.{alias.name}", node.lineno, relative=node.level > 0)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = [*COLLECTION.split("."), *self.path.parts[:-1]]
        base = package[: len(package) - node.level + 1]
        return ".".join([*base, node.module] if node.module else base)


def part_of(parts: tuple[str, ...]) -> str:
    """Name the part of a path or module below ``plugins/``: core, host, a room, or a kind of door."""
    if parts[0] in ("module_utils", "plugin_utils"):
        return parts[1].removesuffix(".py") if len(parts) > 1 else parts[0]
    return parts[0]


def read(plugins: Path) -> list[File]:
    """Parse every Python file below the folder ``plugins``."""
    return [
        File(PurePosixPath(path.relative_to(plugins).as_posix()), ast.parse(path.read_text(), str(path)))
        for path in sorted(plugins.rglob("*.py"))
    ]


def violations(files: list[File]) -> list[Violation]:
    """Everything in the files that goes against an arrow."""
    known = {file.module for file in files}
    return [*(violation for file in files for violation in _of_file(file, known)), *_circles(files, known)]


def _of_file(file: File, known: set[str]) -> Iterator[Violation]:
    for imported in file.imports:
        why = _refusal(file, imported, known)
        if why:
            yield Violation(str(file.path), imported.line, why)
    forbidden = _forbidden_calls(file)
    for name, line in file.calls:
        if name in forbidden:
            yield Violation(str(file.path), line, f"{file.part} may not call {name}()")


def _forbidden_calls(file: File) -> set[str]:
    if file.part == "core":
        return IMPURE_CALLS | DYNAMIC_CALLS
    if file.part == "host":
        return DYNAMIC_CALLS
    if file.part in ROOMS and file.path != WHERE_THE_CLOCK_ENTERS:
        return {"now", "utcnow", "today"}
    return set()


def _refusal(file: File, imported: Import, known: set[str]) -> str | None:
    """Why this file may not have this import, or None if it may."""
    own = imported.module.startswith("ansible_collections.")
    if not own:
        return _refusal_of_foreign(file, imported.module)
    if not imported.module.startswith(COLLECTION + "."):
        return f"imports another collection: {imported.module}"
    target = part_of(tuple(imported.module.removeprefix(COLLECTION + ".").split(".")))
    if target == file.part:
        return _refusal_of_style(file, imported)
    if _hidden(imported.module, known):
        return f"{file.part} reaches into the inside of {target}: {imported.module}"
    return None if _may_use(file.part, target) else f"{file.part} may not import {target}"


def _refusal_of_foreign(file: File, module: str) -> str | None:
    part = file.part
    top = module.split(".")[0]
    if part == "core":
        pure = top in PURE or any(module == name or module.startswith(name + ".") for name in PURE)
        return None if pure else f"core may import only what is pure, not {module}"
    if part == "host":
        everywhere = top in sys.stdlib_module_names and top not in NOT_IN_EVERY_PYTHON
        if top == "importlib":
            return "host may not import dynamically"
        return None if everywhere else f"host may import only the standard library of Python 3.9 to 3.13, not {top}"
    if part in ROOMS and top == "time" and file.path != WHERE_THE_CLOCK_ENTERS:
        return f"{part} may not import time: the doors hand clocks in"
    if part != "ledger" and top == "sqlalchemy":
        return "only ledger may import sqlalchemy"
    return None


def _refusal_of_style(file: File, imported: Import) -> str | None:
    if file.path.parts[0] == "module_utils":
        return None if imported.relative else f"module_utils imports itself relatively, not as {imported.module}"
    if file.part in DOORS:
        return f"a door may not import a door: {imported.module}"
    return "only module_utils may use relative imports" if imported.relative else None


def _hidden(module: str, known: set[str]) -> bool:
    """Whether the import names a module or a name that its owner calls private."""
    name = module.rsplit(".", 1)[-1] if module not in known else module
    return any(word.startswith("_") and not word.startswith("__") for word in name.split("."))


def _may_use(part: str, target: str) -> bool:
    if part == "core":
        return False
    if part == "host":
        return target == "core"
    if part in BESIDE:
        return target == "core"
    if part == "modules":
        return target in ("core", "host")  # AnsiballZ ships nothing else
    if part in DOORS:
        return target not in DOORS
    if part in ROOMS:
        return target in ("core", "host", *BESIDE) or target in ROOMS[ROOMS.index(part) + 1 :]
    return False


def _circles(files: list[File], known: set[str]) -> Iterator[Violation]:
    """One violation for each circle of files, told from the file where the search met it first."""
    uses = {file.module: _uses(file, known) for file in files}
    done: set[str] = set()
    for file in files:
        for circle in _circles_from(file.module, uses, done, []):
            told = " → ".join(name.removeprefix(COLLECTION + ".") for name in circle)
            yield Violation(str(file.path), 1, f"circle: {told}")


def _uses(file: File, known: set[str]) -> list[str]:
    used: set[str] = set()
    for imported in file.imports:
        used |= {imported.module, imported.module.rpartition(".")[0]} & known
    return sorted(used - {file.module})


def _circles_from(module: str, uses: dict[str, list[str]], done: set[str], path: list[str]) -> Iterator[list[str]]:
    if module in path:
        yield [*path[path.index(module) :], module]
    elif module not in done:
        for used in uses[module]:
            yield from _circles_from(used, uses, done, [*path, module])
        done.add(module)
