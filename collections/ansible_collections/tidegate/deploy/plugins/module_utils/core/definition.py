# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service definition: all that shapes an effect on a host, as one canonical document with a digest.

A `Definition` exists only when its document was right and complete; there are no defaults here, they are filled in
where a site's data is read, so that the digest covers every one of them.
"""

from __future__ import annotations

import re

from . import canonical
from .errors import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Optional

    Check = Callable[[Any], Optional[str]]  # a value -> what was expected instead, or None when it is right

SERVICE = re.compile(r"[a-z][a-z0-9-]{0,62}")
UNIT = re.compile(r"[A-Za-z0-9:_.@-]{1,240}\.service")
USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
STARTS = ("restart", "reload-or-restart")
LIMITS = ("drain_s", "hook_s", "restart_s", "probe_s", "confirm_s")
LONGEST_S = 24 * 3600
MAX_KEEP = 1000
_RESERVED_ROOTS = frozenset(
    "/ /bin /boot /dev /etc /home /lib /proc /root /run /sbin /sys /usr /usr/local /usr/local/lib /var /var/lib".split()
)
_OWN_FOLDERS = ("/var/lib/tidegate", "/usr/local/lib/tidegate", "/run/tidegate")


class Definition:
    """How one service is run on one host.

    Args:
        doc: a document that `parse` accepted, such as one from the journal.
    """

    __slots__ = ("doc",)

    def __init__(self, doc: dict[str, Any]) -> None:
        self.doc = doc

    @classmethod
    def parse(cls, doc: Any, where: str = "definition") -> Definition:
        """The definition that a document is.

        Args:
            doc: plain values; every key must be there.
            where: the place of the document, for messages.

        Raises:
            Refusal: DATA, with the place, what was found and what was expected.
        """
        _object(doc, where, _FIELDS)
        _drain(doc["drain"], f"{where}.drain")
        _object(doc["hooks"], f"{where}.hooks", {"before": _any, "after": _any})
        for name in ("before", "after"):
            if doc["hooks"][name] is not None:
                _object(doc["hooks"][name], f"{where}.hooks.{name}", _HOOK)
        _object(doc["limits"], f"{where}.limits", {name: _int(1, LONGEST_S) for name in LIMITS})
        _links(doc["links"], f"{where}.links")
        _probes(doc, f"{where}.probes")
        return cls(doc)

    @property
    def service(self) -> str:
        """The name of the service."""
        return str(self.doc["service"])

    @property
    def root(self) -> str:
        """The folder with its releases and `current`."""
        return str(self.doc["root"])

    @property
    def unit(self) -> str:
        """Its systemd unit."""
        return str(self.doc["unit"])

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical document."""
        return canonical.digest(self.doc)

    def limit_s(self, name: str) -> int:
        """One of its limits, in seconds."""
        return int(self.doc["limits"][f"{name}_s"])

    def effects_s(self) -> int:
        """How long the effects of an activation may take, in seconds."""
        limits = self.doc["limits"]
        return int(2 * limits["drain_s"] + 2 * limits["hook_s"] + limits["restart_s"] + limits["probe_s"])

    def deadline_s(self) -> int:
        """How long after its begin an activation must be confirmed, in seconds."""
        return self.effects_s() + self.limit_s("confirm")


# --- checks of single values -----------------------------------------------------------------------------------------


def _wrong(path: str, found: Any, expected: str) -> Refusal:
    return Refusal("DATA", f"{path}: found {str(found)[:120]!r}, expected {expected}", path=path)


def _object(value: Any, where: str, fields: dict[str, Check]) -> None:
    if not isinstance(value, dict):
        raise _wrong(where, value, "a mapping")
    for key in value:
        if key not in fields:
            from .nearest import hint

            raise Refusal("DATA", f"{where}: unknown key {key!r}; {hint(str(key), fields)}", path=f"{where}.{key}")
    for key, check in fields.items():
        if key not in value:
            raise Refusal("DATA", f"{where}: key {key!r} is missing", path=f"{where}.{key}")
        expected = check(value[key])
        if expected:
            raise _wrong(f"{where}.{key}", value[key], expected)


def _any(_value: Any) -> Optional[str]:
    return None


def _int(low: int, high: int) -> Check:
    def check(value: Any) -> Optional[str]:
        right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if right else f"an integer from {low} to {high}"

    return check


def _one_of(words: Iterable[Any]) -> Check:
    known = tuple(words)
    return lambda value: (
        None if value in known and not isinstance(value, bool) else f"one of {', '.join(map(str, known))}"
    )


def _text(pattern: re.Pattern[str], expected: str) -> Check:
    return lambda value: None if isinstance(value, str) and pattern.fullmatch(value) else expected


def _or_null(check: Check) -> Check:
    def check_or_null(value: Any) -> Optional[str]:
        expected = None if value is None else check(value)
        return f"{expected}, or null" if expected else None

    return check_or_null


def absolute_path_problem(value: Any) -> Optional[str]:
    """Why a value is not a plain absolute path, or None."""
    right = (
        isinstance(value, str)
        and value.startswith("/")
        and value.isprintable()
        and len(value) <= 1024
        and all(part not in ("", ".", "..") for part in value[1:].split("/"))
    )
    return None if right else "an absolute path without '.', '..', empty parts or control characters"


def _root(value: Any) -> Optional[str]:
    problem = absolute_path_problem(value)
    if problem is None and (_is_reserved(value) or not re.fullmatch(r"[A-Za-z0-9/_.+-]+", value)):
        return "a folder of its own such as /opt/web, of letters, digits and / _ . + -"
    return problem


def _is_reserved(root: str) -> bool:
    return root in _RESERVED_ROOTS or any(f"{root}/".startswith(f"{own}/") for own in _OWN_FOLDERS)


def _command(value: Any) -> Optional[str]:
    right = (
        isinstance(value, list)
        and 0 < len(value) <= 100
        and all(isinstance(word, str) and len(word) <= 4096 and "\0" not in word for word in value)
        and value[0]
        and ".." not in value[0].split("/")
    )
    return None if right else "a list: a program (absolute, or relative to the release) and its arguments"


_HOOK: dict[str, Check] = {
    "command": _command,
    "user": _or_null(_text(USER, "the name of a user")),
    "timeout_s": _int(1, LONGEST_S),
}

_FIELDS: dict[str, Check] = {
    "v": _one_of([1]),
    "service": _text(SERVICE, "a name of lower-case letters, digits and '-'"),
    "root": _root,
    "unit": _text(UNIT, "the name of a systemd unit such as web.service"),
    "owner": _text(USER, "the name of a user"),
    "group": _text(USER, "the name of a group"),
    "user": _or_null(_text(USER, "the name of a user")),
    "start": _one_of(STARTS),
    "links": _any,
    "drain": _any,
    "hooks": _any,
    "probes": _any,
    "limits": _any,
    "keep": _int(0, MAX_KEEP),
}


def _drain(value: Any, where: str) -> None:
    if value is None:
        return
    wait = _int(0, LONGEST_S)
    if isinstance(value, dict) and "file" in value:
        _object(value, where, {"file": absolute_path_problem, "wait_s": wait, "closes": _or_null(_url)})
        return
    _object(value, where, {"drain": _any, "undrain": _any, "wait_s": wait, "closes": _or_null(_url)})
    for name in ("drain", "undrain"):
        _object(value[name], f"{where}.{name}", _HOOK)


def _url(value: Any) -> Optional[str]:
    right = isinstance(value, str) and re.fullmatch(r"https?://[^\s/@]+(/[^\s#]*)?", value)
    return None if right else "a URL such as http://127.0.0.1:8080/health, without user and fragment"


def _links(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(where, value, "a mapping of paths in the release to absolute paths")
    for path, target in value.items():
        parts = path.split("/") if isinstance(path, str) else [""]
        if not (path.isprintable() and len(path) <= 1024) or any(part in ("", ".", "..") for part in parts):
            raise _wrong(f"{where}.{path}", path, "a path inside the release")
        problem = absolute_path_problem(target)
        if problem:
            raise _wrong(f"{where}.{path}", target, problem)


def _probes(doc: dict[str, Any], where: str) -> None:
    from . import health  # only a parsed definition needs it; most steps read one from the journal

    probes = health.parse_all(doc["probes"], where)
    closes = (doc["drain"] or {}).get("closes")
    for index, probe in enumerate(probes):
        if closes and probe.place == "host" and probe.kind == "http" and probe.fields["url"] == closes:
            raise Refusal(
                "DATA",
                f"{where}[{index}].url: found {closes!r}, which draining closes; a probe runs while the service is "
                "drained, so it must ask another endpoint",
                path=f"{where}[{index}].url",
            )
        if probe.doc != doc["probes"][index]:
            missing = sorted(set(probe.doc) - set(doc["probes"][index]))
            raise Refusal("DATA", f"{where}[{index}]: keys {', '.join(missing)} are missing", path=f"{where}[{index}]")
