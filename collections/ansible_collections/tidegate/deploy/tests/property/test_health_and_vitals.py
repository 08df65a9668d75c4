# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Streaks hold for every sequence of answers; pre-checks never get better when a host gets worse."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.deploy.plugins.module_utils.core.health import Streak
from ansible_collections.tidegate.deploy.plugins.module_utils.core.vitals import DEFAULTS, findings, thresholds

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

# --- streaks ---------------------------------------------------------------------------------------------------------

ANSWERS = st.lists(st.tuples(st.integers(0, 1500), st.booleans()), max_size=40)


def _times(answers: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
    """Steps in time become times."""
    now, timed = 0, []
    for step, ok in answers:
        now += step
        timed.append((now, ok))
    return timed


@RELAXED
@given(ANSWERS, st.integers(1, 6), st.integers(0, 5000))
def test_done_means_a_tail_of_good_answers_long_enough(
    answers: list[tuple[int, bool]], in_a_row: int, over_ms: int
) -> None:
    """A streak is done exactly when the good answers at its end are enough and span enough."""
    timed = _times(answers)
    streak = Streak(in_a_row, over_ms)
    for index, (time_ms, ok) in enumerate(timed):
        streak = streak.add(time_ms, ok)
        bad = [place for place, (_time, good) in enumerate(timed[: index + 1]) if not good]
        tail = timed[bad[-1] + 1 if bad else 0 : index + 1]
        spans = tail[-1][0] - tail[0][0] if tail else 0
        assert streak.done is (len(tail) >= in_a_row and spans >= over_ms)


@RELAXED
@given(ANSWERS, ANSWERS, st.integers(1, 6), st.integers(0, 5000))
def test_a_bad_answer_forgets_all_before(
    before: list[tuple[int, bool]], after: list[tuple[int, bool]], in_a_row: int, over_ms: int
) -> None:
    """After a bad answer the past counts for nothing."""
    timed = _times([*before, (1, False), *after])
    long, short = Streak(in_a_row, over_ms), Streak(in_a_row, over_ms)
    for time_ms, ok in timed:
        long = long.add(time_ms, ok)
    for time_ms, ok in timed[len(before) :]:
        short = short.add(time_ms, ok)
    assert long == short


# --- vitals ----------------------------------------------------------------------------------------------------------

SIZES = st.integers(0, 2**40)
COUNTS = st.integers(0, 10**6)
NAMES = st.lists(st.sampled_from(["a.service", "b.mount", "web.service"]), max_size=3, unique=True)


@st.composite
def file_systems(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The two that matter, which may be one."""
    return [
        {
            "holds": holds,
            "mount": f"/{holds}",
            "device": draw(st.integers(1, 2)),
            "free_bytes": draw(SIZES),
            "free_inodes": draw(st.none() | COUNTS),
            "read_only": draw(st.booleans()),
        }
        for holds in ("releases", "state")
    ]


FACTS = st.fixed_dictionaries(
    {
        "systemd": st.just(True),
        "first": st.booleans(),
        "root": st.just("/opt/web"),
        "time_s": st.integers(0, 2**31),
        "controller_time_s": st.integers(0, 2**31),
        "need": st.fixed_dictionaries({"bytes": SIZES, "inodes": COUNTS}),
        "file_systems": file_systems(),
        "memory_available_bytes": st.none() | SIZES,
        "load_centi": st.none() | COUNTS,
        "cpus": st.none() | st.integers(1, 64),
        "failed_units": st.none() | NAMES,
        "unit": st.fixed_dictionaries(
            {
                "name": st.just("web.service"),
                "LoadState": st.sampled_from(["loaded", "not-found"]),
                "ActiveState": st.sampled_from(["active", "inactive", "activating", "failed"]),
                "SubState": st.just("x"),
                "UnitFileState": st.sampled_from(["enabled", "disabled", "static", ""]),
                "from_root": st.booleans(),
            }
        ),
        "paths": st.just([]),
        "ports": st.just([]),
        "probes": st.just(None),
        "previous": st.just(None),
    }
)
LEVELS = st.sampled_from(["refuse", "warn", "ignore"])
CHECKS = st.fixed_dictionaries(
    {},
    optional={key: LEVELS if isinstance(value, str) else st.integers(0, 2**41) for key, value in DEFAULTS.items()},
)


def _named(facts: dict[str, Any], checks: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["check"], one["level"]) for one in findings(facts, thresholds(checks))}


@RELAXED
@given(FACTS, CHECKS, st.data())
def test_a_worse_host_has_no_fewer_findings(facts: dict[str, Any], checks: dict[str, Any], data: st.DataObject) -> None:
    """Less space, less memory, more load, a wider skew, more failures: every finding stays."""
    worse = dict(facts)
    worse["file_systems"] = [
        {
            **system,
            "free_bytes": data.draw(st.integers(0, system["free_bytes"])),
            "free_inodes": None if system["free_inodes"] is None else data.draw(st.integers(0, system["free_inodes"])),
        }
        for system in facts["file_systems"]
    ]
    if facts["memory_available_bytes"] is not None:
        worse["memory_available_bytes"] = data.draw(st.none() | st.integers(0, facts["memory_available_bytes"]))
    if facts["load_centi"] is not None:
        worse["load_centi"] = data.draw(st.none() | st.integers(facts["load_centi"], 2 * 10**6))
    skew = facts["time_s"] - facts["controller_time_s"]
    worse["time_s"] += data.draw(st.integers(0, 1000)) * (1 if skew >= 0 else -1)
    worse["need"] = {key: value + data.draw(COUNTS) for key, value in facts["need"].items()}
    assert _named(facts, checks) <= _named(worse, checks)


@RELAXED
@given(FACTS, CHECKS)
def test_refusals_come_first_and_every_finding_is_whole(facts: dict[str, Any], checks: dict[str, Any]) -> None:
    """Whatever a host is like: sentences, levels, one order."""
    found = findings(facts, thresholds(checks))
    assert [one["level"] for one in found] == sorted(one["level"] for one in found)
    for one in found:
        assert set(one) == {"check", "level", "found", "expected", "hint"}
        assert all(one.values())


@RELAXED
@given(FACTS)
def test_what_is_ignored_is_not_found(facts: dict[str, Any]) -> None:
    """A check that a site ignores says nothing; what cannot be ignored still does."""
    levels = {key: "ignore" for key, value in DEFAULTS.items() if isinstance(value, str)}
    assert not {check for check, _level in _named(facts, levels)} & set(levels)
