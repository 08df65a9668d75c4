# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes as values: what one asks, and when its answers were good for long enough.

Invariants:

* A `Probe` exists only when its document was right; its ``doc`` has every field, so equal probes have equal digests.
* A `Streak` is done only when the last ``in_a_row`` answers were good without a bad one between them *and* the good
  ones span ``over_s``. One bad answer begins the count again, so a single flake costs time and not the release.
* Where an earlier run saw them span that time already, and the same processes run still, the time counts once; a bad
  answer takes that back, too.
* A release that dies some seconds after its start answers every probe until then. So `with_unit_probe` lets a unit
  probe that watches for `UNIT_OVER_S` seconds run beside whatever else a service defines.

No dataclasses here and in what looks and judges: to load them takes longer than to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

from .errors import Refusal

COMMON: dict[str, Any] = {"from": "host", "timeout_s": 5, "in_a_row": 3, "over_s": 2, "every_ms": 500}
UNIT_OVER_S = 5
MAX_PROBES = 64

Check = Callable[[Any], "str | None"]  # a value -> what was expected instead, or None when it is right

_REQUIRED = object()
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(/[!-\"$-~]*)?")
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*\.(service|socket|target|timer|path|mount|slice|scope)")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Probe(NamedTuple):
    """One question to a service, asked again and again.

    Args:
        kind: a key of `KINDS`.
        name: what people call it; unique in a service.
        place: ``host`` or ``controller``: where it is asked from.
        timeout_s: how long one answer may take, from the connection to the last byte.
        in_a_row: good answers without a bad one between them.
        over_s: the time that these must span.
        every_ms: from the beginning of one question to the beginning of the next.
        fields: what only this kind has, complete.
    """

    kind: str
    name: str
    place: str
    timeout_s: int
    in_a_row: int
    over_s: int
    every_ms: int
    fields: dict[str, Any]

    @property
    def doc(self) -> dict[str, Any]:
        """The canonical document: every field is there."""
        common = {name: getattr(self, "place" if name == "from" else name) for name in COMMON}
        return {"kind": self.kind, "name": self.name, **self.fields, **common}

    @property
    def least_ms(self) -> int:
        """The shortest time in which it can pass."""
        return max(self.over_s * 1000, (self.in_a_row - 1) * self.every_ms)


class Streak(NamedTuple):
    """Counts good answers in a row and the time that they span.

    Args:
        in_a_row: good answers needed.
        over_ms: time that they must span.
        good: good answers since the last bad one.
        since_ms: time of the first of them.
        last_ms: time of the latest answer of any kind.
        vouched: the time was spanned before, by the processes that run still.
    """

    in_a_row: int
    over_ms: int
    good: int = 0
    since_ms: int | None = None
    last_ms: int | None = None
    vouched: bool = False

    @classmethod
    def of(cls, probe: Probe, vouched: bool = False) -> Streak:
        """The empty streak that a probe has to fill."""
        return cls(probe.in_a_row, probe.over_s * 1000, vouched=vouched)

    def add(self, time_ms: int, ok: bool) -> Streak:
        """The streak after one more answer.

        Raises:
            ValueError: the time lies before the latest answer's.
        """
        if self.last_ms is not None and time_ms < self.last_ms:
            raise ValueError(f"answer of {time_ms} ms after one of {self.last_ms} ms")
        if not ok:
            return self._replace(good=0, since_ms=None, last_ms=time_ms, vouched=False)
        since_ms = time_ms if self.since_ms is None else self.since_ms
        return self._replace(good=self.good + 1, since_ms=since_ms, last_ms=time_ms)

    @property
    def spans_ms(self) -> int:
        """The time between the first and the last good answer in a row."""
        return 0 if self.since_ms is None or self.last_ms is None else self.last_ms - self.since_ms

    @property
    def done(self) -> bool:
        """Good often enough over long enough."""
        return self.good >= self.in_a_row and (self.vouched or self.spans_ms >= self.over_ms)

    @property
    def text(self) -> str:
        """Where it stands, for people."""
        needed = f"{self.in_a_row} over {self.over_ms / 1000:g} s"
        return f"{self.good} good in a row over {self.spans_ms / 1000:.1f} s, expected {needed}"


# --- documents to values ---------------------------------------------------------------------------------------------


def parse(doc: Any, where: str = "probe") -> Probe:
    """The probe of a document; fields that it leaves out take their defaults.

    Args:
        doc: ``{"kind": …, …}`` as plain values.
        where: the place of the document, for messages.

    Raises:
        Refusal: DATA, with the place, what was found and what was expected.
    """
    if not isinstance(doc, dict):
        raise _wrong(where, doc, "a probe: a mapping with its kind")
    kind = doc.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise _wrong(f"{where}.kind", kind, f"one of {', '.join(sorted(KINDS))}", word=kind, known=KINDS)
    table = {**_COMMON_FIELDS, **KINDS[kind]}
    _refuse_unknown(doc, {"kind", "name", *table}, where)
    values = {name: _field(doc, name, default, check, where) for name, (default, check) in table.items()}
    common = {name: values.pop(name) for name in COMMON}
    if common["from"] == "controller" and kind not in ("http", "tcp"):
        raise _wrong(f"{where}.from", "controller", f"host: a {kind} probe runs on the host only")
    name = doc.get("name", _default_name(kind, values))
    expected = _is_text(200)(name)
    if expected:
        raise _wrong(f"{where}.name", name, expected)
    place = common.pop("from")
    return Probe(kind=kind, name=name, place=place, fields=values, **common)


def parse_all(docs: Any, where: str = "probes") -> tuple[Probe, ...]:
    """The probes of a service; their names are unique.

    Raises:
        Refusal: DATA, with the place, what was found and what was expected.
    """
    if not isinstance(docs, list) or len(docs) > MAX_PROBES:
        raise _wrong(where, docs, f"a list of at most {MAX_PROBES} probes")
    probes: list[Probe] = []
    for index, doc in enumerate(docs):
        probe = parse(doc, f"{where}[{index}]")
        if probe.name in [other.name for other in probes]:
            raise _wrong(f"{where}[{index}].name", probe.name, "a name that no other probe of the service has")
        probes.append(probe)
    return tuple(probes)


def with_unit_probe(probes: Iterable[Probe], unit: str) -> tuple[Probe, ...]:
    """The probes, and one of the service's own unit unless they have it.

    It makes sure that a release which answers well and then dies is never taken for a good one.
    """
    given = tuple(probes)
    if any(probe.kind == "unit" and probe.fields["unit"] == unit for probe in given):
        return given
    return (*given, parse({"kind": "unit", "unit": unit, "name": f"unit {unit} (always)"}))


def split_url(url: str) -> tuple[str, str, int, str]:
    """Scheme, host without brackets, port and request target of a URL that `parse` accepted."""
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(f"not a probe's URL: {url!r}")
    scheme, host, port, target = match.groups()
    return scheme, host.strip("[]"), int(port or (443 if scheme == "https" else 80)), target or "/"


def _field(doc: dict[str, Any], name: str, default: Any, check: Check, where: str) -> Any:
    if name not in doc:
        if default is _REQUIRED:
            raise Refusal("DATA", f"{where}: found no {name}, a {doc['kind']} probe needs it", path=f"{where}.{name}")
        return list(default) if isinstance(default, list) else dict(default) if isinstance(default, dict) else default
    expected = check(doc[name])
    if expected:
        raise _wrong(f"{where}.{name}", doc[name], expected)
    return doc[name]


def _refuse_unknown(doc: dict[str, Any], known: set[str], where: str) -> None:
    for name in doc:
        if name not in known:
            raise _wrong(f"{where}.{name}", name, "a known key", word=str(name), known=known)


def _wrong(path: str, found: Any, expected: str, word: Any = None, known: Iterable[str] = ()) -> Refusal:
    text = repr(found)
    message = f"{path}: found {text[:120]}{'…' if len(text) > 120 else ''}, expected {expected}"
    if isinstance(word, str):
        from .nearest import hint

        message = f"{message}; {hint(word, known)}"
    return Refusal("DATA", message, path=path)


def _default_name(kind: str, values: dict[str, Any]) -> str:
    parts: dict[str, Callable[[], str]] = {
        "http": lambda: str(values["url"]),
        "tcp": lambda: f"{values['host']}:{values['port']}",
        "command": lambda: " ".join(values["command"]),
        "unit": lambda: str(values["unit"]),
        "log": lambda: f"{values['unit']} {'without' if values['absent'] else 'with'} {values['pattern']}",
    }
    text = re.sub(r"[^ -~]", "?", f"{kind} {parts[kind]()}")
    return text if len(text) <= 200 else text[:197] + "..."


# --- checks of single fields -----------------------------------------------------------------------------------------


def _is_int(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if right else f"an integer from {low} to {high}"

    return check


def _is_one_of(*words: str) -> Check:
    return lambda value: None if isinstance(value, str) and value in words else f"one of {', '.join(words)}"


def _is_text(longest: int) -> Check:
    def check(value: Any) -> str | None:
        right = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
        return None if right else f"1 to {longest} printable characters"

    return check


def _is_match(pattern: re.Pattern[str], expected: str) -> Check:
    return lambda value: None if isinstance(value, str) and pattern.fullmatch(value) else expected


def _or_null(check: Check) -> Check:
    def check_or_null(value: Any) -> str | None:
        expected = None if value is None else check(value)
        return f"{expected}, or null" if expected else None

    return check_or_null


def _is_bool(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _is_regex(value: Any) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= 1000:
        return "a regular expression of 1 to 1000 characters"
    try:
        re.compile(value)
    except re.error as error:
        return f"a regular expression ({error})"
    return None


def _is_url(value: Any) -> str | None:
    match = _URL.fullmatch(value) if isinstance(value, str) and len(value) <= 2000 else None
    right = match is not None and 0 < int(match.group(3) or 80) < 65536
    return None if right else "a URL such as http://127.0.0.1:8080/health, without user, password and fragment"


def _is_statuses(value: Any) -> str | None:
    check = _is_int(100, 599)
    right = isinstance(value, list) and value and all(check(status) is None for status in value)
    return None if right else "a list of HTTP status codes from 100 to 599"


def _is_headers(value: Any) -> str | None:
    right = isinstance(value, dict) and all(
        isinstance(name, str) and _TOKEN.fullmatch(name) and _is_regex(pattern) is None
        for name, pattern in value.items()
    )
    return None if right else "a mapping of header names to regular expressions"


def _is_json_paths(value: Any) -> str | None:
    right = isinstance(value, dict) and all(isinstance(path, str) and all(path.split(".")) for path in value)
    return None if right else "a mapping of paths such as a.b.0 to the values that must be there"


def _is_http_release(value: Any) -> str | None:
    kind, _colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    right = (
        value == "body"
        or (kind == "header" and _TOKEN.fullmatch(rest) is not None)
        or (kind == "json" and all(rest.split(".")))
    )
    return None if right else "header:NAME, json:PATH or body"


def _is_command(value: Any) -> str | None:
    right = (
        isinstance(value, list)
        and 0 < len(value) <= 100
        and all(isinstance(word, str) and len(word) <= 4096 and "\0" not in word for word in value)
        and value[0]
        and ".." not in value[0].split("/")
    )
    return None if right else "a list: a program (absolute, or relative to the release) and its arguments"


_is_unit = _is_match(_UNIT, "the name of a systemd unit such as web.service")
_is_host = _is_match(re.compile(r"[0-9A-Fa-f:.]+|[A-Za-z0-9._-]+"), "a host name or an address")
_is_user = _is_match(re.compile(r"[a-z_A-Z0-9][a-zA-Z0-9_.-]{0,31}"), "the name of a user")

_COMMON_FIELDS: dict[str, tuple[Any, Check]] = {
    "from": (COMMON["from"], _is_one_of("host", "controller")),
    "timeout_s": (COMMON["timeout_s"], _is_int(1, 300)),
    "in_a_row": (COMMON["in_a_row"], _is_int(1, 100)),
    "over_s": (COMMON["over_s"], _is_int(0, 3600)),
    "every_ms": (COMMON["every_ms"], _is_int(50, 60000)),
}

# kind -> field -> (default, check)
KINDS: dict[str, dict[str, tuple[Any, Check]]] = {
    "http": {
        "url": (_REQUIRED, _is_url),
        "method": ("GET", _is_one_of("GET", "HEAD")),
        "status": ([200], _is_statuses),
        "headers": ({}, _is_headers),
        "body": (None, _or_null(_is_regex)),
        "json": ({}, _is_json_paths),
        "latency_ms": (None, _or_null(_is_int(1, 300000))),
        "release": (None, _or_null(_is_http_release)),
    },
    "tcp": {"host": ("127.0.0.1", _is_host), "port": (_REQUIRED, _is_int(1, 65535))},
    "command": {
        "command": (_REQUIRED, _is_command),
        "user": (None, _or_null(_is_user)),
        "rc": (0, _is_int(0, 255)),
        "stdout": (None, _or_null(_is_regex)),
        "release": (None, _or_null(_is_one_of("stdout"))),
    },
    "unit": {"unit": (_REQUIRED, _is_unit), "over_s": (UNIT_OVER_S, _is_int(0, 3600))},
    "log": {"unit": (_REQUIRED, _is_unit), "pattern": (_REQUIRED, _is_regex), "absent": (False, _is_bool)},
}


def defaults(kind: str) -> dict[str, Any]:
    """The fields that a probe of this kind may leave out, with what they then are."""
    table = {**_COMMON_FIELDS, **KINDS[kind]}
    return {name: default for name, (default, _check) in table.items() if default is not _REQUIRED}


def required(kind: str) -> tuple[str, ...]:
    """The fields that a probe of this kind must have."""
    return tuple(name for name, (default, _check) in KINDS[kind].items() if default is _REQUIRED)
