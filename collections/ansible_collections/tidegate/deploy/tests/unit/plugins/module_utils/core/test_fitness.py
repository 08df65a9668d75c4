# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's program and states are worth, told from facts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.deploy.plugins.module_utils.core.fitness import findings

DIGEST = "a" * 64
PROGRAM = {"digest": DIGEST, "version": "1.0.0", "python": "/usr/bin/python3", "python_problem": None}
SERVICE = {
    "service": "web",
    "state": "steady",
    "current": "1.0.0-aaaaaaaaaaaa",
    "change": "CHG-2026-0001",
    "overdue": False,
    "reason": None,
    "deadline_in_s": None,
    "watched": True,
    "runner": True,
    "known": True,
}
HELPLESS = "nothing would go back by itself, not even at boot"
READY = {"state": "ready", "deadline_in_s": 40}


ENROLLED = {"problem": "", "trust": 2, "login": "deploy", "rule": True, "rule_path": "/rule"}
ENROLLED.update(login_problems=[], days_left=90, ends="2027-02-26T00:00:00Z", lapses=[], programs=[DIGEST])


def told(
    program: Any = ..., units: Any = (), broken: Any = (), leftovers: Any = (), enrolled: Any = None, **service: Any
) -> list[str]:
    """Level, check and text of every finding about a host with one service."""
    facts = {
        "enrolled": enrolled,
        "program": PROGRAM if program is ... else program,
        "units": list(units),
        "services": [{**SERVICE, **service}],
        "broken": list(broken),
        "leftovers": list(leftovers),
    }
    found = findings(facts, DIGEST, (1, 0, 0))
    assert all(one["hint"] for one in found)
    return [f"{one['level']} {one['check']}: {one['found']}" for one in found]


def test_a_sound_host_is_not_worth_a_word() -> None:
    """The controller's own program, all units as they were installed, a steady service: nothing."""
    assert [] == told()


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({**READY}, ["warn state: web: CHG-2026-0001 is ready, and goes back in 40 s unless it is confirmed"]),
        (
            {**READY, "watched": False},
            [
                "refuse reaper: web: CHG-2026-0001 waits for its confirmation, and the timer that would take it back is gone",
                "warn state: web: CHG-2026-0001 is ready, and goes back in 40 s unless it is confirmed",
            ],
        ),
        (
            {**READY, "overdue": True, "watched": False},
            ["refuse reaper: web: CHG-2026-0001 was never confirmed, its deadline is over, and nothing took it back"],
        ),
        (
            {**READY, "state": "pending", "runner": False},
            [
                "refuse reaper: web: CHG-2026-0001 is being activated, and nothing works on it any more",
                "warn state: web: CHG-2026-0001 is pending, and goes back in 40 s unless it is confirmed",
            ],
        ),
        ({"state": "reverting"}, ["warn state: web: goes back to 1.0.0-aaaaaaaaaaaa now"]),
        (
            {"state": "reverting", "runner": False},
            [
                "refuse reaper: web: is going back, and nothing works on it: tidegate-revert@web.service does not run",
            ],
        ),
        (
            {"state": "failed", "reason": "old does not start"},
            ["refuse state: web: could not go back (old does not start)"],
        ),
        (
            {"known": False},
            ["note state: web: has a state here, and the inventory does not define it for this host"],
        ),
    ],
)
def test_states_and_what_watches_them(service: dict[str, Any], expected: list[str]) -> None:
    """Whatever waits for a way back says so; where nothing would take it back any more, that hinders a rollout."""
    assert expected == told(**service)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (
            {**PROGRAM, "python_problem": "is not there any more"},
            f"refuse python: the Python that the host program keeps, /usr/bin/python3, is not there any more: {HELPLESS}",
        ),
        (
            {**PROGRAM, "digest": "b" * 64, "version": "1.10.0"},
            "warn program: carries host program 1.10.0, newer than this controller's 1.0.0",
        ),
        (
            {**PROGRAM, "digest": "b" * 64, "version": "0.9.0"},
            "note program: carries another host program (0.9.0, bbbbbbbbbbbb)",
        ),
        (
            {**PROGRAM, "digest": "b" * 64, "version": ""},
            "note program: carries another host program (no version, bbbbbbbbbbbb)",
        ),
        (None, "refuse program: the host program is gone, while services have states: nothing would go back by itself"),
    ],
)
def test_the_program_and_its_python(program: Any, expected: str) -> None:
    """A Python that is gone, another version, no program at all beside states."""
    assert [expected] == told(program=program)


def test_units_broken_journals_and_leftovers() -> None:
    """Each unit that is not right hinders, a journal that cannot be read does, and what was left is good to know."""
    found = told(
        units=[{"name": "tidegate-boot.service", "problem": "is disabled", "mend": "systemctl enable"}],
        broken=[{"service": "api", "problem": "journal.json is damaged"}],
        leftovers=["/opt/web/releases/.new-1", "/b", "/c", "/d"],
    )

    assert found == [
        "refuse reaper: tidegate-boot.service is disabled",
        "refuse state: api: journal.json is damaged",
        "note leftovers: an interrupted step left /opt/web/releases/.new-1, /b, /c …",
    ]


def test_a_host_that_never_heard_of_tidegate() -> None:
    """Nothing hinders there: the first rollout installs what is needed."""
    facts = {"enrolled": None, "program": None, "units": [], "services": [], "broken": [], "leftovers": []}

    assert ["note"] == [one["level"] for one in findings(facts, DIGEST, (1, 0, 0))]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({}, []),
        ({"rule": False}, ["refuse enrolled: /rule is not as it was made: deploy does not reach the host program"]),
        ({"days_left": -1}, ["warn enrolled: trust version 2 has run out"]),
        (
            {"days_left": 29},
            ["warn enrolled: trust version 2 runs out at 2027-02-26T00:00:00Z, expected 30 days or more"],
        ),
        (
            {"lapses": ["the rule 'trust' asks 2 of ops"]},
            ["warn enrolled: trust version 2: the rule 'trust' asks 2 of ops"],
        ),
        (
            {"login_problems": ["there is no user deploy"]},
            ["warn enrolled: the login of this host is not as the enrollment made it: there is no user deploy"],
        ),
        (
            {"programs": []},
            [
                f"refuse enrolled: runs host program {DIGEST[:12]}, which trust version 2 does not name: root has put it there"
            ],
        ),
        ({"problem": "the machine-id is another one"}, ["refuse enrolled: the machine-id is another one"]),
    ],
)
def test_an_enrolled_host(what: dict[str, Any], expected: list[str]) -> None:
    """What keeps it from letting anything through, and what somebody did to it."""
    assert told(enrolled={**ENROLLED, **what}) == expected
