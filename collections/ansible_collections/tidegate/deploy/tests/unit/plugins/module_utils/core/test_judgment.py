# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What answers mean: every kind of answer, good and bad, with the words that people read."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import parse
from ansible_collections.tidegate.deploy.plugins.module_utils.core.judgment import judge, same, value_at

RELEASE = {"id": "2.4.0-0123456789ab", "version": "2.4.0"}
ANSWER = {"status": 200, "headers": [("X-Release", "2.4.0")], "body": b"", "cut": False, "latency_ms": 12}
RAN = {"rc": 0, "stdout": "2.4.0\n", "stderr": "", "cut": False, "latency_ms": 3}
UNIT = {
    "ActiveState": "active",
    "SubState": "running",
    "Type": "simple",
    "Result": "success",
    "NRestarts": 0,
    "MainPID": 42,
    "ExecMainStatus": 0,
}


def _http(**fields: Any) -> Any:
    return parse({"kind": "http", "url": "http://127.0.0.1/", **fields})


def _body(text: str, **more: Any) -> dict[str, Any]:
    return {**ANSWER, "body": text.encode(), **more}


HTTP = [
    # fields, answer, complaint (None when good), saw the release
    ({}, ANSWER, None, False),
    ({}, {**ANSWER, "status": 503}, "found status 503, expected 200", False),
    ({"status": [200, 204]}, {**ANSWER, "status": 500}, "found status 500, expected 200 or 204", False),
    (
        {},
        {**ANSWER, "status": 302, "headers": [("location", "http://other/")]},
        "found status 302 to 'http://other/' (redirects are not followed), expected 200",
        False,
    ),
    ({"status": [302]}, {**ANSWER, "status": 302}, None, False),
    ({"latency_ms": 12}, ANSWER, None, False),
    ({"latency_ms": 11}, ANSWER, "found an answer after 12 ms, expected one within 11 ms", False),
    ({"headers": {"x-release": "^2"}}, ANSWER, None, False),
    ({"headers": {"X-Release": "^3"}}, ANSWER, "found header X-Release: '2.4.0', expected a match of '^3'", False),
    ({"headers": {"X-Other": "."}}, ANSWER, "found header X-Other: 'absent', expected a match of '.'", False),
    ({"body": "al+ good"}, _body("it is all good"), None, False),
    ({"body": "good"}, _body("bad\x1b[2J"), "found body 'bad\\x1b[2J', expected a match of 'good'", False),
    ({"body": "good"}, _body("good", cut=True), "found a body that is cut off or longer than what is read", False),
    ({}, _body("x", cut=True), None, False),
    ({"json": {"a.b.0": "x"}}, _body('{"a": {"b": ["x"]}}'), None, False),
    ({"json": {"a.b.1": "x"}}, _body('{"a": {"b": ["x"]}}'), "found nothing at a.b.1 of the JSON, expected 'x'", False),
    ({"json": {"ok": True}}, _body('{"ok": 1}'), "found '1' at ok of the JSON, expected True", False),
    ({"json": {"n": 1}}, _body('{"n": 1.0}'), None, False),
    ({"json": {"n": None}}, _body('{"n": null}'), None, False),
    ({"json": {"n": None}}, _body("{}"), "found nothing at n of the JSON, expected None", False),
    ({"json": {"a": 1}}, _body("<html>"), "found body '<html>', expected JSON", False),
    ({"json": {"a": 1}}, _body("[" * 100000), "expected JSON", False),
    ({"release": "header:X-Release"}, ANSWER, None, True),
    (
        {"release": "header:X-Release"},
        {**ANSWER, "headers": [("X-Release", "2.3.0")]},
        "found release '2.3.0' in header:X-Release, expected 2.4.0",
        False,
    ),
    (
        {"release": "header:X-Release"},
        {**ANSWER, "headers": []},
        "found no release in header:X-Release, expected 2.4.0",
        False,
    ),
    (
        {"release": "header:X-Release"},
        {**ANSWER, "headers": [("X-Release", "2.4.0"), ("x-release", "2.3.0")]},
        "found no release in header:X-Release, expected 2.4.0",
        False,
    ),
    ({"release": "body"}, _body("2.4.0\n"), None, True),
    ({"release": "body"}, _body("2.4.0-0123456789ab"), None, True),
    ({"release": "body"}, _body("12.4.0"), "found release '12.4.0' in body, expected 2.4.0", False),
    ({"release": "body"}, _body(""), "found no release in body, expected 2.4.0", False),
    ({"release": "json:version"}, _body('{"version": "2.4.0"}'), None, True),
    ({"release": "json:version"}, _body('{"version": 2}'), "found no release in json:version, expected 2.4.0", False),
    ({"release": "json:version"}, _body("2.4.0"), "found body '2.4.0', expected JSON", False),
    ({}, {"error": "Connection refused"}, "found Connection refused, expected status 200", False),
]


@pytest.mark.parametrize(("fields", "raw", "complaint", "saw_release"), HTTP)
def test_http_answers(fields: dict[str, Any], raw: dict[str, Any], complaint: str | None, saw_release: bool) -> None:
    """An answer is good, or the first thing wrong with it is said."""
    sight = judge(_http(**fields), raw, RELEASE)
    assert sight.ok is (complaint is None), sight.detail
    assert complaint is None or complaint in sight.detail
    assert sight.saw_release is saw_release
    assert not sight.final


def test_any_release_will_do_when_none_is_named() -> None:
    """Before a change the probes only say whether the service is well."""
    sight = judge(_http(release="body"), _body("2.3.0"), None)
    assert sight.ok
    assert not sight.saw_release


COMMAND = [
    ({}, RAN, None, False),
    ({"rc": 3}, {**RAN, "rc": 3}, None, False),
    ({}, {**RAN, "rc": 1, "stderr": "no disk\n"}, "found exit status 1 ('no disk'), expected 0", False),
    ({}, {**RAN, "rc": 1, "stdout": "no luck"}, "found exit status 1 ('no luck'), expected 0", False),
    ({}, {**RAN, "rc": -11, "stdout": ""}, "found an end by signal 11, expected 0", False),
    ({"stdout": "^2"}, RAN, None, False),
    ({"stdout": "^3"}, RAN, "found output '2.4.0', expected a match of '^3'", False),
    ({"stdout": "^2"}, {**RAN, "cut": True}, "found more output than is read", False),
    ({"release": "stdout"}, RAN, None, True),
    ({"release": "stdout"}, {**RAN, "stdout": "2.3.0"}, "found release '2.3.0' in stdout, expected 2.4.0", False),
    ({}, {"error": "no end within 5 s (it was killed)"}, "expected exit status 0", False),
]


@pytest.mark.parametrize(("fields", "raw", "complaint", "saw_release"), COMMAND)
def test_commands(fields: dict[str, Any], raw: dict[str, Any], complaint: str | None, saw_release: bool) -> None:
    """A command is good by its exit status and output."""
    sight = judge(parse({"kind": "command", "command": ["x"], **fields}), raw, RELEASE)
    assert sight.ok is (complaint is None), sight.detail
    assert complaint is None or complaint in sight.detail
    assert sight.saw_release is saw_release


LOG = [
    ("ready", False, "Started\nready\n", False, None),
    ("^ready$", False, "Started\nready\n", False, None),
    ("ready", False, "Started\n", False, "found no log line that matches 'ready', expected one"),
    ("ready", False, "ready\n", True, None),
    ("ERROR", True, "Started\n", False, None),
    ("ERROR", True, "Started\nERROR: x\n", False, "found log line 'ERROR: x', expected none that matches 'ERROR'"),
    ("ERROR", True, "", False, "found no log line at all"),
    ("ERROR", True, "Started\n", True, "found more log than is read"),
]


@pytest.mark.parametrize(("pattern", "absent", "lines", "cut", "complaint"), LOG)
def test_logs(pattern: str, absent: bool, lines: str, cut: bool, complaint: str | None) -> None:
    """A pattern is there or is not; what could not be read proves no absence."""
    probe = parse({"kind": "log", "unit": "web.service", "pattern": pattern, "absent": absent})
    sight = judge(probe, {"lines": lines, "cut": cut})
    assert sight.ok is (complaint is None), sight.detail
    assert complaint is None or complaint in sight.detail


UNITS = [
    # what differs from a running unit, complaint, final
    ({}, None, False),
    ({"ActiveState": "activating", "SubState": "start", "MainPID": 0}, "found web.service activating (start)", False),
    ({"ActiveState": "inactive", "SubState": "dead"}, "expected active (running)", False),
    ({"SubState": "exited"}, "found web.service active (exited), expected active (running)", False),
    ({"SubState": "exited", "Type": "oneshot"}, None, False),
    ({"ActiveState": "reloading", "SubState": "reload"}, "found web.service reloading (reload)", False),
    (
        {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": 3},
        "found web.service failed (failed), result exit-code, last exit status 3, expected active (running)",
        True,
    ),
    ({"NRestarts": 1}, "found that web.service died and was started again (restarts grew from 0 to 1)", True),
    ({"MainPID": 43}, "found that the main process of web.service changed from 42 to 43", False),
]


@pytest.mark.parametrize(("differs", "complaint", "final"), UNITS)
def test_units(differs: dict[str, Any], complaint: str | None, final: bool) -> None:
    """A unit stays active, with one main process, and never dies; a crash is final."""
    probe = parse({"kind": "unit", "unit": "web.service"})
    sight = judge(probe, {**UNIT, **differs}, RELEASE, UNIT)
    assert sight.ok is (complaint is None), sight.detail
    assert complaint is None or complaint in sight.detail
    assert sight.final is final


def test_restarts_of_long_ago_do_not_count() -> None:
    """Only restarts since the first look speak against a unit."""
    probe = parse({"kind": "unit", "unit": "web.service"})
    assert judge(probe, {**UNIT, "NRestarts": 7}, RELEASE, {**UNIT, "NRestarts": 7}).ok
    assert judge(probe, {**UNIT, "NRestarts": 7}, RELEASE, None).ok


def test_a_socket_unit_has_no_main_process() -> None:
    """Units that are no service are well when they are active."""
    probe = parse({"kind": "unit", "unit": "web.socket"})
    assert judge(probe, {**UNIT, "SubState": "listening", "MainPID": 0}).ok


def test_tcp() -> None:
    """A connection is all that is asked."""
    probe = parse({"kind": "tcp", "port": 8080})
    assert judge(probe, {"latency_ms": 1}).ok
    sight = judge(probe, {"error": "Connection refused"})
    assert sight.detail == "found Connection refused, expected a connection to 127.0.0.1:8080"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", (True, {"0": "x", "l": [1, None]})),
        ("a.0", (True, "x")),
        ("a.l.1", (True, None)),
        ("a.l.2", (False, None)),
    ],
)
def test_json_paths(path: str, found: tuple[bool, Any]) -> None:
    """Parts of a path are keys of objects and places in lists."""
    assert value_at(path, {"a": {"0": "x", "l": [1, None]}}) == found


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        ([1, [2]], [1, [2]], True),
        ([True], [1], False),
        ({"a": 0}, {"a": False}, False),
        ({"a": 0}, {"a": 0}, True),
        (None, None, True),
        (None, False, False),
    ],
)
def test_equality_is_that_of_json(one: Any, other: Any, equal: bool) -> None:
    """Numbers are numbers, and true is none of them."""
    assert same(one, other) is equal
    assert same(other, one) is equal
