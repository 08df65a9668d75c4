# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every pre-check rule: the fact on each side of its threshold, the level, and the sentence."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.vitals import (
    DEFAULTS,
    findings,
    runs_elsewhere,
    size_text,
    thresholds,
    unit_fact,
)

GIB, MIB = 2**30, 2**20
UNIT = {
    "name": "web.service",
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
    "from_root": True,
}
RELEASES = {
    "holds": "releases",
    "mount": "/opt",
    "device": 1,
    "free_bytes": 10 * GIB,
    "free_inodes": 10**6,
    "read_only": False,
}
STATE = {**RELEASES, "holds": "state", "mount": "/var", "device": 2}
WELL: dict[str, Any] = {
    "systemd": True,
    "first": False,
    "root": "/opt/web",
    "time_s": 1_800_000_000,
    "controller_time_s": 1_800_000_001,
    "need": {"bytes": 2 * 30 * MIB, "inodes": 2 * 1231},
    "file_systems": [RELEASES, STATE],
    "memory_available_bytes": GIB,
    "load_centi": 50,
    "cpus": 2,
    "failed_units": [],
    "unit": UNIT,
    "paths": [],
    "ports": [],
    "probes": [{"name": "unit web.service (always)", "ok": True, "detail": "found web.service active (running)"}],
    "previous": {"release": "2.3.0-0123456789ab", "problem": None, "proven": True},
}
FIRST = {**WELL, "first": True, "probes": None, "previous": None}
STOPPED = {**UNIT, "ActiveState": "inactive", "SubState": "dead", "UnitFileState": "disabled"}


def _found(facts: dict[str, Any], **checks: Any) -> list[tuple[str, str, str]]:
    return [(one["check"], one["level"], one["found"]) for one in findings(facts, thresholds(checks))]


def test_a_well_host_has_no_findings() -> None:
    """Nothing speaks against a change on a host that is well, the first deployment included."""
    assert _found(WELL) == []
    assert _found({**FIRST, "unit": STOPPED}) == []


NEEDED = 2 * 30 * MIB + 256 * MIB

RULES = [
    # what differs from the well host, checks, findings
    ("space to the byte", {"file_systems": [{**RELEASES, "free_bytes": NEEDED}, STATE]}, {}, []),
    (
        "one byte less",
        {"file_systems": [{**RELEASES, "free_bytes": NEEDED - 1}, STATE]},
        {},
        [("disk", "refuse", "/opt has 315.9 MiB free")],
    ),
    ("full", {"file_systems": [{**RELEASES, "free_bytes": 0}, STATE]}, {}, [("disk", "refuse", "/opt is full")]),
    (
        "as much as a site says",
        {"file_systems": [{**RELEASES, "free_bytes": NEEDED}, STATE]},
        {"disk_free_bytes": 256 * MIB + 1},
        [("disk", "refuse", "/opt has 316.0 MiB free")],
    ),
    ("inodes to the last", {"file_systems": [{**RELEASES, "free_inodes": 3462}, STATE]}, {}, []),
    (
        "one inode less",
        {"file_systems": [{**RELEASES, "free_inodes": 3461}, STATE]},
        {},
        [("inodes", "refuse", "/opt has 3461 free inodes")],
    ),
    ("no limit of inodes", {"file_systems": [{**RELEASES, "free_inodes": None}, STATE]}, {}, []),
    (
        "no space for state",
        {"file_systems": [RELEASES, {**STATE, "free_bytes": 16 * MIB - 1}]},
        {},
        [("disk", "refuse", "/var has 15.9 MiB free")],
    ),
    (
        "one file system for both is named once",
        {"file_systems": [{**RELEASES, "free_bytes": 1}, {**STATE, "device": 1, "free_bytes": 1}]},
        {},
        [("disk", "refuse", "/opt has 1 bytes free")],
    ),
    (
        "state needs space whatever a site says",
        {"file_systems": [{**RELEASES, "free_bytes": 1}, {**STATE, "device": 1}], "need": {"bytes": 0, "inodes": 0}},
        {"disk_free_bytes": 0},
        [("disk", "refuse", "/opt has 1 bytes free")],
    ),
    (
        "read-only",
        {"file_systems": [{**RELEASES, "read_only": True}, {**STATE, "read_only": True}]},
        {},
        [("file_system", "refuse", "/opt is read-only"), ("file_system", "refuse", "/var is read-only")],
    ),
    ("memory", {"memory_available_bytes": 64 * MIB}, {}, []),
    (
        "too little memory",
        {"memory_available_bytes": 64 * MIB - 1},
        {},
        [("memory", "refuse", "63.9 MiB of memory are available")],
    ),
    ("unknown memory", {"memory_available_bytes": None}, {}, [("memory", "refuse", "available memory cannot be read")]),
    (
        "memory as a warning",
        {"memory_available_bytes": 1},
        {"memory": "warn"},
        [("memory", "warn", "1 bytes of memory are available")],
    ),
    ("load", {"load_centi": 1600}, {}, []),
    ("too much load", {"load_centi": 1601}, {}, [("load", "warn", "the load is 16.01 on 2 CPUs")]),
    ("load on one CPU", {"load_centi": 801, "cpus": 1}, {}, [("load", "warn", "the load is 8.01 on 1 CPU")]),
    (
        "load refuses",
        {"load_centi": 201},
        {"load_per_cpu": 1, "load": "refuse"},
        [("load", "refuse", "the load is 2.01 on 2 CPUs")],
    ),
    ("unknown load", {"load_centi": None}, {}, [("load", "warn", "the load cannot be read")]),
    ("clock", {"time_s": 1_800_000_031}, {}, []),
    (
        "ahead",
        {"time_s": 1_800_000_032},
        {},
        [("clock", "refuse", "the host's clock is 31 s ahead of the controller's")],
    ),
    (
        "behind",
        {"time_s": 1_799_999_970},
        {},
        [("clock", "refuse", "the host's clock is 31 s behind the controller's")],
    ),
    ("behind, ignored", {"time_s": 0}, {"clock": "ignore"}, []),
    ("the own unit is not just any", {"failed_units": ["web.service"]}, {}, []),
    (
        "one failed",
        {"failed_units": ["a.service", "web.service"]},
        {},
        [("failed_units", "warn", "1 unit failed: a.service")],
    ),
    (
        "many failed",
        {"failed_units": [f"{name}.service" for name in "abcdefg"]},
        {"failed_units": "refuse"},
        [
            (
                "failed_units",
                "refuse",
                "7 units failed: a.service, b.service, c.service, d.service, e.service and 2 more",
            )
        ],
    ),
    ("unknown failed", {"failed_units": None}, {}, [("failed_units", "warn", "failed units cannot be listed")]),
    (
        "no unit",
        {"unit": {**UNIT, "LoadState": "not-found"}},
        {},
        [("unit", "refuse", "systemd has not loaded web.service (not-found)")],
    ),
    ("no answer", {"unit": None}, {}, [("unit", "refuse", "systemd does not answer")]),
    (
        "a path of others",
        {"paths": ["/opt: mode 0777 found"]},
        {},
        [("path", "refuse", "/opt: mode 0777 found")],
    ),
    (
        "a port in use",
        {"first": True, "unit": STOPPED, "ports": [{"probe": "tcp", "port": 80, "holder": "nginx (process 7)"}]},
        {},
        [("ports", "refuse", "port 80 is held by nginx (process 7)")],
    ),
    (
        "sick before the change",
        {"probes": [{"name": "p", "ok": False, "detail": "found status 503, expected 200"}]},
        {},
        [
            (
                "service_health",
                "refuse",
                "the service is already unhealthy before the change: probe 'p' found status 503",
            )
        ],
    ),
    (
        "sick, to be mended by the change",
        {"probes": [{"name": "p", "ok": False, "detail": "found status 503, expected 200"}]},
        {"service_health": "ignore"},
        [],
    ),
    (
        "touched",
        {"previous": {"release": "2.3.0-0123456789ab", "problem": "bin/web: content", "proven": False}},
        {},
        [("previous_release", "refuse", "bin/web: content")],
    ),
    (
        "not proven",
        {"previous": {"release": "2.3.0-0123456789ab", "problem": None, "proven": False}},
        {},
        [
            (
                "previous_release",
                "warn",
                "no manifest of 2.3.0-0123456789ab is kept on the host, so nothing proves it intact",
            )
        ],
    ),
    (
        "adopted, and a restart would start the old folder",
        {"adopted_from": "/srv/app", "unit": {**WELL["unit"], "from_root": False}},
        {},
        [
            (
                "runs_elsewhere",
                "refuse",
                "web.service was adopted from /srv/app and its unit file does not name /opt/web/current",
            )
        ],
    ),
    ("adopted, and the unit was changed", {"adopted_from": "/srv/app"}, {}, []),
    ("no systemd", {"systemd": False}, {}, [("systemd", "refuse", "the host does not run systemd")]),
]


@pytest.mark.parametrize(
    ("differs", "checks", "expected"), [case[1:] for case in RULES], ids=[case[0] for case in RULES]
)
def test_rules(differs: dict[str, Any], checks: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    """Each rule, at its threshold and beyond it."""
    assert _found({**WELL, **differs}, **checks) == expected


def test_all_findings_come_at_once_refusals_first() -> None:
    """One look names all that is wrong."""
    sick = {**WELL, "load_centi": 9999, "memory_available_bytes": 1, "time_s": 0, "failed_units": ["a.service"]}
    assert [one[:2] for one in _found(sick)] == [
        ("memory", "refuse"),
        ("clock", "refuse"),
        ("load", "warn"),
        ("failed_units", "warn"),
    ]


def test_a_finding_says_expected_and_what_to_do() -> None:
    """Every finding has five parts, all of them sentences with units."""
    (finding,) = findings({**WELL, "load_centi": 9999}, thresholds({}))
    assert finding == {
        "check": "load",
        "level": "warn",
        "found": "the load is 99.99 on 2 CPUs",
        "expected": "a load of at most 8 per CPU",
        "hint": "wait until it is lower, or raise checks.load_per_cpu",
    }


def test_a_sick_service_has_found_and_expected_apart() -> None:
    """The detail of a probe falls into what was found and what was expected; how often it was tried is no part of it."""
    result = {"name": "p", "ok": False, "detail": "found status 503, expected 200 (try 3, in 0.5 s)"}
    (finding,) = findings({**WELL, "probes": [result]}, thresholds({}))
    assert finding["found"].endswith("probe 'p' found status 503")
    assert finding["expected"] == "200"


ELSEWHERE = [
    # differs from a stopped unit, where it runs
    ({}, None),
    (
        {"ActiveState": "active", "SubState": "running"},
        "web.service is active (running) while there is no /opt/web/current",
    ),
    ({"ActiveState": "activating", "SubState": "start", "from_root": False}, "web.service is activating (start)"),
    ({"ActiveState": "activating", "SubState": "auto-restart"}, None),
    (
        {"ActiveState": "activating", "SubState": "auto-restart", "from_root": False},
        "web.service is activating (auto-restart)",
    ),
    ({"ActiveState": "failed", "SubState": "failed", "UnitFileState": "enabled"}, None),
    ({"UnitFileState": "enabled"}, None),
    (
        {"UnitFileState": "enabled", "from_root": False},
        "web.service is enabled and its unit file does not name /opt/web/current",
    ),
    ({"UnitFileState": "enabled-runtime", "from_root": False}, "web.service is enabled-runtime"),
    ({"UnitFileState": "static", "from_root": False}, None),
]


NAMED = [
    # property, its value, whether it names /opt/web/current
    ("ExecStart", '{ path=/bin/sh ; argv[]=/bin/sh -c "exec /opt/web/current/bin/web" }', True),
    ("ExecStart", "{ path=/srv/opt/web/current/bin/web ; argv[]=x }", False),
    ("EnvironmentFiles", "/opt/web/current/env (ignore_errors=yes)", True),
    ("BindPaths", "/opt/web/current:/app:rbind", True),
    ("FragmentPath", "/opt/web/current/web.service", True),
    ("WorkingDirectory", "!/opt/web/current", True),
    ("Description", "/opt/web/current", False),
]


@pytest.mark.parametrize(("name", "value", "expected"), NAMED)
def test_whether_a_unit_names_the_root(name: str, value: str, expected: bool) -> None:
    """Wherever its definition can refer to a file, and however the words are quoted."""
    assert unit_fact("web.service", "/opt/web", {name: value})["from_root"] is expected


@pytest.mark.parametrize(("differs", "expected"), ELSEWHERE)
def test_a_service_that_runs_from_elsewhere(differs: dict[str, Any], expected: str | None) -> None:
    """A first deployment never takes over what already runs or would at boot; what waits for it may be enabled."""
    unit = {**STOPPED, **differs}
    found = runs_elsewhere(unit, "/opt/web")
    assert (found is None) is (expected is None)
    assert expected is None or (found or "").startswith(expected)
    checks = [one["check"] for one in findings({**FIRST, "unit": unit}, thresholds({}))]
    assert checks == ([] if expected is None else ["runs_elsewhere"])
    assert findings({**WELL, "unit": unit}, thresholds({})) == []


WRONG_THRESHOLDS = [
    ([], "checks: found [], expected a mapping of thresholds"),
    ({"clock_skew": 3}, "checks.clock_skew: found 'clock_skew', expected a known key; did you mean 'clock_skew_s'?"),
    ({"clock_skew_s": "3"}, "checks.clock_skew_s: found '3', expected an integer, 0 or more"),
    ({"clock_skew_s": True}, "checks.clock_skew_s: found True"),
    ({"clock_skew_s": -1}, "checks.clock_skew_s: found -1"),
    ({"load": "refused"}, "checks.load: found 'refused', expected one of refuse, warn, ignore"),
    ({"load": ["warn"]}, "checks.load: found ['warn']"),
]


@pytest.mark.parametrize(("doc", "message"), WRONG_THRESHOLDS)
def test_wrong_thresholds_are_named(doc: Any, message: str) -> None:
    """Thresholds are parsed strictly; an unknown key names the nearest known one."""
    with pytest.raises(Refusal) as refused:
        thresholds(doc)
    assert refused.value.code == "DATA"
    assert message in refused.value.message


def test_thresholds_are_complete_and_their_own() -> None:
    """What is left out is as documented, and nobody's change reaches the defaults."""
    assert thresholds({}) == DEFAULTS
    limits = thresholds({"load": "refuse"})
    assert limits["load"] == "refuse"
    assert DEFAULTS["load"] == "warn"


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (MIB, "1.0 MiB"), (3 * GIB // 2, "1.5 GiB")],
)
def test_sizes_for_people(size_bytes: int, text: str) -> None:
    """Sizes are never shown as more than they are."""
    assert size_text(size_bytes) == text
