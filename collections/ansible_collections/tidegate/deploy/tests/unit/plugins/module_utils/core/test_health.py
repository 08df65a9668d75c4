# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probe documents become values or one clear refusal, and a streak is done only when it is."""

from __future__ import annotations

import random

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core import canonical
from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import (
    COMMON,
    KINDS,
    UNIT_OVER_S,
    Probe,
    Streak,
    defaults,
    parse,
    parse_all,
    required,
    split_url,
    with_unit_probe,
)

HTTP = {"kind": "http", "url": "http://127.0.0.1:8080/version"}
LEAST = {
    "http": HTTP,
    "tcp": {"kind": "tcp", "port": 8080},
    "command": {"kind": "command", "command": ["bin/check", "--fast"]},
    "unit": {"kind": "unit", "unit": "web.service"},
    "log": {"kind": "log", "unit": "web.service", "pattern": "^ready$"},
}
NAMES = {
    "http": "http http://127.0.0.1:8080/version",
    "tcp": "tcp 127.0.0.1:8080",
    "command": "command bin/check --fast",
    "unit": "unit web.service",
    "log": "log web.service with ^ready$",
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_least_document_gets_every_default(kind: str) -> None:
    """What a document leaves out is in the probe's own document, which parses to the same probe."""
    probe = parse(LEAST[kind])
    assert probe.doc == {**defaults(kind), **LEAST[kind], "name": NAMES[kind]}
    assert parse(canonical.loads(canonical.dumps(probe.doc))) == probe
    assert set(required(kind)) == set(LEAST[kind]) - {"kind"}


def test_defaults_are_never_shared() -> None:
    """Changing the document of one probe changes no other."""
    parse(HTTP).fields["status"].append(404)
    assert parse(HTTP).fields["status"] == [200]


def test_a_unit_is_watched_longer_than_the_rest() -> None:
    """A release that dies three seconds after its start is dead before the unit probe passes."""
    assert parse(LEAST["unit"]).over_s == UNIT_OVER_S == 5
    assert COMMON["over_s"] == 2


WRONG = [
    ("not a mapping", ["http"], "probe: found ['http'], expected a probe"),
    ("no kind", {}, "probe.kind: found None, expected one of command, http, log, tcp, unit"),
    ("unknown kind", {"kind": "htp"}, "expected one of command, http, log, tcp, unit; did you mean 'http'?"),
    ("missing url", {"kind": "http"}, "probe: found no url, a http probe needs it"),
    (
        "unknown key",
        {**HTTP, "statuss": [200]},
        "probe.statuss: found 'statuss', expected a known key; did you mean 'status'?",
    ),
    ("a key of another kind", {**HTTP, "rc": 0}, "probe.rc: found 'rc', expected a known key"),
    ("another scheme", {**HTTP, "url": "ftp://127.0.0.1/"}, "probe.url: found 'ftp://127.0.0.1/', expected a URL"),
    ("a password", {**HTTP, "url": "http://me:secret@127.0.0.1/"}, "without user, password and fragment"),
    ("a fragment", {**HTTP, "url": "http://127.0.0.1/#x"}, "probe.url"),
    ("a line break", {**HTTP, "url": "http://127.0.0.1/\r\nX: y"}, "probe.url"),
    ("port 0", {**HTTP, "url": "http://127.0.0.1:0/"}, "probe.url"),
    ("port 65536", {**HTTP, "url": "http://127.0.0.1:65536/"}, "probe.url"),
    ("a method with effects", {**HTTP, "method": "DELETE"}, "probe.method: found 'DELETE', expected one of GET, HEAD"),
    ("no status", {**HTTP, "status": []}, "probe.status: found [], expected a list of HTTP status codes"),
    ("status is no list", {**HTTP, "status": 200}, "probe.status: found 200"),
    ("status true", {**HTTP, "status": [True]}, "probe.status"),
    ("status 99", {**HTTP, "status": [99]}, "probe.status"),
    ("broken regex", {**HTTP, "body": "("}, "probe.body: found '(', expected a regular expression (missing )"),
    ("empty regex", {**HTTP, "body": ""}, "probe.body"),
    ("header name", {**HTTP, "headers": {"a b": "x"}}, "probe.headers"),
    ("header regex", {**HTTP, "headers": {"a": "["}}, "probe.headers"),
    ("json path", {**HTTP, "json": {"a..b": 1}}, "probe.json: found {'a..b': 1}, expected a mapping of paths"),
    (
        "latency 0",
        {**HTTP, "latency_ms": 0},
        "probe.latency_ms: found 0, expected an integer from 1 to 300000, or null",
    ),
    (
        "release place",
        {**HTTP, "release": "header:"},
        "probe.release: found 'header:', expected header:NAME, json:PATH",
    ),
    ("release of nothing", {**HTTP, "release": "json:"}, "probe.release"),
    ("timeout true", {**HTTP, "timeout_s": True}, "probe.timeout_s: found True, expected an integer from 1 to 300"),
    ("none in a row", {**HTTP, "in_a_row": 0}, "probe.in_a_row"),
    ("over -1 s", {**HTTP, "over_s": -1}, "probe.over_s"),
    ("too often", {**HTTP, "every_ms": 10}, "probe.every_ms: found 10, expected an integer from 50 to 60000"),
    ("from nowhere", {**HTTP, "from": "moon"}, "probe.from: found 'moon', expected one of host, controller"),
    ("a unit from afar", {**LEAST["unit"], "from": "controller"}, "expected host: a unit probe runs on the host only"),
    ("a command from afar", {**LEAST["command"], "from": "controller"}, "a command probe runs on the host only"),
    ("a log from afar", {**LEAST["log"], "from": "controller"}, "a log probe runs on the host only"),
    ("an option for a unit", {"kind": "unit", "unit": "--help"}, "probe.unit: found '--help', expected the name of a"),
    ("no suffix", {"kind": "unit", "unit": "web"}, "probe.unit"),
    ("a shell line", {"kind": "command", "command": "echo hi"}, "probe.command: found 'echo hi', expected a list"),
    ("no program", {"kind": "command", "command": [""]}, "probe.command"),
    ("a program outside", {"kind": "command", "command": ["../../bin/sh"]}, "probe.command"),
    ("a NUL", {"kind": "command", "command": ["x", "a\0b"]}, "probe.command"),
    ("rc 256", {**LEAST["command"], "rc": 256}, "probe.rc"),
    ("a user", {**LEAST["command"], "user": "a b"}, "probe.user: found 'a b', expected the name of a user, or null"),
    ("port text", {"kind": "tcp", "port": "80"}, "probe.port"),
    ("absent 1", {**LEAST["log"], "absent": 1}, "probe.absent: found 1, expected true or false"),
    ("an empty name", {**HTTP, "name": ""}, "probe.name: found '', expected 1 to 200 printable characters"),
    ("a name with escapes", {**HTTP, "name": "a\x1b[31m"}, "probe.name"),
]


@pytest.mark.parametrize(("doc", "message"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_wrong_document_names_place_found_and_expected(doc: object, message: str) -> None:
    """Each refusal has code DATA and says what is wrong where."""
    with pytest.raises(Refusal) as refused:
        parse(doc)
    assert refused.value.code == "DATA"
    assert message in refused.value.message


def test_the_place_in_a_list_is_named() -> None:
    """The error of one probe of many says which."""
    with pytest.raises(Refusal, match=r"DATA: web\.probes\[1\]\.port: found 0"):
        parse_all([HTTP, {"kind": "tcp", "port": 0}], "web.probes")


def test_names_are_unique() -> None:
    """Two probes with one name could not be told apart in a message."""
    with pytest.raises(
        Refusal, match=r"probes\[1\]\.name: found 'http http://127\.0\.0\.1:8080/version', expected a name"
    ):
        parse_all([HTTP, HTTP])
    assert len(parse_all([HTTP, {**HTTP, "name": "again"}])) == 2


def test_a_list_is_needed() -> None:
    """A mapping instead of a list is refused."""
    with pytest.raises(Refusal, match="expected a list of at most 64 probes"):
        parse_all({"http": HTTP})


def test_the_unit_of_the_service_is_always_watched() -> None:
    """Whatever is defined, a probe of the service's own unit is there, once."""
    http = parse(HTTP)
    assert [probe.name for probe in with_unit_probe([], "web.service")] == ["unit web.service (always)"]
    assert [probe.kind for probe in with_unit_probe([http], "web.service")] == ["http", "unit"]
    own = parse({**LEAST["unit"], "over_s": 30})
    assert with_unit_probe([http, own], "web.service") == (http, own)
    assert len(with_unit_probe([own], "other.service")) == 2


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:8080/a?b=c", ("http", "127.0.0.1", 8080, "/a?b=c")),
        ("http://web", ("http", "web", 80, "/")),
        ("https://[::1]/x", ("https", "::1", 443, "/x")),
    ],
)
def test_urls_split(url: str, parts: tuple[str, str, int, str]) -> None:
    """A URL falls into what a connection and a request need."""
    assert split_url(url) == parts


STREAKS = [
    # (time_ms, ok) pairs, done
    ("nothing yet", [], False),
    ("often enough, too short", [(0, 1), (500, 1), (1000, 1), (1999, 1)], False),
    ("long enough, too few", [(0, 1), (5000, 1)], False),
    ("both", [(0, 1), (1000, 1), (2000, 1)], True),
    ("bad at the end", [(0, 1), (1000, 1), (2000, 1), (2500, 0)], False),
    ("bad in between", [(0, 1), (1000, 0), (1500, 1), (2000, 1), (3000, 1)], False),
    ("again after a bad one", [(0, 0), (1000, 1), (1500, 1), (3000, 1)], True),
    ("at one time", [(7, 1)] * 50, False),
]


@pytest.mark.parametrize(("answers", "done"), [case[1:] for case in STREAKS], ids=[case[0] for case in STREAKS])
def test_a_streak_needs_count_and_time(answers: list[tuple[int, int]], done: bool) -> None:
    """Done is: three in a row that span two seconds, and no bad answer since."""
    streak = Streak.of(parse(HTTP))
    for time_ms, ok in answers:
        streak = streak.add(time_ms, bool(ok))
    assert streak.done is done


def test_a_streak_that_needs_no_time_needs_its_count() -> None:
    """One good answer suffices when that is all that is asked."""
    streak = Streak(1, 0)
    assert not streak.done
    assert not streak.add(5, False).done
    assert streak.add(5, True).done


def test_time_does_not_run_back() -> None:
    """A clock that jumps back is the caller's bug."""
    with pytest.raises(ValueError, match="answer of 9 ms after one of 10 ms"):
        Streak(1, 0).add(10, True).add(9, True)


def test_a_streak_says_where_it_stands() -> None:
    """People see how far it got."""
    streak = Streak(3, 2000).add(0, True).add(1500, True)
    assert streak.text == "2 good in a row over 1.5 s, expected 3 over 2 s"


def test_the_shortest_time_of_a_probe() -> None:
    """Count and time both bound it from below."""
    assert parse(HTTP).least_ms == 2000
    assert parse({**HTTP, "in_a_row": 11, "over_s": 0}).least_ms == 5000


@pytest.mark.parametrize("flake", [0.01, 0.1])
def test_a_flaky_probe_takes_no_good_release_back(flake: float) -> None:
    """Of a thousand good releases whose probe fails in 1 to 10 % of all answers, none is lost with the defaults."""
    probe, chance = parse(HTTP), random.Random(20260101)
    looks = 60_000 // probe.every_ms
    assert (
        sum(not _passes(probe, [chance.random() >= flake for _look in range(looks)]) for _release in range(1000)) == 0
    )


def _passes(probe: Probe, answers: list[bool]) -> bool:
    streak = Streak.of(probe)
    for look, ok in enumerate(answers):
        streak = streak.add(look * probe.every_ms, ok)
        if streak.done:
            return True
    return False


def test_streak_that_is_vouched_for_needs_only_its_answers() -> None:
    """The time was spanned before; a bad answer takes that back."""
    streak = Streak.of(parse({**HTTP, "in_a_row": 2, "over_s": 10}), vouched=True).add(0, True)
    assert not streak.done
    assert streak.add(100, True).done
    assert not streak.add(100, False).add(200, True).add(300, True).done
