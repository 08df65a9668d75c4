# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names inside a release: which paths and links may exist, and how any name is shown to people.

Names come from archives of strangers and end up in paths of hosts and in the terminals of operators.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

MAX_COMPONENT_BYTES = 255
MAX_DEPTH = 128
MAX_HOPS = 32
MAX_PATH_BYTES = 1024

_FORBIDDEN_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def parents(path: str) -> list[str]:
    """The folders above a path, outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def printable(name: str | bytes) -> str:
    """A name as it may be shown: what a terminal or log could misread is escaped, and what is long is cut."""
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    shown = "".join(_escaped(char) if _forbidden(char) else char for char in text[:200])
    return shown + "…" if len(text) > 200 else shown


def text_problem(text: str) -> str | None:
    """Why a name cannot be written and read without doubt, or None."""
    if text.isascii() and text.isprintable():
        return None
    bad = next((char for char in text if _forbidden(char)), None)
    return None if bad is None else f"control character {_escaped(bad)}"


def path_problem(path: str) -> str | None:
    """Why a text is not a path inside a release, or None; how long it may be is `size_problem`."""
    if not path:
        return "empty name"
    if path.startswith("/"):
        return "absolute path"
    problem = text_problem(path)
    if problem:
        return problem
    parts = path.split("/")
    if ".." in parts:
        return "path with a '..' component"
    if "." in parts or "" in parts:
        return "path with an empty or '.' component"
    return None


def size_problem(path: str, max_bytes: int) -> str | None:
    """Why a path is too long or too deep to be sure that every host can hold it, or None."""
    parts = path.split("/")
    if len(path.encode("utf-8")) > max_bytes:
        return f"path longer than {max_bytes} bytes"
    if len(parts) > MAX_DEPTH:
        return f"path deeper than {MAX_DEPTH} folders"
    if any(len(part.encode("utf-8")) > MAX_COMPONENT_BYTES for part in parts):
        return f"path component longer than {MAX_COMPONENT_BYTES} bytes"
    return None


def link_steps(path: str, target: str) -> list[str] | None:
    """The paths that following a link visits, its end last; `[""]` is the release itself.

    Only leading `..` are followed, because after a name `..` means the parent of whatever that name points at.

    Returns:
        None when the target is absolute, leaves the release, or has a `..` after a name.
    """
    parts = path.split("/")[:-1]
    steps = ["/".join(parts)]
    named = False
    if target.startswith("/"):
        return None
    for part in target.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if named or not parts:
                return None
            parts = parts[:-1]
        else:
            named = True
            parts = [*parts, part]
        steps.append("/".join(parts))
    return steps


def link_problem(path: str, target: str) -> str | None:
    """Why a link may not be in a release, or None; whether it passes through other links is seen elsewhere."""
    if not target:
        return "link without a target"
    problem = text_problem(target)
    if problem:
        return f"link target with a {problem}"
    if target.startswith("/"):
        return f"link to the absolute path {printable(target)}"
    if link_steps(path, target) is None:
        return f"link to {printable(target)}, which leaves the release or has a '..' after a name"
    return None


def link_through(links: Mapping[str, str]) -> tuple[str, str] | None:
    """The first link that passes through another link, or never arrives, with that other link; None when all are sound.

    A link may end at another link, as versioned libraries do: each of the two stays inside by itself.

    Args:
        links: path -> target, each without a `link_problem`.
    """
    for path, target in links.items():
        steps = link_steps(path, target) or []
        for step in steps[:-1]:
            if step in links:
                return path, step
        for _hop in range(MAX_HOPS):
            if not steps or steps[-1] not in links:
                break
            steps = link_steps(steps[-1], links[steps[-1]]) or []
        else:
            return path, steps[-1]
    return None


def collision_key(path: str) -> str:
    """Equal for paths that a file system without case or with another normalization would take for one.

    Canonical caseless matching, Unicode 3.13 D145.
    """
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _forbidden(char: str) -> bool:
    return unicodedata.category(char) in _FORBIDDEN_CATEGORIES


def _escaped(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # an undecodable byte, as surrogateescape carries it
        number -= 0xDC00
    return f"\\x{number:02x}" if number <= 0xFF else f"\\u{number:04x}"
