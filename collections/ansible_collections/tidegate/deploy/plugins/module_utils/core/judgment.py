# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one answer to a probe means.

Invariants:

* Missing data is never good: an answer that could not be had, or not in full where its content counts, is a bad one.
* A probe that knows where the release shows itself is good only when that place names the release asked for.
* Every bad sight says what was found and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .health import Probe

Raw = dict[str, Any]
"""What was observed, as plain values. ``{"error": text}`` when nothing could be observed, else by kind:

====== =========================================================================================================
http   ``status``, ``headers`` (list of pairs), ``body`` (bytes), ``cut`` (the body goes on), ``latency_ms``
tcp    ``latency_ms``
command ``rc``, ``stdout`` (text), ``stderr`` (text), ``cut`` (stdout goes on), ``latency_ms``
unit   ``ActiveState SubState Type Result`` (text), ``NRestarts MainPID ExecMainStatus`` (integers), ``life``
log    ``lines`` (text), ``cut`` (there are more)
====== =========================================================================================================
"""


class Sight(NamedTuple):
    """What one observation means.

    Args:
        ok: as the probe wants it.
        detail: what was found and, when that is wrong, what was expected.
        saw_release: the answer named the release that must be there now.
        final: no later observation can make it good: the service crashed.
        latency_ms: how long the answer took.
    """

    ok: bool
    detail: str
    saw_release: bool = False
    final: bool = False
    latency_ms: int | None = None


def judge(probe: Probe, raw: Raw, release: dict[str, str] | None = None, first: Raw | None = None) -> Sight:
    """What an observation means.

    Args:
        probe: the question.
        raw: the answer, see `Raw`.
        release: ``{"id", "version"}`` of the release that must be there; null: whichever is.
        first: for a unit: what the first look in this series found.
    """
    latency_ms = raw.get("latency_ms")
    if "error" in raw:
        return Sight(False, f"found {raw['error']}, expected {_EXPECTED[probe.kind](probe)}", latency_ms=latency_ms)
    if probe.kind == "unit":
        return _judge_unit(raw, first or raw, str(probe.fields["unit"]))
    complaint = next(_COMPLAINTS[probe.kind](probe, raw), None)
    if complaint:
        return Sight(False, complaint, latency_ms=latency_ms)
    names = probe.fields.get("release")
    shown = None if names is None or release is None else _release_shown(names, raw)
    if names is not None and release is not None and shown not in (release["version"], release["id"]):
        found = "no release" if shown is None else f"release {_short(shown)}"
        return Sight(False, f"found {found} in {names}, expected {release['version']}", latency_ms=latency_ms)
    return Sight(True, _GOOD[probe.kind](raw), saw_release=shown is not None, latency_ms=latency_ms)


def value_at(path: str, document: Any) -> tuple[bool, Any]:
    """Whether a parsed JSON document has something at a path such as ``a.b.0``, and what."""
    for part in path.split("."):
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isascii() and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return False, None
    return True, document


def same(found: Any, expected: Any) -> bool:
    """Equality as JSON has it: 1 and 1.0 are one number, and neither of them is true."""
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in found)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return bool(found == expected)


# --- complaints, the first of which is reported ----------------------------------------------------------------------


def _http_complaints(probe: Probe, raw: Raw) -> Iterator[str]:
    fields = probe.fields
    if raw["status"] not in fields["status"]:
        yield _wrong_status(raw, fields["status"])
    if fields["latency_ms"] is not None and raw["latency_ms"] > fields["latency_ms"]:
        yield f"found an answer after {raw['latency_ms']} ms, expected one within {fields['latency_ms']} ms"
    for name, pattern in fields["headers"].items():
        values = _header(raw, name)
        if not any(re.search(pattern, value) for value in values):
            yield f"found header {name}: {_short(', '.join(values) or 'absent')}, expected a match of {pattern!r}"
    release = fields["release"] or ""
    if raw["cut"] and (fields["body"] or fields["json"] or release == "body" or release.startswith("json:")):
        yield "found a body that is cut off or longer than what is read, expected all of it"
    if fields["body"] is not None and not re.search(fields["body"], _text(raw["body"])):
        yield f"found body {_short(_text(raw['body']))}, expected a match of {fields['body']!r}"
    if fields["json"] or release.startswith("json:"):
        yield from _json_complaints(fields["json"], raw["body"])


def _wrong_status(raw: Raw, expected: list[int]) -> str:
    where = _header(raw, "location") if 300 <= raw["status"] < 400 else []
    note = f" to {_short(where[0])} (redirects are not followed)" if where else ""
    return f"found status {raw['status']}{note}, expected {' or '.join(map(str, expected))}"


def _json_complaints(expected: dict[str, Any], body: bytes) -> Iterator[str]:
    parsed, document = _json(body)
    if not parsed:
        yield f"found body {_short(_text(body))}, expected JSON"
    for path, value in expected.items():
        there, found = value_at(path, document)
        if not there:
            yield f"found nothing at {path} of the JSON, expected {value!r}"
        elif not same(found, value):
            yield f"found {_short(repr(found))} at {path} of the JSON, expected {value!r}"


def _command_complaints(probe: Probe, raw: Raw) -> Iterator[str]:
    fields = probe.fields
    if raw["rc"] != fields["rc"]:
        ended = f"exit status {raw['rc']}" if raw["rc"] >= 0 else f"an end by signal {-raw['rc']}"
        said = raw["stderr"].strip() or raw["stdout"].strip()
        yield f"found {ended}{f' ({_short(said)})' if said else ''}, expected {fields['rc']}"
    if raw["cut"] and (fields["stdout"] or fields["release"]):
        yield "found more output than is read, expected all of it"
    if fields["stdout"] is not None and not re.search(fields["stdout"], raw["stdout"]):
        yield f"found output {_short(raw['stdout'].strip())}, expected a match of {fields['stdout']!r}"


def _tcp_complaints(_probe: Probe, _raw: Raw) -> Iterator[str]:
    return iter(())


def _log_complaints(probe: Probe, raw: Raw) -> Iterator[str]:
    pattern, absent = probe.fields["pattern"], probe.fields["absent"]
    hit = re.compile(pattern, re.MULTILINE).search(raw["lines"])
    if hit and absent:
        yield f"found log line {_short(_line_around(raw['lines'], hit.start()))}, expected none that matches {pattern!r}"
    if not hit and not absent:
        yield f"found no log line that matches {pattern!r}, expected one"
    if absent and not raw["lines"].strip():
        yield "found no log line at all, expected at least systemd's own about the start"
    if absent and raw["cut"]:
        yield f"found more log than is read, expected all of it without a match of {pattern!r}"


def _judge_unit(raw: Raw, first: Raw, unit: str) -> Sight:
    state = f"{raw['ActiveState']} ({raw['SubState']})"
    if raw["NRestarts"] > first["NRestarts"]:
        grew = f"restarts grew from {first['NRestarts']} to {raw['NRestarts']}"
        return Sight(
            False, f"found that {unit} died and was started again ({grew}{_end(raw)}), expected none", final=True
        )
    if raw["ActiveState"] == "failed":
        return Sight(False, f"found {unit} {state}{_end(raw)}, expected active (running)", final=True)
    if raw["ActiveState"] != "active" or not _sub_state_is_up(raw, unit):
        return Sight(False, f"found {unit} {state}{_end(raw)}, expected active (running)")
    if raw["MainPID"] != first["MainPID"]:
        pids = f"from {first['MainPID']} to {raw['MainPID']}"
        return Sight(False, f"found that the main process of {unit} changed {pids}, expected the same one all the time")
    return Sight(True, f"found {unit} {state}, main process {raw['MainPID']}")


def _sub_state_is_up(raw: Raw, unit: str) -> bool:
    if not unit.endswith(".service"):
        return True
    return raw["SubState"] in (("running", "exited") if raw["Type"] == "oneshot" else ("running",))


def _end(raw: Raw) -> str:
    result = raw["Result"] if raw["Result"] not in ("", "success") else ""
    status = f"last exit status {raw['ExecMainStatus']}" if raw["ExecMainStatus"] else ""
    parts = [part for part in (f"result {result}" if result else "", status) if part]
    return f", {', '.join(parts)}" if parts else ""


# --- parts of answers ------------------------------------------------------------------------------------------------


def _release_shown(names: str, raw: Raw) -> str | None:
    kind, _colon, rest = names.partition(":")
    if kind == "stdout":
        return str(raw["stdout"]).strip() or None
    if kind == "body":
        return _text(raw["body"]).strip() or None
    if kind == "header":
        values = _header(raw, rest)
        return values[0].strip() if len(values) == 1 else None
    _parsed, document = _json(raw["body"])
    _there, value = value_at(rest, document)
    return value if isinstance(value, str) else None


def _header(raw: Raw, name: str) -> list[str]:
    return [value for key, value in raw["headers"] if key.lower() == name.lower()]


def _json(body: bytes) -> tuple[bool, Any]:
    import json

    try:
        return True, json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return False, None


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 120 else line[:117] + "...")


def _line_around(lines: str, position: int) -> str:
    return lines[lines.rfind("\n", 0, position) + 1 :].split("\n", 1)[0]


_COMPLAINTS: dict[str, Callable[[Probe, Raw], Iterator[str]]] = {
    "http": _http_complaints,
    "tcp": _tcp_complaints,
    "command": _command_complaints,
    "log": _log_complaints,
}
_EXPECTED: dict[str, Callable[[Probe], str]] = {
    "http": lambda probe: f"status {' or '.join(map(str, probe.fields['status']))}",
    "tcp": lambda probe: f"a connection to {probe.fields['host']}:{probe.fields['port']}",
    "command": lambda probe: f"exit status {probe.fields['rc']}",
    "unit": lambda probe: f"{probe.fields['unit']} active (running)",
    "log": lambda probe: f"the log of {probe.fields['unit']}",
}
_GOOD: dict[str, Callable[[Raw], str]] = {
    "http": lambda raw: f"found status {raw['status']} after {raw['latency_ms']} ms",
    "tcp": lambda raw: f"connected after {raw['latency_ms']} ms",
    "command": lambda raw: f"found exit status {raw['rc']}",
    "log": lambda raw: "found the log as expected",
}
